"""What would come of a plan at a junction: the next minute of its queues, for many plans at once. Arrays, no I/O.

Vehicles on a lane pass the line one behind the other, at saturation flow while the first one's movement is open; one that is
permissive waits while somebody comes whom it gives way to. Who is on the way arrives when he would on a free road; those not
seen yet come as measured. A plan keeps the stage at hand for a while and then goes to a given one; after that every green lasts
until its lanes are empty or held, and the stage for which most wait comes next.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np

from chelu import native
from services.inference.city.signals import rollout_native
from services.inference.city.signals.contract import CLOSED, PERMISSIVE, Floats, Ints, Junctions, Mask


@dataclass(frozen=True, slots=True)
class Model:
    """Times in seconds; per vehicle where it is a cost.

    starts_s: from the begin of green until the first one moves; yellow_s: how much of yellow is still driven through;
    empty: with fewer before the line, and more waiting elsewhere than come within `near_s`, a green has done its work;
    fades_s: what is lost so much later counts 1/e of what is lost now, as it may come otherwise;
    gap: with fewer before the line or `near_s` from it nobody waits for them who gives way;
    stop_s: what stopping costs beside standing; left_s, left_s2: what one that waits at the end costs, and by the square of those
    on a lane.
    """

    horizon_s: int = 60
    saturation_vps: float = 0.52
    starts_s: float = 1.0
    yellow_s: float = 2.0
    near_s: int = 2
    empty: float = 0.5
    gap: float = 0.3
    fades_s: float = 30.0
    stop_s: float = 4.0
    left_s: float = 10.0
    left_s2: float = 1.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """arrived (j, l, h): how many have come to the line by each second, if nothing held them. movement (j, l, v): in turn."""

    arrived: Floats
    movement: Ints
    is_full: Mask  # (j, k): no room behind


@dataclass(frozen=True, slots=True)
class Plans:
    """n plans: the junction's row, how long the stage at hand is kept (from now), and what comes then."""

    junction: Ints
    hold_s: Floats
    then: Ints


@dataclass(frozen=True, slots=True)
class Cost:
    """By plan: seconds lost by all together and vehicles that stop, fading, and those that wait at the end by lane."""

    lost_s: Floats
    stops: Floats
    left: Floats

    def total_s(self, model: Model) -> Floats:
        """One figure to compare plans by."""
        ends = model.left_s * self.left.sum(axis=1) + model.left_s2 * (self.left**2).sum(axis=1)
        late = np.exp(-model.horizon_s / model.fades_s)
        return np.asarray(self.lost_s + model.stop_s * self.stops + late * ends)


def roll_out(junctions: Junctions, outlook: Outlook, plans: Plans, stage: Ints, green_s: Floats, model: Model) -> Cost:
    """The cost of plans; stage and green_s (j,) as in `State`, green_s below 0 by what is left of the change."""
    library = native.library()
    if library is not None and junctions.is_lane.shape[1] <= rollout_native.MOST_LANES:
        return _natively(library, junctions, outlook, plans, (stage, green_s), model)
    run = _Run(junctions, outlook, plans, stage, green_s, model)
    for second in range(model.horizon_s):
        run.second(second)
    return Cost(run.lost_s, run.stops, run.waiting(model.horizon_s - 1))


def _natively(
    library: ctypes.CDLL, junctions: Junctions, outlook: Outlook, plans: Plans, now: tuple[Ints, Floats], model: Model
) -> Cost:
    """The same in native code."""
    columns = {
        "arrived": outlook.arrived, "movement": outlook.movement, "open": opens_with_room(junctions, outlook),
        "yields": junctions.yields, "serves": junctions.serves(), "is_stage": junctions.is_stage,
        "least": junctions.least_green_s, "most": junctions.most_green_s, "change": junctions.change_s,
        "stage": now[0], "green": now[1], "junction": plans.junction, "then": plans.then, "hold": plans.hold_s,
    }  # fmt: skip
    numbers = (model.saturation_vps, model.starts_s, model.yellow_s, model.empty, model.gap, model.fades_s)
    return Cost(*rollout_native.roll_out(library, columns, model.near_s, numbers))


def opens_with_room(junctions: Junctions, outlook: Outlook) -> Ints:
    """What stages open, less what leads to where no room is (j, s, k)."""
    return np.where(outlook.is_full[:, None, :], CLOSED, junctions.opens)


