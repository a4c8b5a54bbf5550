"""What a load is: seed, scale, start and end decide every byte of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from chelu.errors import ConfigurationError
from simulators.scene import Origin

SHAPES = ("core", "optional", "path")  # of BSMs: mandatory fields; with optional groups; with a path history
STREAMS = ("bsm", "rsm", "spat")
MIX = {"core": 5.0, "optional": 3.0, "path": 2.0}
VIAS = ("direct", "rsu")
MOST_VEHICLES, MOST_RATE_HZ, MOST_SECONDS = 100_000, 100.0, 86_400.0
MOST_RSUS = 1_000
MOST_WEIGHT = 1e6
VEHICLES_AN_RSU = 250
ROADSIDE_HZ = 10.0  # RSM and SPAT of each roadside unit
MOST_FRAMES = 255  # an envelope counts its BSMs in one byte
CHONGQING = Origin(29.55, 106.57, 250.0)
SITE = r"[A-Za-z0-9_.-]{1,24}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """Every vehicle says `rate_hz` BSMs a second for `seconds`; each roadside unit, if asked, 10 RSMs and SPATs a second.

    mix: weights of `SHAPES`; via: ``direct`` (each vehicle a bare frame) or ``rsu`` (roadside units' envelopes of at most
    `frames` BSMs each). rsus: None for one in 250 vehicles. connections: so many devices have a session and a credential of their
    own; the others speak through gateways: None for one in a hundred of these. Raises ConfigurationError naming
    option, value and what is allowed.
    """

    vehicles: int = 100
    rate_hz: float = 10.0
    seconds: float = 10.0
    seed: int = 0
    mix: Mapping[str, float] = field(default_factory=lambda: dict(MIX))
    streams: tuple[str, ...] = ("bsm",)
    via: str = "direct"
    qos: int = 0
    rsus: int | None = None
    frames: int = MOST_FRAMES
    connections: int = 0
    gateways: int | None = None
    site: str = "load"
    origin: Origin = CHONGQING

    def __post_init__(self) -> None:
        _within("--vehicles", self.vehicles, 1, MOST_VEHICLES)
        _within("--rate", self.rate_hz, 0.01, MOST_RATE_HZ)
        _within("--seconds", self.seconds, 0.1, MOST_SECONDS)
        _within("--seed", self.seed, 0, 2**63 - 1)
        _within("--frames", self.frames, 1, MOST_FRAMES)
        if self.rsus is not None:
            _within("--rsus", self.rsus, 1, MOST_RSUS)
        _within("--connections", self.connections, 0, self.speakers)
        if self.gateways is not None:
            _within("--gateways", self.gateways, 1, max(1, self.speakers - self.connections))
        _one_of("--via", self.via, VIAS)
        _one_of("--qos", self.qos, (0, 1))
        if not self.streams or set(self.streams) - set(STREAMS) or len(set(self.streams)) != len(self.streams):
            raise ConfigurationError("--stream", ",".join(self.streams), f"some of {', '.join(STREAMS)}, each once")
        if not self.mix or set(self.mix) - set(SHAPES) or not all(0 < weight <= MOST_WEIGHT for weight in self.mix.values()):
            raise ConfigurationError(
                "--mix", dict(self.mix), f"some of {', '.join(SHAPES)}, with weights above 0 and up to {MOST_WEIGHT:g}"
            )
        if not re.fullmatch(SITE, self.site):
            raise ConfigurationError("--site", self.site, "1 to 24 letters, digits, dots, underscores or hyphens")

    @property
    def speakers(self) -> int:
        """How many devices speak; vehicles that only roadside units hear do not."""
        return self.roadside_units + (self.vehicles if self.via == "direct" and "bsm" in self.streams else 0)

    @property
    def roadside_units(self) -> int:
        """How many roadside units take part; none when only vehicles speak."""
        if self.streams == ("bsm",) and self.via == "direct":
            return 0
        return self.rsus or min(MOST_RSUS, -(-self.vehicles // VEHICLES_AN_RSU))


def read_mix(text: str) -> dict[str, float]:
    """``core,optional,path`` in equal parts, or with weights: ``core=5,optional=3,path=2``; ConfigurationError otherwise."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.partition("=")
        try:
            found[name.strip()] = float(weight or 1)
        except ValueError:
            raise ConfigurationError("--mix", text, f"{', '.join(SHAPES)}, each with a number behind = if any") from None
    LoadSettings(mix=found)
    return found


def rate_of(total_per_s: float, vehicles: int) -> float:
    """The rate of each of the vehicles that say so many BSMs a second together; ConfigurationError naming ``--total``."""
    if not 0.01 <= total_per_s / max(1, vehicles) <= MOST_RATE_HZ:
        raise ConfigurationError("--total", total_per_s, f"0.01 … {MOST_RATE_HZ:g} for each of {vehicles} vehicles")
    return total_per_s / vehicles


def _within(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigurationError(option, value, f"{low:g} … {high:g}")


def _one_of(option: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(option, value, "one of " + ", ".join(str(item) for item in allowed))
