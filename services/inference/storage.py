"""Writes warnings and segment states to the database from a thread of its own, so that a database away delays no warning.

Rows wait in a bounded queue; when it is full the oldest are dropped and counted.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection, DatabaseError, OperationalError, sql

from chelu.clock import Clock
from chelu.errors import CheluError, UnreachableError
from chelu.messages import Batch, concatenate
from chelu.store import Database, Series, TableColumn, copy_rows, create_series, migrate
from services.inference.city.control.records import SIGNAL_COLUMNS
from services.inference.city.environment import foretelling
from services.inference.city.environment.findings import STANDING_VIEW
from services.inference.city.findings import FINDING_COLUMNS
from services.inference.city.forecast.outlet import FORECAST_COLUMNS, WATCH_COLUMNS
from services.inference.city.outlet import STATE_COLUMNS, TURN_COLUMNS
from services.inference.coop.records import COOP_COLUMNS, SESSION_VIEW
from services.inference.lacks import LACK_COLUMNS
from services.inference.outbox import SEGMENT_COLUMNS, WARNING_COLUMNS

log = logging.getLogger(__name__)

WARNING, SEGMENT, COOP, JUDGING = "city.warning", "city.segment_state", "city.coop", "city.judging"
SIGNAL = "city.signal"
STATE, STATE_TURN, FINDING = "city.state", "city.state_turn", "city.finding"
FORECAST, FORECAST_WATCH = "city.forecast", "city.forecast_watch"
COLUMNS = {
    WARNING: WARNING_COLUMNS,
    SEGMENT: SEGMENT_COLUMNS,
    COOP: COOP_COLUMNS,
    JUDGING: LACK_COLUMNS,
    SIGNAL: SIGNAL_COLUMNS,
    STATE: STATE_COLUMNS,
    STATE_TURN: TURN_COLUMNS,
    FINDING: FINDING_COLUMNS,
    foretelling.TABLE: foretelling.OUTLOOK_COLUMNS,
    FORECAST: FORECAST_COLUMNS,
    FORECAST_WATCH: WATCH_COLUMNS,
}
_RETRY_S = (0.5, 10.0)
_GATHER_S = 0.2  # rows of so long share a transaction: its statements are Python, which the thread that warns would wait for
MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(connection: Connection[Any]) -> dict[str, Series]:
    """Bring schema city up to date; the connection must be in autocommit. Time-series tables as the database can."""
    migrate(connection, "city", MIGRATIONS)
    series = {table: create_series(connection, table, _definitions(columns)) for table, columns in COLUMNS.items()}
    for view in (SESSION_VIEW, STANDING_VIEW):
        connection.execute(view)
    return series


def _definitions(columns: Sequence[TableColumn]) -> sql.Composed:
    return sql.SQL(", ").join(column.definition for column in columns)


@dataclass(frozen=True, slots=True)
class Item:
    """Rows for one table."""

    table: str
    rows: Batch


class Storage:
    """`put` from the main thread; everything else happens on the storage thread."""

    def __init__(self, database: Database, clock: Clock, *, limit_rows: int) -> None:
        self._database, self._clock, self._limit = database, clock, limit_rows
        self._items: deque[Item] = deque()
        self._rows = 0
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)
        self.dropped = self.stored = 0

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue rows; never waits."""
        if not len(item.rows):
            return
        with self._changed:
            self._items.append(item)
            self._rows += len(item.rows)
            while self._rows > self._limit:
                oldest = self._items.popleft()
                self._rows -= len(oldest.rows)
                self.dropped += len(oldest.rows)
            self._changed.notify()

    def stop(self, timeout_s: float) -> None:
        """Write what is queued, then end; what cannot be written in time is counted as dropped."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout_s)
        self.dropped += self._rows
        if self._rows:
            log.error("%d rows of warnings and segments could not be stored", self._rows)

    def _run(self) -> None:
        delay = _RETRY_S[0]
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._stopping.is_set())
                if not self._items:
                    return
            try:
                self._write_until_idle()
                delay = _RETRY_S[0]
            except CheluError as error:
                log.warning("rows wait (%d): %s", self._rows, error)
                if self._stopping.is_set() and isinstance(error, UnreachableError):
                    return
                self._stopping.wait(delay)
                delay = min(delay * 2, _RETRY_S[1])

    def _write_until_idle(self) -> None:
        with self._database.connection(doing="storing warnings", timeout_s=5.0) as connection:
            connection.commit()
            connection.autocommit = True
            series = prepare(connection)
            while (taken := self._take()) is not None:
                try:
                    self._write(connection, series, taken)
                except OperationalError:  # the connection: these rows can be written later
                    self._give_back(taken)
                    raise
                except (DatabaseError, CheluError, ValueError, AttributeError):  # the rows themselves: no later try would help
                    log.exception("rows that the database cannot hold are dropped")
                    self.dropped += sum(len(item.rows) for item in taken)

    def _write(self, connection: Connection[Any], series: dict[str, Series], taken: list[Item]) -> None:
        for table, columns in COLUMNS.items():
            batches = [item.rows for item in taken if item.table == table]
            if not batches:
                continue
            rows = concatenate(batches)
            time_us = rows[columns[0].source]
            series[table].ensure(connection, time_us, now_us=self._clock.wall_us())
            with connection.transaction():
                self.stored += copy_rows(connection, table, rows, columns)

    def _take(self) -> list[Item] | None:
        """Everything queued, and what comes soon after; waits for it, so that a steady trickle keeps one connection."""
        with self._changed:
            is_any = self._changed.wait_for(lambda: self._items or self._stopping.is_set(), 5.0)
        if is_any:
            self._stopping.wait(_GATHER_S)
        with self._changed:
            taken = list(self._items)
            self._items.clear()
            self._rows -= sum(len(item.rows) for item in taken)
        return taken or None

    def _give_back(self, taken: Sequence[Item]) -> None:
        with self._changed:
            self._items.extendleft(reversed(taken))
            self._rows += sum(len(item.rows) for item in taken)
