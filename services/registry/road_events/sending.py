"""Lets units be told, roadside computers by a document: a helper of the clerk, in whose thread and transactions it works.

What a unit is told ends by itself after a while, so that one that nobody can reach does not tell of it for ever; as long as the
event holds it is told anew when half of that time is over. A unit that starts anew has forgotten everything, and is told again.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from chelu import topics
from chelu.bus import Received
from chelu.road_events.document import document_of
from chelu.road_events.message import Sending, frame_of, whole_minute_us, withdrawal_of
from chelu.topics import Kind
from services.registry.maps import again
from services.registry.orders import frames, issuing
from services.registry.orders.answers import EPOCH
from services.registry.orders.machine import Moment
from services.registry.orders.rows import Task
from services.registry.road_events import rows
from services.registry.track.recall import start_of

ACTOR = "registry"
LEASE = datetime.timedelta(hours=2)
EARLY = datetime.timedelta(minutes=10)  # before it holds, units are told
AGAIN = datetime.timedelta(minutes=1)  # after a unit has refused
EVERY = datetime.timedelta(seconds=0.2)
MOST_AT_ONCE = 500
MOST_STARTS = 20_000
TOPIC = {Kind.RSU: "rsi", Kind.RSCU: "event"}  # by what each kind is told
DUE = f"""SELECT u.device_key, device_id, kind, coalesce(serial, device_id) AS serial, u.number, frames, ends, {rows.OF_EVENT}
    FROM register.road_event_unit AS u JOIN register.road_event AS e USING (event_id)
        JOIN register.device ON device.device_key = u.device_key
    WHERE due <= %(now)s ORDER BY event_id, u.device_key LIMIT %(limit)s FOR UPDATE OF u"""  # noqa: S608 - constants only
STARTED = """WITH started AS (
        INSERT INTO register.unit_start AS known (device_key, start_id, map_due)
        SELECT device_key, start_id, %(map_due)s FROM unnest(%(ids)s::text[], %(starts)s::text[]) AS said (device_id, start_id)
            JOIN register.device USING (device_id) WHERE kind IN ('rsu', 'rscu')
        ON CONFLICT (device_key) DO UPDATE SET start_id = excluded.start_id, map_due = excluded.map_due
            WHERE known.start_id <> excluded.start_id OR excluded.start_id = '' RETURNING device_key)
    UPDATE register.road_event_unit AS u SET due = %(now)s FROM register.road_event AS e
    WHERE e.event_id = u.event_id AND device_key IN (SELECT device_key FROM started) AND is_held AND frames > 0
        AND withdrawn IS NULL"""
REFUSED = """UPDATE register.road_event_unit AS u SET due = %(now)s FROM register.device_order AS o
    WHERE o.number = u."order" AND o.state = 'failed' AND o.settled <= %(before)s AND u.is_held AND u.due > %(now)s"""
NOTE = """UPDATE register.road_event_unit SET due = %(due)s, ends = coalesce(%(ends)s, ends), is_held = %(is_held)s
    WHERE event_id = %(event_id)s AND device_key = %(device_key)s"""
SENT = """UPDATE register.road_event_unit AS u SET "order" = o.number, frames = frames + 1
    FROM register.device_order AS o WHERE o.dispatch_id = %s AND u.event_id = %s AND u.device_key = o.device_key"""
STATE = topics.row("{kind}/{id}/state").topic


class RoadEvents:
    """`take` is the doorkeeper's thread's; the rest is called once a turn of the clerk's, in its thread."""

    filters = tuple((STATE(kind, "+"), 1) for kind in TOPIC)

    def __init__(self) -> None:
        self._looked: Moment | None = None
        self._starts: dict[str, str] = {}

    def connected(self) -> None:
        """Who is online the broker says anew: states are retained."""

    def take(self, received: Sequence[Received]) -> None:
        """Note which units say that they are online."""
        for message in received:
            match = topics.find(message.topic) if message.topic.endswith("/state") else None
            if match is None or match.kind not in TOPIC or (start := start_of(message.payload)) is None:
                continue
            if not (message.retained and not start) and len(self._starts) < MOST_STARTS:
                self._starts[match.device] = start

    def __call__(self, connection: Connection[DictRow], now: Moment) -> bool:
        """As `clerk.Helper`."""
        if self._looked is not None and EVERY > now - self._looked >= datetime.timedelta():
            return False
        self._looked = now
        self._note_starts(connection, now)
        connection.execute(REFUSED, {"now": now, "before": now - AGAIN})
        due = connection.execute(DUE.encode(), {"now": now, "limit": MOST_AT_ONCE}).fetchall()
        by_event: dict[int, list[dict[str, Any]]] = {}
        for row in due:
            by_event.setdefault(row["event_id"], []).append(row)
        return sum(_tell(connection, event, now) for event in by_event.values()) > 0

    def _note_starts(self, connection: Connection[DictRow], now: Moment) -> None:
        starts = dict(self._starts)
        if starts:
            times = {"now": now, "map_due": now + again.GRACE}
            connection.execute(STARTED, {"ids": list(starts), "starts": list(starts.values()), **times})
        for device, start in starts.items():  # another may have come meanwhile
            if self._starts.get(device) == start:
                del self._starts[device]


