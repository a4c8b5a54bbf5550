"""The sockets of the gateway: one loop for all connections, replies in batches behind one write to the disk."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chelu.clock import Clock
from chelu.codec.gbt32960_frame import Answer, Frame, Splitter, read
from chelu.codec.gbt32960_report import parse
from chelu.errors import ConfigurationError, OutOfRangeError
from chelu.messages import frames_of
from chelu.spool import SpoolError, SpoolFullError
from edge.settings import VehicleSource
from edge.sockets import listen
from edge.tally import Tally
from edge.vehicles.children import Children, Said
from edge.vehicles.dialogue import Dialogue, Do, Outcome, Peer, structure_error
from edge.vehicles.directory import Directory
from edge.vehicles.limits import allow_files

log = logging.getLogger(__name__)

PLACE = "gbt32960"  # in the tally
POLL_S = 0.25
TEND_S = 1.0  # between two looks at silent connections and at the file of vehicles
FRAME_S = 10.0  # in which a frame that has begun must end
RECEIVE_BYTES = 65_536
MOST_UNSENT = 1 << 16  # bytes of replies that a peer does not fetch
MOST_PENDING = 512  # frames that share a write
BACKLOG = 1024
FILES_BESIDE = 64


@dataclass(slots=True, eq=False)
class Connection:
    """A peer's socket; unsent: replies that the kernel did not take yet; is_closing: hang up when they are gone."""

    sock: socket.socket
    address: str
    heard_s: float
    begun_s: float  # when the frame that is coming in began
    peer: Peer = field(default_factory=Peer)
    splitter: Splitter = field(default_factory=Splitter)
    damaged: int = 0
    passed_over: int = 0
    unsent: bytearray = field(default_factory=bytearray)
    is_closing: bool = False


@dataclass(frozen=True, slots=True)
class _Pending:
    """A frame whose reply waits for the disk."""

    connection: Connection
    frame: Frame
    raw: bytes
    outcome: Outcome


