"""What speaks for going to another stage now, and what for staying: one row of figures for each way to go on. Arrays, no I/O.

Figures are of whom the other stage would let go and the one at hand does not (gains), of whom the one at hand lets go and the
other would not (losses), of whom both do, and of the rest. So a row means the same at any junction, however many its stages and
lanes are, and one network serves all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from services.inference.city.signals.contract import CLOSED, PROTECTED, Floats, Ints, Junctions, Mask, State

ROOM = 2.0  # vehicles that must find room in an exit, for a movement to count as open
COMES_S = (0.0, 3.0, 6.0, 12.0, 20.0)  # who drives is counted by when he comes to the line; the last is without end
_SIDE = 5 + len(COMES_S)
INPUTS = 2 * _SIDE + 12

Singles: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """r ways to go on: at junction (r,) now to this stage (r,); inputs (r, INPUTS) of the network."""

    junction: Ints
    stage: Ints
    inputs: Singles


def elsewhere(junctions: Junctions, state: State) -> Mask:
    """To which stages each junction could go now (j, s): to all others, where its green could end within this second."""
    rows = np.arange(len(state.stage))
    others = junctions.is_stage.copy()
    others[rows, state.stage] = False
    return np.asarray(others & (state.green_s >= junctions.least_green_s[rows, state.stage])[:, None])


def alternatives(junctions: Junctions, state: State, per_s: Floats, red_s: Floats) -> Alternatives:
    """Of all junctions where a green could end; per_s: measured flows (j, l); red_s: since each stage was green last (j, s)."""
    junction, stage = np.nonzero(elsewhere(junctions, state))
    if not len(junction):
        return Alternatives(junction, stage, np.zeros((0, INPUTS), np.float32))
    seen, own = _Seen(junctions, state), state.stage[junction]
    serves = junctions.serves()
    own_lanes = serves[np.arange(len(state.stage)), state.stage][:, None, :]
    flows = ((per_s[:, None, :] * one).sum(axis=2) for one in (serves & ~own_lanes, own_lanes & ~serves))
    columns = [
        *seen.gains()[junction, stage].T,
        *seen.losses()[junction, stage].T,
        *seen.both()[junction, stage].T,
        *(10.0 * flow[junction, stage] for flow in flows),
        seen.most_elsewhere()[junction, stage],
        np.minimum(red_s[junction, stage], 120.0) / 30.0,
        np.minimum(state.green_s[junction], 60.0) / 15.0,
        np.minimum(junctions.most_green_s[junction, own] - state.green_s[junction], 30.0) / 15.0,
        (junctions.change_s[junction, own] + junctions.change_s[junction, stage]) / 10.0,
        junctions.least_green_s[junction, stage] / 10.0,
        junctions.is_stage[junction].sum(axis=1) / 4.0,
        10.0 * per_s[junction].sum(axis=1),
    ]
    return Alternatives(junction, stage, np.stack(columns, axis=1).astype(np.float32))


class _Seen:
    """The vehicles of a state, and whom each stage would let go, one behind the other. Figures are (j, s, …), of all stages."""

    def __init__(self, junctions: Junctions, state: State) -> None:
        vehicles, self._lanes = state.vehicles, junctions.is_lane.shape
        self._junction, self._lane = vehicles.junction, vehicles.junction * self._lanes[1] + vehicles.lane
        is_full = junctions.is_full(state.exit_queue, ROOM)
        opens = np.where(is_full[:, None, :], CLOSED, junctions.opens)[vehicles.junction, :, vehicles.movement]  # (n, s)
        self._goes = _none_before(opens == CLOSED, self._lane)
        self._own = np.take_along_axis(self._goes, state.stage[vehicles.junction][:, None], axis=1)
        is_protected = opens == PROTECTED
        own_protected = np.take_along_axis(is_protected, state.stage[vehicles.junction][:, None], axis=1)
        self._protected = is_protected, np.broadcast_to(own_protected, is_protected.shape)
        self._stands: Mask = np.asarray(vehicles.is_queued & (vehicles.speed_mps < 2.0))[:, None]
        self._comes = _bins(vehicles.free_s(junctions)) & ~self._stands
        fill = np.minimum(state.exit_queue / np.maximum(junctions.exit_places, 1.0), 1.0)
        exits = np.maximum(junctions.exit[vehicles.junction, vehicles.movement], 0)
        self._fill = fill[vehicles.junction, exits][:, None]

    def gains(self) -> Floats:
        """Of whom a stage lets go and the one at hand does not (j, s, _SIDE)."""
        return self._side(self._goes & ~self._own, self._protected[0])

    def losses(self) -> Floats:
        """Of whom the one at hand lets go and a stage does not (j, s, _SIDE)."""
        return self._side(self._own & ~self._goes, self._protected[1])

    def both(self) -> Floats:
        """Of whom both let go: how many stand, and how many come soon (j, s, 2)."""
        mine, soon = self._goes & self._own, self._comes[:, :3].any(axis=1, keepdims=True)
        return np.stack([self._sum(mine & self._stands) / 5.0, self._sum(mine & soon) / 3.0], axis=2)

    def most_elsewhere(self) -> Floats:
        """How many stand whom the best of the others lets go, of those that the one at hand does not (j, s)."""
        queue = self._sum(self._goes & ~self._own & self._stands)
        order = np.sort(queue, axis=1)
        second = order[:, -2:-1] if queue.shape[1] > 1 else np.zeros((len(queue), 1))
        return np.asarray(np.where(queue == order[:, -1:], second, order[:, -1:]) / 5.0)

    def _side(self, mine: Mask, is_protected: Mask) -> Floats:
        stands = mine & self._stands
        near = mine & (self._stands | self._comes[:, :2].any(axis=1, keepdims=True))
        lanes = np.zeros((self._lanes[0] * self._lanes[1], mine.shape[1]))
        np.add.at(lanes, self._lane, near.astype(np.float64))
        lanes = lanes.reshape(*self._lanes, -1)
        standing = self._sum(stands)
        found = [
            self._sum(stands & is_protected) / 5.0,
            self._sum(stands & ~is_protected) / 5.0,
            (lanes > 0).sum(axis=1) / 2.0,
            lanes.max(axis=1, initial=0.0) / 5.0,
            self._sum(stands * self._fill) / np.maximum(standing, 1.0),
            *(self._sum(mine & one[:, None]) / 3.0 for one in self._comes.T),
        ]
        return np.stack(found, axis=2)

    def _sum(self, values: Mask | Floats) -> Floats:
        """Over the vehicles of each junction (j, s)."""
        found = np.zeros((self._lanes[0], values.shape[1]))
        np.add.at(found, self._junction, values.astype(np.float64))
        return found


def _none_before(is_closed: Mask, lane: Ints) -> Mask:
    """Whether nobody up to each vehicle in its lane is stopped (n, s); those of a lane stand together, by distance."""
    count = np.cumsum(is_closed, axis=0)
    first = np.searchsorted(lane, lane)
    return np.asarray(count - (count[first] - is_closed[first]) == 0)


def _bins(seconds: Floats) -> Mask:
    """Who comes within which part of `COMES_S` (n, b)."""
    bounds = np.array([*COMES_S, np.inf])
    return np.asarray((seconds[:, None] >= bounds[:-1]) & (seconds[:, None] < bounds[1:]))
