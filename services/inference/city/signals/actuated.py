"""Vehicle actuation: a green goes on while vehicles follow one another on a lane that it serves, then the next stage comes.

A vehicle asks for more green where it would pass a loop `loop_s` before the line within `gap_s`; stages in which nobody waits are
passed over, and without anybody the green at hand rests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.city.signals.contract import Decision, Ints, Junctions, Mask, State


@dataclass(frozen=True, slots=True)
class ActuatedParameters:
    """gap_s: between two vehicles that keep a green, loop_s: how far before the line, in time, they are seen.

    most_green_s: where the programme does not say less.
    """

    gap_s: float = 3.0
    loop_s: float = 2.0
    most_green_s: float = 50.0
    step_s: float = 1.0


class Actuated:
    """Without memory but the junctions."""

    def __init__(self, junctions: Junctions, parameters: ActuatedParameters | None = None) -> None:
        self._junctions, self._p = junctions, parameters or ActuatedParameters()
        self._serves = junctions.serves()

    def decide(self, state: State) -> Decision:
        """Go on with the stage at hand, or to the next one in turn that somebody waits for."""
        rows = np.arange(len(state.stage))
        junctions, shape = self._junctions, (len(rows), self._serves.shape[2])
        near = state.vehicles.distance_m <= (self._p.gap_s + self._p.loop_s) * np.maximum(state.vehicles.speed_mps, 1.0)
        is_asked = state.vehicles.count(shape, near)[:, None, :] * self._serves
        is_wanted = ((state.vehicles.count(shape)[:, None, :] * self._serves).sum(axis=2) > 0) & junctions.is_stage
        most_s = np.minimum(junctions.most_green_s[rows, state.stage], self._p.most_green_s)
        is_kept = (is_asked.sum(axis=2)[rows, state.stage] > 0) & (state.green_s < most_s)
        is_kept |= state.green_s < junctions.least_green_s[rows, state.stage]
        stage = np.where(is_kept, state.stage, in_turn(state.stage, is_wanted))
        return Decision(stage, np.full(len(rows), self._p.step_s))


def in_turn(shown: Ints, is_wanted: Mask) -> Ints:
    """The first stage after those shown (j,) that is wanted (j, s); the one shown where none is."""
    count = is_wanted.shape[1]
    order = (shown[:, None] + np.arange(1, count + 1)) % count
    wanted = np.take_along_axis(is_wanted, order, axis=1)
    first = np.take_along_axis(order, np.argmax(wanted, axis=1)[:, None], axis=1)[:, 0]
    return np.where(wanted.any(axis=1), first, shown)
