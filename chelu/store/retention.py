"""What is done to a series in the background: old rows dropped, old chunks compressed, new ones summarised for their index.

Every statement waits for a lock for at most `LOCK_S`, since whoever waits for a table's lock keeps its writers waiting, too;
what was in use is tried again the next time.
"""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import Connection, errors, sql

from chelu.messages import STREAMS
from chelu.store.schema import identifier
from chelu.store.series import Series, instant, partitions

KEPT = (*STREAMS, "message", "report", "remark", "books")  # tables of schema stream whose rows may be kept for a while only
LONGEST_H = 87_600  # ten years
LOCK_S = 1
NEWEST = 3  # partitions that may have grown since they were looked at: the present one, its neighbours
COLUMNSTORE = """SELECT 1 FROM timescaledb_information.hypertables
    WHERE format('%%I.%%I', hypertable_schema, hypertable_name)::regclass = %s::regclass AND compression_enabled"""
BY_DEVICE_AND_TIME = "timescaledb.enable_columnstore, timescaledb.segmentby = 'device_key', timescaledb.orderby = 'time'"
CHUNKS = """SELECT format('%%I.%%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks
    WHERE format('%%I.%%I', hypertable_schema, hypertable_name)::regclass = %s::regclass AND {} ORDER BY range_start"""
BRIN = """SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'brin' AND c.relkind = 'i' AND i.indrelid = ANY(%s::text[]::regclass[])"""


def drop_before(connection: Connection[Any], series: Series, before_us: int) -> list[str]:
    """Drop whole chunks or partitions that end before `before_us`; returns the names of the tables dropped.

    `connection` must be in autocommit and in UTC. Rows in DEFAULT, of times far from when they came, go one by one.
    """
    before = instant(before_us)
    if series.is_hypertable:
        rows = _patiently(connection, "SELECT drop_chunks(%s::regclass, older_than => %s)", series.table, before)
        return [str(row[0]) for row in rows or ()]
    old = [part.table for part in partitions(connection, series.table) if part.stop_us <= before_us]
    # A name is as the catalogue spells it, quotes and all.
    dropped = [name for name in old if _patiently(connection, sql.SQL("DROP TABLE {}").format(sql.SQL(name))) is not None]
    stray = sql.SQL("DELETE FROM {} WHERE time < %s").format(identifier(series.table + "_default"))
    connection.execute(stray, (before,))
    series.known.clear()
    return dropped


def compress_before(connection: Connection[Any], series: Series, before_us: int) -> list[str]:
    """Turn chunks that end before `before_us` into TimescaleDB's columnstore, by device and time; returns their names.

    Nothing on native partitions. Compressed chunks still take rows that come late, and are dropped like others.
    """
    if not series.is_hypertable:
        return []
    if not connection.execute(COLUMNSTORE, (series.table,)).fetchone():
        enable = sql.SQL("ALTER TABLE {} SET ({})").format(identifier(series.table), sql.SQL(BY_DEVICE_AND_TIME))
        if _patiently(connection, enable) is None:
            return []
    query = sql.SQL(CHUNKS).format(sql.SQL("NOT is_compressed AND range_end <= %s"))
    old = [str(row[0]) for row in connection.execute(query, (series.table, instant(before_us))).fetchall()]
    return [chunk for chunk in old if _patiently(connection, "CALL convert_to_columnstore(%s::regclass)", chunk) is not None]


def summarise(connection: Connection[Any], series: Series) -> int:
    """Let the BRIN indexes know of the newest blocks, which are read whole until then; returns how many spans of blocks.

    PostgreSQL's own `autosummarize` takes note of 256 spans, which is seconds of a busy series, and logs a line for each beyond.
    """
    if series.is_hypertable:
        query = sql.SQL(CHUNKS).format(sql.SQL("NOT is_compressed"))
        newest = [str(row[0]) for row in connection.execute(query, (series.table,)).fetchall()]
    else:
        newest = [part.table for part in partitions(connection, series.table)]
    indexes = [str(row[0]) for row in connection.execute(BRIN, (newest[-NEWEST:],)).fetchall()]
    found = [_patiently(connection, "SELECT brin_summarize_new_values(%s::regclass)", index) for index in indexes]
    return sum(int(rows[0][0]) for rows in found if rows)


def _patiently(connection: Connection[Any], query: LiteralString | sql.Composed, *parameters: object) -> list[Any] | None:
    """The statement's rows, or None when what it needs is in use for longer than we wait."""
    connection.execute(f"SET lock_timeout = '{LOCK_S}s'")
    try:
        cursor = connection.execute(query, parameters or None)
        return cursor.fetchall() if cursor.description else []
    except errors.LockNotAvailable:
        return None
    finally:
        if not connection.closed:
            connection.execute("RESET lock_timeout")
