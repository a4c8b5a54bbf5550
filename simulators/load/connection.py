"""One device's session at the broker on a socket that never blocks: MQTT 5, bytes out as they were prepared, acknowledgements in.

Belongs to the thread of its `simulators.load.loop.Loop`, which calls `readable` and `writable`.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chelu import tls
from chelu.bus import packets
from chelu.bus.messages import Address, Will
from chelu.bus.packets import MQTT_5, Control, Kind, Reader
from chelu.bus.reasons import WireError, name_of
from chelu.bus.wire_plain import find_packets
from chelu.clock import Clock

READ_BYTES = 1 << 18
LARGEST_PACKET = 1 << 20  # we are told receipts and little else
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
OUR_WINDOW = 10_000  # QoS 1 messages on the way when the broker names no limit of its own
KEEPALIVE_S = 30
CONNECT_S = 10.0  # longest wait for the TLS handshake


@dataclass(frozen=True, slots=True)
class Account:
    """Who connects, where, and to hear what (at QoS 0); will: what the broker says when the session breaks."""

    address: Address
    client_id: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    filters: tuple[str, ...] = ()
    will: Will | None = None


@dataclass(slots=True)
class Entry:
    """Bytes on their way: how many are written, and who is told how many those were once they are all out, or lost."""

    data: memoryview
    tell: Callable[[int], None]
    written: int = 0


class Connection:
    """One connection at a time; `open` makes a new one. `loss` says how the last one ended, `refusal` that the broker said no.

    in_flight: QoS 1 messages without acknowledgement; acknowledged, refused: of this connection's messages.
    """

    def __init__(self, account: Account, clock: Clock) -> None:
        self.account, self._clock = account, clock
        self.sock: socket.socket | None = None
        self._queue: deque[Entry] = deque()
        self._held = bytearray()
        self._packet_id = 0
        self.is_ready = False
        self.loss, self.refusal = "", ""
        self.opened_s = self.wrote_s = self.read_s = 0.0
        self.keepalive_s: float = KEEPALIVE_S
        self.queued_bytes = self.in_flight = self.acknowledged = self.refused = 0
        self.window = OUR_WINDOW
        self.heard: list[tuple[str, bytes]] = []

    def open(self) -> None:
        """Begin to connect; raises OSError."""
        address = self.account.address
        self.loss = self.refusal = ""
        self._held.clear()
        self._packet_id = self.in_flight = 0
        self.opened_s = self.read_s = self.wrote_s = self._clock.monotonic_s()
        self.sock = self._secured(address) if address.has_tls else _begun(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        hello = packets.Connect(
            version=MQTT_5,
            client_id=self.account.client_id,
            keepalive_s=KEEPALIVE_S,
            clean=True,
            user=self.account.user,
            password=self.account.password,
            will=self.account.will,
        )
        self._say(hello.encode())

    def _secured(self, address: Address) -> socket.socket:
        plain = socket.create_connection((address.host, address.port), CONNECT_S)
        sock = tls.client_context(address.ca_file).wrap_socket(plain, server_hostname=address.host)
        sock.settimeout(0)
        return sock

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait for the socket."""
        return bool(self._queue)

    @property
    def room(self) -> int:
        """How many QoS 1 messages the broker takes now."""
        return max(0, self.window - self.in_flight)

    def numbers(self, count: int) -> npt.NDArray[np.int64]:
        """Packet ids (count,) for QoS 1 messages, which are in flight from now on."""
        found = (self._packet_id + np.arange(count)) % 65_535 + 1
        self._packet_id = (self._packet_id + count) % 65_535
        self.in_flight += count
        return found

    def send(self, data: memoryview, tell: Callable[[int], None]) -> None:
        """Write, or queue what the socket does not take; `tell` hears how many bytes went out, when that is known."""
        entry = Entry(data, tell)
        if not self._queue and self._write(entry):
            tell(entry.written)
            return
        self._queue.append(entry)
        self.queued_bytes += len(data) - entry.written

    def writable(self) -> bool:
        """The socket takes bytes; False when the connection is over."""
        while self._queue:
            entry = self._queue[0]
            before = entry.written
            is_done = self._write(entry)
            self.queued_bytes -= entry.written - before
            if self.loss:
                return False
            if not is_done:
                return True
            self._queue.popleft()
            entry.tell(entry.written)
        return not self.loss

    def readable(self) -> bool:
        """The socket has bytes; False when the connection is over."""
        sock = self.sock
        if sock is None:
            return False
        try:
            received = sock.recv(READ_BYTES)
        except WOULD_BLOCK:
            return True
        except OSError as error:
            self.loss = error.strerror or str(error)
            return False
        if not received:
            self.loss = self.loss or "the broker closed the connection"
            return False
        self.read_s = self._clock.monotonic_s()
        self._held += received
        try:
            self._take()
        except WireError as error:
            self.loss = str(error)
        return not (self.loss or self.refusal)

    def ping(self) -> None:
        """Say that we are still here."""
        self._say(packets.PINGREQ)

    def close(self, *, is_orderly: bool = False) -> None:
        """End the connection; whoever's bytes were still queued is told how many of them went out."""
        sock, self.sock, self.is_ready = self.sock, None, False
        if sock is not None:
            if is_orderly and not self._queue and not self.loss:
                self._goodbye(sock)
            sock.close()
        queue, self._queue, self.queued_bytes = self._queue, deque(), 0
        for entry in queue:
            entry.tell(entry.written)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _goodbye(self, sock: socket.socket) -> None:
        """DISCONNECT, and wait until the broker has read all before it: a closed socket with unread bytes loses the last ones."""
        try:
            sock.settimeout(CONNECT_S)
            sock.sendall(packets.disconnect(version=MQTT_5))
            while sock.recv(READ_BYTES):
                pass
        except OSError:
            return

    def _say(self, data: bytes) -> None:
        self.send(memoryview(data), lambda _: None)

    def _write(self, entry: Entry) -> bool:
        """Write on; whether all of it is out. A failed connection shows in `loss`."""
        sock = self.sock
        if sock is None or self.loss:
            return False
        try:
            while entry.written < len(entry.data):
                entry.written += sock.send(entry.data[entry.written :])
        except WOULD_BLOCK:
            return False
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # still connecting
                self.loss = error.strerror or str(error)
            return False
        finally:
            self.wrote_s = self._clock.monotonic_s()
        return True

    def _take(self) -> None:
        """Read the packets that are whole: acknowledgements together, the few others one by one."""
        held = bytes(self._held)
        starts, consumed, _, error = find_packets(held, LARGEST_PACKET)
        if error:
            raise error
        data = np.frombuffer(held[:consumed], np.uint8)
        del self._held[:consumed]
        start = np.array(starts, np.int64)
        is_ack = data[start] >> 4 == Kind.PUBACK
        acks = start[is_ack]
        told = acks[data[acks + 1] > 2]
        refused = int((data[told + 4] >= 0x80).sum())
        self.in_flight -= len(acks)
        self.acknowledged += len(acks) - refused
        self.refused += refused
        ends = np.append(start[1:], consumed)
        for begin, end in zip(start[~is_ack].tolist(), ends[~is_ack].tolist(), strict=True):
            self._control(data[begin:end].tobytes())

    def _control(self, packet: bytes) -> None:
        reader = Reader(packet[1:])
        size = reader.variable()
        control = Control(packet[0], reader.take(size))
        if control.kind == Kind.CONNACK:
            self._welcome(control.body)
        elif control.kind == Kind.PUBLISH:
            inner = Reader(control.body)
            topic = inner.text()
            inner.properties()
            self.heard.append((topic.decode("utf-8", "replace"), control.body[inner.position :]))
        elif control.kind == Kind.SUBACK:
            self.is_ready = True
        elif control.kind == Kind.DISCONNECT:
            self.loss = name_of(packets.read_disconnect(control.body))

    def _welcome(self, body: bytes) -> None:
        answer = packets.read_connack(body, version=MQTT_5)
        if answer.reason >= 0x80:
            self.refusal = name_of(answer.reason)
            return
        self.window = min(OUR_WINDOW, answer.receive_maximum or 65_535)
        self.keepalive_s = answer.keepalive_s or KEEPALIVE_S
        if self.account.filters:
            self._say(packets.subscribe(1, [(name, 0) for name in self.account.filters], version=MQTT_5))
        else:
            self.is_ready = True


def _begun(address: Address) -> socket.socket:
    """A socket that is connecting."""
    family, kind, protocol, _, place = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family, kind, protocol)
    sock.settimeout(0)
    code = sock.connect_ex(place)
    if code not in {0, errno.EINPROGRESS}:
        sock.close()
        raise OSError(code, "the connection was not taken")
    return sock
