"""SQL of orders: many of them in one statement, whatever the number of devices."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.registry.orders.machine import OPEN, Event, Moment, Order, State, Superseded, after_all

Execute = Connection[DictRow]
IS_OPEN = f"state IN ({', '.join(repr(str(state)) for state in State if state in OPEN)})"
KEPT = "90 days"
FREE = """NOT EXISTS (SELECT 1 FROM register.campaign_target WHERE campaign_target.number = device_order.number
    OR campaign_target.back = device_order.number)"""

DISPATCH = """INSERT INTO register.dispatch (actor, topic, body, selection, devices)
    VALUES (%(actor)s, %(topic)s, %(body)s, %(selection)s, %(devices)s) RETURNING dispatch_id"""
ADD = """INSERT INTO register.device_order (dispatch_id, device_key, topic, slot, body, queued, due, expires)
    SELECT %(dispatch)s, device_key, %(topic)s, %(slot)s, body, %(now)s, %(now)s, %(expires)s
    FROM unnest(%(keys)s::integer[], %(bodies)s::jsonb[]) WITH ORDINALITY AS new (device_key, body, place) ORDER BY place
    RETURNING number, device_key"""
BEFORE = f"""SELECT number FROM register.device_order
    WHERE device_key = ANY(%(keys)s) AND slot = %(slot)s AND {IS_OPEN}"""  # noqa: S608
# Two who order at the same moment do not see each other's order.
OVERTAKEN = f"""SELECT DISTINCT older.number FROM unnest(%s::bigint[]) AS said (number)
    JOIN register.device_order AS o ON o.number = said.number AND o.slot IS NOT NULL
    JOIN LATERAL (SELECT number, lead(number) OVER (ORDER BY number) AS newer FROM register.device_order AS held
        WHERE held.device_key = o.device_key AND held.slot = o.slot AND held.{IS_OPEN}) AS older ON older.newer IS NOT NULL"""  # noqa: S608
OF_DISPATCH = f"SELECT number FROM register.device_order WHERE dispatch_id = %s AND {IS_OPEN}"  # noqa: S608 - constants only
FIELDS = ("number", "state", "queued", "expires", "due", "attempts", "pause_s", "sent", "delivered", "settled", "code", "detail")
LAST_FIELDS = ("answer", "answers", "is_late")
LOAD = f"""SELECT {", ".join((*FIELDS, *LAST_FIELDS))} FROM register.device_order WHERE number = ANY(%s)
    ORDER BY number FOR UPDATE"""  # noqa: S608 - constants only
MOVABLE = {
    "state": "text",
    "due": "timestamptz",
    "attempts": "integer",
    "pause_s": "integer",
    "sent": "timestamptz",
    "delivered": "timestamptz",
    "settled": "timestamptz",
    "code": "integer",
    "detail": "text",
    "answer": "jsonb",
    "answers": "integer",
    "is_late": "boolean",
}
STORE = f"""UPDATE register.device_order AS o SET {", ".join(f"{name} = new.{name}" for name in MOVABLE)}
    FROM jsonb_to_recordset(%s) AS new (number bigint, {", ".join(f"{name} {kind}" for name, kind in MOVABLE.items())})
    WHERE o.number = new.number"""  # noqa: S608 - constants only
# Whoever changes an order now may wait for another that is locked here already: it is sent when that is over.
DUE = f"""SELECT number FROM register.device_order WHERE {IS_OPEN} AND due <= %(now)s AND expires > %(now)s
    ORDER BY due, number LIMIT %(limit)s FOR UPDATE SKIP LOCKED"""  # noqa: S608 - constants only
OVER = f"SELECT number FROM register.device_order WHERE {IS_OPEN} AND expires <= %(now)s LIMIT %(limit)s"  # noqa: S608
LETTERS = """SELECT number, topic, body, device_id, kind FROM register.device_order JOIN register.device USING (device_key)
    WHERE number = ANY(%s) ORDER BY number"""
WHOSE = """SELECT number, device_id, topic, body, attempts FROM register.device_order JOIN register.device USING (device_key)
    JOIN unnest(%s::text[], %s::bigint[]) AS said (device_id, number) USING (device_id, number)"""
OF_FRAMES = """SELECT device_id, said.digest, max(number) AS number
    FROM unnest(%s::text[], %s::text[]) AS said (device_id, digest) JOIN register.device USING (device_id)
        JOIN register.device_order AS o ON o.device_key = device.device_key AND o.body ->> 'sha256' = said.digest
            AND topic IN ('map', 'rsi')
    WHERE attempts > 0 GROUP BY device_id, said.digest"""
OF_DEVICES = f"""SELECT number FROM register.device_order JOIN register.device USING (device_key)
    WHERE device_id = ANY(%s) AND attempts > 0 AND {IS_OPEN}"""  # noqa: S608 - constants only
ATTEMPTED = f"SELECT number FROM register.device_order WHERE attempts > 0 AND {IS_OPEN}"  # noqa: S608 - constants only
FORGET = f"DELETE FROM register.device_order WHERE settled < now() - interval '{KEPT}' AND {FREE}"  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What some devices are to be told. bodies: by device key; slot: see `schemas.Command`; selection: how they were chosen."""

    actor: str
    topic: str
    body: Mapping[str, Any]
    bodies: Mapping[int, Mapping[str, Any]]
    lasting_s: float
    slot: str | None = None
    selection: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Letter:
    """An order as it is sent."""

    number: int
    topic: str
    body: Mapping[str, Any]
    device_id: str
    kind: str

    def document(self) -> dict[str, Any]:
        """With its number, and the wish for an answer (T/ITS 0117)."""
        return {"seqNum": self.number, "ack": True, **self.body}


