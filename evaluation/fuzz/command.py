"""`chelu fuzz`: as many frames as wanted against a decoder; what breaks it is kept."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import Progress

from chelu.errors import ConfigurationError
from evaluation.fuzz import gbt32960, jt808, openv2x

BATCH = 2048
SLOW_S = 20.0  # a batch that takes longer counts as hanging; it takes a fraction of a second


@dataclass(frozen=True, slots=True)
class Target:
    """make(random, count): frames; check(frames, random): the verdicts, or AssertionError."""

    make: Callable[[Random, int], list[bytes]]
    check: Callable[[list[bytes], Random], Counter[str]]


TARGETS: Mapping[str, Target] = {
    "gbt32960": Target(gbt32960.frames, gbt32960.check),
    "jt808": Target(jt808.frames, jt808.check),
    "openv2x": Target(openv2x.frames, openv2x.check),
}


def run(name: str, *, frames: int, seed: int, corpus: Path | None, console: Console) -> int:
    """Returns 1 when a batch raised, broke a promise or was slow; its frames are written to `corpus`, one a line."""
    if name not in TARGETS:
        raise ConfigurationError("decoder", name, "one of " + ", ".join(TARGETS))
    target, verdicts, slowest_s = TARGETS[name], Counter[str](), 0.0
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"fuzzing {name}", total=frames)
        for number, first in enumerate(range(0, frames, BATCH)):
            random = Random(f"{seed} {number}")  # noqa: S311 - the same seed gives the same frames
            batch = target.make(random, min(BATCH, frames - first))
            began_s = time.perf_counter()
            try:
                verdicts += target.check(batch, random)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                return _broken(batch, f"{type(error).__name__}: {error}", corpus, console)
            slowest_s = max(slowest_s, time.perf_counter() - began_s)
            if slowest_s > SLOW_S:
                return _broken(batch, f"a batch of {len(batch)} frames took {slowest_s:.1f} s", corpus, console)
            progress.advance(task, len(batch))
    found = ", ".join(f"{verdict} {number:,}" for verdict, number in verdicts.most_common())
    console.print(f"{name}: {sum(verdicts.values()):,} frames, none crashed or hung ({found}); slowest batch {slowest_s:.2f} s")
    return 0


def _broken(batch: list[bytes], what: str, corpus: Path | None, console: Console) -> int:
    if corpus is not None:
        corpus.mkdir(parents=True, exist_ok=True)
        file = corpus / f"batch-{abs(hash(tuple(batch))) % 10**8:08d}.hex"
        file.write_text("".join(f"{frame.hex()}\n" for frame in batch), encoding="ascii")
        what += f" (the batch is in {file})"
    console.print(f"[red]{what}")
    return 1
