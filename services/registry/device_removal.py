"""Deleting devices: only those on which nothing depends."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import Connection, errors, sql
from psycopg.rows import DictRow

from chelu.messages import STREAMS
from services.registry.changes import dependants
from services.registry.device_models import Device
from services.registry.track import stopped

SHOWN = 10
SEARCH_MS = 5000  # the streams have no index by device; what is not ruled out in this time counts as there
TABLES = (*STREAMS, "message", "report", "remark", "delivery", "receipt", "drop")
CHILDREN = "SELECT device_id FROM register.device WHERE parent_key = %s ORDER BY device_id LIMIT %s"
CARRIED = "SELECT device_id FROM register.device WHERE on_vehicle_key = %s ORDER BY device_id LIMIT %s"
EXISTING = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'stream' AND table_name = ANY(%s)"
HOLD = """SELECT 1 FROM register.vehicle_state WHERE device_key = (SELECT device_key FROM register.device WHERE device_id = %s)
    FOR UPDATE"""
REVOKE = "DELETE FROM register.credential WHERE device_key = %s"  # while the audit log can still name the device
DELETE = "DELETE FROM register.device WHERE device_key = %s"


def hold(connection: Connection[DictRow], device_id: str) -> None:
    """Before the device itself is locked: supervision, too, locks a vehicle's state before the vehicle, of which it adds rows."""
    connection.execute(HOLD, (device_id,))


def delete(connection: Connection[DictRow], device: Device) -> None:
    """Delete a device, its credential and its lifecycle; ProblemError 409 naming what depends on it, or a stop it was told of."""
    stopped.keep_device(connection, device.device_key)
    found = {
        "child devices": _ids(connection.execute(CHILDREN, (device.device_key, SHOWN))),
        "devices on it": _ids(connection.execute(CARRIED, (device.device_key, SHOWN))),
        "stored rows": _tables_with(connection, device.device_key),
    }
    dependants("device", device.device_id, found)
    connection.execute(REVOKE, (device.device_key,))
    connection.execute(DELETE, (device.device_key,))


def _ids(rows: Iterable[DictRow]) -> list[str]:
    return [row["device_id"] for row in rows]


def _tables_with(connection: Connection[DictRow], key: int) -> list[str]:
    existing = {row["table_name"] for row in connection.execute(EXISTING, (list(TABLES),))}
    return [f"stream.{table}" for table in TABLES if table in existing and _has_rows(connection, table, key)]


def _has_rows(connection: Connection[DictRow], table: str, key: int) -> bool:
    query = sql.SQL("SELECT 1 AS one FROM {} WHERE device_key = %s LIMIT 1").format(sql.Identifier("stream", table))
    try:
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(SEARCH_MS)))
            found = connection.execute(query, (key,)).fetchone() is not None
            connection.execute("SET LOCAL statement_timeout = 0")
    except errors.QueryCanceled:
        return True
    return found
