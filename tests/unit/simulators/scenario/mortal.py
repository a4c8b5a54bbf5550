"""Work that kills its process, for the test of what a dead worker costs."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from chelu.errors import CannotStartError


@dataclass(frozen=True, slots=True)
class Errand:
    """A number to be doubled; the process that gets it first dies, when there is a `grave` to leave a mark in."""

    number: int
    grave: Path | None = None


def doubled(errand: Errand) -> int:
    """Twice the number, or the end."""
    if errand.grave is not None and not errand.grave.exists():
        errand.grave.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * errand.number


def doomed(errand: Errand) -> int:
    """The end, every time."""
    os.kill(os.getpid(), signal.SIGKILL)
    return errand.number


def refused(errand: Errand) -> int:
    """An error that says why."""
    raise CannotStartError(f"number {errand.number} is taken", "take another")


@dataclass(frozen=True, slots=True)
class Mortal:
    """A task of a sweep whose first worker dies, when there is a `grave`; what it makes is its file's name."""

    file: Path
    grave: Path | None = None

    def __len__(self) -> int:
        return 1

    def made(self) -> bytes:
        doubled(Errand(0, self.grave))
        return self.file.name.encode()


@dataclass(frozen=True, slots=True)
class Doomed(Mortal):
    """A task that kills every worker."""

    def made(self) -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""
