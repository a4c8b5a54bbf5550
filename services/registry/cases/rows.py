"""SQL of cases: signs join them, they are over, they change. For whoever has a transaction, under one lock.

A sign is known by its source and what that calls it, so saying the same again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.registry.alarms.kinds import Severity
from services.registry.cases.joining import Candidate, Sign, case_of
from services.registry.cases.kinds import KINDS, kind_of
from services.registry.cases.machine import IS_OVER, State
from services.registry.cases.models import Case
from services.registry.orders.machine import Moment
from services.registry.problems import not_found

Execute = Connection[DictRow]
LOCK = "SELECT pg_advisory_xact_lock(hashtext('chelu cases'))"
COLUMNS = """case_id, site_id, kind, title, latitude_deg, longitude_deg, elevation_m, spot, severity, state, duty, opened,
    changed, last_sign, over"""
COUNTS = """(SELECT count(*) FROM register.case_sign AS s WHERE s.case_id = c.case_id) AS signs,
    (SELECT count(*) FROM register.case_sign AS s WHERE s.case_id = c.case_id AND s.ended IS NULL) AS going_on,
    (SELECT count(*) FROM register.case_proposal AS p WHERE p.case_id = c.case_id AND p.state = 'proposed') AS proposals"""
SELECT = f"SELECT {COLUMNS}, {COUNTS} FROM register.city_case AS c"  # noqa: S608 - constants only
ONE = f"{SELECT} WHERE site_id = %(site_id)s AND case_id = %(case_id)s"
KNOWN = """SELECT sign_id, case_id, ended, state FROM register.case_sign JOIN register.city_case USING (case_id)
    WHERE source = %s AND source_id = %s"""
CANDIDATES = """SELECT case_id, kind, site_id, spot, latitude_deg, longitude_deg, elevation_m, last_sign FROM register.city_case
    WHERE site_id = %s AND kind = %s AND state IN ('open', 'acting', 'resolved')"""
OPEN = """INSERT INTO register.city_case
        (site_id, kind, title, latitude_deg, longitude_deg, elevation_m, spot, severity, opened, changed, last_sign)
    VALUES (%(site_id)s, %(kind)s, %(title)s, %(latitude_deg)s, %(longitude_deg)s, %(elevation_m)s, %(spot)s, %(severity)s,
        %(now)s, %(now)s, %(at)s) RETURNING case_id"""
ADD_SIGN = """INSERT INTO register.case_sign
        (case_id, source, source_id, kind, severity, at, latitude_deg, longitude_deg, elevation_m, spot, text, detail)
    VALUES (%(case_id)s, %(source)s, %(source_id)s, %(sign)s, %(severity)s, %(at)s, %(latitude_deg)s, %(longitude_deg)s,
        %(elevation_m)s, %(spot)s, %(text)s, %(detail)s)"""
# A case that seemed over is not: whoever had the duty has it still.
JOIN = """UPDATE register.city_case SET last_sign = greatest(last_sign, %(at)s), changed = %(now)s, over = NULL,
        state = CASE state WHEN 'resolved' THEN 'open' ELSE state END,
        severity = CASE WHEN register.severity_rank(%(severity)s) > register.severity_rank(severity) THEN %(severity)s
            ELSE severity END,
        latitude_deg = coalesce(latitude_deg, %(latitude_deg)s), longitude_deg = coalesce(longitude_deg, %(longitude_deg)s),
        elevation_m = coalesce(elevation_m, %(elevation_m)s), spot = CASE spot WHEN '' THEN %(spot)s ELSE spot END
    WHERE case_id = %(case_id)s"""
STATE_OF = "SELECT state FROM register.city_case WHERE case_id = %s"
AGAIN = "UPDATE register.case_sign SET ended = NULL, at = %s WHERE sign_id = %s"
END = """UPDATE register.case_sign SET ended = greatest(at, %(at)s) WHERE source = %(source)s AND source_id = %(source_id)s
    AND ended IS NULL RETURNING case_id, kind, spot"""
NOTE = """INSERT INTO register.case_event (case_id, at, actor, event, detail, comment)
    VALUES (%(case_id)s, %(now)s, %(actor)s, %(event)s, %(detail)s, %(comment)s)"""
CHANGE = """UPDATE register.city_case SET state = %(state)s, duty = %(duty)s, severity = %(severity)s, changed = %(now)s,
        over = CASE WHEN NOT %(is_over)s THEN NULL ELSE coalesce(over, %(now)s) END
    WHERE case_id = %(case_id)s"""


def lock(connection: Execute) -> None:
    """Let nobody else change cases before this transaction ends: two signs of one thing must not make two cases."""
    connection.execute(LOCK)


def add_sign(connection: Execute, sign: Sign, now: Moment, actor: str, *, title: str = "") -> int:
    """Let a sign join the case that it belongs to, or open one; the case. Call it under `lock`."""
    known = connection.execute(KNOWN, (sign.source, sign.source_id)).fetchone()
    if known is not None:
        return _again(connection, sign, known, now, actor)
    kind = kind_of(sign.kind)
    latitude, longitude, elevation = sign.place or (None, None, None)
    values = {
        "site_id": sign.site_id,
        "kind": kind.name,
        "title": title or sign.text or sign.kind.replace("_", " "),
        "latitude_deg": latitude,
        "longitude_deg": longitude,
        "elevation_m": elevation,
        "spot": sign.spot,
        "severity": sign.severity,
        "now": now,
        "at": sign.at,
        "source": sign.source,
        "source_id": sign.source_id,
        "sign": sign.kind,
        "text": sign.text,
        "detail": Jsonb(dict(sign.detail)),
    }
    case_id, event = case_of(sign, _candidates(connection, sign)), "joined"
    if case_id is None:
        case_id, event = int((connection.execute(OPEN, values).fetchone() or {})["case_id"]), "opened"
    connection.execute(ADD_SIGN, {**values, "case_id": case_id})
    _join(connection, {**values, "case_id": case_id}, now, actor, event)
    return case_id


def end_sign(connection: Execute, source: str, source_id: str, at: Moment, now: Moment, actor: str) -> None:
    """Let it be no longer so; nothing happens when nobody knows it."""
    for row in connection.execute(END, {"source": source, "source_id": source_id, "at": at}).fetchall():
        note(connection, row["case_id"], now, actor, "ended", {"sign": row["kind"], "spot": row["spot"]})


def note(
    connection: Execute,
    case_id: int,
    now: Moment,
    actor: str,
    event: str,
    detail: Mapping[str, Any] | None = None,
    comment: str = "",
) -> None:
    """Write something into a case's history."""
    values = {"case_id": case_id, "now": now, "actor": actor, "event": event, "detail": Jsonb(dict(detail or {}))}
    connection.execute(NOTE, {**values, "comment": comment})


