"""One transaction per batch: rows by COPY, deliveries, books, dead letters and the spool's mark, all or nothing.

Owned by the loop's thread, over one connection that also hears of changes in the register.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection

from chelu.clock import Clock
from chelu.messages import Batch
from chelu.store import Database, Series, TableColumn, copy_rows, failures
from services.ingest.accounts import Account, Drop, settle
from services.ingest.dead_letters import DeadLetter, Undertaker
from services.ingest.prepared import Deliveries, Prepared, deliveries
from services.ingest.routes import Routes
from services.ingest.tables import COLUMNS, USUAL, Shape, prepare_schema

# Each worker's connection holds a lock of its name.
OURS = "SELECT pg_advisory_lock(hashtext('chelu ingest'), hashtext(%s))"
END_EARLIER = """SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = hashtext('chelu ingest')::oid AND objid = hashtext(%s)::oid AND objsubid = 2
    AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
EARLIER_S = 10  # longest wait for their end; then it is tried again
NEW_BATCH = "INSERT INTO stream.batch (created) VALUES (%s) RETURNING batch_id"
COMMITTED = "UPDATE stream.batch SET committed = %s WHERE batch_id = %s"
# A stream is offered by its place in a list of names, so that the rows have one width and are copied as columns.
OFFERED = """CREATE TEMPORARY TABLE IF NOT EXISTS offered
    (device_key integer, stream integer, sequence bigint, message integer) ON COMMIT DELETE ROWS"""
OFFERED_COLUMNS = (
    TableColumn("device_key", "integer", "device_key"),
    TableColumn("stream", "integer", "stream"),
    TableColumn("sequence", "bigint", "sequence"),
    TableColumn("message", "integer", "message"),
)
# In one order, so that two workers who are sent the same wait for each other one way only.
DELIVER = """WITH named AS MATERIALIZED
        (SELECT device_key, (%s::text[])[stream] AS stream, sequence, message FROM offered),
    claimed AS (INSERT INTO stream.delivery (device_key, stream, sequence) SELECT device_key, stream, sequence FROM named
        ORDER BY device_key, stream, sequence ON CONFLICT DO NOTHING RETURNING device_key, stream, sequence)
    SELECT message FROM named JOIN claimed USING (device_key, stream, sequence)"""
DROPS = """INSERT INTO stream.drop (batch_id, stream, device_key, reason, rows)
    SELECT %s, * FROM unnest(%s::text[], %s::integer[], %s::text[], %s::bigint[])"""
RELEASE = """INSERT INTO stream.spool (name, released) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET released = greatest(stream.spool.released, excluded.released)"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction did; committed_us: wall clock just after the commit returned; is_duplicate: (n,) by message."""

    batch_id: int
    committed_us: int
    delivered: Deliveries
    is_duplicate: npt.NDArray[np.bool_]
    accounts: Sequence[Account]
    drops: Sequence[Drop]


