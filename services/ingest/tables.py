"""Schema ``stream``: its migrations, its series, and the columns of each table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from chelu.messages import EVENT, HEADER, STREAMS, TELEMETRY, TRAFFIC
from chelu.store import Series, TableColumn, create_series, migrate, table_columns
from chelu.store.schema import add_missing_columns, column_of, definitions
from chelu.store.series import BY_DEVICE

BY_TIMES = "USING brin (time, arrival) WITH (pages_per_range = 32)"  # both rise with the rows, so that it costs next to nothing
_HEADER = tuple(column_of(field) for field in HEADER)
COLUMNS: Mapping[str, tuple[TableColumn, ...]] = {
    **{name: table_columns(stream) for name, stream in STREAMS.items()},
    "telemetry": (
        *table_columns(TELEMETRY),
        TableColumn(
            "details", "jsonb", "details", is_nullable=True
        ),  # all that the report says, lists of cells, probes and motors included
        TableColumn("frame", "bytea", "frame"),
    ),
    **{
        stream.name: (*table_columns(stream), TableColumn("details", "jsonb", "details", is_nullable=True))
        for stream in (EVENT, TRAFFIC)
    },
    "remark": (
        *_HEADER,
        TableColumn("stream", "text", "stream"),
        TableColumn("subject", "bigint", "subject"),
        TableColumn("body", "jsonb", "body"),
    ),
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


@dataclass(frozen=True, slots=True)
class Shape:
    """How the series are laid out: the width of their partitions, and whether rows of one device are found by an index."""

    partition_hours: int = 24
    has_device_index: bool = True

    @property
    def indexes(self) -> tuple[str, ...]:
        return (BY_TIMES, BY_DEVICE) if self.has_device_index else (BY_TIMES,)


USUAL = Shape()


def prepare_schema(connection: Connection[Any], shape: Shape = USUAL) -> dict[str, Series]:
    """Bring schema ``stream`` up to date; the connection is in autocommit."""
    migrate(connection, "stream", Path(__file__).parent / "migrations")
    series = {}
    for name in STREAMS:
        table, columns = f"stream.{name}", COLUMNS[name]
        series[name] = create_series(connection, table, definitions(columns), hours=shape.partition_hours, indexes=shape.indexes)
        add_missing_columns(connection, table, columns)
    return series
