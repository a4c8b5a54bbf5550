"""PostgreSQL with or without TimescaleDB: pool, COPY, migrations, time-series tables."""

from chelu.store.copy import copy_rows
from chelu.store.database import Database
from chelu.store.failures import DiskFullError, failures
from chelu.store.migrations import migrate
from chelu.store.retention import compress_before, drop_before, summarise
from chelu.store.schema import TableColumn, columns_sql, table_columns
from chelu.store.series import Series, create_series, ensure_partitions, open_series

__all__ = [
    "Database",
    "DiskFullError",
    "Series",
    "TableColumn",
    "columns_sql",
    "compress_before",
    "copy_rows",
    "create_series",
    "drop_before",
    "ensure_partitions",
    "failures",
    "migrate",
    "open_series",
    "summarise",
    "table_columns",
]
