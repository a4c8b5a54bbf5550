"""`chelu fuzz`: as many frames as wanted against decoders; what breaks one is kept, and one frame for each verdict there is."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import Progress

from chelu.errors import ConfigurationError
from evaluation.fuzz import coop, gateway, gbt32960, jt808, observations, openv2x, tits0180

BATCH = 2048
SLOW_S = 20.0  # of the processor for a batch: it then counts as hanging; it takes a fraction of a second
_NUMBERS = re.compile(r"\d+|0x[0-9a-f]+|\b[0-9a-f]{2}\b")


@dataclass(frozen=True, slots=True)
class Target:
    """make(random, count): frames; check(frames, random): the verdict on each, or AssertionError.

    A verdict is a reason, or a reason and a sentence with a colon between.
    """

    make: Callable[[Random, int], list[bytes]]
    check: Callable[[list[bytes], Random], Sequence[str]]


TARGETS: Mapping[str, Target] = {
    "gbt32960-2016": Target(partial(gbt32960.frames, edition=2016), gbt32960.check),
    "gbt32960-2025": Target(partial(gbt32960.frames, edition=2025), gbt32960.check),
    "jt808-2013": Target(partial(jt808.frames, edition=2013), jt808.check),
    "jt808-2019": Target(partial(jt808.frames, edition=2019), jt808.check),
    "gbt32960-gateway": Target(gateway.electric_frames, gateway.check_electric),
    "jt808-gateway": Target(gateway.terminal_frames, gateway.check_terminals),
    "openv2x": Target(openv2x.frames, openv2x.check),
    "tits0180": Target(tits0180.frames, tits0180.check),
    "observation": Target(observations.frames, observations.check),
    "coop": Target(coop.frames, coop.check),
}


class Corpus:
    """One frame for each verdict ever met, in ``DIRECTORY/DECODER.txt``: lines of the verdict, a tab, the frame in hex."""

    def __init__(self, directory: Path, decoder: str) -> None:
        self._file = directory / f"{decoder}.txt"
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
        self.frames = {verdict: bytes.fromhex(frame) for verdict, _, frame in (line.partition("\t") for line in lines)}

    def learn(self, batch: Sequence[bytes], verdicts: Sequence[str]) -> None:
        """Keep the first frame of each verdict that is new."""
        for frame, verdict in zip(batch, verdicts, strict=True):
            self.frames.setdefault(kind_of(verdict), frame)

    def save(self) -> None:
        """Write it, sorted by verdict."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{verdict}\t{frame.hex()}\n" for verdict, frame in sorted(self.frames.items()))
        self._file.write_text(text, encoding="utf-8")


def kind_of(verdict: str) -> str:
    """The verdict without its numbers."""
    return _NUMBERS.sub("#", verdict)


def run(name: str, *, frames: int, seed: int, corpus: Path | None, console: Console) -> int:
    """Returns 1 when a batch raised, broke a promise or was slow; its frames are written to `corpus`, one a line.

    What is in the corpus already comes first.
    """
    if name not in TARGETS:
        raise ConfigurationError("decoder", name, "one of " + ", ".join(TARGETS))
    target, verdicts, slowest_s = TARGETS[name], Counter[str](), 0.0
    kept = Corpus(corpus, name) if corpus else None
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"fuzzing {name}", total=frames)
        for number, first in enumerate(range(0, frames, BATCH)):
            random = Random(f"{seed} {number}")  # noqa: S311 - the same seed gives the same frames
            old = list(kept.frames.values()) if kept and not number else []
            batch = old + target.make(random, min(BATCH, frames - first))
            began_s = time.process_time()
            try:
                found = target.check(batch, random)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                return _broken(batch, f"{type(error).__name__}: {error}", f"{name}-{seed}-{number}", corpus, console)
            slowest_s = max(slowest_s, time.process_time() - began_s)
            if slowest_s > SLOW_S:
                what = f"a batch of {len(batch)} frames took {slowest_s:.1f} s"
                return _broken(batch, what, f"{name}-{seed}-{number}", corpus, console)
            verdicts += Counter(verdict.partition(":")[0] for verdict in found)
            if kept:
                kept.learn(batch, found)
            progress.advance(task, len(batch) - len(old))
    if kept:
        kept.save()
    said = ", ".join(f"{verdict} {number:,}" for verdict, number in verdicts.most_common())
    console.print(f"{name}: {sum(verdicts.values()):,} frames, none crashed or hung ({said}); slowest batch {slowest_s:.2f} s")
    return 0


def _broken(batch: list[bytes], what: str, where: str, corpus: Path | None, console: Console) -> int:
    if corpus is not None:
        corpus.mkdir(parents=True, exist_ok=True)
        file = corpus / f"broken-{where}.hex"
        file.write_text("".join(f"{frame.hex()}\n" for frame in batch), encoding="ascii")
        what += f" (the batch is in {file})"
    console.print(f"[red]{what}")
    return 1
