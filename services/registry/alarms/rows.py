"""SQL of alarms: raised and cleared with patience, kept quiet by maintenance, acknowledged. For whoever has a transaction.

    pending ──(raise_after_s)──► raised ──(no longer so)──► clearing ──(clear_after_s)──► cleared
       └── no longer so: forgotten           └── so again: raised, as if nothing had been ──┘

A kind, subject and part have on a site at most one alarm that is not cleared, so saying the same again changes nothing.
`settle` does what time does, and is called by `raise_alarms` and `clear_alarms`, too: without patience an alarm is raised, or
cleared, in the same transaction. The events that webhooks are sent (`register.alarm_event`) are written by the database's
triggers, whoever changes an alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.registry.alarms.kinds import QUIETABLE
from services.registry.alarms.rules import Rule, Rules, Scope
from services.registry.database import ITSELF

Execute = Connection[DictRow]
NOW = "('epoch'::timestamptz + %(now_us)s::bigint * interval '1 microsecond')"
SECONDS = "interval '1 second'"
OF_DEVICES = """SELECT device_id, device_key, kind, site_id FROM register.device WHERE device_id = ANY(%s)"""
THRESHOLDS = "SELECT * FROM register.threshold"
RAISE = f"""INSERT INTO register.alarm AS alarm
        (kind, subject, part, site_id, device_key, severity, value, bound, detail, since, due, clear_after_s)
    SELECT kind, subject, part, site_id, device_key, severity, value, bound, detail, {NOW}, {NOW} + raise_after_s * {SECONDS},
        clear_after_s
    FROM jsonb_to_recordset(%(findings)s) AS new (kind text, subject text, part text, site_id text, device_key integer,
        severity text, value double precision, bound double precision, detail jsonb, raise_after_s double precision,
        clear_after_s double precision)
    ON CONFLICT (kind, subject, part, coalesce(site_id, '')) WHERE state <> 'cleared' DO UPDATE SET detail = excluded.detail,
        state = CASE alarm.state WHEN 'clearing' THEN 'raised' ELSE alarm.state END,
        due = CASE alarm.state WHEN 'clearing' THEN NULL ELSE alarm.due END
    WHERE alarm.state = 'clearing' OR alarm.detail <> excluded.detail"""  # noqa: S608 - constants only
OVER = """(kind, subject, part, coalesce(site_id, '')) IN
    (SELECT * FROM unnest(%(kinds)s::text[], %(subjects)s::text[], %(parts)s::text[], %(sites)s::text[]))"""
FORGET = f"DELETE FROM register.alarm WHERE state = 'pending' AND {OVER}"  # noqa: S608 - constants only
CLEAR = f"""UPDATE register.alarm SET state = 'clearing', due = {NOW} + clear_after_s * {SECONDS}
    WHERE state = 'raised' AND {OVER}"""  # noqa: S608 - constants only
QUIET = f"""EXISTS (SELECT 1 FROM register.maintenance WHERE maintenance.site_id = alarm.site_id
    AND (maintenance.device_key IS NULL OR maintenance.device_key = alarm.device_key)
    AND (kinds IS NULL OR alarm.kind = ANY(kinds)) AND starts <= {NOW} AND ends > {NOW})"""  # noqa: S608 - constants only
SETTLE = (
    f"""UPDATE register.alarm SET state = 'raised', raised = {NOW}, due = NULL
        WHERE state = 'pending' AND due <= {NOW} AND NOT (kind = ANY(%(quietable)s) AND {QUIET})""",  # noqa: S608 - constants only
    f"""UPDATE register.alarm SET state = 'cleared', cleared = {NOW}, due = NULL
        WHERE state = 'clearing' AND due <= {NOW}""",  # noqa: S608 - constants only
)
STANDING = """SELECT kind, subject, part, coalesce(site_id, '') AS site_id FROM register.alarm
    WHERE state IN ('pending', 'raised') AND kind = ANY(%s)"""
CLEARED_BY_HAND = """SELECT kind, device_key, site_id, detail FROM (
        SELECT DISTINCT ON (kind, device_key, part, site_id) * FROM register.alarm
        WHERE kind = ANY(%(kinds)s) AND device_key = ANY(%(keys)s) ORDER BY kind, device_key, part, site_id, alarm_id DESC
    ) AS newest WHERE state = 'cleared' AND EXISTS (SELECT FROM register.alarm_event AS its
        WHERE its.alarm_id = newest.alarm_id AND event = 'cleared' AND actor <> %(itself)s)"""
# Two that change many would lock each other out; and events are numbered in the order in which they are committed.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('chelu alarms'))"
ACKNOWLEDGE = f"""UPDATE register.alarm SET acknowledged = {NOW}, acknowledged_by = %(actor)s, comment = %(comment)s
    WHERE alarm_id = %(alarm_id)s AND state IN ('raised', 'clearing') RETURNING alarm_id"""  # noqa: S608 - constants only
CLEAR_BY_HAND = f"""UPDATE register.alarm SET state = 'cleared', cleared = {NOW}, due = NULL,
        comment = CASE WHEN %(comment)s <> '' THEN %(comment)s ELSE comment END
    WHERE alarm_id = %(alarm_id)s AND state IN ('raised', 'clearing') RETURNING alarm_id"""  # noqa: S608 - constants only


class Key(NamedTuple):
    """What there is one open alarm of; site_id: "" for one of the whole installation."""

    kind: str
    subject: str
    part: str
    site_id: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is so now: `subject` is an id (of a device, a vehicle, an area …), `part` what of it.

    rule: what counts for the subject (`rule_for`); device_key: when it is about a device, so that its maintenance counts.
    """

    kind: str
    subject: str
    site_id: str | None
    rule: Rule
    part: str = ""
    device_key: int | None = None
    value: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What there is one open alarm of."""
        return Key(self.kind, self.subject, self.part, self.site_id or "")

    def row(self) -> dict[str, Any]:
        """As `RAISE` takes it."""
        line = {name: getattr(self, name) for name in ("kind", "subject", "site_id", "part", "device_key", "value")}
        limits = {name: getattr(self.rule, name) for name in ("severity", "bound", "raise_after_s", "clear_after_s")}
        return {**line, **limits, "detail": dict(self.detail)}


def load_rules(connection: Execute) -> Rules:
    """All thresholds, as they are now."""
    return Rules(connection.execute(THRESHOLDS.encode()).fetchall())


def raise_alarm(
    connection: Execute,
    kind: str,
    subject: str,
    *,
    site_id: str | None,
    now_us: int,
    part: str = "",
    value: float | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Say that something is so, of one subject; a subject that is a registered device's id is that device, with its maintenance.

    KeyError for a kind that is not in `kinds.KINDS`. Of a kind that its threshold has switched off, nothing comes.
    """
    device = connection.execute(OF_DEVICES.encode(), ([subject],)).fetchone()
    key, device_kind = (device["device_key"], device["kind"]) if device else (None, None)
    rule = load_rules(connection).of(kind, Scope(site_id, device_kind, key))
    if rule.is_enabled:
        found = Finding(kind, subject, site_id, rule, part=part, device_key=key, value=value, detail=detail or {})
        raise_alarms(connection, [found], now_us=now_us)


