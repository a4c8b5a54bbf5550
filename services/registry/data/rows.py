"""SQL of exports: their records, what is fixed when they are asked for, and how far they came."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.registry.data.pages import Place
from services.registry.data.plan import Plan
from services.registry.database import Register
from services.registry.whereabouts import JOINED, MOVES

Execute = Connection[DictRow]
KEPT_DAYS = 7  # where an export can go on without beginning anew
ADD = """INSERT INTO register.export (actor, recipient, purpose, format, selection)
    VALUES (%(actor)s, %(recipient)s, %(purpose)s, %(format)s, %(selection)s) RETURNING export_id"""
ADD_FILES = "INSERT INTO register.export_file (export_id, stream) SELECT %s, unnest(%s::text[])"
ADD_PLAN = "INSERT INTO register.export_plan (export_id, plan) VALUES (%s, %s)"
FORGET = """DELETE FROM register.export_part AS part USING register.export_file AS file JOIN register.export USING (export_id)
    WHERE part.export_id = file.export_id AND part.stream = file.stream
        AND coalesce(file.fetched, created) < now() - %s * interval '1 day'"""
FILES = """SELECT jsonb_agg(jsonb_build_object('stream', stream, 'bytes', file.bytes, 'is_complete', is_complete,
        'fetches', fetches, 'fetched', fetched, 'rows', greatest(file.rows, part.rows),
        'trimmed', greatest(file.trimmed, part.trimmed)) ORDER BY stream) AS files
    FROM register.export_file AS file, LATERAL (SELECT coalesce(sum(rows), 0) AS rows, coalesce(sum(trimmed), 0) AS trimmed
        FROM register.export_part AS part WHERE part.export_id = file.export_id AND part.stream = file.stream) AS part
    WHERE file.export_id = export.export_id"""
SELECT = f"""SELECT export_id, actor, recipient, purpose, format, selection, created, files
    FROM register.export, LATERAL ({FILES}) AS files"""  # noqa: S608 - constants only
LIST = f"""{SELECT} WHERE (%(actor)s::text IS NULL OR actor = %(actor)s) AND export_id < %(before)s
    ORDER BY export_id DESC LIMIT %(limit)s"""
ONE = f"{SELECT} WHERE export_id = %s"
PLAN = "SELECT plan FROM register.export_plan WHERE export_id = %s"
PARTS = """SELECT rows, trimmed, stop, after_us, after_key, width_us FROM register.export_part
    WHERE export_id = %s AND stream = %s ORDER BY number"""
REMEMBERED = """SELECT number, remembered FROM register.export_part
    WHERE export_id = %(export_id)s AND stream = %(stream)s AND rows > 0 AND number > %(after)s AND number < %(parts)s
    ORDER BY number LIMIT %(limit)s"""
AT_ONCE = 16  # parts whose formats' bytes are in memory together: of MCAP with thousands of vehicles 0.1 MB each
KEEP = """INSERT INTO register.export_part
        (export_id, stream, number, rows, trimmed, stop, after_us, after_key, width_us, remembered)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (export_id, stream, number) DO NOTHING"""
BEGIN = """UPDATE register.export_file SET fetches = fetches + 1, fetched = now() WHERE export_id = %s AND stream = %s
    RETURNING bytes, is_complete"""
END = """UPDATE register.export_file SET rows = greatest(rows, %(rows)s), trimmed = greatest(trimmed, %(trimmed)s),
        bytes = greatest(bytes, %(bytes)s), is_complete = is_complete OR %(is_complete)s
    WHERE export_id = %(export_id)s AND stream = %(stream)s"""
MAKE_KEY = "INSERT INTO register.pseudonym_key (key) SELECT %s WHERE NOT EXISTS (SELECT 1 FROM register.pseudonym_key)"
# Whose each device is, and whether it is a vehicle or on one: its team's, its vehicle's team's, else who operates the site.
DEVICES = f"""SELECT device.device_key, device.device_id, device.site_id, device.vehicle_id,
        device.latitude_deg, device.longitude_deg, {MOVES} AS is_vehicles,
        coalesce(device.team, vehicle.team, site.operator) AS owner
    FROM {JOINED} JOIN register.site ON site.site_id = device.site_id"""  # noqa: S608 - constants only
ZONES = "SELECT polygon FROM register.private_zone ORDER BY site_id, zone_id"
LOCK_S = 5


@dataclass(frozen=True, slots=True)
class Part:
    """A page that was written: its rows, the byte behind it, and where the next begins."""

    rows: int
    trimmed: int
    stop: int
    behind: Place


def last_batch(connection: Execute) -> int:
    """The last batch of those that are stored or will never be: whoever stores one has the table open until it is.

    Waits for those, and lets none begin meanwhile; LockNotAvailable after `LOCK_S`.
    """
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_S}s'".encode())
        connection.execute("LOCK TABLE stream.batch IN SHARE MODE")
        row = connection.execute("SELECT coalesce(max(batch_id), 0) AS last FROM stream.batch").fetchone()
    return int(row["last"]) if row else 0


def add(connection: Execute, record: dict[str, Any], streams: Sequence[str], plan: Plan) -> int:
    """Keep a new export; returns its number."""
    row = connection.execute(ADD, {**record, "selection": Jsonb(record["selection"])}).fetchone()
    number = int(row["export_id"]) if row else 0
    connection.execute(ADD_FILES, (number, list(streams)))
    connection.execute(ADD_PLAN, (number, Jsonb(plan.document())))
    connection.execute(FORGET, (KEPT_DAYS,))
    return number


def plan_of(connection: Execute, export_id: int) -> Plan | None:
    """An export's plan; None where it was restored from a backup."""
    row = connection.execute(PLAN, (export_id,)).fetchone()
    return Plan.of(row["plan"]) if row else None


def parts(connection: Execute, export_id: int, stream: str) -> list[Part]:
    """What was written of a file, in order."""
    return [
        Part(row["rows"], row["trimmed"], row["stop"], Place(row["after_us"], row["after_key"], row["width_us"]))
        for row in connection.execute(PARTS, (export_id, stream))
    ]


def keep(connection: Execute, export_id: int, stream: str, numbered: tuple[int, Part], remembered: bytes) -> None:
    """Note a part, before it is sent, with what its format remembers of it."""
    number, part = numbered
    place = part.behind
    values = (part.rows, part.trimmed, part.stop, place.after_us, place.after_key, place.width_us, remembered)
    connection.execute(KEEP, (export_id, stream, number, *values))


def remembered(register: Register, export_id: int, stream: str, parts: int) -> Iterator[bytes]:
    """What was remembered of the first so many parts, of those that have rows, a few at a time."""
    asked = {"export_id": export_id, "stream": stream, "parts": parts, "limit": AT_ONCE, "after": -1}
    while found := register.rows(REMEMBERED, asked):
        yield from (bytes(row["remembered"]) for row in found)
        asked["after"] = found[-1]["number"]


def pseudonym_key(register: Register) -> bytes:
    """The installation's key for pseudonyms, made when there is none."""
    with register.transaction("registry") as connection:
        connection.execute("LOCK TABLE register.pseudonym_key")
        connection.execute(MAKE_KEY, (secrets.token_bytes(32),))
        row = connection.execute("SELECT key FROM register.pseudonym_key").fetchone()
    return bytes(row["key"]) if row else b""
