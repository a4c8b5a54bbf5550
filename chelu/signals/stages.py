"""A signal controller's stages: what is green together, how long it may be, and what comes between two greens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

US = 1_000_000
Light = Literal["green", "clearing", "yellow", "red"]


@dataclass(frozen=True, slots=True)
class Stage:
    """phases: green together; permissive: those of them that have to give way.

    green_s: as planned; clearance_s: people on foot finish crossing, still green for vehicles.
    """

    phases: tuple[int, ...]
    green_s: float
    least_green_s: float
    most_green_s: float
    clearance_s: float
    yellow_s: float
    all_red_s: float
    permissive: tuple[int, ...] = ()

    @property
    def change_s(self) -> float:
        """From the end of its green to the next stage's."""
        return self.clearance_s + self.yellow_s + self.all_red_s


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands at the heads since an instant: the stage, and how far it is."""

    stage: int
    light: Light
    since_us: int
