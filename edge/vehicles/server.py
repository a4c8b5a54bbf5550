"""The sockets of the gateway: one loop for all connections, replies in batches behind one write to the disk."""

from __future__ import annotations

import logging
import selectors
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from chelu.clock import Clock
from chelu.errors import ConfigurationError, OutOfRangeError
from chelu.spool import SpoolError, SpoolFullError
from edge.listener import POLL_S, Listener
from edge.settings import TerminalSource, VehicleSource
from edge.tally import Tally
from edge.vehicles.children import Children, Said, cost
from edge.vehicles.connection import Connection
from edge.vehicles.language import Peer, Reaction
from edge.vehicles.languages import language_of
from edge.vehicles.limits import allow_connections

log = logging.getLogger(__name__)

TEND_S = 1.0  # between two looks at silent connections and at the file of vehicles
RECEIVE_BYTES = 4096  # of one connection before the next has its turn
STRANGERS_BYTES = 1024  # the same, before somebody logs in: hundreds of them may shout while vehicles wait for their turn
BUFFER_BYTES = 65_536  # that the kernel keeps for a connection we have not read
MOST_OF_A_STRANGER = 1 << 13  # bytes before somebody logs in: so many are held for each of them, at most
MOST_UNSENT = 1 << 14  # bytes of replies that a peer does not fetch
MOST_PENDING = 512  # frames that share a write
BACKLOG = 4096  # connections that wait to be accepted; the kernel may allow fewer


@dataclass(frozen=True, slots=True)
class _Pending:
    """A frame whose reply waits for the disk."""

    connection: Connection
    reaction: Reaction


