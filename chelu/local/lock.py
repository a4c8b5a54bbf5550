"""One supervisor for a data directory: a lock that the kernel gives back however its holder ends."""

from __future__ import annotations

import fcntl
import os
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType

from chelu.errors import CannotStartError


class SiteLock:
    """A file lock with the holder's process id in the file; children do not inherit it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIOWrapper | None = None

    def __enter__(self) -> SiteLock:
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            where = self._path.parent
            raise CannotStartError(
                f"a site already runs on {where} (process {holder(self._path)})", f"stop it with: chelu down --data {where}"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.truncate(0)
            self._file.close()


def holder(path: Path) -> int | None:
    """The process id of the supervisor that holds the lock, None when nobody does."""
    try:
        with path.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(file.read().strip() or 0) or None
    except OSError:
        return None
    return None
