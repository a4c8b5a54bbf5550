"""Portions out over the sessions: at QoS 0 at once or not at all, at QoS 1 through a ledger for each session."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from simulators.load.books import Books
from simulators.load.heartbeats import Heartbeats
from simulators.load.ledger import Ledger
from simulators.load.loop import Loop
from simulators.load.numbering import identify
from simulators.load.portion import Portion

QUEUED_BYTES = 1 << 20  # more waiting for the gateway's socket: the broker is slower than we are, and the load waits for it
OWN_QUEUED_BYTES = 1 << 16  # more waiting for a device's own socket: its messages fall out, as a device's do
MOST_AT_ONCE = 1000  # QoS 1 messages of one session in one turn


class Sender:
    """Owned by the load's thread.

    session: (devices,) the session that speaks for each, of which the first `own` are devices' own; elapsed_us: since the load
    began.
    """

    def __init__(
        self,
        loop: Loop,
        session: npt.NDArray[np.int64],
        books: Books,
        ledgers: Sequence[Ledger],
        *,
        own: int,
        elapsed_us: Callable[[], int],
    ) -> None:
        self._loop, self._session, self._books, self._ledgers = loop, session, books, ledgers
        self._own, self._elapsed_us = own, elapsed_us
        count = len(loop.connections)
        self._in_flight: list[deque[list[int]]] = [deque() for _ in range(count)]  # [messages, whether of a ledger], in order
        self._acknowledged = [0] * count  # by the connection's own count
        self._busy: set[int] = set()  # sessions whose ledger has something to send
        self._booked = {stream: np.zeros(len(session), np.int64) for stream in books.frames_of}  # highest number, by device
        self.acknowledged = 0  # QoS 1 messages of the load
        self.heartbeats = 0

    @property
    def is_choked(self) -> bool:
        """Whether the gateway's socket takes less than it is given, or a ledger is full."""
        if any(not ledger.has_room for ledger in self._ledgers):
            return True
        return any(connection.queued_bytes > QUEUED_BYTES for connection in self._loop.connections[self._own :])

    @property
    def waiting(self) -> int:
        """Messages that are not out, or at QoS 1 not safe."""
        return sum(map(len, self._ledgers)) + sum(connection.has_unsent for connection in self._loop.connections)

    def send(self, portion: Portion) -> None:
        """Send messages that are due."""
        if len(self._loop.connections) == 1:
            self._hand_over(0, portion)
            return
        session = self._session[portion.device]
        order = np.argsort(session, kind="stable")
        sorted_portion, owners = portion.take(order), session[order]
        edges = np.flatnonzero(np.concatenate([[True], owners[1:] != owners[:-1], [True]]))
        if self._ledgers:
            for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                self._keep(int(owners[begin]), sorted_portion.part(begin, end))
        else:
            self._scatter(sorted_portion, owners[edges[:-1]].tolist(), edges.tolist())

    def beat(self, heartbeats: Heartbeats, devices: Sequence[int], elapsed_s: float) -> int:
        """Heartbeats of these devices, as far as their sessions take them now: of how many, from the first on.

        A session that is away is passed over: its next heartbeat says it all.
        """
        for done, device in enumerate(devices[:MOST_AT_ONCE]):
            number = int(self._session[device])
            connection = self._loop.connections[number]
            if not connection.is_ready:
                continue
            if not connection.room:
                return done
            packet = heartbeats.packet(device, elapsed_s, int(connection.numbers(1)[0]))
            self._loop.send(number, memoryview(packet), lambda _: None)
            self._in_flight[number].append([1, 0])
            self.heartbeats += 1
        return min(len(devices), MOST_AT_ONCE)

    def begin(self) -> None:
        """From now on acknowledgements are those of what was sent here."""
        self._loop.take_news()
        self._acknowledged = [connection.acknowledged + connection.refused for connection in self._loop.connections]

    def pump(self, now_s: float) -> None:
        """QoS 1: what was acknowledged, what must go again, and what may go now."""
        arrived, changed = self._loop.take_news()
        for number in arrived:
            connection = self._loop.connections[number]
            self._in_flight[number].clear()
            self._acknowledged[number] = connection.acknowledged + connection.refused
            if self._ledgers:
                self._ledgers[number].restart(now_s)
        for number in arrived | changed | self._busy:
            self._look_at(number, now_s)

    def _look_at(self, number: int, now_s: float) -> None:
        connection = self._loop.connections[number]
        if done := connection.acknowledged + connection.refused - self._acknowledged[number]:
            self._acknowledged[number] += done
            self._settle(number, done)
        if self._ledgers and connection.is_ready:
            heard, connection.heard = connection.heard, []
            self._ledgers[number].hear(heard, now_s)
            self._push(number)
            (self._busy.discard if self._ledgers[number].is_at_end else self._busy.add)(number)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _hand_over(self, number: int, portion: Portion) -> None:
        if self._ledgers:
            self._keep(number, portion)
        elif self._takes(number):
            self._loop.send(number, portion.data.data, partial(self._told, portion))
        else:
            self._books.unsent[portion.stream] += len(portion)

    def _takes(self, number: int) -> bool:
        """Whether a session stands and, if it is a device's own, is not too far behind."""
        connection = self._loop.connections[number]
        return connection.is_ready and (number >= self._own or connection.queued_bytes <= OWN_QUEUED_BYTES)

    def _keep(self, number: int, portion: Portion) -> None:
        self._ledgers[number].add(portion)
        self._busy.add(number)

    def _scatter(self, portion: Portion, owners: Sequence[int], edges: Sequence[int]) -> None:
        """Each session its own part; what the sockets take at once is booked together."""
        view, start, stop = portion.data.data, portion.start, portion.stop
        is_out = np.zeros(len(portion), np.bool_)
        for owner, begin, end in zip(owners, edges[:-1], edges[1:], strict=True):
            if not self._takes(owner):
                self._books.unsent[portion.stream] += end - begin
                continue
            size = int(stop[end - 1] - start[begin])
            tell = _Told(self, portion, begin, end)
            self._loop.send(owner, view[int(start[begin]) : int(stop[end - 1])], tell)
            if tell.written == size:
                is_out[begin:end] = True
            tell.is_late = True
        if is_out.any():
            self._books.sent(portion if is_out.all() else portion.take(np.flatnonzero(is_out)), self._elapsed_us())

    def _told(self, portion: Portion, written: int) -> None:
        """So many bytes of a portion are out: a message that is not whole went down with its connection."""
        whole = int(np.searchsorted(portion.stop, written, "right"))
        if whole:
            self._books.sent(portion if whole == len(portion) else portion.part(0, whole), self._elapsed_us())
        if whole < len(portion):
            self._books.unsent[portion.stream] += len(portion) - whole

    def _settle(self, number: int, done: int) -> None:
        flight = self._in_flight[number]
        while done and flight:
            taken = min(done, flight[0][0])
            done -= taken
            flight[0][0] -= taken
            if flight[0][1]:
                self.acknowledged += taken
                self._ledgers[number].acknowledge(taken)
            if not flight[0][0]:
                flight.popleft()

    def _push(self, number: int) -> None:
        connection, ledger = self._loop.connections[number], self._ledgers[number]
        room = min(MOST_AT_ONCE, connection.room)
        while room and connection.queued_bytes < QUEUED_BYTES and (portion := ledger.next(room)) is not None:
            data = portion.data.copy()
            identify(data, portion.payload, connection.numbers(len(portion)))
            self._in_flight[number].append([len(portion), 1])
            self._loop.send(number, data.data, partial(self._told_once, portion))
            room -= len(portion)

    def _told_once(self, portion: Portion, written: int) -> None:
        """At QoS 1 a message that goes out again is not booked again, and one that went down with its connection will go."""
        booked = self._booked[portion.stream]
        is_new = (portion.stop <= written) & (portion.sequence > booked[portion.device])
        is_again = (portion.device[1:] == portion.device[:-1]) & (portion.sequence[1:] == portion.sequence[:-1])
        is_new[1:] &= ~is_again  # a pass says a device's first message twice
        if (rows := np.flatnonzero(is_new)).size:
            self._books.sent(portion.take(rows), self._elapsed_us())
            np.maximum.at(booked, portion.device[rows], portion.sequence[rows])


class _Told:
    """Hears what became of one session's part of a portion: at once, or later."""

    __slots__ = ("_begin", "_end", "_portion", "_sender", "is_late", "written")

    def __init__(self, sender: Sender, portion: Portion, begin: int, end: int) -> None:
        self._sender, self._portion, self._begin, self._end = sender, portion, begin, end
        self.is_late, self.written = False, -1

    def __call__(self, written: int) -> None:
        self.written = written
        if self.is_late:
            self._sender._told(self._portion.part(self._begin, self._end), written)
