"""What a spool asks of the file system: whole writes, one owner, names that last."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from chelu.errors import CannotStartError


def write_all(file: int, data: bytes, offset: int) -> None:
    """Write all bytes at an offset, in as many steps as it takes."""
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def lock(directory: Path) -> int:
    """Take a directory for this process: an open file that is held as long as it lives; CannotStartError says who has it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStartError(f"the spool {directory} cannot be opened ({error.strerror})", "choose another directory") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(file, 20, 0).decode("ascii", "replace").strip()
        os.close(file)
        raise CannotStartError(
            f"the spool {directory} is in use by process {owner or '?'}", "stop it, or give this one a directory of its own"
        ) from None
    with contextlib.suppress(OSError):  # on a full disk a second opener is told a wrong number, or none
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
    return file


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive the loss of power."""
    file = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
