"""SQL of maps, and rows as values."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.maps.models import Change, MapDetail, MapVersion
from services.registry.orders.machine import Moment
from services.registry.problems import not_found

Execute = Connection[DictRow]
LOCK = "SELECT pg_advisory_xact_lock(hashtext('chelu maps'), hashtext(%s))"
VALID = """(SELECT version FROM register.map_change AS c WHERE c.site_id = %(site_id)s AND since <= %(now)s
    ORDER BY since DESC LIMIT 1)"""
FIELDS = f"""site_id, version, file, format, sha256, bytes, note, said, added, added_by,
    coalesce(version = {VALID}, false) AS is_valid"""
LIST = f"SELECT {FIELDS} FROM register.map WHERE site_id = %(site_id)s ORDER BY version"  # noqa: S608 - constants only
ONE = f"""SELECT {FIELDS} FROM register.map
    WHERE site_id = %(site_id)s AND version = %(version)s"""  # noqa: S608 - constants only
SAME = "SELECT version FROM register.map WHERE site_id = %(site_id)s AND sha256 = %(sha256)s"
ADD = """INSERT INTO register.map (site_id, version, file, format, sha256, bytes, note, said, added_by)
    SELECT %(site_id)s, coalesce(max(version), 0) + 1, %(file)s, %(format)s, %(sha256)s, %(bytes)s, %(note)s, %(said)s, %(actor)s
    FROM register.map WHERE site_id = %(site_id)s RETURNING version"""
ADD_FILE = "INSERT INTO register.map_file (site_id, version, content) VALUES (%(site_id)s, %(version)s, %(content)s)"
CONTENT = "SELECT content FROM register.map_file WHERE site_id = %(site_id)s AND version = %(version)s"
CHANGES = "SELECT since, version, actor FROM register.map_change WHERE site_id = %(site_id)s ORDER BY since"
VALID_AT = f"SELECT {VALID} AS version"
FORGET = """DELETE FROM register.map_change WHERE site_id = %(site_id)s AND since >= %(since)s
    AND (%(until)s::timestamptz IS NULL AND since = %(since)s OR since < %(until)s)"""
SET = """INSERT INTO register.map_change (site_id, since, version, actor) VALUES (%(site_id)s, %(since)s, %(version)s, %(actor)s)
    ON CONFLICT (site_id, since) DO NOTHING"""
REPORTED = """SELECT device_key, config -> 'mapConfig' AS config FROM register.reported WHERE device_key = ANY(%s)"""
THERE = "SELECT to_regclass('stream.message') IS NOT NULL AS is_there"
HEARD = """SELECT device_key, time, value FROM unnest(%(keys)s::integer[]) AS unit (device_key) CROSS JOIN LATERAL (
        SELECT time, value FROM stream.message
        WHERE message.device_key = unit.device_key AND kind = 'map' AND time > %(since)s AND value IS NOT NULL
        ORDER BY time DESC LIMIT %(limit)s) AS said
    ORDER BY device_key, time DESC"""


def lock(connection: Execute, site_id: str) -> None:
    """Let nobody else change this site's maps before this transaction ends."""
    connection.execute(LOCK, (site_id,))


def one(connection: Execute, site_id: str, version: int, now: Moment) -> MapDetail:
    """One version; ProblemError 404."""
    row = connection.execute(ONE.encode(), {"site_id": site_id, "version": version, "now": now}).fetchone()
    if row is None:
        raise not_found("map version", f"{site_id} {version}")
    return MapDetail(**_flat(row))


def shown(row: Mapping[str, Any]) -> MapVersion:
    """A row as a list has it."""
    return MapVersion(**{name: value for name, value in _flat(row).items() if name in MapVersion.model_fields})


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row["said"], **{name: value for name, value in row.items() if name != "said"}}


def content(connection: Execute, site_id: str, version: int) -> bytes:
    """The file of a version; ProblemError 404."""
    row = connection.execute(CONTENT, {"site_id": site_id, "version": version}).fetchone()
    if row is None:
        raise not_found("map version", f"{site_id} {version}")
    return bytes(row["content"])


def valid_at(connection: Execute, site_id: str, at: Moment) -> int | None:
    """Which version is valid at an instant; None: none."""
    row = connection.execute(VALID_AT.encode(), {"site_id": site_id, "now": at}).fetchone()
    return row["version"] if row else None


def changes(connection: Execute, site_id: str) -> list[Change]:
    """When which version is valid, in the order of time."""
    return [Change(**row) for row in connection.execute(CHANGES, {"site_id": site_id})]


def activate(
    connection: Execute, site_id: str, version: int | None, since: datetime.datetime, until: datetime.datetime | None, actor: str
) -> None:
    """Let a version be valid from an instant until another, where what would have been valid then is valid again.

    Without `until` it is valid until the next change that is planned, or for good.
    """
    after = valid_at(connection, site_id, until) if until is not None else None
    connection.execute(FORGET, {"site_id": site_id, "since": since, "until": until})
    connection.execute(SET, {"site_id": site_id, "since": since, "version": version, "actor": actor})
    if until is not None:
        connection.execute(SET, {"site_id": site_id, "since": until, "version": after, "actor": actor})


def reported_tags(connection: Execute, keys: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """By device key what units say of the map that they have: mapSlice and eTag (T/ITS 0117)."""
    rows = connection.execute(REPORTED, (list(keys),)).fetchall()
    return {row["device_key"]: row["config"] for row in rows if isinstance(row["config"], dict)}


def heard(connection: Execute, keys: Sequence[int], since: Moment, limit: int) -> dict[int, list[tuple[Moment, dict[str, Any]]]]:
    """By device key the MAPs that units were heard to send, the newest first; empty where nothing has ever been stored."""
    there = connection.execute(THERE).fetchone()
    found: dict[int, list[tuple[Moment, dict[str, Any]]]] = {}
    if keys and there is not None and there["is_there"]:
        for row in connection.execute(HEARD, {"keys": list(keys), "since": since, "limit": limit}):
            found.setdefault(row["device_key"], []).append((row["time"], row["value"]))
    return found
