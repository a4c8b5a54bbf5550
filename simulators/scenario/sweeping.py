"""Judges many cases: chunk by chunk into files, so that what is interrupted goes on, and shards on several machines add up.

Which cases a chunk has hangs on the scenario alone; a chunk's file is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chelu.errors import CheluError
from simulators.scenario.cases import Cases
from simulators.scenario.chunks import cases_per_chunk, worked
from simulators.scenario.description import Description
from simulators.scenario.engine import run
from simulators.scenario.judging import judge
from simulators.scenario.verdict import Verdicts
from simulators.scenario.verdict_files import joined, read, write

HEADER = "sweep.json"


class OtherSweepError(CheluError):
    """A directory that holds the chunks of another sweep."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        super().__init__(f"{directory} holds another scenario's or other cases' results: name another directory, or remove it")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Cases of one scenario, and the file that their verdicts go to."""

    description: Description
    cases: Cases
    file: Path


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a sweep: every `of`-th chunk, beginning with this one."""

    index: int = 0
    of: int = 1


def chunks(description: Description, cases: Cases, directory: Path) -> list[Chunk]:
    """All chunks of a sweep, in order."""
    size = cases_per_chunk(description)
    return [
        Chunk(description, cases.take(slice(start, start + size)), directory / f"{start // size:06d}.npz")
        for start in range(0, len(cases), size)
    ]


def sweep(
    description: Description,
    cases: Cases,
    directory: Path,
    *,
    workers: int = 1,
    shard: Shard | None = None,
    tell: Callable[[int], None] = lambda _: None,
) -> Verdicts | None:
    """The verdicts of all cases; None while chunks of other shards are still missing. `tell` gets the cases of each chunk done.

    OtherSweepError when the directory holds something else; WorkerLostError.
    """
    _claim(directory, description, cases)
    every = chunks(description, cases, directory)
    part = shard or Shard()
    for chunk in every:
        if chunk.file.exists():
            tell(len(chunk.cases))
    missing = [chunk for chunk in every[part.index :: part.of] if not chunk.file.exists()]
    for count in worked(work, missing, workers):
        tell(count)
    if not all(chunk.file.exists() for chunk in every):
        return None
    return joined([read(chunk.file) for chunk in every])


def work(chunk: Chunk) -> int:
    """Run and judge a chunk; how many cases it has."""
    description = chunk.description
    write(judge(run(description, chunk.cases), description.requirements, description.conditions()), chunk.file)
    return len(chunk.cases)


def _claim(directory: Path, description: Description, cases: Cases) -> None:
    """Make the directory this sweep's, or see that it is."""
    directory.mkdir(parents=True, exist_ok=True)
    header, wanted = (
        directory / HEADER,
        {"scenario": description.scenario, "cases": len(cases), "hash": digest(description, cases)},
    )
    if header.exists():
        try:
            found = json.loads(header.read_text("utf-8"))
        except ValueError:
            found = None
        if found != wanted:
            raise OtherSweepError(directory)
    elif any(directory.glob("*.npz")):
        raise OtherSweepError(directory)
    else:
        header.write_text(json.dumps(wanted), "utf-8")


def digest(description: Description, cases: Cases) -> str:
    """What makes a sweep this one: its description and every case's values."""
    hashed = hashlib.sha256(description.model_dump_json().encode())
    for name, column in sorted(cases.columns.items()):
        hashed.update(name.encode())
        hashed.update(np.ascontiguousarray(column, "<f8").tobytes())
    return hashed.hexdigest()
