"""Webster's plan from measured flows: cycle and splits are worked out anew at the end of every cycle.

Webster, *Traffic Signal Settings*, Road Research Technical Paper 39, 1958: with lost time L and y the sum of each stage's largest
flow over saturation flow, the cycle of least delay is (1.5 L + 5) / (1 − y), its greens are shared as y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.city.signals.contract import Decision, Floats, Junctions, State
from services.inference.city.signals.fixed import by_clock
from services.inference.city.signals.flows import FlowMeter

LOST_S = 2.0  # of each stage beside its change: starting, and clearing by what of yellow is used


@dataclass(frozen=True, slots=True)
class WebsterParameters:
    """saturation_vps: a lane's; the cycle lies within bounds; before measured_s the plan as it is."""

    saturation_vps: float = 0.5
    shortest_s: float = 30.0
    longest_s: float = 120.0
    measured_s: float = 300.0
    forgets_s: float = 600.0


class Webster:
    """Keeps the flows and, for each junction, the greens of the cycle at hand."""

    def __init__(self, junctions: Junctions, parameters: WebsterParameters | None = None) -> None:
        self._junctions, self._p = junctions, parameters or WebsterParameters()
        self._serves = junctions.serves()
        self._flows = FlowMeter(self._serves.shape[::2], self._p.forgets_s)
        self._green_s = junctions.green_s.copy()
        self._begin_s = junctions.offset_s.copy()

    def decide(self, state: State) -> Decision:
        """As a fixed plan, with the greens of this cycle."""
        self._flows.take(state)
        lasts_s = np.where(self._junctions.is_stage, self._green_s + self._junctions.change_s, 0.0).sum(axis=1)
        is_over = state.now_s - self._begin_s >= lasts_s
        if is_over.any() and self._flows.seconds() >= self._p.measured_s:
            self._green_s = np.where(is_over[:, None], self.greens(self._flows.per_s()), self._green_s)
        self._begin_s = np.where(is_over, state.now_s, self._begin_s)
        return by_clock(self._junctions, self._green_s, state.now_s - self._begin_s)

    def greens(self, flow_vps: Floats) -> Floats:
        """Greens (j, s) for flows (j, l), in whole seconds."""
        green_s = np.round(self.greens_within(flow_vps, self.cycles(flow_vps)))
        return np.asarray(np.clip(green_s, self._junctions.least_green_s, self._junctions.most_green_s))

    def cycles(self, flow_vps: Floats) -> Floats:
        """The cycle of least delay (j,) for flows (j, l)."""
        total = np.minimum(self._ratios(flow_vps).sum(axis=1), 0.95)
        return np.asarray(np.clip((1.5 * self._lost_s() + 5.0) / (1.0 - total), self._p.shortest_s, self._p.longest_s))

    def greens_within(self, flow_vps: Floats, cycle_s: Floats) -> Floats:
        """Greens (j, s) that share cycles (j,) as flows (j, l) want, whatever their limits."""
        ratio = self._ratios(flow_vps)
        share = ratio / np.maximum(ratio.sum(axis=1, keepdims=True), 1e-9)
        return np.asarray(share * np.maximum(cycle_s - self._lost_s(), 0.0)[:, None] + LOST_S)

    def _lost_s(self) -> Floats:
        change_s = np.where(self._junctions.is_stage, self._junctions.change_s, 0.0)
        return np.asarray((change_s + LOST_S * self._junctions.is_stage).sum(axis=1))

    def _ratios(self, flow_vps: Floats) -> Floats:
        """Each stage's largest flow over saturation flow (j, s), flows given to the stages that serve a lane in equal parts."""
        parts = np.maximum(self._serves.sum(axis=1), 1)
        return np.asarray(np.max(self._serves * (flow_vps / parts / self._p.saturation_vps)[:, None, :], axis=2))
