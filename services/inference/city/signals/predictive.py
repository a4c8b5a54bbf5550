"""Predictive control: of every way to go on, the one whose next minute costs least, thought over anew each second."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from services.inference.city.signals.alternatives import elsewhere
from services.inference.city.signals.contract import Decision, Floats, Ints, Junctions, State
from services.inference.city.signals.flows import FlowMeter
from services.inference.city.signals.rollout import Model, Outlook, Plans, roll_out

HOLDS_S = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 15.0, 20.0, 28.0)


@dataclass(frozen=True, slots=True)
class PredictiveParameters:
    """reach_m: as far as vehicles are seen; room: places that an exit must have; margin_s: by what leaving must be better."""

    model: Model = field(default_factory=Model)
    reach_m: float = 200.0
    room: float = 2.0
    margin_s: float = 0.0
    forgets_s: float = 300.0


class Predictive:
    """Keeps the flows it has measured."""

    def __init__(self, junctions: Junctions, parameters: PredictiveParameters | None = None) -> None:
        self._junctions, self._p = junctions, parameters or PredictiveParameters()
        self._flows = FlowMeter(junctions.is_lane.shape, self._p.forgets_s)
        self._usual = _first_movement(junctions)

    def decide(self, state: State) -> Decision:
        """Keep the stage, or go to another one now: whichever begins the best plan."""
        plans, cost_s = self.weigh(state)
        stage = state.stage.copy()
        for row in range(len(stage)):
            own = np.flatnonzero(plans.junction == row)
            if len(own):
                best = own[np.argmin(cost_s[own])]
                if plans.hold_s[best] < 1.0:
                    stage[row] = plans.then[best]
        return Decision(stage, np.ones(len(stage)))

    def weigh(self, state: State) -> tuple[Plans, Floats]:
        """All ways to go on, and what each costs; to be asked once a second, since flows are measured by the way."""
        self._flows.take(state)
        plans, outlook = self._plans(state), self._outlook(state)
        cost_s = roll_out(self._junctions, outlook, plans, state.stage, state.green_s, self._p.model).total_s(self._p.model)
        return plans, cost_s + self._p.margin_s * (plans.hold_s < 1.0)

    def _plans(self, state: State) -> Plans:
        """Every hold with every other stage, for junctions at which a green could end within this second."""
        row, then = np.nonzero(elsewhere(self._junctions, state))
        holds = np.array(HOLDS_S)
        return Plans(np.repeat(row, len(holds)), np.tile(holds, len(row)), np.repeat(then, len(holds)))

    def _outlook(self, state: State) -> Outlook:
        junctions, vehicles, horizon = self._junctions, state.vehicles, self._p.model.horizon_s
        stands = vehicles.is_queued & (vehicles.speed_mps < 2.0)
        second = np.where(stands, 0, np.floor(vehicles.free_s(junctions))).astype(np.int64)
        lanes = junctions.is_lane.shape
        arrivals = np.zeros((*lanes, horizon))
        seen = second < horizon
        np.add.at(arrivals, (vehicles.junction[seen], vehicles.lane[seen], second[seen]), 1.0)
        unseen_s = np.maximum(np.arange(horizon)[None, None, :] - (self._p.reach_m / junctions.speed_mps)[:, :, None], 0.0)
        arrived = np.cumsum(arrivals, axis=2) + unseen_s * self._flows.per_s()[:, :, None]
        return Outlook(arrived, self._movements(state), junctions.is_full(state.exit_queue, self._p.room))

    def _movements(self, state: State) -> Ints:
        """Of the vehicles on each lane in turn; of those not seen yet, what is usual there (j, l, v)."""
        vehicles, lanes = state.vehicles, self._junctions.is_lane.shape[1]
        key = vehicles.junction * lanes + vehicles.lane
        order = np.arange(len(key)) - np.searchsorted(key, key)
        most = int(order.max(initial=0)) + 2
        found = np.repeat(self._usual[:, :, None], most, axis=2)
        found[vehicles.junction, vehicles.lane, order] = vehicles.movement
        return found


def _first_movement(junctions: Junctions) -> Ints:
    """The movement of each lane that is most open (j, l)."""
    found = np.zeros(junctions.is_lane.shape, np.int64)
    openness: Floats = np.where(junctions.lane >= 0, junctions.opens.sum(axis=1), -1).astype(np.float64)
    for row, lanes in enumerate(junctions.is_lane):
        for lane in np.flatnonzero(lanes):
            found[row, lane] = int(np.argmax(np.where(junctions.lane[row] == lane, openness[row], -1.0)))
    return found