class VehicleGateway(Listener):
    """Vehicles of one protocol; the tally's place is the protocol's name.

    Raises CannotStartError when the address is taken, ConfigurationError when a file cannot be used.
    """

    def __init__(self, settings: VehicleSource | TerminalSource, children: Children, tally: Tally, clock: Clock) -> None:
        self._settings, self._children, self._tally, self._clock = settings, children, tally, clock
        self._holders: dict[bytes, Connection] = {}
        self._language = language_of(settings, children, self._holder)
        allow_connections(children.most_connections)
        super().__init__(settings.listen, socket.SOCK_STREAM, name=self._language.name)
        self._socket.listen(BACKLOG)
        self._socket.setblocking(False)  # noqa: FBT003 - the name of the call says it
        self._selector = selectors.DefaultSelector()
        self._connections: dict[int, Connection] = {}
        self._strangers: dict[Connection, None] = {}  # those over which nobody is logged in, longest first
        self._pending: list[_Pending] = []
        self._pending_bytes = 0
        self._flush_at = 0.0
        self._tend_at = 0.0
        self._served = 0
        self._list_fault = ""  # what was last wrong with the list

    def _close(self) -> None:
        for connection in list(self._connections.values()):
            connection.sock.close()
        self._selector.close()
        super()._close()

    # -- the loop ------------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._selector.register(self._socket, selectors.EVENT_READ)
        while not self._stopping.is_set():
            for key, events in self._selector.select(self._patience()):
                if key.data is None:
                    self._accept()
                else:
                    self._serve(key.data, events)
            now_s = self._clock.monotonic_s()
            if self._pending and now_s >= self._flush_at:
                self._flush()
            if now_s >= self._tend_at:
                self._tend(now_s)
        self._flush()

    def _patience(self) -> float:
        return max(0.0, self._flush_at - self._clock.monotonic_s()) if self._pending else POLL_S

    def _accept(self) -> None:
        for _ in range(BACKLOG):
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:  # too many open files, mostly: those who wait would wake us for ever
                self._count("accept", detail=str(error))
                self._selector.unregister(self._socket)  # until the next `_tend`
                return
            if self._has_room():
                self._welcome(sock, f"{address[0]}:{address[1]}")
            else:
                self._count("too_many_connections", detail=str(address))
                sock.close()

    def _has_room(self) -> bool:
        """Whether there is a place for one more; the oldest stranger makes one, so that strangers cannot keep vehicles out."""
        if len(self._connections) >= self._settings.max_connections and self._strangers:
            self._hang_up(next(iter(self._strangers)), "pushed_out")
        return len(self._connections) < self._settings.max_connections

    def _welcome(self, sock: socket.socket, address: str) -> None:
        sock.setblocking(False)  # noqa: FBT003
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        now_s = self._clock.monotonic_s()
        connection = Connection(sock, address, self._language.splitter(), now_s, now_s, now_s)
        self._connections[sock.fileno()] = connection
        self._strangers[connection] = None
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def _is_open(self, connection: Connection) -> bool:
        return self._connections.get(connection.sock.fileno()) is connection

    def _serve(self, connection: Connection, events: int) -> None:
        if not self._is_open(connection):  # closed meanwhile, in the same round of events
            return
        try:
            if events & selectors.EVENT_WRITE:
                self._send(connection)
            if events & selectors.EVENT_READ and not connection.is_closing:
                self._receive(connection)
        except OSError as error:
            self._hang_up(connection, f"connection: {error.strerror}")

    def _receive(self, connection: Connection) -> None:
        data = connection.sock.recv(STRANGERS_BYTES if connection in self._strangers else RECEIVE_BYTES)
        if not data:
            if connection.splitter.waiting:
                self._count("half_a_frame", detail=connection.address)
            self._hang_up(connection)
            return
        now_s = self._clock.monotonic_s()
        for raw in connection.take(data, now_s):
            self._take(connection, raw)
        damaged, passed_over = connection.damage()
        if damaged:
            self._count("wrong_check", damaged, detail=connection.address)
        if passed_over:
            self._count("bytes_passed_over", passed_over, detail=connection.address)
        connection.strange = connection.strange + len(data) if connection in self._strangers else 0
        if connection.is_shouting:
            self._hang_up(connection, "rubbish")
        elif connection.strange > MOST_OF_A_STRANGER:
            self._hang_up(connection, "no_login")

    # -- frames --------------------------------------------------------------------------------------------------------------

    def _take(self, connection: Connection, raw: bytes) -> None:
        if connection.is_closing or not self._is_open(connection):
            return
        reaction = self._language.take(connection.peer, raw, self._clock.wall_us(), self._clock.monotonic_s())
        if reaction.reason:
            who = ascii(reaction.who.decode("latin-1")) if reaction.who else "somebody"  # nothing that a log would obey
            detail = f": {reaction.detail}" if reaction.detail else ""
            self._count(reaction.reason, detail=f"{who} from {connection.address}{detail}")
        self._hold(connection, reaction.who)
        if reaction.keep:
            self._wait_for_the_disk(_Pending(connection, reaction))
        else:
            self._reply(connection, reaction.reply)
        connection.is_closing |= reaction.is_last
        if self._is_open(connection):
            self._hang_up_if_done(connection)

    def _wait_for_the_disk(self, one: _Pending) -> None:
        size = cost(one.reaction.keep)
        if len(self._pending) >= MOST_PENDING or self._pending_bytes + size > self._children.most_bytes:
            self._flush()
        if not self._pending:
            self._flush_at = self._clock.monotonic_s() + self._settings.batch_ms / 1000
        self._pending.append(one)
        self._pending_bytes += size

    def _holder(self, name: bytes) -> Peer | None:
        held = self._holders.get(name)
        return held.peer if held else None

    def _hold(self, connection: Connection, name: bytes) -> None:
        """Follow who is logged in where."""
        if name in connection.peer.vins:
            earlier, self._holders[name] = self._holders.get(name), connection
            if earlier is not None and earlier is not connection:
                self._replace(earlier, name)
        elif self._holders.get(name) is connection:
            del self._holders[name]
        if not connection.peer.is_stranger:
            self._strangers.pop(connection, None)
        elif connection not in self._strangers:
            self._strangers[connection] = None
            connection.stranger_s = connection.heard_s

    def _replace(self, earlier: Connection, name: bytes) -> None:
        """A vehicle's line of before is dead or a stranger's: cut, unless others are logged in over it."""
        del earlier.peer.vins[name]
        if earlier.peer.is_stranger:
            self._hang_up(earlier, "replaced_by_a_second_login")
        else:
            self._count("replaced_by_a_second_login", detail=earlier.address)

    def _flush(self) -> None:
        """Check the reports, write all at once, and only then answer."""
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        if not pending:
            return
        bad: set[int] = set()
        for fault in self._language.check([one.reaction.keep for one in pending]):
            self._count(fault.reason, detail=fault.detail)
            if fault.is_whole:
                bad.add(fault.index)
                self._reply(pending[fault.index].connection, pending[fault.index].reaction.instead)
        good = [one for index, one in enumerate(pending) if index not in bad]
        if self._keep(good):
            self._served += len(good)
            for one in good:
                self._reply(one.connection, one.reaction.reply)

    def _keep(self, good: Sequence[_Pending]) -> bool:
        """False when the disk does not take them: then nobody is answered, and the vehicles send again."""
        now_us = self._clock.wall_us()
        try:
            if good:
                self._children.keep([Said(one.reaction.device, now_us, one.reaction.keep) for one in good])
        except (SpoolError, SpoolFullError, OutOfRangeError) as error:
            self._count("not_kept", len(good), detail=str(error))
            return False
        return True

    # -- writing and ending --------------------------------------------------------------------------------------------------

    def _reply(self, connection: Connection, data: bytes) -> None:
        if not data or not self._is_open(connection):
            return
        if len(connection.unsent) > MOST_UNSENT:
            self._hang_up(connection, "does_not_read")
            return
        connection.unsent += data
        try:
            self._send(connection)
        except OSError as error:
            self._hang_up(connection, f"connection: {error.strerror}")

    def _send(self, connection: Connection) -> None:
        was_waiting = bool(connection.unsent) and selectors.EVENT_WRITE & self._selector.get_key(connection.sock).events
        try:
            sent = connection.sock.send(connection.unsent)
        except BlockingIOError:
            sent = 0
        del connection.unsent[:sent]
        if bool(connection.unsent) != bool(was_waiting):
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
            self._selector.modify(connection.sock, events, connection)
        self._hang_up_if_done(connection)

    def _hang_up_if_done(self, connection: Connection) -> None:
        if connection.is_closing and not connection.unsent:
            self._hang_up(connection)

    def _hang_up(self, connection: Connection, reason: str = "") -> None:
        if not self._is_open(connection):
            return
        if reason:
            self._count(reason, detail=connection.address)
        del self._connections[connection.sock.fileno()]
        self._strangers.pop(connection, None)
        for name in [name for name in connection.peer.vins if self._holders.get(name) is connection]:
            del self._holders[name]
        self._selector.unregister(connection.sock)
        connection.sock.close()

    def _tend(self, now_s: float) -> None:
        """Once a second: hang up on the silent, look whether the file of vehicles changed, tell the heartbeat."""
        self._tend_at = now_s + TEND_S
        if self._socket not in self._selector.get_map():
            self._selector.register(self._socket, selectors.EVENT_READ)
        for connection in list(self._connections.values()):
            self._look_after(connection, now_s)
        self._tend_language(now_s)
        self._tend_list()
        directory = self._language.directory
        self._children.tell(
            self._language.name,
            {
                "connections": len(self._connections),
                "logged_in": len(self._holders),
                "listed": len(directory),
                "acknowledged": self._served,
                "unknown": directory.unknown(),
            },
        )

    def _tend_list(self) -> None:
        """A vehicle that is not ours any more is hung up on: the broker would refuse what we take from it."""
        directory = self._language.directory
        try:
            if not directory.reload():
                return
        except ConfigurationError as error:
            self._count("vehicles_file")
            if str(error) != self._list_fault:
                log.warning("%s; the list of before stays in force", error)
            self._list_fault = str(error)
            return
        self._list_fault = ""
        log.info("%s: %d vehicles", self._settings.vehicles, len(directory))
        for name, connection in list(self._holders.items()):
            if not directory.holds(name, connection.peer.vins.get(name, "")):
                self._hang_up(connection, "no_longer_listed")

    def _tend_language(self, now_s: float) -> None:
        tended = self._language.tend(now_s)
        for reason, number in tended.lost.items():
            self._count(reason, number)
        for name, frame in tended.said:
            if (held := self._holders.get(name)) is not None:
                self._reply(held, frame)

    def _look_after(self, connection: Connection, now_s: float) -> None:
        if now_s - connection.heard_s > self._settings.idle_s:
            self._hang_up(connection, "silent")
        elif connection.is_stuck(now_s):
            self._hang_up(connection, "half_a_frame")
        elif connection in self._strangers and now_s - connection.stranger_s > self._settings.login_s:
            self._hang_up(connection, "no_login")

    def _count(self, reason: str, number: int = 1, *, detail: str = "") -> None:
        self._tally.count(self._language.name, reason, number, detail=detail)
