"""What a restore carries over: what devices have said of themselves up to now is of today, and no backup knows it better.

Rows of a device stay if the backup has the same device, under the same key and id. What happened to a vehicle stays also when the
backup has no such vehicle, as it does when one is deleted. What lies beside the register stays with the row of the register that
it belongs to: what was kept of the streams around an event, and a site's runs of scenarios.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import Connection, sql
from psycopg.rows import DictRow

OF_DEVICES = ("health", "vehicle_clock", "vehicle_state", "mode_span")
EVENTS = "vehicle_event"
BESIDE = """SELECT conrelid::regclass::text AS place, conname AS name, pg_get_constraintdef(fk.oid) AS definition,
        confrelid::regclass::text AS parent, child.attname AS child_column, its.attname AS parent_column
    FROM pg_constraint AS fk JOIN pg_attribute AS child ON child.attrelid = conrelid AND child.attnum = conkey[1]
        JOIN pg_attribute AS its ON its.attrelid = confrelid AND its.attnum = confkey[1]
    WHERE contype = 'f' AND connamespace <> 'register'::regnamespace
        AND confrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'register'::regnamespace)"""
IS_SAME = "now.device_key = kept.device_key AND now.device_id = kept.whose"
TAKE = """CREATE TEMPORARY TABLE {kept} ON COMMIT DROP AS SELECT its.*, device.device_id AS whose
    FROM register.{table} AS its LEFT JOIN register.device USING (device_key)"""
CLEAR = f"""DELETE FROM register.{{table}} AS its WHERE EXISTS (SELECT FROM {{kept}} AS kept
    JOIN register.device AS now ON {IS_SAME} WHERE now.device_key = its.device_key)"""  # noqa: S608 - constants only
PUT = f"""INSERT INTO register.{{table}} ({{columns}})
    SELECT {{kept_columns}} FROM {{kept}} AS kept JOIN register.device AS now ON {IS_SAME}"""  # noqa: S608 - constants only
OF_WHAT = "coalesce({0}.detail ->> 'code', {0}.detail ->> 'area', '')"  # two faults, or areas, may be of one instant
EVENT = f"""(its.vehicle, its.time, its.what, {OF_WHAT.format("its")})
    = (kept.vehicle, kept.time, kept.what, {OF_WHAT.format("kept")})"""
CLEAR_EVENTS = (
    "DELETE FROM {kept} AS kept WHERE NOT EXISTS (SELECT FROM register.site WHERE site.site_id = kept.site_id)",
    # The backup of another installation has other events under these numbers.
    f"DELETE FROM {{kept}} AS kept USING register.vehicle_event AS its WHERE its.event_id = kept.event_id AND NOT ({EVENT})",  # noqa: S608
    "DELETE FROM run.capture AS its WHERE NOT EXISTS (SELECT FROM {kept} AS kept WHERE kept.event_id = its.event_id)",
    "DELETE FROM register.vehicle_event AS its USING {kept} AS kept WHERE its.event_id = kept.event_id",
    f"DELETE FROM register.vehicle_event AS its USING {{kept}} AS kept WHERE {EVENT}",  # noqa: S608 - constants only
)
PUT_EVENTS = f"""INSERT INTO register.vehicle_event ({{columns}}) OVERRIDING SYSTEM VALUE SELECT {{kept_columns}}
    FROM (SELECT kept.*, now.device_key AS key_now FROM {{kept}} AS kept
        LEFT JOIN register.device AS now ON {IS_SAME}) AS kept"""  # noqa: S608 - constants only
LET_GO = "ALTER TABLE {place} DROP CONSTRAINT {name}"
ORPHANS = """DELETE FROM {place} AS its WHERE {child} IS NOT NULL
    AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE parent.{column} = its.{child})"""
HOLD = "ALTER TABLE {place} ADD CONSTRAINT {name} {definition}"
Execute = Connection[DictRow]
Ties = Sequence[Mapping[str, str]]


def ties(connection: Execute) -> Ties:
    """The references from beside the register into it, by which its rows would take others with them."""
    return connection.execute(BESIDE).fetchall()


def take(connection: Execute, beside: Ties) -> None:
    """Set it aside; call it before the register is emptied, in the same transaction, which has locked all of this."""
    for table in (*OF_DEVICES, EVENTS):
        connection.execute(sql.SQL(TAKE).format(**_names(table)))
        connection.execute(sql.SQL("ANALYZE {kept}").format(**_names(table)))
    for tie in beside:
        connection.execute(_of_tie(LET_GO, tie))


def put_back(connection: Execute, beside: Ties, columns: Mapping[str, Sequence[str]]) -> None:
    """Put it in the place of what the backup has; call it when that is loaded. columns: of each table."""
    for table in OF_DEVICES:
        for statement in (CLEAR, PUT):
            connection.execute(sql.SQL(statement).format(**_names(table), **_columns(columns[table])))
    for statement in (*CLEAR_EVENTS, PUT_EVENTS):
        given = _columns(columns[EVENTS], {"device_key": "key_now"})
        connection.execute(sql.SQL(statement).format(**_names(EVENTS), **given))
    for tie in beside:
        for statement in (ORPHANS, HOLD):
            connection.execute(_of_tie(statement, tie))


def _names(table: str) -> dict[str, sql.Identifier]:
    return {"table": sql.Identifier(table), "kept": sql.Identifier("pg_temp", f"kept_{table}")}


def _columns(columns: Sequence[str], other: Mapping[str, str] | None = None) -> dict[str, sql.Composed]:
    """As they are called in the table, and in what was set aside."""
    kept = [sql.SQL("kept.") + sql.Identifier((other or {}).get(name, name)) for name in columns]
    return {"columns": sql.SQL(", ").join(map(sql.Identifier, columns)), "kept_columns": sql.SQL(", ").join(kept)}


def _of_tie(statement: str, tie: Mapping[str, str]) -> sql.Composed:
    """A statement with what the database itself says of a reference, quoted where that is needed."""
    names = {"name": "name", "child": "child_column", "column": "parent_column"}
    plain = {name: sql.SQL(tie[name]) for name in ("place", "parent", "definition")}
    return sql.SQL(statement).format(**plain, **{name: sql.Identifier(tie[it]) for name, it in names.items()})
