"""SQL of health: which devices there are and what is expected of them, and the book of their health kept and read again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.registry.device_rows import BELOW
from services.registry.health.columns import COUNTERS, INSTANTS, QUANTITIES, STATUSES, TALLIES, Book, Known
from services.registry.health.profiles import known

Execute = Connection[DictRow]
TABLES = ("device", "message_profile", "threshold")  # of what is expected of devices
IS_BELOW_GATEWAY = f"device.device_key IN ({BELOW} SELECT device_key FROM below) AS is_below_gateway"  # noqa: S608
DEVICES = f"""SELECT device_key, device_id, kind, site_id, lifecycle, profile, heartbeat_s, rates_hz, {IS_BELOW_GATEWAY}
    FROM register.device LEFT JOIN register.message_profile ON message_profile.name = device.profile
    ORDER BY device_key"""  # noqa: S608 - constants only
SAVED_AT_ONCE = 200  # devices: while they become JSON, nothing else has the interpreter
LOAD = "SELECT * FROM register.health"
TYPES = {
    "device_key": "integer",
    "status": "text",
    "is_off": "boolean",
    "reason": "text",
    "problems": "text[]",
    **dict.fromkeys((*INSTANTS, *COUNTERS), "bigint"),
    **dict.fromkeys(TALLIES, "jsonb"),
    **dict.fromkeys(QUANTITIES, "double precision"),
}
NAMES = ", ".join(TYPES)
SAVE = f"""INSERT INTO register.health ({NAMES})
    SELECT {", ".join(f"new.{name}" for name in TYPES)}
    FROM jsonb_to_recordset(%s) AS new ({", ".join(f"{name} {kind}" for name, kind in TYPES.items())})
        JOIN register.device USING (device_key)
    ON CONFLICT (device_key) DO UPDATE
        SET {", ".join(f"{name} = excluded.{name}" for name in TYPES if name != "device_key")}"""  # noqa: S608 - constants only


def devices(connection: Execute) -> Iterator[Known]:
    """All devices, with what is expected of them."""
    return map(known, connection.execute(DEVICES.encode()))


def load(connection: Execute, book: Book) -> None:
    """Let a new book know what was kept of its devices."""
    for row in connection.execute(LOAD.encode()):
        place = book.place_of_key.get(row["device_key"])
        if place is not None:
            _load(book, place, row)


def _load(book: Book, place: int, row: Mapping[str, Any]) -> None:
    for name, column in book.integers.items():
        column[place] = row[name]
    for name, numbers in book.floats.items():
        numbers[place] = math.nan if row[name] is None else row[name]
    for name, tally in book.tallies.items():
        if row[name]:
            tally[place] = row[name]
    book.is_off[place], book.status[place] = row["is_off"], STATUSES.index(row["status"])
    if row["reason"]:
        book.reason[place] = row["reason"]
    for name in row["problems"]:
        book.problems.setdefault(name, np.zeros(len(book), np.bool_))[place] = True


def save(connection: Execute, book: Book, places: Sequence[int]) -> int:
    """Keep these places of the book; devices deleted meanwhile are passed over. Answers how many they were."""
    for begin in range(0, len(places), SAVED_AT_ONCE):
        rows = [_row(book, place) for place in places[begin : begin + SAVED_AT_ONCE]]
        connection.execute(SAVE.encode(), (Jsonb(rows),))
    return len(places)


def _row(book: Book, place: int) -> dict[str, Any]:
    return {
        "device_key": book.keys[place],
        "status": STATUSES[book.status[place]],
        "is_off": bool(book.is_off[place]),
        "reason": book.reason.get(place, ""),
        "problems": book.problems_of(place),
        **{name: int(column[place]) for name, column in book.integers.items()},
        **{name: _number(column[place]) for name, column in book.floats.items()},
        **{name: dict(tally.get(place, {})) for name, tally in book.tallies.items()},
    }


def _number(value: np.float64) -> float | None:
    return float(value) if math.isfinite(value) else None
