"""Max-pressure: the stage that moves most from where many stand to where few stand, and nothing into an exit that is full.

Varaiya, *Max pressure control of a network of signalized intersections*, Transportation Research C 36, 2013. Pressure of a
movement: who stands in its lane, less who stands in its exit. Beyond the paper: a movement whose exit has no room for those that
a step would bring counts nothing, since its green would be lost and the junction blocked (spill-back).
"""

from __future__ import annotations

import numpy as np

from services.inference.city.signals.contract import CLOSED, Decision, Junctions, State
from services.inference.city.signals.greedy import best

STEP_S = 10.0
ROOM = 3.0  # vehicles that a step may well bring into an exit


class MaxPressure:
    """Without memory but the junctions."""

    def __init__(self, junctions: Junctions, step_s: float = STEP_S, room: float = ROOM) -> None:
        self._junctions, self._step_s, self._room = junctions, step_s, room

    def decide(self, state: State) -> Decision:
        """The stage of most pressure; among equals the one that is shown, then the first."""
        junctions, vehicles = self._junctions, state.vehicles
        is_used = junctions.lane >= 0
        queue = np.zeros(junctions.lane.shape)
        standing = vehicles.is_queued
        np.add.at(queue, (vehicles.junction[standing], vehicles.movement[standing]), 1.0)
        rows, exits = np.arange(len(queue))[:, None], np.maximum(junctions.exit, 0)
        is_full = junctions.is_full(state.exit_queue, self._room)
        pressure = np.where(is_used & ~is_full, queue - np.where(is_used, state.exit_queue[rows, exits], 0.0), 0.0)
        score = (pressure[:, None, :] * (junctions.opens > CLOSED)).sum(axis=2)
        return Decision(best(score, state, junctions), np.full(len(queue), self._step_s))
