"""What can go wrong at the crossing, one fault for each monitor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chelu.messages import Batch
from chelu.quality.monitors.window import Heard
from tests.unit.quality.monitors import crossing as at

Fault = Callable[[Heard], Heard]


def every(rows: Batch, wanted: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> Batch:
    """The rows of the instants (numbered from 0) that are wanted."""
    return rows.take(wanted(np.unique(rows["time_us"], return_inverse=True)[1]))


def shown(heard: Heard, phase: int, light: int, wanted: np.ndarray[Any, Any] | None = None) -> Heard:
    """A phase that shows this light instead."""
    spat = heard.spat
    mine = spat["phase_id"] == phase
    return replace(heard, spat=spat.with_columns(light=np.where(mine if wanted is None else mine & wanted, light, spat["light"])))


def slow_signals(heard: Heard) -> Heard:
    return replace(heard, spat=every(heard.spat, lambda number: number % 10 < 7))


def dark_signals(heard: Heard) -> Heard:
    return replace(heard, spat=at.without(heard.spat, 60.0, 95.0))


def slow_maps(heard: Heard) -> Heard:
    return replace(heard, map=every(heard.map, lambda number: number % 3 == 0))


def no_more_maps(heard: Heard) -> Heard:
    return replace(heard, map=at.without(heard.map, 60.0, 180.0))


def slow_vehicles(heard: Heard) -> Heard:
    return replace(heard, bsm=every(heard.bsm, lambda number: number % 2 == 0))


def slow_perception(heard: Heard) -> Heard:
    return replace(heard, participant=every(heard.participant, lambda number: number % 2 == 0))


def untimed_phase(heard: Heard) -> Heard:
    spat = heard.spat
    return replace(heard, spat=spat.with_columns(timing=np.where(spat["phase_id"] == 3, 0, spat["timing"]).astype(np.uint8)))


def lane_without_ways(heard: Heard) -> Heard:
    node = at.node()
    node["in_links"][0]["lanes"][0].pop("connects_to")
    return replace(heard, contents=({"nodes": [node]},))


def late_signals(heard: Heard) -> Heard:
    return replace(heard, spat=heard.spat.with_columns(arrival_us=heard.spat["time_us"] + 2_000_000))


def stale_maps(heard: Heard) -> Heard:
    return replace(heard, map=heard.map.with_columns(minute=heard.map["minute"] - 5))


def frozen(stream: str) -> Fault:
    def fault(heard: Heard) -> Heard:
        rows = getattr(heard, stream)
        still = rows.with_columns(message_count=np.full(len(rows), 7, rows["message_count"].dtype))
        return replace(heard, **{stream: still})

    return fault


def no_yellow(heard: Heard) -> Heard:
    return shown(heard, 1, at.RED, heard.spat["light"] == at.YELLOW)


def hasty_countdown(heard: Heard) -> Heard:
    spat = heard.spat
    late = (spat["phase_id"] == 1) & (spat["light"] == at.RED) & (spat["likely_end_s"] < 15.0) & (spat["likely_end_s"] > 5.0)
    ends = {name: np.where(late, spat[name] - 4.0, spat[name]) for name in ("min_end_s", "max_end_s", "likely_end_s")}
    return replace(heard, spat=spat.with_columns(**ends))


def missing_phase(heard: Heard) -> Heard:
    return replace(heard, spat=heard.spat.take(heard.spat["phase_id"] != 4))


def two_greens(heard: Heard) -> Heard:
    seconds = (heard.spat["time_us"] - at.BEGIN_US) / 1e6
    return shown(heard, 3, at.GREEN, (seconds > 10.0) & (seconds < 12.0))


def always_red(heard: Heard) -> Heard:
    return shown(heard, 1, at.RED)


def asleep_at_green(heard: Heard) -> Heard:
    """From the south at 63 s: it comes to the line at 70 s, in a green until 80 s, and stands for ten seconds."""
    return at.with_vehicle(heard, at.vehicle(900, at.straight("south", waits_s=9.0), 61.0))


def wrong_way(heard: Heard) -> Heard:
    places = at.along(0.0, at.RIGHT_LANE_M, np.arange(-20.0, -110.0, -1.0))
    return at.with_vehicle(heard, *(at.vehicle(900 + number, places, 30.0 * number) for number in range(3)))


def straight_out_of_the_left_lane(heard: Heard) -> Heard:
    places = at.straight("south", at.LEFT_LANE_M)
    return at.with_vehicle(heard, *(at.vehicle(900 + number, places, 20.0 + 60.0 * number) for number in range(3)))


def shifted(heard: Heard) -> Heard:
    places = at.straight("south", at.RIGHT_LANE_M + 3.0)
    return at.with_vehicle(heard, *(at.vehicle(900 + number, places, 1.0 + 60.0 * number) for number in range(3)))


def lossy(heard: Heard) -> Heard:
    kept = np.random.default_rng(1).uniform(size=len(heard.bsm)) < 0.7
    return replace(heard, bsm=heard.bsm.take(kept))


def slow_uplink(heard: Heard) -> Heard:
    return replace(heard, bsm=heard.bsm.with_columns(arrival_us=heard.bsm["time_us"] + 900_000))


def patchy(heard: Heard) -> Heard:
    return replace(heard, bsm=every(heard.bsm, lambda number: number % 20 < 10))


FAULTS: Mapping[str, Fault] = {
    "spat-rate": slow_signals,
    "spat-zero": dark_signals,
    "map-rate": slow_maps,
    "map-zero": no_more_maps,
    "bsm-rate": slow_vehicles,
    "rsm-rate": slow_perception,
    "spat-content": untimed_phase,
    "map-content": lane_without_ways,
    "spat-time": late_signals,
    "map-time": stale_maps,
    "spat-count": frozen("spat"),
    "map-count": frozen("map"),
    "bsm-count": frozen("bsm"),
    "rsm-count": frozen("participant"),
    "spat-transition": no_yellow,
    "spat-countdown": hasty_countdown,
    "phase-alignment": missing_phase,
    "green-conflict": two_greens,
    "stop-line-red": always_red,
    "stop-at-green": asleep_at_green,
    "lane-direction": wrong_way,
    "way-not-in-map": straight_out_of_the_left_lane,
    "bsm-outside": shifted,
    "delivery-ratio": lossy,
    "bsm-latency": slow_uplink,
    "information-age": patchy,
}