class _Run:
    """The state of all plans, moved on second by second. Rows are plans."""

    def __init__(self, junctions: Junctions, outlook: Outlook, plans: Plans, stage: Ints, green_s: Floats, model: Model) -> None:
        self._m, self._j, self._plans = model, plans.junction, plans
        count, lanes = len(plans.junction), outlook.arrived.shape[1]
        self._rows, self._lanes = np.arange(count), np.arange(lanes)[None, :]
        self._column = self._j[:, None]
        self._arrived = outlook.arrived[self._j]
        self._movement = outlook.movement
        self._open = opens_with_room(junctions, outlook)
        self._yields = junctions.yields
        self._serves = junctions.serves()[self._j]
        self._stages = junctions.is_stage[self._j]
        self._least, self._most, self._change = (
            one[self._j] for one in (junctions.least_green_s, junctions.most_green_s, junctions.change_s)
        )
        self._stage, self._next = stage[self._j].copy(), stage[self._j].copy()
        self._age = green_s[self._j].copy()  # of the green, or below 0: what is left of the change
        self._changed_s = np.full(count, np.inf)  # since the last green ended
        self._has_left = np.zeros(count, np.bool_)
        self._is_free = np.ones((count, lanes), np.bool_)  # in the last second
        self._passed = np.zeros((count, lanes))
        self.lost_s, self.stops = np.zeros(count), np.zeros(count)

    def waiting(self, second: int) -> Floats:
        """Who has come to the line and has not passed, by lane."""
        return self._arrived[:, :, second] - self._passed

    def second(self, second: int) -> None:
        self._switch(second)
        is_open = self._is_free = self._flows(second)
        waits, weight = self.waiting(second), np.exp(-second / self._m.fades_s)
        came = self._arrived[:, :, second] - (self._arrived[:, :, second - 1] if second else self._arrived[:, :, 0])
        self.stops += weight * (came * ((waits - came > 0.5) | ~is_open)).sum(axis=1)
        self._passed += np.minimum(waits, self._m.saturation_vps * is_open)
        self.lost_s += weight * self.waiting(second).sum(axis=1)
        self._age += 1.0
        self._changed_s += 1.0

    def _switch(self, second: int) -> None:
        """Let greens end that should."""
        is_green, rows, is_first = self._age >= 0, self._rows, ~self._has_left
        waits = self.waiting(second)
        own = self._serves[rows, self._stage]
        coming = self._arrived[:, :, min(second + self._m.near_s, self._m.horizon_s - 1)] - self._arrived[:, :, second]
        others = ((waits * ~own)[:, None, :] * self._serves).sum(axis=2)
        others = np.where(self._stages, others, -1.0)
        others[rows, self._stage] = -1.0
        best = np.argmax(others, axis=1)
        most = others[rows, best]
        is_done = (
            ((waits * (own & self._is_free)).sum(axis=1) < self._m.empty)
            & (most >= self._m.empty)
            & (most > (coming * own).sum(axis=1))
        )
        ends = np.where(is_first, second >= self._plans.hold_s, is_done) | (self._age >= self._most[rows, self._stage])
        ends &= is_green & (self._age >= self._least[rows, self._stage])
        then = np.where(is_first, self._plans.then, best)
        self._next = np.where(ends, then, self._next)
        self._age = np.where(ends, -self._change[rows, self._stage], self._age)
        self._changed_s = np.where(ends, 0.0, self._changed_s)
        self._has_left |= ends
        begins = (self._age >= 0) & (self._next != self._stage)
        self._stage = np.where(begins, self._next, self._stage)

    def _flows(self, second: int) -> Mask:
        """On which lanes the first one may drive in this second."""
        first = np.minimum(self._passed.astype(np.int64), self._movement.shape[2] - 1)
        movement = self._movement[self._column, self._lanes, first]
        now = self._open[self._column, self._stage[:, None], movement]
        then = self._open[self._column, self._next[:, None], movement]
        is_change = (self._age < 0)[:, None]
        stays = (now > CLOSED) & ((then > CLOSED) | (self._changed_s < self._m.yellow_s)[:, None])
        has_started = (self._age >= self._m.starts_s)[:, None] | (self._changed_s > 1e6)[:, None]
        is_open = np.where(is_change, stays, (now > CLOSED) & has_started)
        soon = self._arrived[:, :, min(second + self._m.near_s, self._m.horizon_s - 1)] - self._passed > self._m.gap
        gives_way = self._yields[self._column[:, :, None], movement[:, :, None], movement[:, None, :]]
        is_held = (gives_way & (soon & is_open)[:, None, :]).any(axis=2) & (now == PERMISSIVE)
        return np.asarray(is_open & ~is_held)
