"""Schema ``open``: views for whoever reads the database himself, made when the tables that they are of are there.

Sums by hour and day are continuous aggregates on TimescaleDB, which also keep what retention has dropped from the rows; elsewhere
they are plain views, which read the rows. Their columns are the same. docs/city/data.md describes each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import Connection, sql
from psycopg.rows import DictRow

from services.registry.database import ITSELF, Register
from services.registry.entities.kinds import EntityKind, codes, kinds
from services.registry.rounds import InRounds, Rounds

PERIOD_S = 10.0
BAD = 2  # chelu.codec.observations.QUALITIES
LOCK = "SELECT pg_advisory_xact_lock(hashtext('chelu views'))"
THERE = "SELECT to_regclass(%s) IS NOT NULL AS is_there"
IS_HYPERTABLE = """SELECT 1 AS one FROM timescaledb_information.hypertables
    WHERE hypertable_schema || '.' || hypertable_name = %s"""
HAS_TIMESCALE = "SELECT 1 AS one FROM pg_extension WHERE extname = 'timescaledb'"
COMMENT = "SELECT obj_description(to_regclass(%s), 'pg_class') AS comment"
SPANS = {"hour": ("1 hour", "3 days"), "day": ("1 day", "30 days")}


@dataclass(frozen=True, slots=True)
class View:
    """One view. table: what it is of; query: with ``{bucket}`` for the time's span where it is a sum over time."""

    name: str
    table: str
    query: str
    span: str = ""


class Views(InRounds):
    """Makes them while it is entered; `look` is one look."""

    def __init__(self, register: Register, *, period_s: float = PERIOD_S) -> None:
        self._register = register
        self._missing = {one.name: one for one in definitions()}
        self._rounds = Rounds.every(period_s, "views", self.look, "views of the city's data are not made")

    def look(self) -> None:
        """Make those whose tables are there by now."""
        for name, view in list(self._missing.items()):
            with self._register.transaction(ITSELF) as connection:
                if _is_there(connection, view.table):
                    _make(connection, view)
                    del self._missing[name]


def definitions() -> Iterator[View]:
    """All views."""
    for span in SPANS:
        yield View(f"observation_{span}", "stream.observation", _OBSERVATIONS, span)
        yield View(f"traffic_{span}", "city.state", _TRAFFIC, span)
    for kind in kinds().values():
        if kind.view:
            table = "stream.observation" if kind.is_measured else _TABLES[kind.name]
            yield View(kind.view, table, _measured(kind) if kind.is_measured else _OTHERS[kind.name](kind))


_OBSERVATIONS = f"""SELECT {{bucket}} AS time, device_key, quantity, channel, count(value) AS readings, avg(value) AS mean,
    min(value) AS least, max(value) AS most
    FROM stream.observation WHERE quality IS NULL OR quality <> {BAD} GROUP BY 1, 2, 3, 4"""  # noqa: S608 - constants only
_TRAFFIC = """SELECT {bucket} AS time, site_id, scope, place, avg(flow_vph) AS flow_vph,
    sum(mean_speed_mps * flow_vph) / nullif(sum(flow_vph) FILTER (WHERE mean_speed_mps IS NOT NULL), 0) AS mean_speed_mps,
    max(queue_m) AS longest_queue_m, sum(delay_s) AS delay_s, avg(index) AS index, sum(congested_s) AS congested_s,
    sum(co2_g) AS co2_g FROM city.state WHERE period_s = 60 GROUP BY 1, 2, 3, 4"""
_PLACE = "d.site_id, d.device_id, d.latitude_deg, d.longitude_deg, d.elevation_m"
_TABLES = {"TrafficFlowObserved": "city.state", "Device": "register.device"}


def _measured(kind: EntityKind) -> str:
    values = ", ".join(f'{one.expression} AS "{one.name}"' for one in kind.properties)
    chosen = ", ".join(map(str, codes(kind)))
    return f"""SELECT o.time, {_PLACE}, {values} FROM stream.observation AS o JOIN register.device AS d USING (device_key)
        WHERE quantity IN ({chosen}) AND (quality IS NULL OR quality <> {BAD}) GROUP BY o.time, {_PLACE}"""  # noqa: S608 - ours


def _traffic(kind: EntityKind) -> str:
    values = ", ".join(f'{one.expression} AS "{one.name}"' for one in kind.properties)
    return f"""SELECT time, site_id, place AS segment, {values} FROM city.state
        WHERE scope = 'segment' AND period_s = 60"""  # noqa: S608 - ours


def _device(_: EntityKind) -> str:
    return """SELECT d.device_id, d.site_id, d.kind, d.subtype, d.name, d.lifecycle, d.latitude_deg, d.longitude_deg,
        d.elevation_m FROM register.device AS d"""


_OTHERS = {"TrafficFlowObserved": _traffic, "Device": _device}


def _is_there(connection: Connection[DictRow], table: str) -> bool:
    row = connection.execute(THERE, (table,)).fetchone()
    return row is not None and row["is_there"]


def _make(connection: Connection[DictRow], view: View) -> None:
    """Make a view unless it is there in the same words; a continuous aggregate that is there stays, with what it keeps."""
    connection.execute(LOCK)
    connection.execute("CREATE SCHEMA IF NOT EXISTS open")
    is_continuous = bool(view.span) and _is_hypertable(connection, view.table)
    query = view.query.replace("{bucket}", _bucket(view.span, is_continuous=is_continuous)) if view.span else view.query
    mark = hashlib.sha256(query.encode()).hexdigest()[:16]
    name = sql.Identifier("open", view.name)
    before = connection.execute(COMMENT, (f"open.{view.name}",)).fetchone()
    if before is not None and before["comment"] == mark:
        return
    if is_continuous:
        _make_continuous(connection, view, query)
    else:
        connection.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(name))
        connection.execute(sql.SQL("CREATE VIEW {} AS {}").format(name, sql.SQL(query)))
    connection.execute(sql.SQL("COMMENT ON VIEW {} IS {}").format(name, sql.Literal(mark)))


def _make_continuous(connection: Connection[DictRow], view: View, query: str) -> None:
    """With a policy that sums up what is over; what is newer is added from the rows."""
    if _is_there(connection, f"open.{view.name}"):
        return
    name = sql.Identifier("open", view.name)
    span, back = SPANS[view.span]
    options = sql.SQL("WITH (timescaledb.continuous, timescaledb.materialized_only = false)")
    connection.execute(sql.SQL("CREATE MATERIALIZED VIEW {} {} AS {} WITH NO DATA").format(name, options, sql.SQL(query)))
    policy = "SELECT add_continuous_aggregate_policy(%s::regclass, %s::interval, %s::interval, '15 minutes'::interval)"
    connection.execute(policy, (f"open.{view.name}", back, span))


def _is_hypertable(connection: Connection[DictRow], table: str) -> bool:
    if connection.execute(HAS_TIMESCALE).fetchone() is None:
        return False
    return connection.execute(IS_HYPERTABLE, (table,)).fetchone() is not None


def _bucket(span: str, *, is_continuous: bool) -> str:
    width = f"'{SPANS[span][0]}'::interval"
    return f"time_bucket({width}, time)" if is_continuous else f"date_bin({width}, time, 'epoch'::timestamptz)"