class Writer:
    """Connects with `open`; `write` raises UnreachableError (or its like) and then has to be opened again."""

    def __init__(
        self, database: Database, clock: Clock, undertaker: Undertaker, *, spool_name: str, shape: Shape = USUAL
    ) -> None:
        self._database, self._clock, self._undertaker = database, clock, undertaker
        self._spool_name, self._shape = spool_name, shape
        self._connection: Connection[Any] | None = None
        self._series: Mapping[str, Series] = {}
        self.attempted: int | None = None  # the batch whose transaction was begun and whose end was not seen

    @property
    def connection(self) -> Connection[Any]:
        """The open connection, in autocommit."""
        if self._connection is None:
            raise RuntimeError("the writer is not open")
        return self._connection

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def failures(self, doing: str) -> AbstractContextManager[None]:
        """Around other work on the connection: its errors in Chelu's terms."""
        return failures(self._database.url, doing)

    def open(self) -> None:
        """Connect and bring the schema up to date; UnreachableError or RefusedError."""
        self.close()
        connection = self._database.connect(autocommit=True)
        try:
            with self.failures("preparing schema stream"):
                self._end_earlier(connection)
                self._series = prepare_schema(connection, self._shape)
                connection.execute(OFFERED)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def close(self) -> None:
        """Closing twice is harmless."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def write(self, prepared: Prepared, *, lost: Mapping[str, int] | None = None, released: int | None = None) -> Written:
        """Commit a batch; `released` marks the spool's records up to that number as stored, in the same transaction."""
        connection, self.attempted = self.connection, None
        with self.failures("writing a batch"):
            self._ensure_partitions(connection, prepared)
            with connection.transaction():
                written = self._transact(connection, prepared, lost, released)
            committed_us = self._clock.wall_us()
            connection.execute(COMMITTED, (_instant(committed_us), written.batch_id))
            self.attempted = None
        return Written(written.batch_id, committed_us, written.delivered, written.is_duplicate, written.accounts, written.drops)

    def has_batch(self, batch_id: int) -> bool:
        """Whether a batch whose end was not seen was committed after all."""
        with self.failures("asking for a batch"):
            row = self.connection.execute("SELECT 1 FROM stream.batch WHERE batch_id = %s", (batch_id,)).fetchone()
        return row is not None

    def released(self) -> int:
        """Up to which sequence this worker's spool is stored."""
        with self.failures("asking for the spool's mark"):
            row = self.connection.execute("SELECT released FROM stream.spool WHERE name = %s", (self._spool_name,)).fetchone()
        return int(row[0]) if row else 0

    def release(self, through: int) -> None:
        """Mark spool records as stored, without a batch."""
        with self.failures("marking the spool"):
            self.connection.execute(RELEASE, (self._spool_name, through))

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _end_earlier(self, connection: Connection[Any]) -> None:
        """End what an earlier connection of this worker left behind: asked for a batch of it, the answer is then final.

        The server may not know yet that its client is gone, or be in the middle of the commit.
        """
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{EARLIER_S}s'")
            connection.execute(END_EARLIER, (self._spool_name,))
            connection.execute(OURS, (self._spool_name,))

    def _ensure_partitions(self, connection: Connection[Any], prepared: Prepared) -> None:
        for name, series in self._series.items():
            if name in prepared.tables:
                series.ensure(connection, prepared.tables[name]["time_us"], now_us=self._clock.wall_us())

    def _transact(
        self, connection: Connection[Any], prepared: Prepared, lost: Mapping[str, int] | None, released: int | None
    ) -> Written:
        row = connection.execute(NEW_BATCH, (_instant(self._clock.wall_us()),)).fetchone()
        batch_id = self.attempted = int(row[0]) if row else 0
        offered = deliveries(prepared)
        is_duplicate = np.zeros(len(prepared.messages), np.bool_)
        if len(offered):
            is_duplicate[offered.message] = True
            is_duplicate[_claim(connection, offered, prepared.routes)] = False
        for table, batch in prepared.tables.items():
            by_device = self._shape.has_device_index and table in self._series
            _copy(connection, table, batch, batch_id, is_duplicate, by_device=by_device)
        accounts, drops = settle(prepared, is_duplicate, lost)
        letters = self._undertaker.choose(prepared, [one for one in prepared.refusals if not is_duplicate[one.message]])
        _keep_books(connection, batch_id, accounts, drops, letters)
        if released is not None:
            connection.execute(RELEASE, (self._spool_name, released))
        return Written(batch_id, 0, offered, is_duplicate, accounts, drops)


def _claim(connection: Connection[Any], offered: Deliveries, routes: Routes) -> npt.NDArray[np.int64]:
    """Claim each (device, stream, sequence); the messages (m,) that were the first with theirs."""
    device, stream = routes.device_key[offered.route], routes.stream[offered.route] + 1  # PostgreSQL counts from 1
    order = np.lexsort((offered.sequence, stream, device))
    same = (np.diff(device[order]) == 0) & (np.diff(stream[order]) == 0) & (np.diff(offered.sequence[order]) == 0)
    first = np.sort(order[np.concatenate([[True], ~same])])
    columns: dict[str, npt.NDArray[Any]] = {
        "device_key": device,
        "stream": stream,
        "sequence": offered.sequence,
        "message": offered.message,
    }
    copy_rows(connection, "offered", Batch(columns).take(first), OFFERED_COLUMNS)
    rows = connection.execute(DELIVER, (list(routes.streams),)).fetchall()
    return np.array([row[0] for row in rows], np.int64)


def _copy(
    connection: Connection[Any],
    table: str,
    batch: Batch,
    batch_id: int,
    is_duplicate: npt.NDArray[np.bool_],
    *,
    by_device: bool,
) -> None:
    """by_device: rows in the order of devices, in which their index takes them with a fifth less work."""
    if is_duplicate.any():
        batch = batch.take(~is_duplicate[batch["message"]])
    if by_device:
        batch = batch.take(np.argsort(batch["device_key"], kind="stable"))
    batch = batch.with_columns(batch_id=np.full(len(batch), batch_id, np.int64))
    copy_rows(connection, f"stream.{table}", batch, COLUMNS[table])


def _keep_books(
    connection: Connection[Any],
    batch_id: int,
    accounts: Sequence[Account],
    drops: Sequence[Drop],
    letters: Sequence[DeadLetter],
) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO stream.account (batch_id, stream, messages, frames, received, stored, missing)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [(batch_id, a.stream, a.messages, a.frames, a.received, a.stored, a.missing) for a in accounts],
        )
        if drops:
            columns = zip(*((drop.stream, drop.device_key, str(drop.reason), drop.rows) for drop in drops), strict=True)
            cursor.execute(DROPS, (batch_id, *map(list, columns)))
        if letters:
            cursor.executemany(
                "INSERT INTO stream.dead_letter (time, topic, device_id, reason, detail, payload, size_bytes, suppressed)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (_instant(x.time_us), x.topic, x.device_id, x.reason, x.detail, x.payload, x.size_bytes, x.suppressed)
                    for x in letters
                ],
            )


def _instant(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)
