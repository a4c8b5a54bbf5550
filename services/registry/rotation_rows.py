"""SQL of changing credentials: the old one counts until the device, somebody's hand or the time says that the new one does."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

BEGIN = """UPDATE register.credential SET rotation = nextval('register.rotation'), rotation_by = %(by)s,
        next_verifier = %(verifier)s, next_until = coalesce(%(until)s, now() + %(lasting)s)
    WHERE device_key = %(key)s RETURNING rotation, next_until"""
CLEARED = "rotation = NULL, rotation_by = NULL, next_verifier = NULL, next_until = NULL"
END = f"UPDATE register.credential SET {CLEARED} WHERE device_key = %s AND rotation IS NOT NULL RETURNING device_key"  # noqa: S608
FINISH = f"""UPDATE register.credential SET verifier = next_verifier, {CLEARED}
    WHERE device_key = %s AND next_verifier IS NOT NULL RETURNING device_key"""  # noqa: S608 - constants only
OVERDUE = f"""UPDATE register.credential SET verifier = coalesce(next_verifier, verifier), {CLEARED}
    WHERE rotation IS NOT NULL AND next_until <= now() RETURNING device_key"""  # noqa: S608 - constants only
IS_OVERDUE = "SELECT 1 FROM register.credential WHERE rotation IS NOT NULL AND next_until <= now() LIMIT 1"
STORE = f"""UPDATE register.credential SET verifier = %(verifier)s, created = now(), {CLEARED} FROM register.device
    WHERE credential.device_key = device.device_key AND device_id = %(device_id)s AND rotation = %(rotation)s
        AND rotation_by = 'device' RETURNING device_id"""  # noqa: S608 - constants only
SHOW = """SELECT rotation, rotation_by AS by, next_until AS until FROM register.credential
    WHERE device_key = %s AND rotation IS NOT NULL"""
ORDERS = """SELECT device_id, kind, rotation FROM register.credential JOIN register.device USING (device_key)
    WHERE rotation_by = 'device' AND (%(ids)s::text[] IS NULL OR device_id = ANY(%(ids)s))"""
NEXT = """SELECT device_id AS name, next_verifier FROM register.credential JOIN register.device USING (device_key)
    WHERE next_verifier IS NOT NULL"""
LASTING = {"device": datetime.timedelta(days=1), "hand": datetime.timedelta(hours=1)}


def begin(
    connection: Connection[DictRow], key: int, by: str, *, verifier: str | None, until: datetime.datetime | None
) -> dict[str, Any] | None:
    """Begin a change, in the place of one that is under way; None for a device without a credential."""
    values = {"key": key, "by": by, "verifier": verifier, "until": until, "lasting": LASTING[by]}
    return connection.execute(BEGIN, values).fetchone()


def show(connection: Connection[DictRow], key: int) -> dict[str, Any] | None:
    """The change that is under way."""
    return connection.execute(SHOW, (key,)).fetchone()


def give_up(connection: Connection[DictRow], key: int) -> bool:
    """Let the old credential stay; false when no change was under way."""
    return connection.execute(END.encode(), (key,)).fetchone() is not None


def finish(connection: Connection[DictRow], key: int) -> bool:
    """Let the new secret count at once; false when none was made by hand."""
    return connection.execute(FINISH.encode(), (key,)).fetchone() is not None


def end_overdue(connection: Connection[DictRow]) -> int:
    """Settle the changes whose time has come; how many they were."""
    if connection.execute(IS_OVERDUE).fetchone() is None:  # asked every second: an update of nothing would be announced, too
        return 0
    return len(connection.execute(OVERDUE.encode()).fetchall())


def store(connection: Connection[DictRow], device_id: str, rotation: int, verifier: str) -> bool:
    """Take over the verifier of the secret that a device has made and kept; false when it was not asked to, or no longer."""
    values = {"device_id": device_id, "rotation": rotation, "verifier": verifier}
    return connection.execute(STORE.encode(), values).fetchone() is not None


def orders(connection: Connection[DictRow], device_ids: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Devices (of these) that are asked to make a new secret, with kind and number."""
    return connection.execute(ORDERS, {"ids": None if device_ids is None else list(device_ids)}).fetchall()


def next_verifiers(connection: Connection[DictRow]) -> dict[str, str]:
    """The verifier of the new secret by device, where it was made by hand and does not count alone yet."""
    return {row["name"]: row["next_verifier"] for row in connection.execute(NEXT)}
