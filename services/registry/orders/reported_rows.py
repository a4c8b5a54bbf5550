"""SQL of what devices say they are: configuration in force, versions installed, and answers to what they were never sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.registry.orders.answers import Said, newest, since
from services.registry.orders.rows import IS_OPEN

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
# Who answers an order before it was given has had its clock set back: what it said until then is older, whatever its stamp.
SET_BACK = f"""SELECT said.device_id, said.number, said.said
    FROM jsonb_to_recordset(%s) AS said (device_id text, number bigint, topic text, said timestamptz)
        JOIN register.device USING (device_id) JOIN register.device_order AS o USING (device_key, number)
    WHERE o.topic = said.topic AND attempts > 0 AND said.said < o.queued AND ({IS_OPEN} OR state = 'timed out')
        AND NOT EXISTS (SELECT 1 FROM register.device_order AS newer WHERE newer.device_key = o.device_key
            AND newer.topic = o.topic AND newer.number > o.number AND newer.answers > 0)"""  # noqa: S608 - constants only
SET_BACK_TOO = """UPDATE register.reported AS r SET
        config_said = CASE WHEN config_said > new.said THEN new.said ELSE config_said END,
        versions_said = CASE WHEN versions_said > new.said THEN new.said ELSE versions_said END
    FROM unnest(%s::text[], %s::timestamptz[]) AS new (device_id, said) JOIN register.device USING (device_id)
    WHERE r.device_key = device.device_key"""
FORM = ("config", "versions")


def take(connection: Connection[DictRow], said: Iterable[Said]) -> None:
    """Keep the newest that each device said of itself, by its own clock, as long as that goes on."""
    found = list(said)
    found = since(found, _set_back(connection, found))
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


def _set_back(connection: Connection[DictRow], found: Iterable[Said]) -> set[tuple[str, int]]:
    """The answers (device, number) that show that a clock was set back; what is kept of their devices is as old as they are."""
    answers = [one for one in found if one.number is not None and (one.config is not None or one.versions is not None)]
    if not answers:
        return set()
    given = [{**_stamped(one), "number": one.number, "topic": one.topic} for one in answers]
    rows = connection.execute(SET_BACK.encode(), (Jsonb(given),)).fetchall()
    if rows:
        oldest: dict[str, Any] = {}
        for row in rows:
            oldest[row["device_id"]] = min(row["said"], oldest.get(row["device_id"], row["said"]))
        connection.execute(SET_BACK_TOO, (list(oldest), list(oldest.values())))
    return {(row["device_id"], row["number"]) for row in rows}


def _row(one: Said, value: Mapping[str, Any]) -> dict[str, Any]:
    return {**_stamped(one), "value": dict(value), "heard": one.at.isoformat()}


def _stamped(one: Said) -> dict[str, Any]:
    return {"device_id": one.device_id, "said": (one.said or one.at).isoformat()}
