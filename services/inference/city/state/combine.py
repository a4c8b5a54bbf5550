"""From what was seen of some vehicles, and what counters say, to all vehicles: by how much each segment's sums are to be raised.

Probes give flow with the error of a sample of their share; counters with theirs. The two are weighed by these errors: where
everybody speaks counters hardly matter, and where few do counters say how many there are and probes how fast they are. Speeds are
not raised: those of a sample are those of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np

from services.inference.city.state.counters import Counted
from services.inference.city.state.layout import Layout, Scope
from services.inference.city.state.sums import Sum, Sums
from services.inference.city.state.tally import tally
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

FULL = 0.95  # from this share of probes on, all are taken to be seen: a share is not known better than to some per cent
QUEUE_SPACING_M = 7.2  # from front to front: 4.9 m of vehicle on average, and 2 m to 2.5 m between
_SCALE_ERROR = 0.03  # of a counter, and of the share of probes
_LEAST_SHARE = 0.01
FEW = 5.0  # probes in a period say little
RAISED = (
    Sum.THROUGH,
    Sum.TIME_S,
    Sum.WAY_M,
    Sum.SEEN_S,
    Sum.ENTERED,
    Sum.LEFT,
    Sum.DELAY_S,
    Sum.STOPS,
    Sum.CO2_G,
    Sum.NOX_G,
    Sum.STANDING_S,
)


class Doubt(IntFlag):
    """What a row lacks, so that nothing missing is averaged in silence."""

    UNSCALED = 1  # nobody counts here: figures are of those seen alone, and all vehicles are at least as many
    FEW_PROBES = 2
    NO_PROBES = 4  # flow by counters alone; speed too, or unknown
    COUNTER_DOUBTED = 8
    FLAWED = 16  # more than a twentieth of the sightings were not believed as they were told


@dataclass(frozen=True, slots=True)
class Whole:
    """Sums of all vehicles; by segment (s,): share of probes, weight of counters in the flow, counters' newest end, doubts."""

    sums: Sums
    share: Floats
    counted: Floats
    counted_us: Ints
    doubt: Ints


def whole(layout: Layout, seen: Sums, counted: Counted, share: Floats, network_share: float) -> Whole:
    """All vehicles, given those seen."""
    places, segment = layout.places[Scope.SEGMENT], layout.segment
    mine = np.flatnonzero(segment >= 0)
    through = tally(segment[mine], len(places), seen.added[Sum.THROUGH][mine])
    is_scaled = np.isfinite(share)
    known_share = np.where(is_scaled & (share < FULL), np.maximum(share, _LEAST_SHARE), 1.0)
    flow, counters_weight = _flow(through, known_share, counted, seen.seconds)
    factor = np.where(through > 0.05, flow / np.maximum(through, 0.05), 1.0 / known_share)
    factor = np.clip(factor, 1.0 / 3.0, 5.0 / known_share)
    overall = 1.0 / max(network_share, _LEAST_SHARE) if network_share < FULL else 1.0
    by_lane = np.where(segment >= 0, factor[np.maximum(segment, 0)], overall)
    added = seen.added.copy()
    added[list(RAISED)] *= by_lane
    added[Sum.QUEUE_S] = _queue_s(layout, seen, known_share)
    _add_counted(layout, added, through, flow, counted, seen.seconds)
    sums = Sums(added, seen.most, seen.turns, seen.trips, seen.seconds)
    return Whole(sums, share, counters_weight, counted.at_us, _doubts(layout, seen, counted, through, is_scaled))


def _flow(through: Floats, share: Floats, counted: Counted, seconds: float) -> tuple[Floats, Floats]:
    """Vehicles (s,) that drove through each segment, and the weight of the counters in it."""
    by_probes = through / share
    vary_probes = through * (1.0 - share) / share**2 + (_SCALE_ERROR * by_probes) ** 2 * (share < 1.0) + 0.01
    by_counters = counted.rate_ps * seconds
    untold = np.maximum(1.0 - counted.seconds / seconds, 0.0)  # of the period, for which what was counted stands
    sample = np.maximum(counted.rate_ps * counted.seconds, 1.0) * (seconds / counted.seconds) ** 2
    vary_counters = ((_SCALE_ERROR * by_counters) ** 2 + sample * untold + 1.0) / np.maximum(counted.weight, 1e-6) ** 2
    weight = np.where(np.isfinite(by_counters), vary_probes / (vary_probes + vary_counters), 0.0)
    return by_probes + weight * (np.nan_to_num(by_counters) - by_probes), weight


def _queue_s(layout: Layout, seen: Sums, share: Floats) -> Floats:
    """Vehicles in queues times seconds, by lane: who is not seen stands between those who are, and behind the last of them."""
    segment = layout.segment
    of_lane = np.where(segment >= 0, share[np.maximum(segment, 0)], 1.0)
    hidden = np.minimum((1.0 - of_lane) / of_lane, 4.0) * seen.added[Sum.QUEUED_S]
    reaching = seen.added[Sum.REACH_S] / QUEUE_SPACING_M + 0.5 * hidden
    return np.asarray(np.where(of_lane >= FULL, seen.added[Sum.QUEUE_S], reaching))


def _add_counted(layout: Layout, added: Floats, through: Floats, flow: Floats, counted: Counted, seconds: float) -> None:
    """Where no probe was, counters alone say that there were vehicles, and how fast."""
    places, segment = layout.places[Scope.SEGMENT], layout.segment
    alone = (through <= 0.0) & (flow > 0) & np.isfinite(counted.rate_ps) & (seconds > 0)
    lanes = np.flatnonzero((segment >= 0) & alone[np.maximum(segment, 0)])
    at = segment[lanes]
    way_m = flow[at] * places.road_m[at] / np.maximum(places.lanes[at], 1)
    speed = counted.speed_mps[at]
    is_known = speed > 0
    added[Sum.WAY_M, lanes] += way_m
    added[Sum.TIME_S, lanes[is_known]] += way_m[is_known] / speed[is_known]
    for row in (Sum.ENTERED, Sum.THROUGH):
        added[row, lanes] += flow[at] / np.maximum(places.lanes[at], 1)


def _doubts(layout: Layout, seen: Sums, counted: Counted, through: Floats, is_scaled: Mask) -> Ints:
    segment = layout.segment
    mine = np.flatnonzero(segment >= 0)
    flawed, time_s = (tally(segment[mine], len(through), seen.added[row][mine]) for row in (Sum.FLAWED_S, Sum.TIME_S))
    doubt = np.where(is_scaled, 0, Doubt.UNSCALED) | np.where((through > 0) & (through < FEW), Doubt.FEW_PROBES, 0)
    doubt |= np.where((through <= 0) & np.isfinite(counted.rate_ps), Doubt.NO_PROBES, 0)
    doubt |= np.where((counted.weight > 0) & (counted.weight < 1.0), Doubt.COUNTER_DOUBTED, 0)
    return np.asarray(doubt | np.where(flawed > 0.05 * np.maximum(time_s, 1e-9), Doubt.FLAWED, 0), np.int64)
