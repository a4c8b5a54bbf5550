"""Schema ``stream``: its migrations, its series, and the columns of each table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg import Connection

from chelu.messages import HEADER, STREAMS
from chelu.store import Series, TableColumn, columns_sql, create_series, migrate, table_columns
from chelu.store.schema import add_missing_columns, column_of

_HEADER = tuple(column_of(field) for field in HEADER)
COLUMNS: Mapping[str, tuple[TableColumn, ...]] = {
    **{name: table_columns(stream) for name, stream in STREAMS.items()},
    "message": (
        *_HEADER,
        TableColumn("kind", "text", "kind"),
        TableColumn("payload", "bytea", "payload"),
        TableColumn("value", "jsonb", "value", is_nullable=True),
    ),
    "report": (
        *_HEADER,
        TableColumn("stream", "text", "stream"),
        TableColumn("topic", "text", "topic"),
        TableColumn("body", "jsonb", "body"),
    ),
}


def prepare_schema(connection: Connection[Any]) -> dict[str, Series]:
    """Bring schema ``stream`` up to date; the connection is in autocommit."""
    migrate(connection, "stream", Path(__file__).parent / "migrations")
    series = {}
    for name, stream in STREAMS.items():
        table = f"stream.{name}"
        series[name] = create_series(connection, table, columns_sql(stream))
        add_missing_columns(connection, table, table_columns(stream))
    return series
