"""SQL of what devices say they are: configuration in force, versions installed, and answers to what they were never sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.registry.orders.answers import Said, newest

# What was said earlier may come later: answers wait in the device's spool, and are said again until ingest has them.
TAKE = """INSERT INTO register.reported AS r (device_key, {name}, {name}_said, heard)
    SELECT device_key, new.value, new.said, new.heard
    FROM jsonb_to_recordset(%s) AS new (device_id text, value jsonb, said timestamptz, heard timestamptz)
        JOIN register.device USING (device_id) ORDER BY device_key
    ON CONFLICT (device_key) DO UPDATE SET {name} = excluded.{name}, {name}_said = excluded.{name}_said, heard = excluded.heard
        WHERE r.{name}_said IS NULL OR r.{name}_said <= excluded.{name}_said"""
STRAYS = """INSERT INTO register.reported AS r (device_key, heard, strays)
    SELECT device_key, now(), count(*) FROM unnest(%s::text[], %s::bigint[]) AS said (device_id, number)
        JOIN register.device USING (device_id) LEFT JOIN register.credential USING (device_key)
    WHERE credential.rotation IS DISTINCT FROM said.number GROUP BY device_key ORDER BY device_key
    ON CONFLICT (device_key) DO UPDATE SET strays = r.strays + excluded.strays"""
FORM = ("config", "versions")


def take(connection: Connection[DictRow], said: Iterable[Said]) -> None:
    """Keep the newest that each device said of itself."""
    found = list(said)
    for name in FORM:
        told = newest(one for one in found if getattr(one, name) is not None)
        if told:
            rows = [_row(one, getattr(one, name)) for one in told.values()]
            connection.execute(TAKE.format(name=name).encode(), (Jsonb(rows),))


def count_strays(connection: Connection[DictRow], strays: Iterable[tuple[str, int]]) -> None:
    """Count answers to what their devices were never sent."""
    pairs = list(strays)
    if pairs:
        connection.execute(STRAYS, ([pair[0] for pair in pairs], [pair[1] for pair in pairs]))


def _row(one: Said, value: Mapping[str, Any]) -> dict[str, Any]:
    said = (one.said or one.at).isoformat()
    return {"device_id": one.device_id, "value": dict(value), "said": said, "heard": one.at.isoformat()}
