"""What `chelu scenario run` is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.scenario.cases import Design


@dataclass(frozen=True, slots=True)
class Options:
    """The command's options. site, data: of a run through the platform."""

    what: str
    given: Sequence[str] = ()
    design: str = Design.DEFAULT
    count: int = 100
    seed: int = 1
    repeats: int = 1
    workers: int = 1
    output: Path | None = None
    shard: str | None = None
    is_through_platform: bool = False
    site: str | None = None
    data: Path | None = None
