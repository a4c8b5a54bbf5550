"""The plan as it is: every stage as long as planned, in turn, the cycle laid at its offset."""

from __future__ import annotations

import numpy as np

from services.inference.city.signals.contract import Decision, Floats, Junctions, State


class Fixed:
    """The controller that looks at the clock alone."""

    def __init__(self, junctions: Junctions) -> None:
        self._junctions = junctions

    def decide(self, state: State) -> Decision:
        """The stage whose turn it is by the clock, until its green ends."""
        return by_clock(self._junctions, self._junctions.green_s, state.now_s - self._junctions.offset_s)


def by_clock(junctions: Junctions, green_s: Floats, clock_s: Floats) -> Decision:
    """Stages of given greens (j, s) in turn: which one clocks (j,) are in, and how long until its green ends."""
    lasts_s = np.where(junctions.is_stage, green_s + junctions.change_s, 0.0)
    begins_s = np.cumsum(lasts_s, axis=1) - lasts_s
    at_s = np.mod(clock_s, lasts_s.sum(axis=1))[:, None]
    green_ends_s = begins_s + np.where(junctions.is_stage, green_s, np.inf)
    over = (green_ends_s <= at_s).sum(axis=1)  # stages whose green has ended: the change to the next has begun
    stage = np.where(over == junctions.is_stage.sum(axis=1), 0, over)
    ends_s = np.take_along_axis(green_ends_s, stage[:, None], axis=1)[:, 0]
    left_s = np.where(ends_s > at_s[:, 0], ends_s - at_s[:, 0], ends_s + lasts_s.sum(axis=1) - at_s[:, 0])
    return Decision(stage, left_s)
