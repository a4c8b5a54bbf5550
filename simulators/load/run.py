"""Runs a load: draws what is due every few milliseconds, sends it, and keeps the books."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from chelu.clock import Clock
from chelu.errors import RefusedError
from simulators.load.books import Books
from simulators.load.bsm import BsmSource
from simulators.load.connection import Account
from simulators.load.devices import Devices
from simulators.load.faults import Faults, Way, skews_ms
from simulators.load.heartbeats import EVERY_S, Heartbeats
from simulators.load.ledger import Ledger
from simulators.load.loop import Loop
from simulators.load.portion import Source
from simulators.load.report import LoadReport, StreamReport
from simulators.load.roadside import RoadsideSource
from simulators.load.sender import Sender
from simulators.load.session_faults import SessionFaults
from simulators.load.settings import LoadSettings

Ints = npt.NDArray[np.int64]

TICK_S = 0.005
LEAD_S = 0.1
CONNECT_S = 20.0
RIGHTS_S = 15.0
MOST_BEHIND_US = 5_000_000  # what is later than that is passed over, and said to be
MOST_AT_ONCE_US = 50_000  # of schedule in one tick, so that catching up goes in bearable pieces
SETTLE_S = 30.0  # at the end: without any progress for so long, what is not safe is reported so


def sources(devices: Devices, faults: Faults) -> list[Source]:
    """The streams of a load."""
    skew = skews_ms(faults, devices.settings) if faults.share("skew") else None
    return [
        BsmSource(devices, skew_ms=skew) if name == "bsm" else RoadsideSource(devices, name) for name in devices.settings.streams
    ]


class Load:
    """One run of a load over these accounts' sessions: those of `Devices.own` in their order, then gateways', as many as given.

    `run` blocks; `stop` may be called from any thread. has_receipts: QoS 1 messages are kept until the platform's receipt, not
    just the broker's acknowledgement. heartbeat_s: 0 for none. tick_s: how often what is due is sent.
    """

    def __init__(
        self,
        settings: LoadSettings,
        accounts: Sequence[Account],
        clock: Clock,
        *,
        faults: Faults | None = None,
        heartbeat_s: float = EVERY_S,
        has_receipts: bool = True,
        tick_s: float = TICK_S,
        on_progress: Callable[[float, Books], None] = lambda _seconds, _books: None,
    ) -> None:
        self._settings, self._devices, self._clock = settings, Devices(settings), clock
        gateways = len(accounts) - settings.connections
        if gateways < 0 or (gateways > 0) != bool(self._devices.gateways):
            raise ValueError(f"{len(accounts)} accounts for {settings.connections} own sessions and the others' gateways")
        self._loop = Loop(accounts, clock, seed=settings.seed)
        self._books = Books(settings.streams, len(self._devices.names))
        faults = faults or Faults()
        faults.fit(settings)
        self._sources = sources(self._devices, faults)
        self._way = Way(faults, settings, self._books)
        self._cuts = SessionFaults(faults, self._loop, self._books, own=settings.connections, seed=settings.seed)
        if faults.share("skew"):
            self._books.faults["skew"] = int((skews_ms(faults, settings) != 0).sum())
        self._heartbeat_s, self._tick_s, self.on_progress = heartbeat_s, tick_s, on_progress
        self._ledgers = self._new_ledgers(len(accounts), has_receipts=has_receipts) if settings.qos else []
        session, own = self._sessions(len(accounts)), settings.connections
        self._sender = Sender(self._loop, session, self._books, self._ledgers, own=own, elapsed_us=self._elapsed_us)
        self._start_s = 0.0
        self._is_stopped = False

    def stop(self) -> None:
        """Let `run` return after the tick at hand."""
        self._is_stopped = True

    def run(self) -> LoadReport:
        """Connect, send everything at its time, and wait for what must be acknowledged.

        RefusedError or UnreachableError when the sessions cannot be had at the beginning.
        """
        try:
            self._loop.connect_all(CONNECT_S + len(self._loop.connections) / 100)
            self._await_rights()
            self._sender.begin()
            return self._run()
        finally:
            self._loop.close()

    def _run(self) -> LoadReport:
        self._start_s = self._clock.monotonic_s() + LEAD_S
        start_us = self._clock.wall_us() + round(LEAD_S * 1e6)
        for source in self._sources:
            source.begin(start_us)
        heartbeats = Heartbeats(self._devices, self._books, start_us=start_us, every_s=self._heartbeat_s)
        used_s = time.process_time()
        try:
            self._ticks(heartbeats)
        except KeyboardInterrupt:
            self._is_stopped = True
        seconds, used_s = self._elapsed_us() / 1e6, time.process_time() - used_s
        with contextlib.suppress(KeyboardInterrupt):  # whoever presses it again does not want to wait for receipts
            self._settle(heartbeats)
        return self._report(start_us, seconds, used_s)

    def _await_rights(self) -> None:
        """Return when the broker lets each gateway speak for its last child: it reads new rights a moment after they were made.

        The child says a heartbeat for that, as a device that comes up does. RefusedError when the rights do not come.
        """
        if not self._heartbeat_s:
            return
        own = self._settings.connections
        last = {gateway: child for child, gateway in self._devices.gateway_of(len(self._loop.connections) - own).items()}
        heartbeats = Heartbeats(self._devices, self._books, start_us=self._clock.wall_us(), every_s=self._heartbeat_s)
        until_s = self._clock.monotonic_s() + RIGHTS_S
        for gateway, child in last.items():
            while not self._is_let(own + gateway, heartbeats, child):
                if self._clock.monotonic_s() > until_s:
                    raise RefusedError(
                        "the MQTT broker", f"to let a gateway speak for {self._devices.names[child]}", "not authorised"
                    )
                self._clock.sleep(0.1)

    def _is_let(self, number: int, heartbeats: Heartbeats, device: int) -> bool:
        """Whether the broker takes this device's heartbeat over this session."""
        connection, until_s = self._loop.connections[number], self._clock.monotonic_s() + RIGHTS_S
        answered, refused = connection.acknowledged + connection.refused, connection.refused
        packet = heartbeats.packet(device, 0.0, int(connection.numbers(1)[0]))
        self._loop.send(number, memoryview(packet), lambda _: None)
        while connection.acknowledged + connection.refused == answered and self._clock.monotonic_s() < until_s:
            self._loop.turn(0.05)
        return connection.acknowledged + connection.refused > answered and connection.refused == refused

    def _ticks(self, heartbeats: Heartbeats) -> None:
        told_s = 0.0
        while not self._is_stopped:
            elapsed_us = self._elapsed_us()
            is_over = self._draw(elapsed_us) if elapsed_us > 0 and not self._sender.is_choked else False
            if elapsed_us > 0:
                self._cuts.turn(elapsed_us / 1e6)
                self._sender.beat(heartbeats, heartbeats.due(elapsed_us / 1e6), elapsed_us / 1e6)
            self._sender.pump(self._clock.monotonic_s())
            if elapsed_us / 1e6 - told_s > 0.2:
                told_s = elapsed_us / 1e6
                self.on_progress(told_s, self._books)
            if is_over:
                return
            self._loop.rest(max(0.0, (elapsed_us / 1e6 // self._tick_s + 1) * self._tick_s - self._elapsed_us() / 1e6))

    def _draw(self, elapsed_us: int) -> bool:
        """Send what is due; whether nothing is left."""
        is_over = True
        for source in self._sources:
            due = source.next_us
            if due is None:
                continue
            is_over = False
            if elapsed_us - due > MOST_BEHIND_US:
                self._books.skipped[source.stream] += source.skip(elapsed_us - MOST_BEHIND_US)[0]
            for portion in source.until(min(elapsed_us, due + MOST_AT_ONCE_US)):
                if (found := self._way.through(portion)) is not None:
                    self._sender.send(found)
        for held in self._way.released(elapsed_us):
            self._sender.send(held)
        return is_over and self._way.is_empty

    def _settle(self, heartbeats: Heartbeats) -> None:
        """Write what is queued, wait for receipts, and say in a last heartbeat of each device what it has sent."""
        self._until_nothing_waits()
        if self._heartbeat_s:
            left = list(self._devices.speakers)
            while left and self._loop.ready:
                left = left[self._sender.beat(heartbeats, left, self._elapsed_us() / 1e6) :]
                self._loop.turn(0.01)
                self._sender.pump(self._clock.monotonic_s())
        self._until_nothing_waits()

    def _until_nothing_waits(self) -> None:
        since_s, least = self._clock.monotonic_s(), self._sender.waiting
        while (waiting := self._sender.waiting) and self._clock.monotonic_s() - since_s < SETTLE_S:
            if waiting < least:
                since_s, least = self._clock.monotonic_s(), waiting
            self._loop.turn(0.01)
            self._sender.pump(self._clock.monotonic_s())

    def _elapsed_us(self) -> int:
        return int((self._clock.monotonic_s() - self._start_s) * 1e6)

    def _new_ledgers(self, count: int, *, has_receipts: bool) -> list[Ledger]:
        number_of = {name: index for index, name in enumerate(self._devices.names)}
        return [Ledger(self._settings.streams, number_of, has_receipts=has_receipts) for _ in range(count)]

    def _sessions(self, count: int) -> Ints:
        """The session of each device: its own, or its gateway's."""
        session = np.zeros(len(self._devices.names), np.int64)
        own = self._devices.own
        session[list(own)] = np.arange(len(own))
        for child, gateway in self._devices.gateway_of(count - len(own)).items():
            session[child] = len(own) + gateway
        return session

    def _report(self, start_us: int, seconds: float, used_s: float) -> LoadReport:
        books = self._books
        return LoadReport(
            begun_us=start_us,
            ended_us=self._clock.wall_us(),
            seconds=seconds,
            streams={name: self._stream(name, seconds) for name in self._settings.streams},
            lag_p50_ms=books.lag_ms(50),
            lag_p99_ms=books.lag_ms(99),
            lag_most_ms=books.most_lag_us / 1000,
            cpu_s=used_s,
            sessions=len(self._loop.connections),
            reconnects=self._loop.reconnects,
            losses=self._loop.losses,
            heartbeats=self._sender.heartbeats,
            faults=dict(books.faults),
            acknowledged=self._sender.acknowledged,
            resent=sum(ledger.resent for ledger in self._ledgers),
            unacknowledged=sum(map(len, self._ledgers)),
            is_interrupted=self._is_stopped,
        )

    def _stream(self, name: str, seconds: float) -> StreamReport:
        books = self._books
        asked = next(source.per_s for source in self._sources if source.stream == name)
        return StreamReport(
            asked_per_s=asked,
            messages=books.messages[name],
            frames=books.frames[name],
            rows=books.rows[name],
            bytes=books.bytes[name],
            messages_per_s=books.messages[name] / max(seconds, 1e-9),
            unsent=books.unsent[name],
            skipped=books.skipped[name],
        )
