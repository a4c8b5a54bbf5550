"""Offsets of least delay for signals of one cycle, by the combination method (Hillier, Traffic Engineering and Control 7, 1965).

Of each street the delay of what comes along it is reckoned at every difference of offsets: what the signal behind lets go in its
greens arrives after the travel time, dispersed as Robertson has it (TRANSYT, RRL report LR 253, 1969), and queues for the green
ahead. Offsets are laid along the tree of the streets at which most is to be gained, then each is improved among its neighbours.
"""

from __future__ import annotations

import numpy as np

from services.inference.city.signals.contract import CLOSED, Floats, Ints, Junctions

SATURATION_VPS = 0.5  # of a lane
DISPERSES = 0.35  # Robertson's platoon dispersion, of roads with moderate friction
AHEAD = 0.8  # and the first of a platoon need so much of the mean travel time
ROUNDS = 3  # over the cycle until a periodic flow is settled, and over the junctions


def least_delay(junctions: Junctions, green_s: Floats, cycle_s: Floats, flow_vps: Floats) -> Floats:
    """Offsets (j,), of the plan's own where no street leads, for greens (j, s), cycles (j,) and flows (j, l)."""
    found = junctions.offset_s.copy()
    streets = junctions.streets
    is_shared = cycle_s[streets.begin] == cycle_s[streets.end]
    for cycle in np.unique(cycle_s[streets.begin[is_shared]]):
        mine = np.flatnonzero(is_shared & (cycle_s[streets.begin] == cycle))
        costs = _by_pair(streets.begin[mine], streets.end[mine], delays(junctions, green_s, int(cycle), flow_vps, mine))
        offset = _improved(_laid(costs), costs, int(cycle))
        found[list(offset)] = list(offset.values())
    return found


def delays(junctions: Junctions, green_s: Floats, cycle: int, flow_vps: Floats, which: Ints) -> Floats:
    """Vehicle seconds a cycle on streets (m,), by how much later the cycle begins at its end than behind it (m, cycle)."""
    streets, serves = junctions.streets, junctions.serves()
    end, lane = streets.end[which], streets.lane[which]
    shows = _shown(junctions, green_s, cycle)  # (j, s, cycle)
    is_green = np.einsum("ms,msc->mc", serves[end, :, lane].astype(float), shows[end])
    arrives = flow_vps[end, lane][:, None] * _arrivals(junctions, shows, flow_vps, which)
    later = (np.arange(cycle)[:, None] + np.arange(cycle)) % cycle  # second of the end's cycle, offset → second behind
    queue, waited = np.zeros((len(which), cycle)), np.zeros((len(which), cycle))
    for second in range(ROUNDS * cycle):
        at = second % cycle
        queue = np.maximum(queue + arrives[:, later[at]] - SATURATION_VPS * np.minimum(is_green[:, at], 1.0)[:, None], 0.0)
        if second >= (ROUNDS - 1) * cycle:
            waited += queue
    return waited


def _shown(junctions: Junctions, green_s: Floats, cycle: int) -> Floats:
    """The share of each second of the cycle in which a stage is green (j, s, cycle)."""
    lasts_s = np.where(junctions.is_stage, green_s + junctions.change_s, 0.0)
    begins_s = np.cumsum(lasts_s, axis=1) - lasts_s
    ends_s = begins_s + np.where(junctions.is_stage, green_s, 0.0)
    second = np.arange(cycle)
    return np.asarray(np.clip(np.minimum(ends_s[..., None], second + 1) - np.maximum(begins_s[..., None], second), 0.0, 1.0))


