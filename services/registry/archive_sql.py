"""The register's tables into a backup, from one snapshot, and back, in one transaction.

What belongs to the installation rather than to the site stays out: the services' accounts and the installation's own key, which
every start takes over from its settings, the keys of devices' tokens and of pseudonyms, what an export goes on from, and people's
sessions. Packages' files are not in it.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import IO, Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import DictRow

from services.registry import carried
from services.registry.archive import Archive, ArchiveError, Manifest, Writer

# What devices do now, and what is on its way to webhooks, is of today; a backup sent again would tell old news.
NOT_SAVED = frozenset(
    {"migration", "service_account", "token_key", "health", "delivery", "pseudonym_key", "export_plan", "export_part"}
)
ROADS = "road_network"
KEPT = {"api_key": "owner IS NULL OR is_session"}  # rows that neither leave nor are replaced
COLUMNS = """SELECT table_name AS name, array_agg(column_name::text ORDER BY ordinal_position) AS columns
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'register' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER' GROUP BY 1"""
EVERY_TABLE = """SELECT oid::regclass::text AS name FROM pg_class
    WHERE relkind = 'r' AND relnamespace IN ('register'::regnamespace, 'run'::regnamespace) ORDER BY 1"""
LOCK_MS = 300  # below PostgreSQL's deadlock_timeout, so that it is the restore that gives way
REFERENCES = """SELECT child.relname AS child, parent.relname AS parent FROM pg_constraint
    JOIN pg_class AS child ON child.oid = conrelid JOIN pg_class AS parent ON parent.oid = confrelid
    WHERE contype = 'f' AND connamespace = 'register'::regnamespace AND conrelid <> confrelid"""
# No number is given twice. Devices remember orders of after the backup, of which a new installation knows nothing: a stop with a
# lower number than theirs would be an old one to them.
GO_ON = """SELECT setval(sequence, greatest(%(value)s, coalesce(pg_sequence_last_value(sequence), 0)) + %(apart)s)
    FROM (SELECT format('register.%%I', %(name)s::text)::regclass AS sequence) AS its"""
APART = {"rotation": 1_000_000}
SEQUENCES = "SELECT sequencename AS name, last_value AS value FROM pg_sequences WHERE schemaname = 'register'"
STEP = "SELECT max(number) AS step FROM register.migration"
OCCUPIED = """SELECT (SELECT count(*) FROM register.site) AS sites, (SELECT count(*) FROM register.organisation) AS organisations,
    (SELECT count(*) FROM register.device) AS devices"""
Execute = Connection[DictRow]


