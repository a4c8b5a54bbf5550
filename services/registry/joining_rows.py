"""SQL of joining: live keys, who waits, what is in quarantine; every one of these tables is bounded, and the oldest go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from chelu.provisioning import Account

MOST_WAITING = 10_000
MOST_KEPT, MOST_KEPT_BYTES = 10_000, 64 << 20
KEPT_A_SERIAL, KEPT_BYTES_A_SERIAL = 100, 256 << 10
FORGOTTEN_AFTER = "7 days"

# Used up, a key lives on until the last of its devices was heard under its own id: the answer goes over its session.
IS_LIVE = """(key.revoked IS NULL AND key.expires > now() AND (key.joins < key.max_joins OR EXISTS (
    SELECT 1 FROM register.joining WHERE joining.key_name = key.name AND joining.state = 'registered')))"""
LIVE = f"SELECT name, places, verifier FROM register.provisioning_key AS key WHERE {IS_LIVE} ORDER BY name"  # noqa: S608 - constants only
HEAR = """INSERT INTO register.joining (serial, fingerprint, key_name, place, verifier, said, address)
    SELECT %(serial)s, %(fingerprint)s, key.name, %(place)s, %(verifier)s, %(said)s, %(address)s
        FROM register.provisioning_key AS key WHERE key.name = %(key)s
    ON CONFLICT (serial, fingerprint) DO UPDATE SET place = excluded.place, last_heard = now(),
        address = coalesce(excluded.address, joining.address),
        said = CASE joining.state WHEN 'waiting' THEN excluded.said ELSE joining.said END,
        key_name = CASE joining.state WHEN 'waiting' THEN excluded.key_name ELSE joining.key_name END"""
ANSWERS = """SELECT joining.serial, joining.fingerprint, joining.place, device.device_id, device.kind
    FROM register.joining JOIN register.device USING (device_key) JOIN register.credential USING (device_key)
    WHERE joining.serial = ANY(%s) AND credential.verifier = joining.verifier"""
FEWER_WAITING = """DELETE FROM register.joining USING (
        SELECT serial, fingerprint, row_number() OVER (PARTITION BY key_name ORDER BY last_heard DESC) AS of_key,
            row_number() OVER (ORDER BY last_heard DESC) AS of_all, places
        FROM register.joining JOIN register.provisioning_key ON name = key_name WHERE state IN ('waiting', 'refused')) AS old
    WHERE joining.serial = old.serial AND joining.fingerprint = old.fingerprint AND (of_key > places OR of_all > %s)"""
KEEP = "INSERT INTO register.quarantine (serial, topic, payload) SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[])"
FEWER_KEPT = """DELETE FROM register.quarantine USING (
        SELECT quarantine_id, row_number() OVER mine AS mine_n, sum(octet_length(payload)) OVER mine AS mine_bytes,
            row_number() OVER every AS n, sum(octet_length(payload)) OVER every AS bytes
        FROM register.quarantine WINDOW mine AS (PARTITION BY serial ORDER BY quarantine_id DESC),
            every AS (ORDER BY quarantine_id DESC)) AS old
    WHERE quarantine.quarantine_id = old.quarantine_id AND (mine_n > %s OR mine_bytes > %s OR n > %s OR bytes > %s)"""
JOINED = """UPDATE register.joining SET state = 'joined' FROM register.device
    WHERE joining.device_key = device.device_key AND device.device_id = ANY(%s) AND joining.state = 'registered'
    RETURNING device.device_id"""
FORGET = (
    f"DELETE FROM register.joining WHERE state IN ('waiting', 'refused') AND last_heard < now() - interval '{FORGOTTEN_AFTER}'",  # noqa: S608
    f"DELETE FROM register.quarantine WHERE heard < now() - interval '{FORGOTTEN_AFTER}'",  # noqa: S608 - constants only
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A stranger's hello, checked."""

    serial: str
    place: str
    key: str
    verifier: str
    fingerprint: str
    said: dict[str, Any]
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a stranger said besides."""

    serial: str
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a stranger that has been registered is told, and where."""

    serial: str
    fingerprint: str
    place: str
    device_id: str
    kind: str


def live_accounts(connection: Connection[DictRow]) -> dict[Account, str]:
    """The accounts of every provisioning key that counts now, with their verifier."""
    rows = connection.execute(LIVE).fetchall()
    return {Account(row["name"], number): row["verifier"] for row in rows for number in range(row["places"])}


def hear(connection: Connection[DictRow], heard: Iterable[Heard]) -> list[Answer]:
    """Note who waits, and say who among them has been registered already."""
    serials: list[str] = []
    for one in heard:
        values = {name: getattr(one, name) for name in ("serial", "fingerprint", "key", "place", "verifier", "address")}
        connection.execute(HEAR, {**values, "said": Jsonb(one.said)})
        serials.append(one.serial)
    if not serials:
        return []
    connection.execute(FEWER_WAITING, (MOST_WAITING,))
    return answers(connection, serials)


def answers(connection: Connection[DictRow], serials: Sequence[str]) -> list[Answer]:
    """What the devices of these serials are to be told, those that have been registered with the secret they made."""
    return [Answer(**row) for row in connection.execute(ANSWERS, (list(serials),))]


def keep(connection: Connection[DictRow], kept: Sequence[Kept]) -> None:
    """Put messages into quarantine, and take the oldest out that are too many."""
    if kept:
        columns = [it.serial for it in kept], [it.topic for it in kept], [it.payload for it in kept]
        connection.execute(KEEP, columns)
        connection.execute(FEWER_KEPT, (KEPT_A_SERIAL, KEPT_BYTES_A_SERIAL, MOST_KEPT, MOST_KEPT_BYTES))


def note_joined(connection: Connection[DictRow], device_ids: Iterable[str]) -> list[str]:
    """Note that these devices were heard under their own ids; answers those for which it was news."""
    return [row["device_id"] for row in connection.execute(JOINED, (list(device_ids),))]


def forget(connection: Connection[DictRow]) -> None:
    """Forget whoever was not heard for a week."""
    for statement in FORGET:
        connection.execute(statement.encode())
