"""Packages' files on the registry's disk, each under its SHA-256: written beside, then moved into place whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from chelu.spool.files import sync_directory

FIRST, LARGEST = 1 << 14, 1 << 18


@dataclass(frozen=True, slots=True)
class Files:
    """The directory; made when it is needed."""

    directory: Path

    def path(self, sha256: str) -> Path:
        """Where the file with this digest is, or would be."""
        return self.directory / sha256

    def receive(self) -> Incoming:
        """A file that is coming; raises OSError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.directory, prefix=".incoming-")
        return Incoming(self, Path(name), os.fdopen(descriptor, "wb"))

    def pieces(self, sha256: str, start: int, stop: int) -> Iterator[bytes]:
        """Bytes [start, stop) of a file, a few at first, then more at once; raises OSError when it is not there."""
        with self.path(sha256).open("rb") as file:
            file.seek(start)
            most = FIRST
            while start < stop and (piece := file.read(min(most, stop - start))):
                start, most = start + len(piece), min(2 * most, LARGEST)
                yield piece


class Incoming:
    """Bytes on their way into a file: `write` them, then `keep` or `drop`. For one thread at a time."""

    def __init__(self, files: Files, path: Path, file: IO[bytes]) -> None:
        self._files, self._path, self._file = files, path, file
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Of what has come, in hexadecimal."""
        return self._digest.hexdigest()

    def write(self, piece: bytes) -> None:
        """Raises OSError."""
        self._file.write(piece)
        self._digest.update(piece)
        self.size += len(piece)

    def keep(self) -> None:
        """Let the file be under its digest, on the disk; raises OSError."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._path.replace(self._files.path(self.sha256))
        sync_directory(self._files.directory)

    def drop(self) -> None:
        """Give it up, unless it was kept."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)
