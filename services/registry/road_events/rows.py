"""SQL of road events, and rows as values."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from chelu.road_events.catalogue import find
from chelu.road_events.message import Point
from chelu.road_events.message import RoadEvent as Told
from chelu.topics import Kind
from services.registry.lifecycle import SPEAKING
from services.registry.problems import not_found
from services.registry.road_events.models import RoadEvent

Execute = Connection[DictRow]
LOCK = "SELECT pg_advisory_xact_lock(hashtext('chelu road events'), hashtext(%s))"
FIELDS = """event_id, site_id, is_sign, code, text, source, place, path, way, radius_m, path_radius_m, priority, valid_from,
    valid_until, added, added_by, withdrawn, withdrawn_by"""
COUNTS = """(SELECT count(*) FROM register.road_event_unit AS u WHERE u.event_id = e.event_id) AS units,
    (SELECT count(*) FROM register.road_event_unit AS u JOIN register.device_order AS o ON o.number = u."order"
        WHERE u.event_id = e.event_id AND o.state = 'applied') AS told"""
STANDING = """CASE WHEN withdrawn IS NOT NULL THEN 'withdrawn' WHEN valid_until <= %(now)s THEN 'over'
    WHEN valid_from > %(now)s THEN 'planned' ELSE 'holds' END"""
LIST = f"""SELECT * FROM (SELECT {FIELDS}, {STANDING} AS standing, {COUNTS} FROM register.road_event AS e
        WHERE site_id = %(site_id)s AND event_id > %(after)s) AS found
    WHERE (%(standing)s::text IS NULL OR standing = %(standing)s) ORDER BY event_id LIMIT %(limit)s"""  # noqa: S608 - constants only
ONE = f"""SELECT {FIELDS}, {STANDING} AS standing, {COUNTS} FROM register.road_event AS e
    WHERE site_id = %(site_id)s AND event_id = %(event_id)s"""  # noqa: S608 - constants only
ADD = """INSERT INTO register.road_event (site_id, is_sign, code, text, source, place, path, way, radius_m, path_radius_m,
        priority, valid_from, valid_until, added_by)
    VALUES (%(site_id)s, %(is_sign)s, %(code)s, %(text)s, %(source)s, %(place)s, %(path)s, %(way)s, %(radius_m)s,
        %(path_radius_m)s, %(priority)s, %(valid_from)s, %(valid_until)s, %(added_by)s) RETURNING event_id"""
ADD_UNITS = """INSERT INTO register.road_event_unit (event_id, device_key, is_sign, number, due)
    SELECT %(event_id)s, device_key, %(is_sign)s, number, %(now)s
    FROM unnest(%(keys)s::integer[], %(numbers)s::integer[]) AS new (device_key, number)"""
HELD = """SELECT device_key, array_agg(number) AS numbers FROM register.road_event_unit
    WHERE is_held AND is_sign = %s AND device_key = ANY(%s) GROUP BY device_key"""
UNITS = """SELECT device_key, device_id, kind, profile, latitude_deg, longitude_deg, coverage_m FROM register.device
    WHERE site_id = %(site_id)s AND lifecycle = ANY(%(speaking)s)
        AND (CASE WHEN %(ids)s::text[] IS NULL THEN kind = ANY(%(kinds)s) ELSE device_id = ANY(%(ids)s) END) ORDER BY device_id"""
AT_UNITS = """SELECT u.device_key, device_id, kind, CASE kind WHEN 'rscu' THEN event_id ELSE u.number END AS number, frames,
        ends, u."order", o.state, coalesce(o.detail, '') AS detail
    FROM register.road_event_unit AS u JOIN register.device USING (device_key)
        LEFT JOIN register.device_order AS o ON o.number = u."order"
    WHERE event_id = %s ORDER BY device_id"""
CHANGE = "UPDATE register.road_event SET valid_until = %(until)s WHERE event_id = %(event_id)s"
WITHDRAW = "UPDATE register.road_event SET withdrawn = %(now)s, withdrawn_by = %(actor)s WHERE event_id = %(event_id)s"
WAKE = "UPDATE register.road_event_unit SET due = %(now)s WHERE event_id = %(event_id)s AND is_held"
OF_EVENT = ", ".join(f"e.{name.strip()}" for name in FIELDS.split(","))
SHOULD = f"""SELECT u.device_key, device_id, u.number, u.ends, u.frames, {OF_EVENT}
    FROM register.road_event_unit AS u JOIN register.road_event AS e USING (event_id)
        JOIN register.device ON device.device_key = u.device_key
    WHERE e.site_id = %(site_id)s AND is_held ORDER BY device_id, event_id"""  # noqa: S608 - constants only


def lock(connection: Execute, site_id: str) -> None:
    """Let nobody else number this site's events before this transaction ends."""
    connection.execute(LOCK, (site_id,))


def one(connection: Execute, site_id: str, event_id: int, now: datetime.datetime) -> RoadEvent:
    """One event; ProblemError 404."""
    row = connection.execute(ONE.encode(), {"site_id": site_id, "event_id": event_id, "now": now}).fetchone()
    if row is None:
        raise not_found("road event", str(event_id))
    return shown(row)


def shown(row: Mapping[str, Any]) -> RoadEvent:
    """A row as the API has it."""
    entry = find(row["code"], is_sign=row["is_sign"])
    fields = {name: value for name, value in row.items() if name in RoadEvent.model_fields}
    fields |= {"name": entry.english if entry else "", "chinese": entry.chinese if entry else ""}
    return RoadEvent(**fields, sort="sign" if row["is_sign"] else "event")


def told_of(row: Mapping[str, Any]) -> Told:
    """A row as it is said on the air."""
    return Told(
        is_sign=row["is_sign"],
        code=row["code"],
        text=row["text"],
        place=None if row["place"] is None else Point(**row["place"]),
        path=tuple(Point(**point) for point in row["path"]),
        radius_m=row["radius_m"],
        path_radius_m=row["path_radius_m"],
        priority=row["priority"],
        source=row["source"],
    )


def add(connection: Execute, site_id: str, event: Told, more: Mapping[str, Any]) -> int:
    """Keep an event; its number. more: way, valid_from, valid_until, added_by."""
    values = {
        "site_id": site_id,
        "place": None if event.place is None else Jsonb(_point(event.place)),
        "path": Jsonb([_point(point) for point in event.path]),
        **{name: getattr(event, name) for name in ("is_sign", "code", "text", "source", "radius_m", "path_radius_m", "priority")},
    }
    row = connection.execute(ADD, {**values, **more}).fetchone() or {}
    return int(row["event_id"])


def units(
    connection: Execute, site_id: str, ids: Sequence[str] | None = None, kinds: Sequence[Kind] = (Kind.RSU,)
) -> list[dict[str, Any]]:
    """The site's devices of these kinds that may speak, or those of these ids."""
    named = None if ids is None else list(ids)
    asked = {"site_id": site_id, "ids": named, "kinds": [str(kind) for kind in kinds], "speaking": sorted(SPEAKING)}
    return connection.execute(UNITS, asked).fetchall()


def _point(point: Point) -> dict[str, float | None]:
    return {"latitude_deg": point.latitude_deg, "longitude_deg": point.longitude_deg, "elevation_m": point.elevation_m}
