"""Files that a scenario names, read whole: what has no end, or waits for a writer, is refused before a byte of it is read."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

LARGEST_BYTES = 256 << 20  # what the readers of maps take at most


def bytes_of(path: Path, most: int = LARGEST_BYTES) -> bytes:
    """All that is in a file. OSError, also for what is no file (a device, a pipe), and for one of more than `most` bytes."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "Is no file, but a device or a pipe", str(path))
    if found.st_size > most:
        raise OSError(errno.EFBIG, f"Has {found.st_size:,} bytes, at most {most:,} are read", str(path))
    return path.read_bytes()
