"""A day of a kind of entity as Parquet: columns with their types, units beside them; bounded in memory however long the day."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.entities.kinds import EntityKind

AT_ONCE = 8192  # rows, and so a row group
KEPT_BYTES = 1 << 22  # in memory, before a file is made
PIECE_BYTES = 1 << 16
DAY = """SELECT * FROM open.{view} WHERE time >= %(begin)s AND time < %(begin)s::timestamptz + interval '1 day'
    AND (%(site_id)s::text IS NULL OR site_id = %(site_id)s) ORDER BY time"""
_TEXTS = frozenset({"site_id", "device_id", "segment"})


def schema(kind: EntityKind) -> pa.Schema:
    """Time, site, sensor or segment, place, and the kind's properties; each field's metadata has its unit."""
    named = (
        ["site_id", "device_id", "latitude_deg", "longitude_deg", "elevation_m"] if kind.is_measured else ["site_id", "segment"]
    )
    fields = [pa.field("time", pa.timestamp("us", tz="UTC"))]
    fields += [pa.field(name, pa.string() if name in _TEXTS else pa.float64()) for name in named]
    fields += [pa.field(one.name, pa.float64(), metadata={"unit": one.unit, "chelu": one.source}) for one in kind.properties]
    return pa.schema(fields, metadata={"type": kind.name})


def written(connection: Connection[DictRow], kind: EntityKind, query: dict[str, Any]) -> IO[bytes]:
    """The file, at its beginning; the caller closes it. query: begin, site_id."""
    target: IO[bytes] = tempfile.SpooledTemporaryFile(KEPT_BYTES)  # noqa: SIM115 - the caller closes it
    whole = schema(kind)
    with pq.ParquetWriter(target, whole, compression="zstd") as writer, connection.cursor(name="day") as cursor:
        cursor.execute(DAY.format(view=kind.view).encode(), query)
        while rows := cursor.fetchmany(AT_ONCE):
            writer.write_table(_table(rows, whole))
    target.seek(0)
    return target


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Its bytes; it is closed at the end."""
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _table(rows: Sequence[DictRow], whole: pa.Schema) -> pa.Table:
    columns = [pa.array([row[field.name] for row in rows], field.type) for field in whole]
    return pa.Table.from_arrays(columns, schema=whole)
