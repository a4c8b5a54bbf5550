"""SQL of packages, makers' keys, rules, and what devices have fetched."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.database import Register

Execute = Connection[DictRow]
COLUMNS = "package_id, component, name, version, bytes, sha256, signature, key_name AS key, created"
ALL = f"SELECT {COLUMNS} FROM register.package ORDER BY name, package_id"  # noqa: S608 - constants only
ONE = f"SELECT {COLUMNS} FROM register.package WHERE package_id = %s"  # noqa: S608 - constants only
ADD = f"""INSERT INTO register.package (component, name, version, bytes, sha256, signature, key_name)
    VALUES (%(component)s, %(name)s, %(version)s, %(bytes)s, %(sha256)s, %(signature)s, %(key)s) RETURNING {COLUMNS}"""  # noqa: S608 - constants only
LOCK_FILE = "SELECT pg_advisory_xact_lock(hashtext('chelu package'), hashtext(%s))"
OF_FILE = "SELECT 1 AS one FROM register.package WHERE sha256 = %s LIMIT 1"
KEY = "SELECT public_key FROM register.signing_key WHERE name = %s AND revoked IS NULL"
# The device's order, if the package is what it orders and it is still open.
ORDERED = """SELECT device_key, package_id, bytes, sha256 FROM register.device_order
        JOIN register.package ON package_id = (body ->> 'package')::bigint
    WHERE number = %(number)s AND topic = 'upgrade' AND package_id = %(package)s AND state IN ('queued', 'sent', 'delivered')"""
ENDED = "SELECT state FROM register.device_order WHERE number = %(number)s AND state NOT IN ('queued', 'sent', 'delivered')"
FETCH = """INSERT INTO register.fetched AS f (device_key, package_id, bytes)
    VALUES (%(device_key)s, %(package_id)s, CASE WHEN %(start)s = 0 THEN %(stop)s ELSE 0 END)
    ON CONFLICT (device_key, package_id) DO UPDATE SET at = now(),
        bytes = CASE WHEN %(start)s <= f.bytes THEN greatest(f.bytes, %(stop)s) ELSE f.bytes END"""
LACKING = """SELECT number, coalesce(fetched.bytes, 0) AS has, package.bytes AS needs FROM register.device_order
        JOIN register.package ON package_id = (body ->> 'package')::bigint
        LEFT JOIN register.fetched USING (device_key, package_id)
    WHERE number = ANY(%s) AND coalesce(fetched.bytes, 0) < package.bytes"""
# Of each device the rule that lets it have the package, if one does: its version must not be the package's already.
ELIGIBLE = """SELECT device_key, reported.versions ->> package.name AS version, EXISTS (
        SELECT 1 FROM register.upgrade_rule AS rule WHERE rule.package_id = package.package_id
            AND (rule.vendor IS NULL OR rule.vendor = device.vendor) AND (rule.model IS NULL OR rule.model = device.model)
            AND (rule.from_version IS NULL OR rule.from_version = reported.versions ->> package.name)) AS may_have
    FROM register.device LEFT JOIN register.reported USING (device_key), register.package
    WHERE device_key = ANY(%(keys)s) AND package_id = %(package)s ORDER BY device_key"""
MAKE_KEY = "INSERT INTO register.token_key (key) SELECT %s WHERE NOT EXISTS (SELECT 1 FROM register.token_key)"


def token_key(register: Register) -> bytes:
    """The key for tokens, made when there is none."""
    with register.transaction("registry") as connection:
        connection.execute("LOCK TABLE register.token_key")
        connection.execute(MAKE_KEY, (secrets.token_bytes(32),))
        row = connection.execute("SELECT key FROM register.token_key").fetchone()
    return bytes(row["key"]) if row else b""


def find(connection: Execute, package_id: int) -> dict[str, Any] | None:
    """One package."""
    return connection.execute(ONE.encode(), (package_id,)).fetchone()


def lock_file(connection: Execute, sha256: str) -> None:
    """Let nobody else put the file with this digest in its place, or take it away, before this transaction ends."""
    connection.execute(LOCK_FILE, (sha256,))


def is_named(connection: Execute, sha256: str) -> bool:
    """Whether there is a package whose file has this digest."""
    return connection.execute(OF_FILE, (sha256,)).fetchone() is not None


def ordered(connection: Execute, number: int, package_id: int) -> dict[str, Any] | None:
    """The package that an open order lets its device fetch."""
    return connection.execute(ORDERED, {"number": number, "package": package_id}).fetchone()


def ended(connection: Execute, number: int) -> str | None:
    """How an order ended, as a sentence; None while it is open, or is none."""
    row = connection.execute(ENDED, {"number": number}).fetchone()
    if row is None:
        return None
    return f"the time of order {number} is over" if row["state"] == "timed out" else f"order {number} has ended: {row['state']}"


def note_fetched(connection: Execute, device_key: int, package_id: int, *, start: int, stop: int) -> None:
    """A device has been given bytes [start, stop)."""
    connection.execute(FETCH, {"device_key": device_key, "package_id": package_id, "start": start, "stop": stop})


def lacking(connection: Execute, numbers: Collection[int]) -> dict[int, str]:
    """Of these orders those whose device has not been given the whole package, and how much of it it was."""
    rows = connection.execute(LACKING, (list(numbers),)).fetchall() if numbers else []
    return {row["number"]: f"it has fetched {row['has']} of {row['needs']} bytes" for row in rows}


def eligible(connection: Execute, package_id: int, keys: Collection[int]) -> Mapping[int, tuple[str | None, bool]]:
    """By device key, the version that it reports, and whether a rule lets it have the package."""
    rows = connection.execute(ELIGIBLE, {"package": package_id, "keys": list(keys)}).fetchall()
    return {row["device_key"]: (row["version"], row["may_have"]) for row in rows}
