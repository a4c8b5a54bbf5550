"""What the engine asks of a device that decides in a run."""

from __future__ import annotations

from typing import Protocol

from simulators.scenario.state import State
from simulators.scenario.trace import Floats


class Pilot(Protocol):
    """Called by the engine from its own thread, at every instant in this order. All runs at once: columns (n, a)."""

    def look(self, state: State, instant: int) -> None:
        """Before anything begins or moves at this instant."""

    def drive(self, wanted_mps2: Floats) -> None:
        """Put its own accelerations in the place of those that drivers and scripts want."""

    def steer(self, state: State, step_s: float) -> None:
        """Move its own actors aside, all others being where they are at the next instant."""


class NoPilot:
    """Nobody decides but the description."""

    def look(self, state: State, instant: int) -> None:
        pass

    def drive(self, wanted_mps2: Floats) -> None:
        pass

    def steer(self, state: State, step_s: float) -> None:
        pass
