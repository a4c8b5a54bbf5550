"""A crossing of two roads whose signals, maps and traffic are all right: what faults are then put upon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chelu.codec.cv2x_time import minute_of_year
from chelu.geo import LocalFrame, heading_of
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch, concatenate, filled
from chelu.quality.monitors.window import MAP, Heard

BEGIN_US = 1_790_000_000_000_000
SECONDS = 180.0
PERIOD_S = 0.1
CYCLE_S = 60.0
FRAME = LocalFrame(29.56, 106.55, 240.0)
LINE_M = 15.0  # from the middle to each stop line
LEFT_LANE_M, RIGHT_LANE_M = 1.75, 5.25  # of an approach, right of the road's middle
RED, GREEN, YELLOW = 3, 6, 7
# Green from, green until, yellow until in the cycle: straight on and right, then left; north and south, then east and west.
PROGRAMME = {1: (0.0, 20.0, 23.0), 2: (24.0, 30.0, 33.0), 3: (34.0, 48.0, 51.0), 4: (52.0, 56.0, 59.0)}
APPROACHES = {"south": 0.0, "west": 90.0, "north": 180.0, "east": 270.0}  # who comes from there, and his heading
NODE = {"south": 11, "west": 12, "north": 13, "east": 14}
RSU = 1
_EXITS = {"maneuverStraightAllowed": 0.0, "maneuverLeftAllowed": -90.0, "maneuverRightAllowed": 90.0}


def crossing() -> Heard:
    """Three minutes of it."""
    content = {"nodes": [node()]}
    return Heard(bsm=traffic(), participant=walker(), spat=signals(), map=maps(), contents=(content,))


def moments(begin_s: float = 0.0, end_s: float = SECONDS, period_s: float = PERIOD_S) -> np.ndarray[Any, Any]:
    return np.arange(round(begin_s / period_s), round(end_s / period_s)) * period_s


def at_us(seconds: np.ndarray[Any, Any] | float) -> Any:
    return BEGIN_US + np.round(np.asarray(seconds) * 1e6).astype(np.int64)


def light_at(phase: int, seconds: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """LightState and seconds until it ends, of whole tenths."""
    begin, until, yellow = PROGRAMME[phase]
    now = np.round(seconds % CYCLE_S, 3)
    light = np.where((now >= begin) & (now < until), GREEN, np.where((now >= until) & (now < yellow), YELLOW, RED))
    end = np.where(light == GREEN, until, np.where(light == YELLOW, yellow, np.where(now < begin, begin, CYCLE_S + begin)))
    return light, np.round(end - now, 3)


def signals(seconds: np.ndarray[Any, Any] | None = None) -> Batch:
    """SPAT ten times a second, of junction 5 in region 1."""
    times = moments() if seconds is None else seconds
    parts = []
    for phase in PROGRAMME:
        light, end = light_at(phase, times)
        n = len(times)
        rows = filled(
            SPAT,
            n,
            time_us=at_us(times),
            message_count=(np.arange(n) % 128).astype(np.uint8),
            region_id=np.ones(n, np.uint16),
            region_id_valid=np.ones(n, np.bool_),
            intersection_id=np.full(n, 5, np.uint16),
            phase_id=np.full(n, phase, np.int16),
            light=light.astype(np.uint8),
            timing=np.ones(n, np.uint8),
            start_s=np.zeros(n),
            min_end_s=end,
            max_end_s=end,
            likely_end_s=end,
        )
        parts.append(headed(rows))
    rows = concatenate(parts)
    return rows.take(np.argsort(rows["time_us"], kind="stable"))


def headed(rows: Batch, device: int = RSU, delay_s: float = 0.02) -> Batch:
    n = len(rows)
    return rows.with_columns(device_key=np.full(n, device, np.int32), arrival_us=rows["time_us"] + round(delay_s * 1e6))


def maps() -> Batch:
    """The MAP once a second."""
    times = at_us(moments(period_s=1.0))
    n = len(times)
    columns = {
        "time_us": times,
        "arrival_us": times + 20_000,
        "device_key": np.full(n, RSU),
        "message_count": np.arange(n) % 128,
        "minute": minute_of_year(times)[0],
        "content": np.zeros(n),
    }
    return Batch({name: column.astype(MAP[name]) for name, column in columns.items()})


def node(**changes: Any) -> dict[str, Any]:
    """The junction as a MAP has it."""
    place = {"latitude_deg": FRAME.latitude_deg, "longitude_deg": FRAME.longitude_deg, "elevation_m": FRAME.elevation_m}
    links = [link(side) for side in APPROACHES]
    return {"id": {"region": 1, "id": 5}, "reference_position": place, "in_links": links, **changes}


def link(side: str) -> dict[str, Any]:
    straight, left = (1, 2) if side in {"north", "south"} else (3, 4)
    lanes = [
        lane(side, 1, LEFT_LANE_M, {"maneuverLeftAllowed": left}),
        lane(side, 2, RIGHT_LANE_M, {"maneuverStraightAllowed": straight, "maneuverRightAllowed": straight}),
    ]
    return {"upstream_node_id": {"region": 1, "id": NODE[side]}, "link_width_m": 7.0, "lanes": lanes}


def lane(side: str, number: int, right_m: float, phases: dict[str, int]) -> dict[str, Any]:
    heading = APPROACHES[side]
    ways = [
        {
            "remote_intersection": {"region": 1, "id": towards((heading + _EXITS[maneuver]) % 360.0)},
            "connecting_lane": {"lane": 1, "maneuver": [maneuver]},
            "phase_id": phase,
        }
        for maneuver, phase in phases.items()
    ]
    points = [point(place) for place in along(heading, right_m, [-120.0, -60.0, -LINE_M])]
    return {"lane_id": number, "lane_width_m": 3.5, "connects_to": ways, "points": points}


def towards(heading_deg: float) -> int:
    """The node that one comes to with this heading."""
    return next(NODE[side] for side, heading in APPROACHES.items() if (heading + 180.0) % 360.0 == heading_deg)


def along(heading_deg: float, right_m: float, ahead_m: list[float] | np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Places (n, 3) on a straight line through the crossing, right_m right of its middle."""
    angle, ahead = np.radians(heading_deg), np.asarray(ahead_m, np.float64)
    east = np.sin(angle) * ahead + np.cos(angle) * right_m
    north = np.cos(angle) * ahead - np.sin(angle) * right_m
    return np.stack([east, north, np.zeros(len(ahead))], axis=1)


