"""What a restore carries over: what devices have said of themselves up to now is of today, and no backup knows it better.

Rows of a device stay if the backup has the same device, under the same key and id. What happened to a vehicle stays also when the
backup has no such vehicle, as it does when one is deleted; what was kept of the streams around that lies beside the register.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import Connection, sql
from psycopg.rows import DictRow

OF_DEVICES = ("health", "vehicle_clock", "vehicle_state", "mode_span")
EVENTS = "vehicle_event"
IS_SAME = "now.device_key = kept.device_key AND now.device_id = kept.whose"
TAKE = """CREATE TEMPORARY TABLE {kept} ON COMMIT DROP AS SELECT its.*, device.device_id AS whose
    FROM register.{table} AS its LEFT JOIN register.device USING (device_key)"""
CLEAR = f"""DELETE FROM register.{{table}} AS its USING {{kept}} AS kept, register.device AS now
    WHERE {IS_SAME} AND its.device_key = now.device_key"""  # noqa: S608 - constants only
PUT = f"""INSERT INTO register.{{table}} ({{columns}})
    SELECT {{kept_columns}} FROM {{kept}} AS kept JOIN register.device AS now ON {IS_SAME}"""  # noqa: S608 - constants only
CLEAR_EVENTS = """DELETE FROM register.vehicle_event AS its USING {kept} AS kept
    WHERE its.event_id = kept.event_id OR (its.vehicle, its.time, its.what) = (kept.vehicle, kept.time, kept.what)"""
PUT_EVENTS = f"""INSERT INTO register.vehicle_event ({{columns}}) OVERRIDING SYSTEM VALUE
    SELECT {{kept_columns}} FROM (SELECT kept.*, now.device_key AS key_now FROM {{kept}} AS kept
        JOIN register.site USING (site_id) LEFT JOIN register.device AS now ON {IS_SAME}) AS kept"""  # noqa: S608 - constants only
# The captures are no part of the register, and must not go with the rows that come back.
LET_GO = "ALTER TABLE run.capture DROP CONSTRAINT capture_event_id_fkey"
HOLD = (
    "DELETE FROM run.capture WHERE event_id NOT IN (SELECT event_id FROM register.vehicle_event)",
    """ALTER TABLE run.capture ADD CONSTRAINT capture_event_id_fkey
        FOREIGN KEY (event_id) REFERENCES register.vehicle_event ON DELETE CASCADE""",
)
Execute = Connection[DictRow]


def take(connection: Execute) -> None:
    """Set it aside; call it before the register is emptied, in the same transaction."""
    for table in (*OF_DEVICES, EVENTS):
        connection.execute(sql.SQL(TAKE).format(**_names(table)))
    connection.execute(LET_GO)


def put_back(connection: Execute, columns: Mapping[str, Sequence[str]]) -> None:
    """Put it in the place of what the backup has; call it when that is loaded. columns: of each table."""
    for table in OF_DEVICES:
        for statement in (CLEAR, PUT):
            connection.execute(sql.SQL(statement).format(**_names(table), **_columns(columns[table])))
    given = {**_columns(columns[EVENTS]), "kept_columns": _columns(columns[EVENTS], {"device_key": "key_now"})["kept_columns"]}
    for statement in (CLEAR_EVENTS, PUT_EVENTS):
        connection.execute(sql.SQL(statement).format(**_names(EVENTS), **given))
    for statement in HOLD:
        connection.execute(statement)


def _names(table: str) -> dict[str, sql.Identifier]:
    return {"table": sql.Identifier(table), "kept": sql.Identifier("pg_temp", f"kept_{table}")}


def _columns(columns: Sequence[str], other: Mapping[str, str] | None = None) -> dict[str, sql.Composed]:
    """As they are called in the table, and in what was set aside."""
    kept = [sql.SQL("kept.") + sql.Identifier((other or {}).get(name, name)) for name in columns]
    return {"columns": sql.SQL(", ").join(map(sql.Identifier, columns)), "kept_columns": sql.SQL(", ").join(kept)}
