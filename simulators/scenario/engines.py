"""Where a sweep's tasks are worked on: processes of this machine, or a Ray cluster. What comes out is the same to the byte."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from chelu.cli import extra
from simulators.scenario.chunks import worked
from simulators.scenario.verdict_files import put


class Engine(enum.StrEnum):
    """`--engine`."""

    LOCAL = "local"
    RAY = "ray"


class Task(Protocol):
    """A part of a sweep: so many cases, done where its file is. It can be sent to another process."""

    @property
    def file(self) -> Path: ...

    def __len__(self) -> int: ...

    def made(self) -> bytes:
        """Called by one process, any one, possibly again after that was killed: what goes into the file."""


def done(tasks: Sequence[Task], workers: int, engine: Engine) -> Iterator[int]:
    """Do every task and put what came of it into its file; the cases of each, one after the other. WorkerLostError.

    On this machine the process that made it writes it, so that nothing is lost when another is killed; of a cluster the driver
    does, since its machines need not share a disk.
    """
    if engine is Engine.LOCAL:
        yield from worked(work, tasks, workers)
        return
    with extra("ray"):
        from simulators.scenario.ray_engine import made_on_ray
    for task, data in made_on_ray(tasks, workers):
        put(data, task.file)
        yield len(task)


def work(task: Task) -> int:
    """Do a task; how many cases it has."""
    put(task.made(), task.file)
    return len(task)