def _arrivals(junctions: Junctions, shows: Floats, flow_vps: Floats, which: Ints) -> Floats:
    """How what comes along streets is spread over the cycle of the signal behind, on the mean 1 (m, cycle)."""
    streets = junctions.streets
    begin, leaves = streets.begin[which], streets.exit[which]
    per_lane = np.zeros_like(flow_vps)
    row, movement = np.nonzero(junctions.lane >= 0)
    np.add.at(per_lane, (row, junctions.lane[row, movement]), 1.0)
    lane = np.maximum(junctions.lane, 0)
    rows = np.arange(len(lane))[:, None]
    comes = np.where(junctions.lane >= 0, flow_vps[rows, lane] / np.maximum(per_lane[rows, lane], 1.0), 0.0)  # (j, k)
    opens = (junctions.opens > CLOSED) / np.maximum((junctions.opens > CLOSED).sum(axis=1, keepdims=True), 1)
    weight = np.einsum("msk,mk->ms", opens[begin], np.where(junctions.exit[begin] == leaves[:, None], comes[begin], 0.0))
    per_green = shows[begin] / np.maximum(shows[begin].sum(axis=2, keepdims=True), 1e-9)
    spread = np.einsum("ms,msc->mc", weight, per_green)
    total = spread.sum(axis=1, keepdims=True)
    even = np.full_like(spread, 1.0 / spread.shape[1])
    shape = np.where(total > 0, spread / np.maximum(total, 1e-9), even)
    speed = junctions.speed_mps[streets.end[which], streets.lane[which]]
    return np.asarray(_dispersed(shape, streets.length_m[which] / speed) * spread.shape[1])


def _dispersed(profile: Floats, takes_s: Floats) -> Floats:
    """What leaves over the cycle (m, cycle) as it arrives after travel times (m,)."""
    cycle = profile.shape[1]
    first_s = np.rint(AHEAD * takes_s).astype(np.int64)
    factor = 1.0 / (1.0 + DISPERSES * AHEAD * takes_s)
    found, flow, rows = np.zeros_like(profile), profile.mean(axis=1), np.arange(len(profile))
    for second in range(ROUNDS * cycle):
        flow = factor * profile[rows, (second - first_s) % cycle] + (1.0 - factor) * flow
        found[:, second % cycle] = flow
    return found


def _by_pair(begin: Ints, end: Ints, waited: Floats) -> dict[tuple[int, int], Floats]:
    """Of each pair of junctions, both ways round, the delay by how much later the second one's cycle begins."""
    found: dict[tuple[int, int], Floats] = {}
    for one, other, cost in zip(begin.tolist(), end.tolist(), waited, strict=True):
        mirrored = np.roll(cost[::-1], 1)
        found[one, other] = found.get((one, other), np.zeros(len(cost))) + cost
        found[other, one] = found.get((other, one), np.zeros(len(cost))) + mirrored
    return found


def _laid(costs: dict[tuple[int, int], Floats]) -> dict[int, int]:
    """Offsets along the trees of the pairs at which most is to be gained, of each from its lowest junction on."""
    offset: dict[int, int] = {}
    for root in sorted({one for one, _ in costs}):
        offset.setdefault(root, 0)
        while edge := _next(costs, offset):
            one, other = edge
            offset[other] = (offset[one] + int(np.argmin(costs[edge]))) % len(costs[edge])
    return offset


def _next(costs: dict[tuple[int, int], Floats], offset: dict[int, int]) -> tuple[int, int] | None:
    """The pair from who has an offset to who has none at which most is to be gained."""
    gains = {pair: float(cost.mean() - cost.min()) for pair, cost in costs.items() if pair[0] in offset and pair[1] not in offset}
    return max(gains, key=lambda pair: gains[pair]) if gains else None


def _improved(offset: dict[int, int], costs: dict[tuple[int, int], Floats], cycle: int) -> dict[int, int]:
    """Each offset at its best among those of the neighbours, a few times over; the first one of each tree stays."""
    found, roots = dict(offset), {one for one, at in offset.items() if at == 0}
    for _ in range(ROUNDS):
        for one in found:
            if one in roots:
                continue
            near = [(other, cost) for (other, mine), cost in costs.items() if mine == one]
            whole = sum((np.roll(cost, found[other]) for other, cost in near), np.zeros(cycle))
            if whole[found[one]] > whole.min():
                found[one] = int(np.argmin(whole))
    return found
