"""Judges many cases: chunk by chunk into files, so that what is interrupted goes on, and shards on several machines add up.

Which cases a chunk has hangs on the scenario alone; a chunk's file is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chelu.errors import CheluError, ConfigurationError
from chelu.local.files import write_text, writing
from chelu.messages import Batch, concatenate
from simulators.scenario.cases import Cases
from simulators.scenario.chunks import cases_per_chunk
from simulators.scenario.description import Description
from simulators.scenario.devices import NONE, Kind, kind_of
from simulators.scenario.engines import Engine, Task, done
from simulators.scenario.judging import judge_driven
from simulators.scenario.performing import perform, performed
from simulators.scenario.plan import plan
from simulators.scenario.trace import Trace
from simulators.scenario.verdict import Verdicts
from simulators.scenario.verdict_files import joined, packed, read, warnings_in

HEADER = "sweep.json"


class OtherSweepError(CheluError):
    """A directory that holds the chunks of another sweep."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        super().__init__(f"{directory} holds another scenario's or other cases' results: name another directory, or remove it")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Cases of one scenario, what is tested with them, and the file that their verdicts go to."""

    description: Description
    cases: Cases
    file: Path
    device: str = NONE

    def __len__(self) -> int:
        return len(self.cases)

    def made(self) -> bytes:
        """Run and judged."""
        trace = perform(self.description, self.cases, self.device)
        return packed(judge_driven(trace, self.description), trace.warnings)


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a sweep: every `of`-th chunk, beginning with this one."""

    index: int = 0
    of: int = 1


def shard_given(text: str | None, output: Path | None) -> Shard | None:
    """`--shard I/N`; ConfigurationError when that is none, or its results would be kept nowhere."""
    if text is None:
        return None
    index, _, of = text.partition("/")
    if not (index.isdigit() and of.isdigit() and int(index) < int(of)):
        raise ConfigurationError("--shard", text, "I/N with I from 0 to N - 1")
    if output is None:
        raise ConfigurationError("--output", None, "a shard's results are kept there, to be joined with the others'")
    return Shard(int(index), int(of))


def chunks(description: Description, cases: Cases, directory: Path, device: str = NONE) -> list[Chunk]:
    """All chunks of a sweep, in order."""
    size = cases_per_chunk(description, device)
    return [
        Chunk(description, cases.take(slice(start, start + size)), directory / f"{start // size:06d}.npz", device)
        for start in range(0, len(cases), size)
    ]


def sweep(
    description: Description,
    cases: Cases,
    directory: Path,
    *,
    device: str = NONE,
    workers: int = 1,
    engine: Engine = Engine.LOCAL,
    shard: Shard | None = None,
    tell: Callable[[int], None] = lambda _: None,
) -> Verdicts | None:
    """The verdicts of all cases; None while chunks of other shards are still missing. `tell` gets the cases of each chunk done.

    OtherSweepError when the directory holds something else; WorkerLostError.
    """
    claim(
        directory, {"scenario": description.scenario, "cases": len(cases), "hash": digest(description, cases), "device": device}
    )
    every = chunks(description, cases, directory, device)
    if not finish(every, workers=workers, engine=engine, shard=shard, tell=tell):
        return None
    return joined([read(chunk.file) for chunk in every])


def traces_of(description: Description, cases: Cases, made_of: Sequence[Chunk], rows: Sequence[int]) -> Trace:
    """Some of a sweep's cases, moved again to be looked at. One that warns is not asked again: the chunks have what it said."""
    some, device = cases.take(np.array(rows, np.intp)), made_of[0].device
    said = _said(made_of, rows) if kind_of(device) is Kind.WARNS else None
    if said is None:
        return perform(description, some, device)
    return performed(plan(description, some), lambda _description, _trace: said)


def _said(made_of: Sequence[Chunk], rows: Sequence[int]) -> Batch | None:
    """The warnings in these cases of all chunks, by their places among the rows."""
    ends = np.cumsum([len(chunk) for chunk in made_of])
    parts = []
    for place, row in enumerate(rows):
        number = int(np.searchsorted(ends, row, side="right"))
        warnings = warnings_in(made_of[number].file)
        if warnings is None:
            return None
        own = warnings.take(np.flatnonzero(warnings["run"] == row - (ends[number] - len(made_of[number]))))
        parts.append(own.with_columns(run=np.full(len(own), place, np.int64)))
    return concatenate(parts) if parts else None


def finish(
    tasks: Sequence[Task],
    *,
    workers: int = 1,
    engine: Engine = Engine.LOCAL,
    shard: Shard | None = None,
    tell: Callable[[int], None] = lambda _: None,
) -> bool:
    """Do those of a shard that are not done yet; whether all are done now, those of the other shards, too."""
    part = shard or Shard()
    for task in tasks:
        if task.file.exists():
            tell(len(task))
    missing = [task for task in tasks[part.index :: part.of] if not task.file.exists()]
    for count in done(missing, workers, engine):
        tell(count)
    return all(task.file.exists() for task in tasks)


def claim(directory: Path, wanted: Mapping[str, Any]) -> None:
    """Make the directory this sweep's, or see that it is. OtherSweepError."""
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    header = directory / HEADER
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
        write_text(header, json.dumps(wanted), mode=0o644)


def digest(description: Description, cases: Cases) -> str:
    """What makes a sweep this one: its description and every case's values."""
    hashed = hashlib.sha256(description.model_dump_json().encode())
    for name, column in sorted(cases.columns.items()):
        hashed.update(name.encode())
        hashed.update(np.ascontiguousarray(column, "<f8").tobytes())
    return hashed.hexdigest()
