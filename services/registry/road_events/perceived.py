"""What roadside computers perceive now, from the events that are stored of them (T/ITS 0180.1)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.orders.machine import Moment

Execute = Connection[DictRow]
BACK = datetime.timedelta(seconds=10)  # the standard has what is perceived repeated every second
MOST = 1000  # of one computer
THERE = "SELECT to_regclass('stream.event') IS NOT NULL AS is_there"
# One that has no number is known by its type and by where it is, to about 10 m.
SEEN = """SELECT * FROM (SELECT DISTINCT ON (device_key, event_type, event_id, spot) device_key, time, event_type, event_id,
        latitude_deg, longitude_deg, ended
    FROM unnest(%(keys)s::integer[]) AS computer (device_key) CROSS JOIN LATERAL (
        SELECT time, event_type, event_id, latitude_deg, longitude_deg, ended,
            CASE WHEN event_id IS NULL THEN point(round(latitude_deg * 1e4), round(longitude_deg * 1e4))::text END AS spot
        FROM stream.event
        WHERE event.device_key = computer.device_key AND time > %(since)s AND time <= %(until)s
        ORDER BY time DESC LIMIT %(limit)s) AS said
    ORDER BY device_key, event_type, event_id, spot, time DESC) AS newest
    WHERE ended IS NULL OR ended > %(now)s ORDER BY device_key, event_type, event_id, time"""


@dataclass(frozen=True, slots=True)
class Perceived:
    """One event as a computer told it last. number: its own for it, None where it gives none."""

    code: int
    number: int | None
    place: tuple[float, float]
    heard: Moment


def latest(connection: Execute, keys: Sequence[int], now: Moment) -> Mapping[int, list[Perceived]]:
    """By device key, what each computer perceives; empty where nothing has ever been stored."""
    there = connection.execute(THERE).fetchone()
    if not keys or there is None or not there["is_there"]:
        return {}
    found: dict[int, list[Perceived]] = {}
    query = {"keys": list(keys), "since": now - BACK, "until": now + BACK, "now": now, "limit": MOST}
    for row in connection.execute(SEEN, query):
        found.setdefault(row["device_key"], []).append(_perceived(row))
    return found


def _perceived(row: Mapping[str, Any]) -> Perceived:
    return Perceived(row["event_type"], row["event_id"], (row["latitude_deg"], row["longitude_deg"]), row["time"])