def _tell(connection: Connection[DictRow], units: Sequence[dict[str, Any]], now: Moment) -> bool:
    """What is due of one event, at some of its units; true when orders were issued."""
    ends = None if _is_over(units[0], now) else _end(units[0], now)
    bodies: dict[str, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for unit in units:
        step, is_told = _step(unit, now, ends)
        if is_told:
            bodies[TOPIC[unit["kind"]]][unit["device_key"]] = _body(unit, now, ends)
        connection.execute(NOTE, {"event_id": unit["event_id"], "device_key": unit["device_key"], **step})
    for topic, mine in bodies.items():
        _issue(connection, topic, [unit for unit in units if unit["device_key"] in mine], mine, now, ends)
    return bool(bodies)


def _step(unit: Mapping[str, Any], now: Moment, ends: Moment | None) -> tuple[dict[str, Any], bool]:
    """How a unit stands from now on, and whether it is told so."""
    if ends is None:
        step = _ended(unit, now)
        return step, step["is_held"]
    if now < unit["valid_from"] - EARLY:
        return {"due": unit["valid_from"] - EARLY, "ends": None, "is_held": True}, False
    due = unit["valid_until"] if ends == unit["valid_until"] else now + LEASE / 2
    return {"due": due, "ends": ends, "is_held": True}, True


def _issue(
    connection: Connection[DictRow],
    topic: str,
    units: Sequence[Mapping[str, Any]],
    bodies: Mapping[int, Mapping[str, Any]],
    now: Moment,
    ends: Moment | None,
) -> None:
    """Orders of one topic; without an end they withdraw, as long as a unit may still tell of it."""
    event_id = units[0]["event_id"]
    last = ends or max(unit["ends"] for unit in units)
    task = Task(
        actor=ACTOR,
        topic=topic,
        body={"event_id": event_id, "what": "withdraws" if ends is None else "tells"},
        bodies=bodies,
        lasting_s=(last - now).total_seconds(),
        slot=f"rsi {event_id}",
        selection={"devices": [unit["device_id"] for unit in units]},
    )
    dispatch = issuing.issue(connection, task, now)
    connection.execute(SENT, (dispatch.dispatch_id, event_id))


def _is_over(event: Mapping[str, Any], now: Moment) -> bool:
    return event["withdrawn"] is not None or (event["valid_until"] is not None and event["valid_until"] <= now)


def _ended(unit: Mapping[str, Any], now: Moment) -> dict[str, Any]:
    """Of an event that is over: a unit that may still tell of it is told so, and its number is free when it no longer may."""
    may_tell = unit["ends"] is not None and unit["ends"] > now
    return {"due": unit["ends"] if may_tell else None, "ends": None, "is_held": may_tell}


def _end(event: Mapping[str, Any], now: Moment) -> Moment:
    """Until when units are told that it holds: a while, and no longer than it does."""
    begin = max(now, event["valid_from"])
    end_us = whole_minute_us(_us(begin + LEASE), is_up=True)
    lease: Moment = EPOCH + datetime.timedelta(microseconds=end_us)
    return lease if event["valid_until"] is None else min(lease, event["valid_until"])


def _body(unit: Mapping[str, Any], now: Moment, ends: Moment | None) -> Mapping[str, Any]:
    """What a unit is sent; without an end, that it is over."""
    return _document(unit, now, ends) if unit["kind"] == Kind.RSCU else _frame(unit, now, ends)


def _document(unit: Mapping[str, Any], now: Moment, ends: Moment | None) -> Mapping[str, Any]:
    times = {"made_us": _us(now), "start_us": _us(unit["valid_from"]), "end_us": _us(ends or now)}
    return document_of(rows.told_of(unit), unit["event_id"], serial=unit["serial"], **times)


def _frame(unit: Mapping[str, Any], now: Moment, ends: Moment | None) -> Mapping[str, Any]:
    sending = Sending(
        unit=unit["device_id"],
        number=unit["number"],
        count=unit["frames"],
        made_us=_us(now),
        start_us=_us(unit["valid_from"]) if unit["valid_from"] > now else None,
        end_us=_us(ends or now),
    )
    event = rows.told_of(unit)
    frame = withdrawal_of(event, sending) if ends is None else frame_of(event, sending)
    return frames.body_of(frame, event_id=unit["event_id"], number=unit["number"])


def _us(moment: Moment) -> int:
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)
