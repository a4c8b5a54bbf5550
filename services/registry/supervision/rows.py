"""SQL of vehicles under supervision: whose a word is, states, stretches of driving, and events; many in one statement."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.registry.supervision.clocks import Speaker, VehicleClock
from services.registry.supervision.states import CAPTURED, Event, Span, State, What
from services.registry.supervision.words import Cause, Mode

Execute = Connection[DictRow]
BEFORE_S, AFTER_S = 30, 30  # what is kept around an event
LATE_S = 120  # of what was told later than that
GRACE_S = 5  # for rows that are still under way to the database
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
WHOSE = """SELECT device.device_id, owner.device_key, owner.device_id AS vehicle, owner.team, owner.site_id,
        owner.lifecycle = 'retired' AS is_retired
    FROM register.device JOIN register.device AS owner ON owner.device_key = coalesce(device.on_vehicle_key, device.device_key)
    WHERE device.device_id = ANY(%s)"""
# The audit log has when it was moved, and from which vehicle; on which it was registered, on that it always was.
MOVES = """SELECT subject AS device_id, (extract(epoch FROM at) * 1000000)::bigint AS at_us,
        coalesce(before ->> 'on_vehicle_key', before ->> 'device_key')::integer AS former_key
    FROM register.audit WHERE at > %(since)s AND what = 'device' AND action = 'update' AND subject = ANY(%(ids)s)
        AND before -> 'on_vehicle_key' IS DISTINCT FROM after -> 'on_vehicle_key' AND at > (before ->> 'created')::timestamptz
    ORDER BY audit_id"""
OWNERS = """SELECT device_key, device_id AS vehicle, team, site_id, lifecycle = 'retired' AS is_retired
    FROM register.device WHERE device_key = ANY(%s)"""
STATES = """SELECT state.*, span.starts AS span_starts, span.metres AS span_metres FROM register.vehicle_state AS state
    LEFT JOIN LATERAL (SELECT starts, metres FROM register.mode_span WHERE mode_span.device_key = state.device_key
        ORDER BY starts DESC LIMIT 1) AS span ON true"""
FIELDS = {
    "time": "timestamptz", "heard": "timestamptz", "mode": "text", "since": "timestamptz", "cause": "text", "reason": "text",
    "in_odd": "boolean", "faults": "jsonb", "odometer_m": "double precision", "latitude_deg": "double precision",
    "longitude_deg": "double precision", "speed_mps": "double precision", "is_disengaged": "boolean",
}  # fmt: skip
RECORD = ", ".join(f"{name} {kind}" for name, kind in FIELDS.items())
STORE = f"""INSERT INTO register.vehicle_state (device_key, {", ".join(FIELDS)})
    SELECT device_key, {", ".join(FIELDS)} FROM jsonb_to_recordset(%s) AS new (device_key integer, {RECORD})
    ON CONFLICT (device_key) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in FIELDS)}"""  # noqa: S608
CLOCKS = "SELECT device_key, speaker, shift_us FROM register.vehicle_clock"
STORE_CLOCKS = """INSERT INTO register.vehicle_clock (device_key, speaker, shift_us)
    SELECT * FROM unnest(%s::integer[], %s::text[], %s::bigint[])
    ON CONFLICT (device_key, speaker) DO UPDATE SET shift_us = excluded.shift_us"""
SPANS = """INSERT INTO register.mode_span (device_key, starts, ends, mode, metres)
    SELECT * FROM unnest(%s::integer[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::double precision[])
    ON CONFLICT (device_key, starts) DO UPDATE SET ends = excluded.ends, mode = excluded.mode, metres = excluded.metres"""
ADD = """INSERT INTO register.vehicle_event
        (site_id, device_key, vehicle, team, time, what, former_mode, mode, cause, reason, detail, capture, capture_due)
    SELECT site_id, device_key, vehicle, team, time, what, former_mode, mode, cause, reason, detail, capture, capture_due
    FROM jsonb_to_recordset(%s) AS new (site_id text, device_key integer, vehicle text, team text, time timestamptz, what text,
        former_mode text, mode text, cause text, reason text, detail jsonb, capture text, capture_due timestamptz)
    ON CONFLICT (device_key, time, what, coalesce(detail ->> 'code', detail ->> 'area', '')) WHERE device_key IS NOT NULL
        DO NOTHING RETURNING event_id"""
REPORTS = """SELECT device.device_id, device_key, report.time, arrival, body::text AS body
    FROM stream.report JOIN register.device USING (device_key)
    WHERE stream = 'mode' AND report.time > %(said_since)s AND arrival >= %(arrival)s AND arrival < %(until)s
        AND (arrival, report.time, device_key) > (%(arrival)s, %(time)s, %(key)s)
    ORDER BY arrival, report.time, device_key LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class Owner:
    """The vehicle for which a device speaks; an OBU that is on none speaks for itself."""

    device_key: int
    vehicle: str
    team: str | None
    site_id: str
    is_retired: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where one is in what ingest stored: behind the word that arrived then, was stamped so, and came from this device."""

    arrival_us: int
    time_us: int = 0
    device_key: int = 0


@dataclass(frozen=True, slots=True)
class Owners:
    """For which vehicle each device speaks now, and until when for which before, oldest first; None: it is registered no more."""

    now: Mapping[str, Owner]
    before: Mapping[str, Sequence[tuple[int, Owner | None]]]

    def of(self, device_id: str, heard_us: int) -> Owner | None:
        """For whom it spoke when it was heard: its stamp is by its own clock, which may be wrong."""
        for until_us, owner in self.before.get(device_id, ()):
            if heard_us < until_us:
                return owner
        return self.now.get(device_id)


def whose(connection: Execute, device_ids: Collection[str], since_us: int) -> Owners:
    """The vehicles for which these devices speak, and spoke since an instant; what is not registered is missing."""
    ids = list(device_ids)
    found = connection.execute(WHOSE, (ids,))
    now = {row["device_id"]: _owner(row) for row in found}
    moves = connection.execute(MOVES, {"since": at(since_us), "ids": ids}).fetchall()
    former = owners(connection, {move["former_key"] for move in moves}) if moves else {}
    before: dict[str, list[tuple[int, Owner | None]]] = {}
    for move in moves:
        before.setdefault(move["device_id"], []).append((move["at_us"], former.get(move["former_key"])))
    return Owners(now, before)


def owners(connection: Execute, keys: Iterable[int]) -> dict[int, Owner]:
    """Vehicles by key."""
    found = connection.execute(OWNERS, (list(keys),))
    return {row["device_key"]: _owner(row) for row in found}


def states(connection: Execute) -> dict[int, tuple[State, int]]:
    """Every vehicle's last state and when it was heard, µs, by key."""
    return {row["device_key"]: (_state(row), _us(row["heard"])) for row in connection.execute(STATES)}


def store(connection: Execute, states: Mapping[int, tuple[State, int]]) -> None:
    """Let these be the vehicles' states."""
    if states:
        connection.execute(STORE.encode(), (Jsonb([_row(key, state, heard) for key, (state, heard) in states.items()]),))


def clocks(connection: Execute) -> dict[Speaker, VehicleClock]:
    """The clocks that are known to be off, by speaker."""
    return {(row["device_key"], row["speaker"]): VehicleClock(row["shift_us"]) for row in connection.execute(CLOCKS)}


def store_clocks(connection: Execute, shifts_us: Mapping[Speaker, int]) -> None:
    """Let these clocks be so far off."""
    if shifts_us:
        keys, speakers = zip(*shifts_us, strict=True)
        connection.execute(STORE_CLOCKS, (list(keys), list(speakers), list(shifts_us.values())))


def store_spans(connection: Execute, spans: Sequence[tuple[int, Span]]) -> None:
    """Let these stretches be so; of one that was written before, the newest counts."""
    newest = {(key, span.starts_us): (key, span) for key, span in spans}.values()
    if newest:
        columns = zip(*[(key, at(s.starts_us), at(s.ends_us), str(s.mode), s.metres) for key, s in newest], strict=True)
        connection.execute(SPANS, [list(column) for column in columns])


def add_events(connection: Execute, events: Sequence[tuple[Owner, Event]]) -> list[int]:
    """Note events, each once; answers the numbers of those that are new."""
    if not events:
        return []
    return [row["event_id"] for row in connection.execute(ADD, (Jsonb([_event_row(*each) for each in events]),))]


def reports(connection: Execute, behind: Place, until_us: int, limit: int, *, slowest_us: int) -> list[dict[str, Any]]:
    """Words behind a place, as they came, of clocks that are no slower than this; none while ingest has no table."""
    there = connection.execute("SELECT to_regclass('stream.report') IS NOT NULL AS is_there").fetchone()
    if not there or not there["is_there"]:
        return []
    since = {"arrival": at(behind.arrival_us), "time": at(behind.time_us), "key": behind.device_key}
    bounds = {"said_since": at(behind.arrival_us - slowest_us), "until": at(until_us), "limit": limit}
    found = connection.execute(REPORTS, {**since, **bounds}).fetchall()
    return [{**row, "arrival_us": _us(row["arrival"]), "time_us": _us(row["time"])} for row in found]


def at(time_us: int) -> datetime.datetime:
    """An instant."""
    return EPOCH + datetime.timedelta(microseconds=time_us)


def _owner(row: Mapping[str, Any]) -> Owner:
    return Owner(**{name: row[name] for name in ("device_key", "vehicle", "team", "site_id", "is_retired")})


def _us(instant: datetime.datetime) -> int:
    return (instant - EPOCH) // datetime.timedelta(microseconds=1)


def _row(key: int, state: State, heard_us: int) -> dict[str, Any]:
    plain = ("reason", "in_odd", "odometer_m", "latitude_deg", "longitude_deg", "speed_mps", "is_disengaged")
    times = {"time": state.time_us, "since": state.since_us, "heard": heard_us}
    return {
        "device_key": key,
        **{name: at(value).isoformat() for name, value in times.items()},
        **{name: getattr(state, name) for name in plain},
        "mode": str(state.mode),
        "cause": None if state.cause is None else str(state.cause),
        "faults": [dict(fault) for fault in state.faults],
    }


def _state(row: Mapping[str, Any]) -> State:
    plain = ("reason", "in_odd", "odometer_m", "latitude_deg", "longitude_deg", "speed_mps", "is_disengaged")
    return State(
        time_us=_us(row["time"]),
        since_us=_us(row["since"]),
        mode=Mode(row["mode"]),
        cause=None if row["cause"] is None else Cause(row["cause"]),
        faults=tuple(row["faults"]),
        span_starts_us=_us(row["span_starts"] or row["time"]),
        span_metres=row["span_metres"],
        **{name: row[name] for name in plain},
    )


def _event_row(owner: Owner, event: Event) -> dict[str, Any]:
    due = at(event.time_us) + datetime.timedelta(seconds=AFTER_S + GRACE_S)
    now = datetime.datetime.now(datetime.UTC)
    if due < now and event.what is not What.MARK:  # it was told late, so what was said around it may still be on its way, too
        due = now + datetime.timedelta(seconds=LATE_S)
    return {
        "site_id": owner.site_id,
        "device_key": owner.device_key,
        "vehicle": owner.vehicle,
        "team": owner.team,
        "time": at(event.time_us).isoformat(),
        "what": str(event.what),
        "former_mode": None if event.former is None else str(event.former),
        "mode": None if event.mode is None else str(event.mode),
        "cause": None if event.cause is None else str(event.cause),
        "reason": event.reason,
        "detail": dict(event.detail or {}),
        "capture": "pending" if event.what in CAPTURED else "nothing",
        "capture_due": due.isoformat(),
    }
