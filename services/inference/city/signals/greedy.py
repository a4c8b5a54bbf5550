"""Greedy: the stage whose lanes hold most vehicles, standing or coming."""

from __future__ import annotations

import numpy as np

from services.inference.city.signals.contract import Decision, Junctions, State

STEP_S = 10.0  # change included; shorter, and half of it would be yellow


class Greedy:
    """Without memory but the junctions."""

    def __init__(self, junctions: Junctions, step_s: float = STEP_S) -> None:
        self._junctions, self._step_s = junctions, step_s
        self._serves = junctions.serves()

    def decide(self, state: State) -> Decision:
        """The fullest stage; among equals the one that is shown, then the first."""
        shape = (len(state.stage), self._serves.shape[2])
        score = (state.vehicles.count(shape)[:, None, :] * self._serves).sum(axis=2)
        return Decision(best(score, state, self._junctions), np.full(len(state.stage), self._step_s))


def best(score: np.ndarray, state: State, junctions: Junctions) -> np.ndarray:
    """The stage (j,) of the highest score (j, s); among equals the one that is shown, then the first."""
    score = np.where(junctions.is_stage, score, -np.inf)
    rows = np.arange(len(score))
    return np.where(score[rows, state.stage] >= score.max(axis=1), state.stage, np.argmax(score, axis=1))
