"""What roadside units are heard to tell, from the RSIs that are stored of them, beside what they should tell."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.codec.cv2x_time import UNKNOWN_MS, minute_time_us
from chelu.codec.places import geodetic
from chelu.geo import LocalFrame
from chelu.road_events.message import RoadEvent
from services.registry.orders.answers import EPOCH
from services.registry.orders.machine import Moment

Execute = Connection[DictRow]
BACK = datetime.timedelta(hours=2)  # as long as a unit is told that something holds
WITHOUT_END = datetime.timedelta(minutes=10)  # as inference keeps what has no end
MOST_MESSAGES = 300  # of one unit
SAME_M = 1.0  # a message holds a place to a centimetre
THERE = "SELECT to_regclass('stream.message') IS NOT NULL AS is_there"
HEARD = """SELECT device_key, time, value FROM unnest(%(keys)s::integer[]) AS unit (device_key) CROSS JOIN LATERAL (
        SELECT time, value FROM stream.message
        WHERE message.device_key = unit.device_key AND kind = 'rsi' AND time > %(since)s AND value IS NOT NULL
        ORDER BY time DESC LIMIT %(limit)s) AS said
    ORDER BY device_key, time DESC"""
Name = tuple[bool, int]  # is_sign, and the unit's number for it


@dataclass(frozen=True, slots=True)
class Item:
    """One event or sign as a unit told it last. place: latitude and longitude; until: None where it has no end."""

    is_sign: bool
    number: int
    code: int
    place: tuple[float, float] | None
    heard: Moment
    until: Moment | None

    @property
    def name(self) -> Name:
        """What the unit calls it."""
        return self.is_sign, self.number

    def holds(self, now: Moment) -> bool:
        """Whether the unit tells of it now, as far as it has said."""
        return self.heard + WITHOUT_END > now if self.until is None else self.until > now


def latest(connection: Execute, keys: Sequence[int], now: Moment) -> dict[int, dict[Name, Item]]:
    """By device key, what each unit told last of each thing; empty where nothing has ever been stored."""
    there = connection.execute(THERE).fetchone()
    if not keys or there is None or not there["is_there"]:
        return {}
    query = {"keys": list(keys), "since": now - BACK, "limit": MOST_MESSAGES}
    found: dict[int, dict[Name, Item]] = {}
    for row in connection.execute(HEARD, query):
        told = found.setdefault(row["device_key"], {})
        for item in items_of(row["value"], row["time"]):
            told.setdefault(item.name, item)
    return found


def items_of(value: Mapping[str, Any], heard: Moment) -> Iterable[Item]:
    """The events and signs of a stored RSI."""
    reference = value.get("reference_position") or {}
    for is_sign, each in (*((False, it) for it in value.get("rtes", ())), *((True, it) for it in value.get("rtss", ()))):
        number, code, position = (each.get(name) for name in NAMES[is_sign])
        end = each.get("time_details", {}).get("end_time")
        place = geodetic(position, reference)[:2] if position else _first(each, reference)
        until = None if end is None else _minute(end, heard)
        yield Item(is_sign, int(number), int(code), place, heard, until)


def differences(now: Moment, should: Mapping[Name, tuple[int, RoadEvent]], tells: Mapping[Name, Item]) -> dict[Name, list[str]]:
    """What a unit tells otherwise than it should, by what it calls it. should: with the event's number here."""
    holding = {name: item for name, item in tells.items() if item.holds(now)}
    found: dict[Name, list[str]] = {}
    for name, (event_id, event) in should.items():
        item = holding.get(name)
        what = _of(event_id, event, item) if item else [f"event {event_id} is not heard from it"]
        if what:
            found[name] = what
    for name, item in holding.items():
        if name not in should:
            found[name] = [f"it tells of {_word(name)} of type {item.code}, which nobody here asks of it"]
    return found


def _of(event_id: int, event: RoadEvent, item: Item) -> list[str]:
    found = []
    if item.code != event.code:
        found.append(f"event {event_id}: it tells of type {item.code} where {event.code} was sent")
    wanted = event.place or event.path[0]
    if item.place is None:
        found.append(f"event {event_id}: it does not say where")
    elif (away_m := _metres((wanted.latitude_deg, wanted.longitude_deg), item.place)) > SAME_M:
        found.append(f"event {event_id}: it tells of a place {away_m:.1f} m from the one that was sent")
    return found


NAMES = {False: ("rte_id", "event_type", "event_pos"), True: ("rts_id", "sign_type", "sign_pos")}


def _first(item: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[float, float] | None:
    for path in item.get("reference_paths", ()):
        return geodetic(path["active_path"][0], reference)[:2]
    return None


def _word(name: Name) -> str:
    return f"{'sign' if name[0] else 'event'} number {name[1]}"


def _minute(minute: int, heard: Moment) -> Moment:
    """The begin of the minute of the year, the nearest to the hearing."""
    reference_us = (heard - EPOCH) // datetime.timedelta(microseconds=1)
    at_us = int(minute_time_us(np.array([minute]), np.array([UNKNOWN_MS]), np.array([reference_us], np.int64))[0])
    return EPOCH + datetime.timedelta(microseconds=at_us // 60_000_000 * 60_000_000)


def _metres(one: tuple[float, float], two: tuple[float, float]) -> float:
    step = LocalFrame(*one).to_local(*two)[0]
    return float(np.hypot(step[0], step[1])) if np.isfinite(step[:2]).all() else float("inf")
