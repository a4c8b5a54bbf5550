"""What `chelu scenario run` is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chelu.errors import ConfigurationError
from simulators.scenario.cases import Design
from simulators.scenario.devices import NONE


@dataclass(frozen=True, slots=True)
class Options:
    """The command's options.

    device: what is tested in memory; site, data: where a run in real time is, and where it is kept; recorded_as, track,
    start_s, origin: of one that is a recording; build: of what is tested, as it is called where it is kept.
    """

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
    is_in_the_loop: bool = False
    recordings: Sequence[Path] = ()
    recorded_as: Sequence[str] = ()
    track: Path | None = None
    start_s: float = 0.0
    origin: str | None = None
    site: str | None = None
    data: Path | None = None
    is_kept: bool = False
    build: str = ""

    @property
    def mode(self) -> str:
        """Where motion and warnings come from, in a word. ConfigurationError for several at once."""
        asked = {"recording": bool(self.recordings), "loop": self.is_in_the_loop, "platform": self.is_through_platform}
        modes = [name for name, is_asked in asked.items() if is_asked]
        if len(modes) > 1:
            raise ConfigurationError("mode", " and ".join(modes), "one of --replay, --in-the-loop and --through-platform")
        return modes[0] if modes else "memory"