class VehicleGateway:
    """Listens from the start; serves from `start` to `stop` on a thread of its own, which alone uses `children.keep`.

    Raises CannotStartError when the address is taken, ConfigurationError when a file cannot be used.
    """

    def __init__(self, settings: VehicleSource, children: Children, tally: Tally, clock: Clock) -> None:
        self._settings, self._children, self._tally, self._clock = settings, children, tally, clock
        self._directory = Directory(settings.vehicles)
        self._holders: dict[bytes, Connection] = {}
        self._dialogue = Dialogue(
            find=self._directory.find,
            holder=self._holder,
            platforms=read_platforms(settings.platforms_file) if settings.platforms_file else {},
            replaces=settings.second_login == "replace",
        )
        allow_files(settings.max_connections + FILES_BESIDE)
        self._socket = listen(settings.listen, socket.SOCK_STREAM)
        self._socket.listen(BACKLOG)
        self._socket.setblocking(False)  # noqa: FBT003 - the name of the call says it
        self._selector = selectors.DefaultSelector()
        self._connections: dict[int, Connection] = {}
        self._pending: list[_Pending] = []
        self._flush_at = 0.0
        self._tend_at = 0.0
        self._served = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"vehicles-{settings.listen}", daemon=True)

    @property
    def port(self) -> int:
        """The port listened on, which is a free one when 0 was asked for."""
        port: int = self._socket.getsockname()[1]
        return port

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is pending and hang up."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for connection in list(self._connections.values()):
            connection.sock.close()
        self._socket.close()
        self._selector.close()

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
            if self._pending and (now_s >= self._flush_at or len(self._pending) >= MOST_PENDING):
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
            except OSError as error:
                self._count("accept", detail=str(error))
                return
            if len(self._connections) >= self._settings.max_connections:
                sock.close()
                self._count("too_many_connections", detail=str(address))
                continue
            sock.setblocking(False)  # noqa: FBT003
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, f"{address[0]}:{address[1]}", now_s := self._clock.monotonic_s(), now_s)
            self._connections[sock.fileno()] = connection
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
            self._close(connection, f"connection: {error.strerror}")

    def _receive(self, connection: Connection) -> None:
        data = connection.sock.recv(RECEIVE_BYTES)
        if not data:
            if connection.splitter.waiting:
                self._count("half_a_frame", detail=connection.address)
            self._close(connection)
            return
        connection.heard_s = self._clock.monotonic_s()
        is_begun = connection.splitter.waiting > 0
        for raw in connection.splitter.feed(data):
            self._take(connection, raw)
            is_begun = False
        if not is_begun:
            connection.begun_s = connection.heard_s
        self._count_damage(connection)
        if connection.splitter.is_lost:  # else it would only fill the buffer
            self._close(connection, "rubbish")

    def _count_damage(self, connection: Connection) -> None:
        splitter = connection.splitter
        if (damaged := splitter.damaged - connection.damaged) > 0:
            self._count("wrong_check", damaged, detail=connection.address)
        if (passed := splitter.passed_over - connection.passed_over) > 0:
            self._count("bytes_passed_over", passed, detail=connection.address)
        connection.damaged, connection.passed_over = splitter.damaged, splitter.passed_over

    # -- frames --------------------------------------------------------------------------------------------------------------

    def _take(self, connection: Connection, raw: bytes) -> None:
        if connection.is_closing or not self._is_open(connection):
            return
        frame = read(raw)
        outcome = self._dialogue.take(connection.peer, frame, self._clock.wall_us())
        if outcome.reason:
            self._count(outcome.reason, detail=f"{frame.vin!r} from {connection.address}")
        if outcome.do is Do.REPLY:
            self._reply(connection, frame, outcome.answer, outcome.data)
            connection.is_closing |= outcome.is_last
            self._hang_up_if_done(connection)
        elif outcome.do is Do.KEEP:
            if not self._pending:
                self._flush_at = self._clock.monotonic_s() + self._settings.batch_ms / 1000
            self._pending.append(_Pending(connection, frame, raw, outcome))
            self._hold(connection, frame.vin)

    def _holder(self, vin: bytes) -> Peer | None:
        held = self._holders.get(vin)
        return held.peer if held else None

    def _hold(self, connection: Connection, vin: bytes) -> None:
        """Follow who is logged in where; an earlier connection of the same vehicle is dead or a stranger's, and is closed."""
        if vin in connection.peer.vins:
            earlier = self._holders.get(vin)
            if earlier is not None and earlier is not connection:
                self._close(earlier, "replaced_by_a_second_login")
            self._holders[vin] = connection
        elif self._holders.get(vin) is connection:
            del self._holders[vin]

    def _flush(self) -> None:
        """Check the reports, write all at once, and only then answer."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        refused = parse(frames_of([one.raw for one in pending], 0)).rejects
        for index, reason, detail in zip(refused.index.tolist(), refused.reason, refused.detail, strict=True):
            one = pending[index]
            self._count(str(reason), detail=detail)
            self._reply(one.connection, one.frame, structure_error(one.frame.edition), one.outcome.data)
        bad = set(refused.index.tolist())
        good = [one for index, one in enumerate(pending) if index not in bad]
        if self._keep(good):
            for one in good:
                self._reply(one.connection, one.frame, one.outcome.answer, one.outcome.data)
        self._served += len(good)

    def _keep(self, good: Sequence[_Pending]) -> bool:
        """False when the disk does not take them: then nobody is answered, and the vehicles send again."""
        now_us = self._clock.wall_us()
        try:
            if good:
                self._children.keep([Said(one.outcome.device, now_us, one.raw) for one in good])
        except (SpoolError, SpoolFullError, OutOfRangeError) as error:
            self._count("not_kept", len(good), detail=str(error))
            return False
        return True

    # -- writing and ending --------------------------------------------------------------------------------------------------

    def _reply(self, connection: Connection, frame: Frame, answer: Answer, data: bytes) -> None:
        if not self._is_open(connection):
            return
        if len(connection.unsent) > MOST_UNSENT:
            self._close(connection, "does_not_read")
            return
        connection.unsent += frame.reply(answer, data).encode()
        try:
            self._send(connection)
        except OSError as error:
            self._close(connection, f"connection: {error.strerror}")

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
            self._close(connection)

    def _close(self, connection: Connection, reason: str = "") -> None:
        if not self._is_open(connection):
            return
        if reason:
            self._count(reason, detail=connection.address)
        del self._connections[connection.sock.fileno()]
        for vin in [vin for vin in connection.peer.vins if self._holders.get(vin) is connection]:
            del self._holders[vin]
        self._selector.unregister(connection.sock)
        connection.sock.close()

    def _tend(self, now_s: float) -> None:
        """Once a second: hang up on the silent, look whether the file of vehicles changed, tell the heartbeat."""
        self._tend_at = now_s + TEND_S
        for connection in [one for one in self._connections.values() if now_s - one.heard_s > self._settings.idle_s]:
            self._close(connection, "silent")
        for connection in [one for one in self._connections.values() if _is_stuck(one, now_s)]:
            self._close(connection, "half_a_frame")
        try:
            if self._directory.reload():
                log.info("%s: %d vehicles", self._settings.vehicles, len(self._directory))
        except ConfigurationError as error:
            self._count("vehicles_file", detail=str(error))
        self._children.tell(
            {
                "connections": len(self._connections),
                "logged_in": len(self._holders),
                "listed": len(self._directory),
                "acknowledged": self._served,
                "unknown_vins": self._directory.unknown(),
            }
        )

    def _count(self, reason: str, number: int = 1, *, detail: str = "") -> None:
        self._tally.count(PLACE, reason, number, detail=detail)


def _is_stuck(connection: Connection, now_s: float) -> bool:
    """Whether a frame does not end: its length may be damaged, and then it would swallow those that follow."""
    return connection.splitter.waiting > 0 and now_s - connection.begun_s > FRAME_S


def read_platforms(file: Path) -> Mapping[str, str]:
    """Lines ``user:password`` of platforms that may log in; ConfigurationError for a line that is none, without showing it."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("platforms_file", str(file), f"it cannot be read ({error})") from None
    found = {}
    for number, line in enumerate(lines, 1):
        user, separator, password = line.strip().partition(":")
        if not line.strip():
            continue
        if not separator or not 1 <= len(user) <= 12 or not 1 <= len(password) <= 20:
            raise ConfigurationError("platforms_file", f"line {number}", "user:password of at most 12 and 20 characters")
        found[user] = password
    return found
