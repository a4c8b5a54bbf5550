"""Rows of traffic state: what sums over a period say of every place of a scope, and what each row rests on."""

from __future__ import annotations

import numpy as np

from chelu.messages import Batch, Column
from services.inference.city.state.combine import Whole
from services.inference.city.state.indices import (
    UNKNOWN,
    IndexParameters,
    network_index,
    node_levels,
    road_levels,
    service_of_nodes,
    service_of_roads,
    travel_time_index,
)
from services.inference.city.state.layout import Layout, Places, Scope
from services.inference.city.state.sums import Most, Sum
from services.inference.city.state.tally import mean_of, tally
from services.inference.reports import Floats, Ints


def rows_of(
    layout: Layout, scope: Scope, period: Whole, seen_s: Floats, free_mps: Floats, parameters: IndexParameters, time_us: int
) -> Batch:
    """A row for every place (k,) of the scope; seen_s (lanes,): time spent by those seen; free_mps (segments,): free speed.

    Figures are NaN where nothing is known; `probes` 0 and `counted` 0 say that nobody was seen and nobody counts.
    """
    places, sums = layout.places[scope], period.sums
    added, most = sums.of(layout, scope)
    time_s, way_m, seconds = added[Sum.TIME_S], added[Sum.WAY_M], sums.seconds
    speed = np.where(time_s > 0, np.maximum(way_m, 0.0) / np.where(time_s > 0, time_s, 1.0), np.nan)
    free = _free(layout, scope, free_mps)
    by_way = np.maximum(way_m, 0.0) / np.maximum(places.road_m, 1.0)
    flow = {Scope.JUNCTION: added[Sum.LEFT], Scope.NETWORK: by_way}.get(scope, added[Sum.THROUGH]) / seconds
    density = np.where(places.lane_m > 0, time_s / seconds / np.maximum(places.lane_m, 1.0) * 1000.0, np.nan)
    through = np.maximum(flow * seconds, 1e-9)
    delay = np.where(through > 0.05, np.maximum(added[Sum.DELAY_S], 0.0) / through, np.nan)
    whole_s = np.where(speed > 0, places.road_m / np.where(speed > 0, speed, 1.0), np.nan)
    travel = np.where(added[Sum.TAKEN] > 0, added[Sum.TOOK_S] / np.maximum(added[Sum.TAKEN], 1.0), whole_s)
    level, service = _levels(scope, places, parameters, speed, free, density, delay)
    return Batch(
        {
            "place": np.arange(len(places)),
            "time_us": np.full(len(places), time_us, np.int64),
            "period_s": np.full(len(places), seconds),
            "flow_vph": flow * 3600.0,
            "entered": added[Sum.ENTERED],
            "vehicles": time_s / seconds,
            "density_vpkm": density,
            "mean_speed_mps": speed,
            "free_speed_mps": free,
            "travel_time_s": travel if scope in (Scope.SEGMENT, Scope.LANE_GROUP) else np.full(len(places), np.nan),
            "delay_s": delay,
            "stops": np.where(through > 0.05, added[Sum.STOPS] / through, np.nan),
            "queue_vehicles": added[Sum.QUEUE_S] / seconds,
            "queue_most_vehicles": most[Most.QUEUE_VEHICLES],
            "queue_m": most[Most.QUEUE_M],
            "spilled_share": np.minimum(added[Sum.SPILLED_S] / seconds, 1.0),
            "co2_g": added[Sum.CO2_G],
            "nox_g": added[Sum.NOX_G],
            "travel_time_index": travel_time_index(free, speed),
            "service": service,
            "level": level,
            "index": np.full(len(places), np.nan),
            **_basis(layout, scope, period, seen_s, time_us),
        }
    )


def with_network_index(network: Batch, segments: Batch, layout: Layout, parameters: IndexParameters) -> Batch:
    """路网运行指数 in the network's row, of the levels of its segments."""
    index = network_index(parameters, segments["level"], layout.places[Scope.SEGMENT].lane_m)
    level = UNKNOWN if np.isnan(index) else 1 + min(int(index // 2.0), 4)
    return network.with_columns(index=np.array([index]), level=np.array([level]))


def _free(layout: Layout, scope: Scope, free_mps: Floats) -> Floats:
    """Free speed of places: that of their segments, by length."""
    if scope is Scope.SEGMENT:
        return free_mps
    mine = np.flatnonzero((layout.of[scope] >= 0) & (layout.segment >= 0))
    row, count = layout.of[scope][mine], len(layout.places[scope])
    return mean_of(row, count, layout.length_m[mine], free_mps[layout.segment[mine]])


def _levels(
    scope: Scope, places: Places, parameters: IndexParameters, speed: Floats, free: Floats, density: Floats, delay: Floats
) -> tuple[Ints, Ints]:
    if scope is Scope.JUNCTION:
        return node_levels(parameters, delay), service_of_nodes(delay)
    is_freeway = places.limit_mps * 3.6 >= parameters.fast_kmh
    return road_levels(parameters, places.limit_mps, speed), service_of_roads(is_freeway, free, speed, density)


def _basis(layout: Layout, scope: Scope, period: Whole, seen_s: Floats, time_us: int) -> dict[str, Column]:
    """What each row rests on; of places with several segments share and weight in the mean, all doubts, the newest count."""
    row, segment = layout.of[scope], layout.segment
    mine, count = np.flatnonzero(row >= 0), len(layout.places[scope])
    time_s = tally(row[mine], count, seen_s[mine])
    perceived = tally(row[mine], count, period.sums.added[Sum.SEEN_S][mine])
    all_s = tally(row[mine], count, period.sums.added[Sum.TIME_S][mine])
    road = np.flatnonzero((row >= 0) & (segment >= 0))
    at, on = row[road], segment[road]
    share, counted = (mean_of(at, count, layout.length_m[road], one[on]) for one in (period.share, period.counted))
    doubt, newest = np.zeros(count, np.int64), np.zeros(count, np.int64)
    np.bitwise_or.at(doubt, at, period.doubt[on])
    np.maximum.at(newest, at, period.counted_us[on])
    return {
        "share": share,
        "probes": time_s / period.sums.seconds,
        "perceived_share": np.where(all_s > 0, perceived / np.where(all_s > 0, all_s, 1.0), np.nan),
        "counted_weight": counted,
        "counted_age_s": np.where(newest > 0, (time_us - newest) / 1e6, np.nan),
        "doubt": doubt,
    }
