"""All sessions of a load on one selector: connected a few at a time, kept alive, and back again after a loss, later each time."""

from __future__ import annotations

import heapq
import selectors
from collections.abc import Callable, Sequence

import numpy as np

from chelu import tls
from chelu.clock import Clock
from chelu.errors import RefusedError, UnreachableError
from simulators.load.connection import Account, Connection

CONNECTS_PER_S = 500.0
MOST_CONNECTING = 64  # a broker's queue of connections it has not accepted yet is short
FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 10.0
ANSWER_S = 10.0
SWEEP_S = 1.0
RELOAD_S = 5.0  # how long a broker may take to read its files anew after a registration


class Loop:
    """Owned by the load's thread. `turn` does what there is to do and waits at most so long for more."""

    def __init__(
        self, accounts: Sequence[Account], clock: Clock, *, seed: int = 0, connects_per_s: float = CONNECTS_PER_S
    ) -> None:
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self.connections = [Connection(account, clock) for account in accounts]
        self._random = np.random.default_rng([seed, 77])
        self._every_s = 1 / connects_per_s
        self._delay_s = [FIRST_DELAY_S] * len(accounts)
        self._waiting = [(0.0, number) for number in range(len(accounts))]  # a heap: (not before, connection)
        self._connecting: set[int] = set()
        self._awaiting_write: set[int] = set()
        self._news: tuple[set[int], set[int]] = set(), set()
        self._touched: set[int] = set()  # connections that may have queued bytes since they were looked at
        self._next_open_s = self._next_sweep_s = 0.0
        self._has_been_ready = [False] * len(accounts)
        self.reconnects = self.losses = 0
        self.last_loss = ""
        self.refusal: tuple[str, str] | None = None  # who was refused last, and why
        self._arrived_s = 0.0

    def close(self) -> None:
        """Take leave in order."""
        for connection in self.connections:
            connection.close(is_orderly=True)
        self._selector.close()

    @property
    def ready(self) -> int:
        """How many sessions stand."""
        return sum(connection.is_ready for connection in self.connections)

    def connect_all(self, timeout_s: float) -> None:
        """Return when every session stands; RefusedError when the broker goes on saying no, UnreachableError when time is over.

        A broker hears of new credentials a moment after they were made: a refusal counts when it still stands after a while.
        """
        begun_s = self._clock.monotonic_s()
        while self.ready < len(self.connections):
            now_s = self._clock.monotonic_s()
            if self.refusal and now_s - begun_s > RELOAD_S and now_s - self._arrived_s > RELOAD_S:
                raise RefusedError("the MQTT broker", *self.refusal)
            if now_s - begun_s > timeout_s:
                peer = str(self.connections[0].account.address)
                detail = (
                    f"{self.ready} of {len(self.connections)} sessions stand; {self.last_loss or 'it does not answer MQTT 5'}"
                )
                raise UnreachableError("the MQTT broker", peer, detail)
            self.turn(0.05)

    def take_news(self) -> tuple[set[int], set[int]]:
        """Sessions that came to stand, and those that were told something, since this was asked last."""
        found = self._news
        self._news = set(), set()
        return found

    def send(self, number: int, data: memoryview, tell: Callable[[int], None]) -> None:
        """Give bytes to a session that stands; `tell` hears how many of them went out, once that is known."""
        connection = self.connections[number]
        connection.send(data, tell)
        if connection.has_unsent:
            self._touched.add(number)

    def rest(self, wait_s: float) -> None:
        """Wait, and then do what there is to do: answers that trickle in need not be read one by one."""
        if not self._awaiting_write and not self._touched and not self._waiting:
            self._clock.sleep(wait_s)
            wait_s = 0.0
        self.turn(wait_s)

    def turn(self, wait_s: float) -> None:
        """Move bytes both ways, open what is due, look after silent sessions."""
        now_s = self._clock.monotonic_s()
        self._open_due(now_s)
        if now_s >= self._next_sweep_s:
            self._next_sweep_s = now_s + SWEEP_S
            self._sweep(now_s)
        self._watch_writers()
        if self._waiting:
            wait_s = min(wait_s, max(0.0, self._waiting[0][0] - now_s, self._next_open_s - now_s))
        for key, events in self._selector.select(max(0.0, wait_s)):
            number: int = key.data
            connection = self.connections[number]
            is_standing = not events & selectors.EVENT_WRITE or connection.writable()
            is_standing = is_standing and (not events & selectors.EVENT_READ or connection.readable())
            if connection.has_unsent:
                self._touched.add(number)
            if events & selectors.EVENT_READ:
                self._news[1].add(number)
            if connection.is_ready and number in self._connecting:
                self._arrived(number)
            if not is_standing:
                self.drop(number)

    def drop(self, number: int, *, back_in_s: float | None = None) -> None:
        """End a session; it comes back after the back-off, or after so long."""
        connection = self.connections[number]
        if connection.sock is None:
            return
        self._selector.unregister(connection.sock)
        self.losses += 1
        self.last_loss = connection.refusal or connection.loss or self.last_loss
        if connection.refusal:
            self.refusal = f"client {connection.account.client_id}", connection.refusal
        connection.close()
        self._connecting.discard(number)
        self._awaiting_write.discard(number)
        delay_s = self._delay_s[number] * (0.5 + self._random.random()) if back_in_s is None else back_in_s
        self._delay_s[number] = min(2 * self._delay_s[number], LONGEST_DELAY_S)
        heapq.heappush(self._waiting, (self._clock.monotonic_s() + delay_s, number))

    def _arrived(self, number: int) -> None:
        self._connecting.discard(number)
        self._delay_s[number] = FIRST_DELAY_S
        self.reconnects += self._has_been_ready[number]
        self._has_been_ready[number] = True
        self._news[0].add(number)
        self._arrived_s = self._clock.monotonic_s()

    def _open_due(self, now_s: float) -> None:
        while self._waiting and self._waiting[0][0] <= now_s and self._next_open_s <= now_s:
            if len(self._connecting) >= MOST_CONNECTING:
                return
            _, number = heapq.heappop(self._waiting)
            self._next_open_s = max(self._next_open_s + self._every_s, now_s - 0.05)
            connection = self.connections[number]
            try:
                connection.open()
            except OSError as error:
                address = connection.account.address
                self.last_loss = tls.explained(error, address.host, address.ca_file)
                heapq.heappush(self._waiting, (now_s + self._delay_s[number], number))
                self._delay_s[number] = min(2 * self._delay_s[number], LONGEST_DELAY_S)
                connection.close()
                continue
            self._connecting.add(number)
            self._touched.add(number)
            if connection.sock is not None:
                self._selector.register(connection.sock, selectors.EVENT_READ, number)

    def _watch_writers(self) -> None:
        """Ask for writability only where bytes wait."""
        for number in self._touched | self._awaiting_write:
            connection = self.connections[number]
            is_wanted = connection.has_unsent and connection.sock is not None
            if connection.sock is not None and is_wanted != (number in self._awaiting_write):
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if is_wanted else 0)
                self._selector.modify(connection.sock, events, number)
            if is_wanted:
                self._awaiting_write.add(number)
            else:
                self._awaiting_write.discard(number)
        self._touched.clear()

    def _sweep(self, now_s: float) -> None:
        for number, connection in enumerate(self.connections):
            if connection.sock is None:
                continue
            if not connection.is_ready:
                if now_s - connection.opened_s > ANSWER_S:
                    connection.loss = "it does not answer MQTT 5 in time"
                    self.drop(number)
            elif now_s - connection.read_s > 2.5 * connection.keepalive_s:
                connection.loss = "it does not answer pings"
                self.drop(number)
            elif now_s - min(connection.wrote_s, connection.read_s) > connection.keepalive_s / 2 and not connection.has_unsent:
                connection.ping()
                self._touched.add(number)