def point(place: np.ndarray[Any, Any]) -> dict[str, Any]:
    latitude, longitude, elevation = (round(float(one[0]), 7) for one in FRAME.to_geodetic(place[None, :]))
    plane = {"latitude_deg": latitude, "longitude_deg": longitude}
    return {"pos_offset": {"offset_ll": {"position-LatLon": plane}, "offset_v": {"elevation": round(elevation, 1)}}}


def vehicle(
    number: int, places: np.ndarray[Any, Any], begin_s: float, *, heading_deg: np.ndarray[Any, Any] | None = None
) -> Batch:
    """BSMs ten times a second of a vehicle whose middle is at these places (n, 3), from begin_s on."""
    n = len(places)
    step = np.diff(places, axis=0, append=places[-1:])
    heading = np.asarray(heading_of(step[:, 0], step[:, 1])) if heading_deg is None else heading_deg
    heading = _filled_on(heading)
    latitude, longitude, elevation = FRAME.to_geodetic(places)
    return headed(
        filled(
            BSM,
            n,
            time_us=at_us(begin_s + np.arange(n) * PERIOD_S),
            message_count=(np.arange(n) % 128).astype(np.uint8),
            vehicle_id=np.full(n, number, np.uint64),
            latitude_deg=latitude,
            longitude_deg=longitude,
            elevation_m=elevation,
            speed_mps=np.hypot(step[:, 0], step[:, 1]) / PERIOD_S,
            heading_deg=heading,
            length_m=np.full(n, 4.6),
            width_m=np.full(n, 1.8),
        )
    )


