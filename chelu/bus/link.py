"""One MQTT connection that reads a socket buffer at a time; the bulk session makes a new one after each loss.

All methods run on the session's network thread except `publish`, `acknowledge` and `wake`, which queue and leave the sending to
that thread. What the bytes mean is decided in `chelu.bus.wire` and `chelu.bus.packets`, which know no socket.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from chelu.bus import packets
from chelu.bus.batch import Messages
from chelu.bus.intake import Intake
from chelu.bus.messages import Publication
from chelu.bus.outbox import Outbox
from chelu.bus.packets import Control, Kind
from chelu.bus.plan import Plan
from chelu.bus.portion import Portion
from chelu.bus.posts import Posts, laid_out
from chelu.bus.reasons import Reason, WireError, name_of
from chelu.bus.waker import Waker
from chelu.clock import Clock

CONNECT_TIMEOUT_S = 5.0
POLL_S = 0.5
REST_S = 0.001  # after a read: a broker writes each message by itself, and a batch of one costs as much as one of a hundred
GOODBYE_S = 0.5  # longest wait for the broker to hang up after our DISCONNECT
REST_BELOW_BYTES = 1 << 16  # a read that brought more was worth its price: the next one follows at once
LARGEST_PACKET = 16 << 20  # offered to the broker as our maximum packet size; its own limit is 4 MiB (chelu.local.mosquitto)
SUBSCRIBE_ID = 65_535
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Link:
    """One connection: `open`, then `step` until it returns False; `refusal` and `loss` say how it ended."""

    def __init__(
        self,
        plan: Plan,
        number: int,
        *,
        version: int,
        answer_within_s: float,
        settled: threading.Condition,
        deliver: Callable[[Messages], None],
        clock: Clock,
    ) -> None:
        self._plan, self.number, self._version = plan, number, version
        self._deliver = deliver
        self._outbox = Outbox(settled, version=version, most=plan.outbox_limit, most_bytes=plan.outbox_bytes)
        self._intake = Intake(version=version, most=LARGEST_PACKET, connection=number, wall_us=clock.wall_us)
        self._sock: socket.socket | None = None
        self._waker = Waker()
        self._asking = threading.Lock()  # over what is wanted and what was asked for
        self._asked: tuple[tuple[str, int], ...] = ()
        self._answer_within_s, self._deadline_s = answer_within_s, 0.0
        self._keepalive_s: float = plan.keepalive_s
        self._wrote_s = self._read_s = self._rest_until_s = 0.0
        self._pinged_s: float | None = None
        self._answer = packets.Connack(Reason.SUCCESS, is_session_present=False)
        self._is_dismissed = self._is_answered = self._is_welcome = self.is_ready = False
        self.refusal: tuple[str, str] | None = None
        self.loss = ""

    # -- network thread ------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connect the socket and send CONNECT; raises OSError."""
        address = self._plan.address
        sock = socket.create_connection((address.host, address.port), CONNECT_TIMEOUT_S)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._plan.context:
                sock = self._plan.context.wrap_socket(sock, server_hostname=address.host)
            sock.settimeout(0)
        except BaseException:
            sock.close()
            raise
        self._sock = sock
        self._wrote_s = self._read_s = time.monotonic()
        self._deadline_s = self._wrote_s + self._answer_within_s
        self._outbox.say(self._connect().encode())

    def _connect(self) -> packets.Connect:
        plan = self._plan
        return packets.Connect(
            version=self._version,
            client_id=plan.client_id,
            keepalive_s=plan.keepalive_s,
            clean=plan.clean,
            user=plan.address.user,
            password=plan.address.password,
            will=plan.will,
            session_expiry_s=plan.session_expiry_s,
            receive_maximum=plan.receive_maximum,
            packet_bytes=LARGEST_PACKET,
        )

    @property
    def is_silent(self) -> bool:
        """Whether the broker took the connection but not the protocol's version."""
        return self._sock is not None and not self._is_answered

    def step(self, *, is_reading: bool) -> bool:
        """Wait for the socket and move what can be moved; False when the connection is over."""
        if self._sock is None:
            return False
        is_readable = self._poll(self._sock, is_reading=is_reading)
        try:
            is_standing = not is_readable or self._read(self._sock)
            self._write(self._sock)
        except WireError as error:
            self.loss = str(error)
            self._leave(error.reason)
            return False
        except OSError as error:
            self.loss = self.loss or error.strerror or str(error)
            return False
        if not is_standing or self._is_dismissed or self.refusal:
            return False
        return self._is_in_time(is_reading=is_reading)

    def has_unsent(self) -> bool:
        """Whether anything published is still unwritten or unacknowledged."""
        return self._outbox.has_unsettled

    def say_goodbye(self) -> None:
        """DISCONNECT in order, so that the broker keeps the last will to itself, and wait until it hangs up.

        Before that it may not have read our last acknowledgements, and a successor that takes the session over gets their
        messages again: mosquitto reads one packet of a client, then looks at the others.
        """
        self._leave(Reason.SUCCESS)
        if self._sock is None or not self._is_welcome:
            return
        deadline_s = time.monotonic() + GOODBYE_S
        try:
            while (left_s := deadline_s - time.monotonic()) > 0:
                if select.select([self._sock], [], [], left_s)[0] and not self._read(self._sock):
                    return
        except (OSError, ValueError, WireError):
            return

    def close(self) -> None:
        """Drop the socket if it is still there and report everything unacknowledged as failed."""
        self.is_ready = False
        if self._sock is not None:
            self._sock.close()
        self._outbox.close()
        self._waker.close()

    # -- any thread ----------------------------------------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool, sequence: int | None) -> Publication:
        publication = self._outbox.publish(topic, payload, qos=qos, retain=retain, sequence=sequence)
        self.wake()
        return publication

    def publish_all(self, posts: Posts) -> Publication:
        """Queue messages of QoS 0 with one fate for all; the broker's largest packet is the caller's to keep to."""
        publication = self._outbox.publish_all(laid_out(posts, version=self._version))
        self.wake()
        return publication

    def acknowledge(self, packet_ids: npt.NDArray[np.uint16]) -> None:
        """Send a PUBACK for each of (n,) packet ids."""
        self._outbox.acknowledge(packet_ids)
        self.wake()

    def want(self, subscriptions: tuple[tuple[str, int], ...]) -> None:
        """Be subscribed to these from now on, and to nothing else; what is there already is not asked for again."""
        with self._asking:
            self._plan = replace(self._plan, subscriptions=subscriptions)
            if self.is_ready:
                self._ask()
        self.wake()

    def _ask(self) -> None:
        """Tell the broker what has changed since it was last told."""
        wanted, asked = self._plan.subscriptions, self._asked
        self._asked = wanted
        if gone := [name for name, _ in asked if name not in dict(wanted)]:
            self._outbox.say(packets.unsubscribe(SUBSCRIBE_ID, gone, version=self._version))
        if new := [item for item in wanted if item not in asked]:
            self._outbox.say(packets.subscribe(SUBSCRIBE_ID, new, version=self._version))

    def wake(self) -> None:
        """End the network thread's wait."""
        self._waker.wake()

    # -- socket --------------------------------------------------------------------------------------------------------------

    def _poll(self, sock: socket.socket, *, is_reading: bool) -> bool:
        """Wait for the socket or for who has something to send; whether it is to be read now.

        Who publishes while reading rests does not end the rest: a read costs whoever shares the interpreter with this thread.
        """
        rest_s = self._rest_until_s - time.monotonic()
        if rest_s > 0 and self._waker.wait(rest_s):
            return False
        poll = select.poll()
        poll.register(sock, (select.POLLIN if is_reading else 0) | (select.POLLOUT if self._outbox.has_bytes else 0))
        poll.register(self._waker.fileno(), select.POLLIN)
        has_pending = is_reading and isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        ready = dict(poll.poll(0 if has_pending else POLL_S * 1000))
        is_readable = has_pending or bool(ready.get(sock.fileno(), 0) & (select.POLLIN | select.POLLHUP | select.POLLERR))
        if self._waker.fileno() in ready:
            self._waker.clear()
        elif not is_reading and ready.get(sock.fileno(), 0) & (select.POLLHUP | select.POLLERR):
            self._waker.wait(POLL_S)  # the broker has gone, but what it said last is to be read when there is room
        return is_reading and is_readable

    def _read(self, sock: socket.socket) -> bool:
        """Receive what is there and read what is whole; False when the broker hung up."""
        intake = self._intake
        count, portion = intake.take(sock)
        if count:
            self._read_s, self._pinged_s = time.monotonic(), None
            self._rest_until_s = self._read_s + REST_S if count < REST_BELOW_BYTES and self.is_ready else 0.0
            self._digest(portion)
        if intake.failure:
            raise intake.failure
        if not intake.is_standing:
            self.loss = self.loss or "the connection broke"
        return intake.is_standing

    def _digest(self, portion: Portion) -> None:
        controls = list(portion.controls)
        if controls and not self._is_welcome:
            self._obey(controls.pop(0))
        if len(portion.messages):  # before what may end the connection
            self._take(portion.messages)
        for control in controls:
            self._obey(control)
        if portion.error:
            raise portion.error

    def _take(self, messages: Messages) -> None:
        """Hand over.

        How many are unacknowledged is not held against our receive maximum: mosquitto 2.0 sends a whole window for each of those
        PUBACKs that come together (tests/integration/bus/test_bulk.py), and to close for it would stop everything.
        """
        if not self._is_welcome:
            raise WireError(Reason.PROTOCOL_ERROR, "a message before the answer to CONNECT")
        self._deliver(messages)

    def _write(self, sock: socket.socket) -> None:
        while piece := self._outbox.next():
            try:
                count = sock.send(piece)
            except WOULD_BLOCK:
                return
            self._wrote_s = time.monotonic()
            self._outbox.sent(count)

    def _leave(self, reason: Reason) -> None:
        """Say DISCONNECT as far as the socket takes it."""
        if self._sock is None or not self._is_welcome:
            return
        self._outbox.say(packets.disconnect(reason, version=self._version))
        try:
            self._write(self._sock)
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _is_in_time(self, *, is_reading: bool) -> bool:
        """Look after keep-alive (3.1.2.10); while nothing is read, an answer cannot be missed."""
        now_s = time.monotonic()
        if not self.is_ready and now_s > self._deadline_s:
            self.loss = "no answer to CONNECT or SUBSCRIBE in time"
            return False
        if self._pinged_s is not None and is_reading and now_s - self._pinged_s >= self._keepalive_s:
            self.loss = name_of(0x8D)
            return False
        is_due = self._keepalive_s and now_s - min(self._wrote_s, self._read_s) >= self._keepalive_s
        if is_due and self._is_welcome and (self._pinged_s is None or now_s - self._pinged_s >= self._keepalive_s):
            self._pinged_s = self._wrote_s = now_s
            self._outbox.say(packets.PINGREQ)
        return True

    # -- what the broker says ------------------------------------------------------------------------------------------------

    def _obey(self, control: Control) -> None:
        if control.first & 15:
            raise WireError(Reason.MALFORMED, f"a packet that begins with 0x{control.first:02X}")
        if self._is_welcome == (control.kind == Kind.CONNACK):
            raise WireError(Reason.PROTOCOL_ERROR, f"a packet of type {control.kind} out of turn")
        if control.kind == Kind.CONNACK:
            self._on_connack(packets.read_connack(control.body, version=self._version))
        elif control.kind == Kind.PUBACK:
            self._outbox.settle(*packets.read_puback(control.body))
        elif control.kind == Kind.SUBACK:
            self._on_suback(packets.read_suback(control.body, version=self._version)[1])
        elif control.kind == Kind.DISCONNECT:
            self.loss, self._is_dismissed = name_of(packets.read_disconnect(control.body)), True
        elif control.kind not in {Kind.PINGRESP, Kind.UNSUBACK}:
            raise WireError(Reason.PROTOCOL_ERROR, f"a packet of type {control.kind}, which a broker does not say")

    def _on_connack(self, answer: packets.Connack) -> None:
        self._is_answered = answer.reason != Reason.UNSUPPORTED_VERSION
        if answer.reason:
            self.refusal = f"client {self._plan.client_id!r}", name_of(answer.reason)
            return
        self._is_welcome = True
        if answer.keepalive_s is not None:
            self._keepalive_s = answer.keepalive_s
        self._answer = answer
        if self._plan.unwanted and answer.is_session_present:
            self._outbox.say(packets.unsubscribe(SUBSCRIBE_ID, self._plan.unwanted, version=self._version))
        with self._asking:
            self._asked = self._plan.subscriptions
        if self._asked:
            # Asked for even when the session is present: a successor may want more than its predecessor did. Retained messages
            # come again only for filters that are new (retain handling 1) or when the session is.
            handling = 1 if answer.is_session_present else 0
            self._outbox.say(packets.subscribe(SUBSCRIBE_ID, self._asked, version=self._version, retain_handling=handling))
        else:
            self._settle_in()

    def _on_suback(self, reasons: bytes) -> None:
        if self.is_ready:  # to what was asked for later: a broker that says no sends nothing
            return
        for (name, _), reason in zip(self._asked, reasons, strict=False):
            if reason >= 0x80:
                self.refusal = f"subscription to {name}", name_of(reason)
                return
        self._settle_in()

    def _settle_in(self) -> None:
        self._outbox.open(window=self._answer.receive_maximum, largest=self._answer.packet_bytes)
        with self._asking:
            self.is_ready = True
            self._ask()
