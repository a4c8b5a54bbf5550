"""How long rows of each table are kept: as ingest's settings say, or people in the register; and a word to whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Connection

from chelu.store.retention import KEPT

IS_THERE = "SELECT to_regclass('register.retention') IS NOT NULL"
SET = "SELECT stream, keep_hours FROM register.retention"
NOTE = """INSERT INTO stream.retention AS known (name, keep_hours, is_set)
    SELECT * FROM unnest(%s::text[], %s::integer[], %s::boolean[])
    ON CONFLICT (name) DO UPDATE SET keep_hours = excluded.keep_hours, is_set = excluded.is_set
    WHERE (known.keep_hours, known.is_set) IS DISTINCT FROM (excluded.keep_hours, excluded.is_set)"""


def in_force(connection: Connection[Any], own: Mapping[str, int]) -> dict[str, int]:
    """Hours by table, those without a bound left out; `own`: ingest's settings. Notes what it finds; autocommit."""
    row = connection.execute(IS_THERE).fetchone()
    people_say: dict[str, int | None] = dict(connection.execute(SET).fetchall()) if row and row[0] else {}
    found = {name: people_say.get(name, own.get(name)) for name in KEPT}
    connection.execute(NOTE, (list(found), list(found.values()), [name in people_say for name in found]))
    return {name: hours for name, hours in found.items() if hours is not None}
