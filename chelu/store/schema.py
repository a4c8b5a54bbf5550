"""Tables derived from streams: names, types and order of their columns, and where each takes its values from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection, sql

from chelu.messages import HEADER, Field, Stream

# numpy type → PostgreSQL type that holds all its values; uint64 as two's complement, since there is no wider integer.
TYPES = {
    "b1": "boolean",
    "i1": "smallint",
    "i2": "smallint",
    "i4": "integer",
    "i8": "bigint",
    "u1": "smallint",
    "u2": "integer",
    "u4": "bigint",
    "u8": "bigint",
    "f4": "real",
    "f8": "double precision",
}
WIDTHS = {"boolean": 1, "smallint": 2, "integer": 4, "real": 4, "bigint": 8, "double precision": 8, "timestamptz": 8}
TIME_SUFFIX = "_us"
TIME_TYPE = "timestamptz"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table: `source` is the batch's column, `mask` the batch's column that is false where it is NULL."""

    name: str
    type: str
    source: str
    is_nullable: bool = False
    mask: str | None = None

    @property
    def definition(self) -> sql.Composed:
        """As it stands in CREATE TABLE."""
        null = "" if self.is_nullable else " NOT NULL"
        return sql.SQL("{} {}").format(sql.Identifier(self.name), sql.SQL(self.type + null))


def column_of(field: Field) -> TableColumn:
    """The table's column for a stream's field: ``time_us`` in µs becomes ``time timestamptz``."""
    is_time = field.name.endswith(TIME_SUFFIX) and field.unit == "µs"
    return TableColumn(
        field.name.removesuffix(TIME_SUFFIX) if is_time else field.name,
        TIME_TYPE if is_time else TYPES[field.dtype],
        field.name,
        field.optional,
        f"{field.name}_valid" if field.has_mask else None,
    )


def table_columns(stream: Stream) -> tuple[TableColumn, ...]:
    """A stream's table: the header, then the stream's other fields in order."""
    names = {field.name for field in HEADER}
    return tuple(column_of(field) for field in (*HEADER, *(field for field in stream.fields if field.name not in names)))


def columns_sql(stream: Stream) -> sql.Composed:
    """The column list of a stream's table, as CREATE TABLE takes it: in the order in which a row is shortest."""
    return definitions(packed(table_columns(stream)))


def packed(columns: Sequence[TableColumn]) -> list[TableColumn]:
    """Wide columns before narrow ones, which need no padding then, and first those never NULL, which lie at fixed places."""
    return sorted(columns, key=lambda column: (column.is_nullable, -WIDTHS[column.type]))


def definitions(columns: Sequence[TableColumn]) -> sql.Composed:
    """A column list as CREATE TABLE takes it."""
    return sql.SQL(", ").join(column.definition for column in columns)


def identifier(table: str) -> sql.Identifier:
    """``schema.table`` quoted."""
    return sql.Identifier(*table.split("."))


def add_missing_columns(connection: Connection[Any], table: str, columns: Sequence[TableColumn]) -> None:
    """Give an existing table the columns that a newer definition of its stream has; they are NULL in rows already there."""
    query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
    there = {row[0] for row in connection.execute(query, (table,)).fetchall()}
    for column in columns:  # an ALTER TABLE that changes nothing would wait for the other workers all the same
        if column.name in there:
            continue
        added = replace(column, is_nullable=True).definition
        connection.execute(sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {}").format(identifier(table), added))