def issue(connection: Execute, task: Task, now: Moment) -> tuple[int, dict[int, int]]:
    """Queue one order a device; answers the dispatch and order numbers by device key."""
    dispatch = open_dispatch(connection, task, len(task.bodies))
    return dispatch, add(connection, dispatch, task, now)


def open_dispatch(connection: Execute, task: Task, devices: int) -> int:
    """Note what was asked for, of so many devices; its orders are yet to be added."""
    values = {"actor": task.actor, "topic": task.topic, "body": Jsonb(task.body), "selection": Jsonb(task.selection)}
    row = connection.execute(DISPATCH, {**values, "devices": devices}).fetchone()
    return int(row["dispatch_id"]) if row else 0


def add(connection: Execute, dispatch: int, task: Task, now: Moment) -> dict[int, int]:
    """Queue a task's orders under a dispatch; their numbers by device key. Older ones of the slot are superseded."""
    keys = list(task.bodies)
    if task.slot is not None:
        supersede(connection, [r["number"] for r in connection.execute(BEFORE, {"keys": keys, "slot": task.slot})], now)
    rows = connection.execute(
        ADD,
        {
            "dispatch": dispatch,
            "topic": task.topic,
            "slot": task.slot,
            "now": now,
            "expires": now + datetime.timedelta(seconds=task.lasting_s),
            "keys": keys,
            "bodies": [Jsonb(body) for body in task.bodies.values()],
        },
    ).fetchall()
    return {row["device_key"]: row["number"] for row in rows}


def supersede(connection: Execute, numbers: Sequence[int], now: Moment, detail: str = "a newer order took its place") -> int:
    """Take orders back that are still open; how many were."""
    return sum(order.state is State.SUPERSEDED for order in move(connection, {it: [Superseded(now, detail)] for it in numbers}))


def take_back(connection: Execute, dispatch_id: int, now: Moment) -> int:
    """Take back what of a dispatch is still open; how many orders that were."""
    numbers = [row["number"] for row in connection.execute(OF_DISPATCH, (dispatch_id,))]
    return supersede(connection, numbers, now, "taken back")


def move(connection: Execute, events: Mapping[int, Sequence[Event]]) -> list[Order]:
    """Let events happen to orders, by number; answers those that are different now."""
    if not events:
        return []
    rows = connection.execute(LOAD, (sorted(events),)).fetchall()
    before = [Order(**{**row, "state": State(row["state"])}) for row in rows]
    changed = [order for old in before if (order := after_all(old, events[old.number])) != old]
    if changed:
        connection.execute(STORE, (Jsonb([_row(order) for order in changed]),))
    return changed


def due(connection: Execute, now: Moment, limit: int) -> list[int]:
    """Orders that are to be sent now, the longest due first; without those that somebody else is changing."""
    return [row["number"] for row in connection.execute(DUE, {"now": now, "limit": limit})]


def overtaken(connection: Execute, numbers: Sequence[int]) -> list[int]:
    """The open orders to the devices of these that a newer open one of their slot should have superseded."""
    return [row["number"] for row in connection.execute(OVERTAKEN, (list(numbers),))] if numbers else []


def over(connection: Execute, now: Moment, limit: int) -> list[int]:
    """Orders whose time is over."""
    return [row["number"] for row in connection.execute(OVER, {"now": now, "limit": limit})]


def letters(connection: Execute, numbers: Collection[int]) -> list[Letter]:
    """What is to be sent for these orders."""
    return [Letter(**row) for row in connection.execute(LETTERS, (list(numbers),))]


def whose(connection: Execute, said: Collection[tuple[str, int]]) -> dict[tuple[str, int], dict[str, Any]]:
    """Topic and body of those orders that these devices speak of and that are theirs, by (device, number)."""
    pairs = list(said)
    rows = connection.execute(WHOSE, ([pair[0] for pair in pairs], [pair[1] for pair in pairs])).fetchall() if pairs else []
    return {(row["device_id"], row["number"]): row for row in rows}


def of_frames(connection: Execute, said: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The newest orders that these devices were sent as these frames, by (device, digest)."""
    pairs = list(said)
    rows = connection.execute(OF_FRAMES, ([pair[0] for pair in pairs], [pair[1] for pair in pairs])).fetchall() if pairs else []
    return {(row["device_id"], row["digest"]): row["number"] for row in rows}


def of_devices(connection: Execute, device_ids: Iterable[str]) -> list[int]:
    """The open orders that these devices were sent."""
    ids = list(device_ids)
    return [row["number"] for row in connection.execute(OF_DEVICES, (ids,))] if ids else []


def attempted(connection: Execute) -> list[int]:
    """All open orders that have left us."""
    return [row["number"] for row in connection.execute(ATTEMPTED.encode())]


def forget(connection: Execute) -> None:
    """Forget orders that ended long ago; who asked for them stays in the audit log."""
    connection.execute(FORGET.encode())


def _row(order: Order) -> dict[str, Any]:
    row = ((name, getattr(order, name)) for name in ("number", *MOVABLE))
    return {name: value.isoformat() if isinstance(value, datetime.datetime) else value for name, value in row}
