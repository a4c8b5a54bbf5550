"""The loop: collect, store, acknowledge, receipt; and, while the database is away, keep in the spool and drain it afterwards.

One thread owns everything here; the session's network thread fills the inbox and empties the outbox.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from chelu.bus import BulkSession, Messages, Received, joined, messages_of, no_messages
from chelu.clock import Clock
from chelu.errors import CheluError, RefusedError, UnreachableError
from services.ingest.metrics import Metrics
from services.ingest.refuge import Refuge
from services.ingest.settings import IngestSettings
from services.ingest.shared_receipts import Receiver
from services.ingest.store_room import StoreRoom
from services.ingest.storing import Storing
from services.ingest.waiting import Mark
from services.ingest.writer import Writer

log = logging.getLogger(__name__)

IDLE_S = 0.2  # longest wait for a message: receipts and notices of the register are looked after in between
LISTEN_S = 0.5  # a silent connection is asked for notices this often
RETRY_FIRST_S, RETRY_LAST_S = 0.2, 5.0
BACKLOG_S = 10.0  # for so long after connecting, unnumbered QoS 1 may have waited at the broker
AWAY = (UnreachableError, RefusedError)


class Ingest:
    """`open`, then `run` until told to stop."""

    def __init__(
        self,
        settings: IngestSettings,
        *,
        session: BulkSession,
        writer: Writer,
        storing: Storing,
        room: StoreRoom,
        receipts: Receiver,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._settings, self._session, self._writer, self._storing = settings, session, writer, storing
        self._room, self._receipts, self._metrics, self._clock = room, receipts, metrics, clock
        self._refuge = Refuge(room, session, storing.label)
        self._unsaid: Counter[str] = Counter()
        self._inbox_dropped = 0
        self._retry_s, self._retry_at = RETRY_FIRST_S, 0.0
        self._listened_at = self._busy_at = clock.monotonic_s()
        self._connection, self._backlog_until = 0, 0.0
        self._is_away_said = False

    def open(self) -> None:
        """Connect to the database; when it is away, begin without it. Raises RefusedError when it says no."""
        try:
            self._connect()
        except UnreachableError as error:
            self._lose(error)

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Work until `is_stopping`; then disconnect and store what QoS 0 the inbox still holds (QoS 1 comes again)."""
        while not is_stopping():
            self.step()
        self._session.stop()
        while len(rest := self._session.drain(self._settings.batch_rows, 0)):
            self._take(rest.take(rest.qos == 0))
        self._writer.close()

    def has_been_idle(self, seconds: float) -> bool:
        """Whether for so long there was nothing to store, in the inbox, in the spool or held."""
        return self._clock.monotonic_s() - self._busy_at >= seconds

    def step(self) -> None:
        """One turn of the loop."""
        messages = self._collect()
        self._take(messages)
        if len(messages) or not self._writer.is_open or len(self._room.spool) or self._refuge.held:
            self._busy_at = self._clock.monotonic_s()
        self._attempt(self._give_receipts)
        self._metrics.state(
            spool_bytes=self._room.spool.size_bytes,
            spool_up=not self._room.trouble,
            held_messages=self._refuge.held,
            database_up=self._writer.is_open,
            broker_up=self._session.is_connected,
        )

    def _give_receipts(self) -> None:
        for topic, payload in self._receipts.take():
            self._session.publish(topic, payload, qos=1)
        for topic, payload, qos in self._storing.answering.take():
            self._session.publish(topic, payload, qos=qos)

    # -- receiving -----------------------------------------------------------------------------------------------------------

    def _collect(self) -> Messages:
        """A batch, by size and age; without a wait when the spool is to be drained."""
        most, now_s = self._settings.batch_rows, self._clock.monotonic_s()
        is_draining = self._writer.is_open and len(self._room.spool) > 0 and not self._room.trouble
        messages = self._session.drain(most, 0 if is_draining else IDLE_S)
        if 0 < len(messages) < most // 2 and not is_draining:
            self._clock.sleep(self._settings.batch_age_ms / 1000)
            messages = joined([messages, self._session.drain(most - len(messages), 0)])
        if len(messages) and messages.connection[-1] != self._connection:
            self._connection, self._backlog_until = int(messages.connection[-1]), now_s + BACKLOG_S
        if (dropped := self._session.inbox_dropped) > self._inbox_dropped:
            self._refuge.lost["inbox"] += dropped - self._inbox_dropped
            self._inbox_dropped = dropped
        return messages

    def _take(self, messages: Messages) -> None:
        self._look_after_database()
        if self._writer.is_open and not len(self._room.spool):
            waiting = joined([self._refuge.claim(), messages])
            if len(waiting) or self._refuge.lost:
                self._live(waiting)
            return
        self._refuge.keep(messages)
        if self._writer.is_open and len(self._room.spool):
            self._attempt(self._drain_spool)

    def _live(self, messages: Messages) -> None:
        try:
            self._store(messages, is_backlog=self._clock.monotonic_s() < self._backlog_until)
        except AWAY as error:
            self._lose(error)
            self._save(messages)
            return
        self._session.acknowledge(messages)

    def _store(self, messages: Messages, *, is_backlog: bool, released: Sequence[int] = ()) -> None:
        """Store messages and what was lost before them; raises AWAY with `_unsaid` being what is not known to be said."""
        self._unsaid, self._refuge.lost = self._refuge.lost, Counter()
        self._storing.store(messages, is_backlog=is_backlog, released=released, lost=dict(self._unsaid))
        self._unsaid = Counter()

    # -- the database is away ------------------------------------------------------------------------------------------------

    def _save(self, messages: Messages) -> None:
        """The database went away over these: some may be stored, some in doubt, and the others are not."""
        done, tried = self._storing.done, self._storing.tried
        self._session.acknowledge(messages.take(slice(done)))
        self._settle_lost(messages.take(slice(done, done + tried)))
        self._refuge.keep(messages.take(slice(done + tried, None)))

    def _settle_lost(self, doubtful: Messages) -> None:
        unsaid, self._unsaid = self._unsaid, Counter()
        if self._storing.done:  # said with the first of them
            unsaid = Counter()
        if self._storing.tried and self._writer.attempted is not None:
            self._refuge.doubt(self._writer.attempted, doubtful, unsaid)
            return
        self._refuge.lost.update(unsaid)
        self._refuge.keep(doubtful)

    def _drain_spool(self) -> None:
        """Store the oldest part of the spool, and its mark in the same transaction, so that it is never stored twice."""
        room = self._room
        records = room.read(self._settings.batch_rows)
        if records is None:
            return
        if not records:  # what is left there went bad on the disk; the spool has counted it
            self._writer.release(room.spool.last_sequence)
            room.release(room.spool.last_sequence)
            return
        numbers, messages, last = self._unpack(records)
        if len(messages):
            self._store_drained(messages, [*numbers[:-1], last])
        else:
            self._writer.release(last)
        room.release(last)
        if not len(room.spool):
            log.info("the spool is empty: rows go straight to the database again")

    def _unpack(self, records: Sequence[tuple[int, Received | Mark]]) -> tuple[list[int], Messages, int]:
        """Numbers and messages that are not stored yet, and up to which number the spool is done with after them."""
        passed = 0
        numbers: list[int] = []
        messages: list[Received] = []
        for sequence, item in records:
            if isinstance(item, Mark):
                if self._writer.has_batch(item.batch_id):
                    passed = sequence + item.count
            elif sequence > passed:
                numbers.append(sequence)
                messages.append(item)
        return numbers, messages_of(messages), max(records[-1][0], passed)

    def _store_drained(self, messages: Messages, released: Sequence[int]) -> None:
        try:
            self._store(messages, is_backlog=True, released=released)
        except AWAY:
            self._settle_lost(no_messages())  # the messages themselves are in the spool, up to the mark in the database
            raise

    def _look_after_database(self) -> None:
        now_s = self._clock.monotonic_s()
        if not self._writer.is_open:
            if now_s >= self._retry_at:
                self._attempt(self._connect)
            return
        self._attempt(self._storing.refresh)
        if self._writer.is_open and now_s - self._listened_at >= LISTEN_S:
            self._listened_at = now_s
            self._attempt(self._storing.listen)

    def _connect(self) -> None:
        self._writer.open()
        self._storing.open()
        self._room.release(self._writer.released())
        self._refuge.resolve(self._writer.has_batch)
        if self._is_away_said:
            log.info("the database is back; %d records wait in the spool", len(self._room.spool))
        self._retry_s, self._is_away_said = RETRY_FIRST_S, False

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except AWAY as error:
            self._lose(error)

    def _lose(self, error: CheluError) -> None:
        """Go on without the database, and try again later and later."""
        self._writer.close()
        self._retry_at = self._clock.monotonic_s() + self._retry_s
        self._retry_s = min(2 * self._retry_s, RETRY_LAST_S)
        if not self._is_away_said:
            self._is_away_said = True
            log.warning("%s; messages are kept in %s meanwhile", error, self._room.spool.directory)
