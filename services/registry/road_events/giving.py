"""A request for a road event made whole: its place and path, what the catalogue says, and which units it concerns."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.errors import CheluError, NotAllowedError, OutOfRangeError
from chelu.geo import LocalFrame
from chelu.road_events.catalogue import allowed, find
from chelu.road_events.message import Point, RoadEvent, Sending, frame_of, whole_minute_us
from chelu.roads.network import RoadNetwork
from chelu.topics import OPENV2X_PROFILE, Kind
from services.registry import roads_in_force
from services.registry.orders.answers import EPOCH
from services.registry.orders.issuing import refuse
from services.registry.orders.machine import Moment
from services.registry.problems import Fault, shown
from services.registry.road_events import rows, ways
from services.registry.road_events.models import MOST_UNITS, NewRoadEvent, Place
from services.registry.road_events.units import Near, by_distance, free_number
from services.registry.track.rows import refuse as refusal

PATH_RADIUS_M = 5.0
LONGEST = datetime.timedelta(days=20 * 366)  # a message never says so much: units are told for two hours at a time
NAMED = 3  # units in a refusal


@dataclass(frozen=True, slots=True)
class Whole:
    """An event with all that was left open filled in; way: the lane or road that its path was taken from."""

    event: RoadEvent
    way: str | None
    valid_from: Moment
    valid_until: Moment | None


def made_whole(wanted: NewRoadEvent, frame: LocalFrame, network: RoadNetwork | None, now: Moment) -> Whole:
    """ProblemError 422 for what there is not, or what a message cannot say."""
    is_sign = wanted.sort == "sign"
    entry = find(wanted.code, is_sign=is_sign)
    if entry is None:
        raise refusal("code", wanted.code, allowed(is_sign=is_sign))
    place, path, half_width_m = _where(wanted, frame, network)
    begin, until = period(wanted.valid_from or now, wanted.valid_until, now)
    usual_m = PATH_RADIUS_M if half_width_m is None else round(half_width_m, 1)
    event = RoadEvent(
        is_sign=is_sign,
        code=wanted.code,
        text=wanted.text,
        place=place,
        path=tuple(path),
        radius_m=entry.radius_m if wanted.radius_m is None else wanted.radius_m,
        path_radius_m=usual_m if wanted.path_radius_m is None else wanted.path_radius_m,
        priority=entry.priority if wanted.priority is None else wanted.priority,
        source=wanted.source,
    )
    _check_sayable(event, now)
    return Whole(event, wanted.lane or wanted.road, begin, until)


def period(begin: Moment, until: Moment | None, now: Moment) -> tuple[Moment, Moment | None]:
    """In whole minutes, as a message says it; ProblemError 422 for one that is over or too far away."""
    if not now - LONGEST <= begin <= now + LONGEST:
        raise refusal("valid_from", begin.isoformat(), f"within {LONGEST.days} days")
    begin = _minute(begin, is_up=False)
    if until is None:
        return begin, None
    # the last minute of all has none behind it: what is too far away is refused before it is rounded up
    end = _minute(until, is_up=True) if now - LONGEST <= until <= now + LONGEST else until
    if not max(now, begin) < end <= now + LONGEST:
        raise refusal("valid_until", end.isoformat(), f"after now and after valid_from, within {LONGEST.days} days")
    return begin, end


def network_of(connection: rows.Execute, wanted: NewRoadEvent, site_id: str) -> RoadNetwork | None:
    """The roads in force where the request needs them; ProblemError 422 when there are none that can be read."""
    if wanted.lane is None and wanted.road is None:
        return None
    field, value = ("lane", wanted.lane) if wanted.lane is not None else ("road", wanted.road)
    roads = roads_in_force.find(connection, site_id)
    if roads is None:
        raise refusal(field, value, "a path, since the site has no road network")
    try:
        return roads_in_force.network(connection, roads)
    except CheluError as error:
        raise refusal(field, value, f"a path, since the site's road network cannot be read: {error}") from None


def concerned(found: Sequence[Mapping[str, Any]], wanted: NewRoadEvent, whole: Whole, frame: LocalFrame) -> list[int]:
    """Keys of the units that are to tell of it: those named, or those whose coverage it touches. ProblemError 422 for none."""
    if wanted.units is not None:
        _check_named(found, wanted)
        return [unit["device_key"] for unit in found]
    speaking = [unit for unit in found if unit["profile"] != OPENV2X_PROFILE]
    event = whole.event
    near = by_distance(speaking, frame, event.place, event.path, event.radius_m)
    chosen = [unit for unit in near if unit.is_concerned][:MOST_UNITS]
    if not chosen:
        raise refusal("units", "none", f"a place that a unit's coverage reaches, or units by name: {_nearest(near)}")
    return [unit.device_key for unit in chosen]


def numbers(connection: rows.Execute, keys: Sequence[int], event_id: int, *, is_sign: bool) -> list[int]:
    """A number at each unit; ProblemError 422 where one has none left."""
    held = {row["device_key"]: row["numbers"] for row in connection.execute(rows.HELD, (is_sign, list(keys)))}
    found = [free_number(event_id, held.get(key, ())) for key in keys]
    if None in found:
        raise refusal("units", f"{found.count(None)} of them", "units that tell of fewer than 256 events, and 256 signs")
    return [number for number in found if number is not None]


def _where(
    wanted: NewRoadEvent, frame: LocalFrame, network: RoadNetwork | None
) -> tuple[Point | None, Sequence[Point], float | None]:
    """Place, path, and half the width of a way of the network."""
    place = None if wanted.place is None else _point(wanted.place)
    if network is None:
        return place, [_point(each) for each in wanted.path or ()], None
    try:
        whole = ways.lane_of(network, wanted.lane) if wanted.lane is not None else ways.road_of(network, wanted.road or "")
        at_place = None if wanted.at_m is None else _points(frame, np.array([ways.place_on(whole, wanted.at_m)]))[0]
        way = ways.stretch(whole, wanted.from_m, wanted.to_m)
    except ways.NoWayError as error:
        raise refusal(error.field, error.value, error.allowed) from None
    return at_place or place, _points(frame, ways.thinned(way.points)), way.half_width_m


def _points(frame: LocalFrame, local: ways.Floats) -> list[Point]:
    columns = (np.round(column, digits).tolist() for column, digits in zip(frame.to_geodetic(local), (7, 7, 1), strict=True))
    return [Point(*values) for values in zip(*columns, strict=True)]


def _point(place: Place) -> Point:
    return Point(place.latitude_deg, place.longitude_deg, place.elevation_m)


def _check_sayable(event: RoadEvent, now: Moment) -> None:
    """Whether a message has room for it, before it is kept."""
    now_us = (now - EPOCH) // datetime.timedelta(microseconds=1)
    try:
        frame_of(event, Sending(unit="", number=0, count=0, made_us=now_us, start_us=now_us, end_us=now_us))
    except (OutOfRangeError, NotAllowedError) as error:
        raise refusal(error.field, "it", str(error)) from None


def _check_named(found: Sequence[Mapping[str, Any]], wanted: NewRoadEvent) -> None:
    known = {unit["device_id"]: unit for unit in found}
    missing = [name for name in wanted.units or () if name not in known]
    faults = [Fault("units", shown(name), "roadside units and computers of the site that may speak") for name in missing]
    for name, unit in known.items():
        if unit["kind"] not in {Kind.RSU, Kind.RSCU}:
            faults.append(Fault("units", shown(name), "roadside units and computers (rsu, rscu) only"))
        elif unit["kind"] == Kind.RSCU and wanted.sort == "sign":
            faults.append(Fault("units", shown(name), "roadside units (rsu) for a sign: T/ITS 0180.1 has none for a computer"))
        elif unit["profile"] == OPENV2X_PROFILE:
            faults.append(Fault("units", shown(name), f"units that take frames, which one of profile {OPENV2X_PROFILE} does not"))
    refuse(faults)


def _nearest(near: Sequence[Near]) -> str:
    if not near:
        return "no unit of the site has a position"
    far = ", ".join(
        f"{unit.device_id} is {unit.distance_m:.0f} m away and heard for {unit.coverage_m:g} m" for unit in near[:NAMED]
    )
    return f"the nearest, {far}"


def _minute(moment: Moment, *, is_up: bool) -> Moment:
    time_us = (moment - EPOCH) // datetime.timedelta(microseconds=1)
    return EPOCH + datetime.timedelta(microseconds=whole_minute_us(time_us, is_up=is_up))
