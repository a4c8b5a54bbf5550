"""A batch from bytes to rows: route (asking the register twice before calling anyone a stranger), prepare, write, tell.

Owned by the loop's thread. Errors of an absent database leave as UnreachableError or RefusedError, with nothing remembered of the
batch, so that it can be kept and stored later.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import psycopg

from chelu.bus import Messages
from chelu.clock import Clock
from chelu.errors import OutOfRangeError
from chelu.messages import DropReason
from services.ingest.answering import Answering
from services.ingest.dead_letters import Crier
from services.ingest.frames import Decode
from services.ingest.labelled import NOBODYS, Labelled
from services.ingest.metrics import Metrics
from services.ingest.pipeline import prepare
from services.ingest.prepared import Prepared, Refusal
from services.ingest.quality import Memories
from services.ingest.register import Register
from services.ingest.routes import Handling, Router
from services.ingest.shared_receipts import Receiver
from services.ingest.work import Rules
from services.ingest.writer import Writer, Written

log = logging.getLogger(__name__)

RELOAD_S = 0.5  # the register is read at most this often, however fast devices are registered


class Storing:
    """`open` once the writer is open, then `store` batches."""

    def __init__(
        self, *, writer: Writer, decode: Decode, rules: Rules, receipts: Receiver, metrics: Metrics, clock: Clock
    ) -> None:
        self._writer, self._decode, self._rules, self._receipts = writer, decode, rules, receipts
        self._metrics, self._clock = metrics, clock
        self._register, self._crier = Register(clock), Crier(clock)
        self._router, self._memories = Router({}), Memories()
        self.answering = Answering()
        self._loaded_at = float("-inf")
        self.done = self.tried = 0  # of the messages of the last `store`, from the first: stored; and in a transaction after them

    def open(self) -> None:
        """Listen and load the register."""
        with self._writer.failures("reading the register"):
            self._register.listen(self._writer.connection)
        self._loaded_at = float("-inf")
        self.refresh()

    def refresh(self) -> None:
        """Read the register again if it has changed."""
        now_s = self._clock.monotonic_s()
        if not self._register.is_stale or now_s - self._loaded_at < RELOAD_S:
            return
        self._loaded_at = now_s
        with self._writer.failures("reading the register"):
            if self._register.load(self._writer.connection):
                self._router.use(self._register.devices)

    def listen(self) -> None:
        """Let the server tell what it has to tell on a connection that was silent."""
        with self._writer.failures("listening"):
            self._writer.connection.execute("SELECT 1")

    def label(self, messages: Messages) -> Labelled:
        """The messages beside the streams under which they are accounted; none for our own downlinks."""
        route, routes = self._router.route(messages), self._router.routes
        stream = np.where(routes.handling[route] == Handling.IGNORE, NOBODYS, routes.stream[route])
        return Labelled(messages, stream, routes.streams)

    def store(
        self,
        messages: Messages,
        *,
        is_backlog: bool,
        released: Sequence[int] = (),
        lost: Mapping[str, int] | None = None,
    ) -> None:
        """Commit messages in the order of their arrival, and say in the same transaction what was `lost` before.

        released: for each message, up to which number the spool is done with once it is stored. When the database goes away,
        `done` and `tried` say how far it came.
        """
        self.done = self.tried = 0
        self._store(messages, is_backlog=is_backlog, released=released, lost=lost)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _route(self, messages: Messages) -> npt.NDArray[np.int32]:
        route = self._router.route(messages)
        if strangers := self._router.strangers(route):
            with self._writer.failures("asking for a device"):
                found = self._register.recheck(self._writer.connection, strangers)
            if found:
                self._router.use(self._register.devices)
                route = self._router.route(messages)
        return route

    def _store(self, messages: Messages, *, is_backlog: bool, released: Sequence[int], lost: Mapping[str, int] | None) -> None:
        began = time.perf_counter()
        route = self._route(messages)
        prepared, memories = prepare(
            messages, route, self._router.routes, decode=self._decode, memories=self._memories, rules=self._rules,
            is_backlog=is_backlog,
        )  # fmt: skip
        ready = time.perf_counter()
        if prepared.is_counted.any() or lost or released:
            try:
                written = self._write(prepared, released, lost)
            except (psycopg.DataError, OutOfRangeError) as error:
                self._store_apart(prepared, error, is_backlog=is_backlog, released=released, lost=lost)
                return
            self._tell(prepared, written, {"prepare": ready - began, "write": time.perf_counter() - ready})
        self._memories = memories
        self.done += len(messages)

    def _write(self, prepared: Prepared, released: Sequence[int], lost: Mapping[str, int] | None) -> Written:
        self.tried = len(prepared.messages)
        written = self._writer.write(prepared, lost=lost, released=released[-1] if released else None)
        self.tried = 0
        return written

    def _store_apart(
        self,
        prepared: Prepared,
        error: Exception,
        *,
        is_backlog: bool,
        released: Sequence[int],
        lost: Mapping[str, int] | None,
    ) -> None:
        """A value that the database refuses, which no check foresaw: halve until the one message with it is alone."""
        self.tried = 0
        messages = prepared.messages
        if len(messages) > 1:
            middle = len(messages) // 2
            self._store(messages.take(slice(middle)), is_backlog=is_backlog, released=released[:middle], lost=lost)
            self._store(messages.take(slice(middle, None)), is_backlog=is_backlog, released=released[middle:], lost=None)
            return
        log.error("the database refused a row of %s: %s", messages.topic_of(0), error)
        refusal = Refusal(0, DropReason.OUT_OF_RANGE, f"the database refused it: {error}", messages.payload(0))
        nothing = np.zeros_like(prepared.rows)
        emptied = replace(prepared, tables={}, rows=nothing, refusals=[*prepared.refusals, refusal])
        self._tell(emptied, self._write(emptied, released, lost), {})
        self.done += 1

    def _tell(self, prepared: Prepared, written: Written, seconds: Mapping[str, float]) -> None:
        self._receipts.note(prepared, written.delivered)
        self.answering.note(prepared)
        self._metrics.batch(written.accounts, written.drops, seconds)
        self._crier.tell(prepared, [item for item in prepared.refusals if not written.is_duplicate[item.message]])