def one(connection: Execute, site_id: str, case_id: int) -> Case:
    """One case; ProblemError 404."""
    row = connection.execute(ONE.encode(), {"site_id": site_id, "case_id": case_id}).fetchone()
    if row is None:
        raise not_found("case", str(case_id))
    return Case(**row)


def change(connection: Execute, case: Case, now: Moment, *, state: State, duty: str | None, severity: Severity) -> None:
    """Let a case be so."""
    is_over = state in IS_OVER
    values = {"case_id": case.case_id, "state": state, "duty": duty, "severity": severity, "now": now, "is_over": is_over}
    connection.execute(CHANGE, values)


def _again(connection: Execute, sign: Sign, known: Mapping[str, Any], now: Moment, actor: str) -> int:
    """A sign that was over and is so again; of a case that is closed it says nothing new."""
    if known["ended"] is not None and State(known["state"]) not in {State.CLOSED, State.DISMISSED}:
        connection.execute(AGAIN, (sign.at, known["sign_id"]))
        nowhere = dict.fromkeys(("latitude_deg", "longitude_deg", "elevation_m"))
        values = {**nowhere, "case_id": known["case_id"], "at": sign.at, "now": now, "severity": sign.severity, "spot": ""}
        _join(connection, {**values, "sign": sign.kind, "source": sign.source, "text": sign.text}, now, actor, "again")
    return int(known["case_id"])


def _join(connection: Execute, values: Mapping[str, Any], now: Moment, actor: str, event: str) -> None:
    case_id = values["case_id"]
    before = (connection.execute(STATE_OF, (case_id,)).fetchone() or {})["state"]
    connection.execute(JOIN, dict(values))
    detail = {"sign": values["sign"], "source": values["source"], "text": values["text"], "severity": values["severity"]}
    note(connection, case_id, now, actor, event, detail)
    if before == State.RESOLVED:
        note(connection, case_id, now, actor, "state", {"from": before, "to": State.OPEN})


def _candidates(connection: Execute, sign: Sign) -> list[Candidate]:
    kind = kind_of(sign.kind)
    found = connection.execute(CANDIDATES, (sign.site_id, kind.name)).fetchall()
    return [Candidate(row["case_id"], kind.name, row["site_id"], row["spot"], _place(row), row["last_sign"]) for row in found]


def _place(row: Mapping[str, Any]) -> tuple[float, float, float | None] | None:
    if row["latitude_deg"] is None:
        return None
    return row["latitude_deg"], row["longitude_deg"], row["elevation_m"]


def patience() -> dict[str, float]:
    """By kind, how long after its last sign a case is resolved."""
    return {name: kind.over_s for name, kind in KINDS.items()}
