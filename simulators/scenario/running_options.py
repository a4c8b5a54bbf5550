"""What `chelu scenario run` is asked, and what of it would have no effect: that is refused, not left out in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chelu.errors import ConfigurationError
from simulators.scenario.cases import SAMPLED, Design
from simulators.scenario.devices import NONE


@dataclass(frozen=True, slots=True)
class Options:
    """The command's options.

    count, seed: of a sampled design; device: what is tested in memory, odd: a file that says what that is made for; dut: one that
    says which device is in the loop; site, data: where a run in real time is, and where it is kept; recorded_as, track, start_s,
    origin: of one that is a recording; build: of what is tested, as it is called where it is kept; is_attached: with its files.
    """

    what: str
    given: Sequence[str] = ()
    design: str = Design.DEFAULT
    count: int | None = None
    seed: int | None = None
    repeats: int = 1
    workers: int = 1
    output: Path | None = None
    shard: str | None = None
    device: str = NONE
    odd: Path | None = None
    dut: Path | None = None
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
    is_attached: bool = False
    build: str = ""

    @property
    def mode(self) -> str:
        """Where motion and warnings come from, in a word. ConfigurationError for several at once."""
        asked = {"recording": bool(self.recordings), "loop": self.is_in_the_loop, "platform": self.is_through_platform}
        modes = [name for name, is_asked in asked.items() if is_asked]
        if len(modes) > 1:
            raise ConfigurationError("mode", " and ".join(modes), "one of --replay, --in-the-loop and --through-platform")
        return modes[0] if modes else "memory"

    def check(self) -> None:
        """ConfigurationError for an option that would have no effect beside the others."""
        is_in_memory, is_recording = self.mode == "memory", self.mode == "recording"
        is_at_site = self.is_kept or self.mode in {"platform", "loop"}
        memory, replay = "a run in memory, which this is not", "--replay, whose recordings it is about"
        sampled = "--design " + ", ".join(sorted(SAMPLED))
        for option, value, is_given, has_effect, wants in (
            ("--device", self.device, self.device != NONE, is_in_memory, memory),
            ("--workers", self.workers, self.workers != 1, is_in_memory, memory),
            ("--shard", self.shard, self.shard is not None, is_in_memory, memory),
            ("--count", self.count, self.count is not None, self.design in SAMPLED, sampled),
            ("--seed", self.seed, self.seed is not None, self.design in SAMPLED, sampled),
            ("--actor", list(self.recorded_as), bool(self.recorded_as), is_recording, replay),
            ("--track", str(self.track), self.track is not None, is_recording, replay),
            ("--start", self.start_s, self.start_s != 0.0, is_recording, replay),
            ("--origin", self.origin, self.origin is not None, is_recording, replay),
            ("--dut", str(self.dut), self.dut is not None, self.mode == "loop", "--in-the-loop"),
            ("--site", self.site, self.site is not None, is_at_site, "--through-platform, --in-the-loop or --keep"),
            ("--data", str(self.data), self.data is not None, is_at_site, "--through-platform, --in-the-loop or --keep"),
            ("--attach", "given", self.is_attached, self.is_kept and self.output is not None, "--keep and --output"),
            ("--build", self.build, bool(self.build), self.is_kept, "--keep: it is what a kept run is called by"),
        ):
            if is_given and not has_effect:
                raise ConfigurationError(option, value, f"it goes with {wants}")