def save(connection: Execute, target: IO[bytes]) -> Manifest:
    """Write a backup; `connection` must have run nothing in its transaction yet."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    writer = Writer()
    try:
        for table, columns in sorted(_saved(_tables(connection)).items()):
            kept = [name for name in columns if (table, name) != (ROADS, "content")]
            writer.table(table, kept, _lines(connection, table, kept))
        for row in connection.execute("SELECT site_id, version, content FROM register.road_network ORDER BY 1, 2"):
            writer.file(roads_name(row), row["content"])
        sequences = {row["name"]: row["value"] for row in connection.execute(SEQUENCES) if row["value"] is not None}
        made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        manifest = Manifest(made=made, chelu=version("chelu"), schema_step=_step(connection), sequences=sequences)
        return writer.finish(manifest, target)
    finally:
        writer.close()


def occupied(connection: Execute) -> dict[str, int]:
    """What a site that is not empty has."""
    row = connection.execute(OCCUPIED).fetchone() or {}
    return {name: count for name, count in row.items() if count}


def restore(connection: Execute, archive: Archive) -> dict[str, int]:
    """Let the register be what the archive says; returns rows by table. ArchiveError when its tables do not fit this register."""
    every = _tables(connection)
    tables = _saved(every)
    parts = _fitting(connection, archive, tables)
    beside = carried.ties(connection)
    carried.take(connection, beside)
    order = _parents_first(connection, tables)
    for table in order:
        _run(connection, "ALTER TABLE {} DISABLE TRIGGER USER", table)
    for table in reversed(order):
        _run(connection, f"DELETE FROM {{}}{_but(table)}", table)  # noqa: S608 - a condition of ours
    for table in order:
        if table in parts:
            _load(connection, archive, table)
    carried.put_back(connection, beside, every)
    for name, value in {**dict.fromkeys(APART, 0), **archive.manifest.sequences}.items():
        connection.execute(GO_ON, {"name": name, "value": value, "apart": APART.get(name, 0)})
    for table in order:
        _run(connection, "ALTER TABLE {} ENABLE TRIGGER USER", table)
        connection.execute("SELECT pg_notify('register', %s)", (table,))
    connection.execute("ANALYZE register.device")
    return {table: part.rows or 0 for table, part in parts.items()}


def roads_name(row: Mapping[str, Any]) -> str:
    """Where the archive has a road network."""
    return f"roads/{row['site_id']}/{row['version']}.net.xml.gz"


def _fitting(connection: Execute, archive: Archive, tables: Mapping[str, list[str]]) -> dict[str, Any]:
    manifest, step = archive.manifest, _step(connection)
    if manifest.schema_step > step:
        found = f"schema step {manifest.schema_step}, of Chelu {manifest.chelu}"
        raise ArchiveError("manifest.json", found, f"at most step {step}: install the newer Chelu first")
    parts = manifest.tables()
    for table, part in parts.items():
        if unknown := sorted(set(part.columns) - set(tables.get(table, ()))):
            raise ArchiveError(part.name, f"column {unknown[0]}", f"a column of register.{table}")
    known = {row["name"] for row in connection.execute(SEQUENCES)}
    if unknown := sorted(set(manifest.sequences) - known):
        raise ArchiveError("manifest.json", f"sequence {unknown[0]}", "a sequence of the register")
    return parts


def lock(connection: Execute) -> bool:
    """Keep everybody from changing anything before this transaction ends; False, with nothing locked, while somebody does.

    Whoever has something that is needed is waited for a moment only: of two who wait for each other one would have to give up.
    """
    tied = {name for tie in carried.ties(connection) for name in (tie["place"], tie["parent"])}
    names = sql.SQL(", ").join(sql.SQL(row["name"]) for row in connection.execute(EVERY_TABLE))
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_MS}ms'".encode())
            connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(names))
            for name in sorted(tied):  # whose references are let go
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(name)))
            connection.execute("SET LOCAL lock_timeout = 0")
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _tables(connection: Execute) -> dict[str, list[str]]:
    return {row["name"]: row["columns"] for row in connection.execute(COLUMNS)}


def _saved(tables: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {name: columns for name, columns in tables.items() if name not in NOT_SAVED}


def _step(connection: Execute) -> int:
    row = connection.execute(STEP).fetchone()
    return int(row["step"]) if row else 0


def _lines(connection: Execute, table: str, columns: list[str]) -> Iterator[str]:
    text = f"SELECT row_to_json(line)::text AS line FROM (SELECT {{}} FROM {{}}{_but(table)}) AS line"  # noqa: S608 - ours
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    with connection.cursor() as cursor:
        for row in cursor.stream(sql.SQL(text).format(names, sql.Identifier("register", table))):
            yield row["line"]


def _but(table: str) -> str:
    return f" WHERE NOT ({KEPT[table]})" if table in KEPT else ""


def _parents_first(connection: Execute, tables: Mapping[str, object]) -> list[str]:
    above: dict[str, set[str]] = {table: set() for table in tables}
    for row in connection.execute(REFERENCES):
        if row["child"] in above and row["parent"] in above:
            above[row["child"]].add(row["parent"])
    order: list[str] = []
    while len(order) < len(above):
        order += [table for table in sorted(above) if table not in order and above[table] <= set(order)]
    return order


def _load(connection: Execute, archive: Archive, table: str) -> None:
    part = archive.manifest.tables()[table]
    try:
        with connection.transaction():
            connection.execute("CREATE TEMPORARY TABLE incoming (line jsonb) ON COMMIT DROP")
            with archive.lines(table) as lines, connection.cursor().copy("COPY incoming FROM STDIN") as copy:
                for line in lines:
                    copy.write_row((_with_roads(archive, line) if table == ROADS else line,))
            columns = [*part.columns, "content"] if table == ROADS else list(part.columns)
            _insert(connection, table, columns)
            connection.execute("DROP TABLE incoming")
    except (OSError, EOFError, ValueError, psycopg.DataError, psycopg.IntegrityError) as error:
        reason = error.diag.message_primary if isinstance(error, psycopg.Error) else str(error)
        raise ArchiveError(part.name, f"a row that does not fit ({reason})", f"rows of register.{table}") from None


def _with_roads(archive: Archive, line: str) -> str:
    return json.dumps({**json.loads(line), "content": "\\x" + archive.content(roads_name(json.loads(line))).hex()})


def _insert(connection: Execute, table: str, columns: list[str]) -> None:
    """All rows in one statement, so that rows may refer to later ones."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    text = "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM incoming, jsonb_populate_record(NULL::{}, line)"
    place = sql.Identifier("register", table)
    connection.execute(sql.SQL(text).format(place, names, names, place))


def _run(connection: Execute, text: str, table: str) -> None:
    connection.execute(sql.SQL(text).format(sql.Identifier("register", table)))
