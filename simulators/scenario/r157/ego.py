"""The vehicle under test in many cases at once, a tenth of a second at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulators.scenario.r157.drivers import Bools, Driver, Floats, Judgement, Situation

LENGTH_M, WIDTH_M = 4.3, 1.9  # of both vehicles
RATE_HZ = 10.0  # divided by, as the study does: x / 10 is not x * 0.1


class Egos:
    """Those of (n,) cases: position, speed and what their driver is about. Speed is kept until it brakes, and never regained."""

    def __init__(self, driver: Driver, position_m: Floats, speed_mps: Floats) -> None:
        self._driver = driver
        self.position_m, self.speed_mps = position_m.copy(), speed_mps.copy()
        self._before_mps = speed_mps.copy()
        self._braking_mps2 = np.zeros(len(speed_mps))
        self._waiting = np.full(len(speed_mps), driver.reaction_steps)

    def situation(self, other_m: Floats, side_m: Floats, other_mps: Floats, lateral_mps: Floats) -> Situation:
        """What the driver sees of a vehicle there; side_m: how far its middle is from the ego's, across the road."""
        return Situation(
            gap_m=np.abs(other_m - self.position_m) - LENGTH_M / 2 - LENGTH_M / 2,
            side_m=np.abs(side_m) - WIDTH_M / 2 - WIDTH_M / 2,
            length_m=LENGTH_M,
            is_ahead=self.position_m > other_m,
            ego_mps=self.speed_mps,
            ego_mps2=(self.speed_mps - self._before_mps) * RATE_HZ,
            other_mps=other_mps,
            lateral_mps=lateral_mps,
        )

    def move(self, judgement: Judgement) -> None:
        """One step on."""
        danger, driver = judgement.is_danger, self._driver
        is_waiting = danger & (self._waiting > 0)
        harder = np.minimum(self._braking_mps2 + driver.ramp_mps3 / RATE_HZ, driver.full_brake_mps2)
        wanted = np.where(is_waiting, driver.coasting_mps2, np.minimum(harder, judgement.brake_mps2))
        self._braking_mps2 = np.where(danger, wanted, self._braking_mps2)
        self._waiting -= is_waiting
        self._before_mps = self.speed_mps
        slower = np.maximum(self.speed_mps - self._braking_mps2 / RATE_HZ, 0.0)
        self.speed_mps = np.where(danger, slower, self.speed_mps)
        self.position_m = self.position_m + self.speed_mps / RATE_HZ

    def keep(self, rows: npt.NDArray[np.intp]) -> None:
        """Only these go on."""
        for name in ("position_m", "speed_mps", "_before_mps", "_braking_mps2", "_waiting"):
            setattr(self, name, getattr(self, name)[rows])


def is_touching(seen: Situation) -> Bools:
    """Whether the two overlap."""
    return (seen.side_m < 0) & (seen.gap_m < 0)
