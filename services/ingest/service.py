"""The loop: collect, store, acknowledge, receipt; and, while the database is away, keep in the spool and drain it afterwards.

One thread owns everything here; the session's network thread fills the inbox and empties the outbox.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from chelu.bus import Received, Session
from chelu.clock import Clock
from chelu.errors import CheluError, RefusedError, UnreachableError
from services.ingest.metrics import Metrics
from services.ingest.receipts import Receipts
from services.ingest.settings import IngestSettings
from services.ingest.store_room import StoreRoom
from services.ingest.storing import Storing
from services.ingest.waiting import Mark
from services.ingest.writer import Writer

log = logging.getLogger(__name__)

IDLE_S = 0.2  # longest wait for a message: receipts and notices of the register are looked after in between
LISTEN_S = 0.5  # a silent connection is asked for notices this often
RETRY_FIRST_S, RETRY_LAST_S = 0.2, 5.0
BACKLOG_S = 10.0  # for so long after connecting, unnumbered QoS 1 may have waited at the broker
PRUNE_S = 3600.0
AWAY = (UnreachableError, RefusedError)


class Ingest:
    """`open`, then `run` until told to stop."""

    def __init__(
        self,
        settings: IngestSettings,
        *,
        session: Session,
        writer: Writer,
        storing: Storing,
        room: StoreRoom,
        receipts: Receipts,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._settings, self._session, self._writer, self._storing = settings, session, writer, storing
        self._room, self._receipts, self._metrics, self._clock = room, receipts, metrics, clock
        self._held: list[Received] = []  # QoS 1 that found no room anywhere: not acknowledged
        self._lost: Counter[str] = Counter()
        self._inbox_dropped = 0
        self._retry_s, self._retry_at = RETRY_FIRST_S, 0.0
        self._listened_at = self._pruned_at = clock.monotonic_s()
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
        while rest := self._session.drain(self._settings.batch_rows, 0):
            self._take([message for message in rest if not message.qos])
        self._writer.close()

    def step(self) -> None:
        """One turn of the loop."""
        self._take(self._collect())
        for topic, payload in self._receipts.take():
            self._session.publish(topic, payload, qos=1)
        spool_bytes, is_connected = self._room.spool.size_bytes, self._session.is_connected
        self._metrics.state(spool_bytes=spool_bytes, database_up=self._writer.is_open, broker_up=is_connected)

    # -- receiving -----------------------------------------------------------------------------------------------------------

    def _collect(self) -> list[Received]:
        """A batch, by size and age; without a wait when the spool is to be drained."""
        most, now_s = self._settings.batch_rows, self._clock.monotonic_s()
        is_draining = self._writer.is_open and len(self._room.spool) > 0
        messages = self._session.drain(most, 0 if is_draining else IDLE_S)
        if messages and len(messages) < most // 2 and not is_draining:
            self._clock.sleep(self._settings.batch_age_ms / 1000)
            messages += self._session.drain(most - len(messages), 0)
        if messages and messages[-1].connection != self._connection:
            self._connection, self._backlog_until = messages[-1].connection, now_s + BACKLOG_S
        if (dropped := self._session.inbox_dropped) > self._inbox_dropped:
            self._lost["inbox"] += dropped - self._inbox_dropped
            self._inbox_dropped = dropped
        return messages

    def _take(self, messages: Sequence[Received]) -> None:
        self._look_after_database()
        if not self._writer.is_open:
            self._keep(messages)
        elif len(self._room.spool) or self._held:
            self._keep(messages)
            if len(self._room.spool):
                self._attempt(self._drain_spool)
        elif messages or self._lost:
            self._live(messages)

    def _live(self, messages: Sequence[Received]) -> None:
        is_backlog = self._clock.monotonic_s() < self._backlog_until
        lost = dict(self._lost)
        try:
            self._storing.store(messages, is_backlog=is_backlog, lost=lost)
        except AWAY as error:
            self._lose(error)
            self._keep(messages, self._writer.attempted)
            return
        self._lost.clear()
        self._session.acknowledge([message for message in messages if message.qos])

    # -- the database is away ------------------------------------------------------------------------------------------------

    def _keep(self, messages: Sequence[Received], batch_id: int | None = None) -> None:
        """Into the spool. What found room there is durable and acknowledged; QoS 1 that did not is tried again.

        Held messages of an earlier connection are let go: the broker sends them again.
        """
        waiting = [*(item for item in self._held if item.connection == self._session.connections), *messages]
        if not waiting:
            self._held = []
            return
        streams = self._storing.streams(waiting)
        theirs = [(item, stream) for item, stream in zip(waiting, streams, strict=True) if stream is not None]
        kept, names = [item for item, _ in theirs], [stream for _, stream in theirs]
        self._held = self._room.keep(kept, names, batch_id=batch_id, lost=self._lost)
        held = {id(item) for item in self._held}
        self._session.acknowledge([item for item in waiting if item.qos and id(item) not in held])

    def _drain_spool(self) -> None:
        """Store the oldest part of the spool, and its mark in the same transaction, so that it is never stored twice."""
        spool = self._room.spool
        records = self._room.read(self._settings.batch_rows)
        if not records:  # what is left there went bad on the disk; the spool has counted it
            self._writer.release(spool.last_sequence)
            spool.release(spool.last_sequence)
            return
        last, passed, messages = records[-1][0], 0, []
        for sequence, item in records:
            if isinstance(item, Mark):
                if self._writer.has_batch(item.batch_id):
                    passed = sequence + item.count
            elif sequence > passed:
                messages.append(item)
        last, lost = max(last, passed), dict(self._lost)
        if messages:
            self._storing.store(messages, is_backlog=True, released=last, lost=lost)
            self._lost.clear()
        else:
            self._writer.release(last)
        spool.release(last)
        if not len(spool):
            log.info("the spool is empty: rows go straight to the database again")

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
        if self._writer.is_open and now_s - self._pruned_at >= PRUNE_S:
            self._pruned_at = now_s
            self._attempt(self._prune)

    def _connect(self) -> None:
        self._writer.open()
        self._storing.open()
        self._room.spool.release(self._writer.released())
        if self._is_away_said:
            log.info("the database is back; %d records wait in the spool", len(self._room.spool))
        self._retry_s, self._is_away_said = RETRY_FIRST_S, False

    def _prune(self) -> None:
        self._writer.prune(letters=self._settings.dead_letters_kept, delivery_days=self._settings.delivery_days)

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