def _filled_on(heading: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Who stands points where he pointed."""
    known = np.flatnonzero(np.isfinite(heading))
    return heading[known[np.maximum(np.searchsorted(known, np.arange(len(heading)), side="right") - 1, 0)]]


def straight(side: str, lane_m: float = RIGHT_LANE_M, *, speed_mps: float = 12.0, waits_s: float = 0.0) -> np.ndarray[Any, Any]:
    """From 110 m before the middle to 110 m behind it; waits_s: stands with the front 2 m before the line."""
    ahead = np.arange(-110.0, 110.0, speed_mps * PERIOD_S)
    if waits_s:
        stop = -LINE_M - 2.0 - 2.3
        ahead = np.sort(np.concatenate([ahead, np.full(round(waits_s / PERIOD_S), stop)]))
    return along(APPROACHES[side], lane_m, ahead)


def left(side: str) -> np.ndarray[Any, Any]:
    """Out of the left lane, a quarter of a circle, and away to the left."""
    heading, step = APPROACHES[side], 0.8
    before = along(heading, LEFT_LANE_M, np.arange(-100.0, -10.0, step))
    radius = 10.0 + 1.75
    angle = np.arange(0.0, np.pi / 2, step / radius)
    centre = along(heading, LEFT_LANE_M - radius, [-10.0])[0]
    turn = centre + np.stack(
        [
            radius * np.cos(angle - np.radians(heading)),
            radius * np.sin(angle - np.radians(heading)),
            np.zeros(len(angle)),
        ],
        axis=1,
    )
    away = along(heading - 90.0, 1.75, np.arange(10.0, 90.0, step))
    return np.concatenate([before, turn, away])


def cycles() -> Iterator[float]:
    yield from (0.0, 60.0, 120.0)


def traffic() -> Batch:
    """In each cycle four drive straight on at green, one turns left, two wait at red and leave two seconds after it is green."""
    parts, number = [], 100
    for begin in cycles():
        for place, side in enumerate(("south", "north", "south", "north")):
            parts.append(vehicle(number := number + 1, straight(side), begin + 0.5 + 2.0 * place))
        parts.append(vehicle(number := number + 1, left("south"), begin + 14.5))
        waiting = enumerate(("west", "east"), number + 1)
        parts += [vehicle(mine, straight(side, waits_s=20.0), begin + 8.3) for mine, side in waiting]
        number += 2
    rows = concatenate(parts)
    return between(rows.take(np.argsort(rows["time_us"], kind="stable")), 0.0, SECONDS)


def walker() -> Batch:
    """Somebody on foot whom the roadside unit sees."""
    times = moments()
    n = len(times)
    latitude, longitude, elevation = FRAME.to_geodetic(along(0.0, 12.0, np.linspace(-40.0, 40.0, n)))
    rows = filled(
        PARTICIPANT,
        n,
        time_us=at_us(times),
        message_count=(np.arange(n) % 128).astype(np.uint8),
        rsu_id=np.full(n, 9, np.uint64),
        participant_type=np.full(n, 3, np.uint8),
        participant_id=np.full(n, 4, np.uint16),
        latitude_deg=latitude,
        longitude_deg=longitude,
        elevation_m=elevation,
    )
    return headed(rows)


def between(rows: Batch, begin_s: float, end_s: float) -> Batch:
    return rows.take((rows["time_us"] >= at_us(begin_s)) & (rows["time_us"] < at_us(end_s)))


def without(rows: Batch, begin_s: float, end_s: float) -> Batch:
    return rows.take((rows["time_us"] < at_us(begin_s)) | (rows["time_us"] >= at_us(end_s)))


def with_vehicle(heard: Heard, *rows: Batch) -> Heard:
    whole = concatenate([heard.bsm, *rows])
    return replace(heard, bsm=whole.take(np.argsort(whole["time_us"], kind="stable")))
