"""What `chelu scenario run` is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.scenario.cases import Design
from simulators.scenario.devices import NONE


@dataclass(frozen=True, slots=True)
class Options:
    """The command's options. device: what is tested in memory; site, data: of a run through the platform."""

    what: str
    given: Sequence[str] = ()
    design: str = Design.DEFAULT
    count: int = 100
    seed: int = 1
    repeats: int = 1
    workers: int = 1
    output: Path | None = None
    shard: str | None = None
    device: str = NONE
    is_through_platform: bool = False
    site: str | None = None
    data: Path | None = None