def clear_alarm(connection: Execute, kind: str, subject: str, *, site_id: str | None, now_us: int, part: str = "") -> None:
    """Say that it is no longer so; nothing happens when it was not."""
    clear_alarms(connection, [Key(kind, subject, part, site_id or "")], now_us=now_us)


def raise_alarms(connection: Execute, findings: Sequence[Finding], *, now_us: int) -> None:
    """Say that all this is so now, in one statement whatever its number; no two findings may have the same key."""
    if findings:
        rows = [finding.row() for finding in findings]
        connection.execute(LOCK)
        connection.execute(RAISE.encode(), {"findings": Jsonb(rows), "now_us": now_us})
        settle(connection, now_us=now_us)


def clear_alarms(connection: Execute, keys: Iterable[Key], *, now_us: int) -> None:
    """Say that none of this is so any more, in one statement whatever its number."""
    columns = list(zip(*keys, strict=True))
    if columns:
        given = {name: list(column) for name, column in zip(("kinds", "subjects", "parts", "sites"), columns, strict=True)}
        connection.execute(LOCK)
        for statement in (FORGET, CLEAR):
            connection.execute(statement.encode(), {**given, "now_us": now_us})
        settle(connection, now_us=now_us)


def settle(connection: Execute, *, now_us: int) -> None:
    """Raise what has been so for long enough and is not kept quiet, and clear what has been over for long enough."""
    connection.execute(LOCK)
    for statement in SETTLE:
        connection.execute(statement.encode(), {"now_us": now_us, "quietable": list(QUIETABLE)})


def standing(connection: Execute, kinds: Iterable[str]) -> set[Key]:
    """What of these kinds was so when it was last looked at: pending or raised, and not clearing."""
    rows = connection.execute(STANDING.encode(), (list(kinds),)).fetchall()
    return {Key(**row) for row in rows}


def cleared_by_hand(connection: Execute, kinds: Iterable[str], keys: Iterable[int]) -> list[DictRow]:
    """Of these kinds and devices the newest alarms, on each site, that somebody ended."""
    given = {"kinds": list(kinds), "keys": list(keys), "itself": ITSELF}
    return connection.execute(CLEARED_BY_HAND.encode(), given).fetchall()


def acknowledge(connection: Execute, alarm_id: int, *, actor: str, comment: str, now_us: int) -> bool:
    """Note that somebody has seen it; false for one that is not raised."""
    given = {"alarm_id": alarm_id, "actor": actor, "comment": comment, "now_us": now_us}
    connection.execute(LOCK)
    return connection.execute(ACKNOWLEDGE.encode(), given).fetchone() is not None


def clear_by_hand(connection: Execute, alarm_id: int, *, comment: str, now_us: int) -> bool:
    """Let it be over; false for one that is not raised. What is still so is found, and raised, anew."""
    given = {"alarm_id": alarm_id, "comment": comment, "now_us": now_us}
    connection.execute(LOCK)
    return connection.execute(CLEAR_BY_HAND.encode(), given).fetchone() is not None
