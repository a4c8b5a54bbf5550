"""One MQTT connection over paho, from CONNECT to its end; a `Session` makes a new one after each loss.

All methods run on the session's network thread except `publish`, `acknowledge` and `wake`, which queue inside paho and leave the
sending to that thread.
"""

from __future__ import annotations

import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from chelu.bus.messages import Failure, Publication
from chelu.bus.plan import Plan
from chelu.bus.posts import Posts
from chelu.bus.sockets import acknowledge_at_once
from chelu.bus.waker import Waker

CONNECT_TIMEOUT_S = 5.0
POLL_S = 0.5
READ_BURST = 200  # messages read before anything is written
HEADER_BYTES = 64  # what a PUBLISH packet may need beyond topic and payload: fixed header, packet number, the seq property
NEW_PROPERTIES: Callable[[int], Properties] = Properties  # paho leaves its constructor without types
SEND_WINDOW = 1000  # unacknowledged publications on the wire when the broker names no limit of its own


@dataclass(frozen=True, slots=True)
class _Queued:
    topic: str
    payload: bytes
    retain: bool
    sequence: int | None
    publication: Publication
    size: int


class Connection:
    """One connection: `open`, then `step` until it returns False; `refusal` and `loss` say how it ended."""

    def __init__(
        self,
        plan: Plan,
        number: int,
        *,
        version: int,
        answer_within_s: float,
        settled: threading.Condition,
        deliver: Callable[[MQTTMessage, int, int | None], None],
    ) -> None:
        self._plan, self.number, self.protocol = plan, number, MQTTProtocolVersion(version)
        self._settled, self._deliver = settled, deliver
        self._guard = threading.Lock()  # over the two lists of publications
        self._written: deque[tuple[int, Publication, int]] = deque()  # QoS 0: mid, publication, bytes, in order
        self._waiting: dict[int, tuple[Publication, int]] = {}  # QoS 1 on the wire, by mid
        self._queued: deque[_Queued] = deque()  # QoS 1 beyond the broker's receive maximum
        self._window = SEND_WINDOW
        self._outbox_bytes = 0
        self._done: deque[tuple[int, ReasonCode]] = deque()
        self._max_packet = 1 << 28
        self._answer_within_s, self._deadline = answer_within_s, 0.0
        self._is_open = self._is_answered = self.is_ready = False
        self.refusal: tuple[str, str] | None = None
        self.loss = ""
        self._waker = Waker()
        self._arrived = 0
        self._client = self._new_client()

    # -- network thread ------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connect the socket and send CONNECT; raises OSError."""
        plan, is_5 = self._plan, self.protocol == MQTTProtocolVersion.MQTTv5
        if is_5:
            properties = NEW_PROPERTIES(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = plan.session_expiry_s
            properties.ReceiveMaximum = plan.receive_maximum
            self._client.connect(
                plan.address.host, plan.address.port, plan.keepalive_s, clean_start=plan.clean, properties=properties
            )
        else:
            self._client.connect(plan.address.host, plan.address.port, plan.keepalive_s)
        self._is_open, self._deadline = True, time.monotonic() + self._answer_within_s

    @property
    def is_silent(self) -> bool:
        """Whether the broker took the connection but not the protocol's version."""
        return self._is_open and not self._is_answered

    def step(self, *, is_reading: bool) -> bool:
        """Wait for the socket and move what can be moved; False when the connection is over."""
        client = self._client
        sock: Any = client.socket()
        if sock is None:
            return False
        self._poll(sock, is_reading=is_reading)
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        if is_reading:
            before = self._arrived
            code = self._read()
            if self._arrived != before and client.socket() is not None:
                acknowledge_at_once(sock)
        if code == MQTTErrorCode.MQTT_ERR_SUCCESS and client.want_write():
            code = client.loop_write()
        if code == MQTTErrorCode.MQTT_ERR_SUCCESS:
            code = client.loop_misc()
        self._settle()
        if not self.is_ready and time.monotonic() > self._deadline:
            self.loss = "no answer to CONNECT or SUBSCRIBE in time"
            return False
        return code == MQTTErrorCode.MQTT_ERR_SUCCESS and self.refusal is None

    def _read(self) -> MQTTErrorCode:
        """Read until a call brings no message: paho reads one packet at a time, and waiting for each costs as much again."""
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        for _ in range(READ_BURST):
            before = self._arrived
            code = self._client.loop_read()
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS or self._arrived == before:
                break
        return code

    def has_unsent(self) -> bool:
        """Whether anything published is still unwritten or unacknowledged."""
        with self._guard:
            return bool(self._written or self._waiting or self._queued or self._client.want_write())

    def say_goodbye(self) -> None:
        """DISCONNECT in order, so that the broker keeps the last will to itself."""
        if self._client.socket() is not None:
            self._client.disconnect()
            self._client.loop_write()

    def close(self) -> None:
        """Drop the socket if it is still there and report everything unacknowledged as failed."""
        sock: Any = self._client.socket()
        if sock is not None:
            sock.close()
        self._settle()
        with self._guard, self._settled:
            self.is_ready = False
            lost = [entry[1] for entry in self._written] + [entry[0] for entry in self._waiting.values()]
            for publication in lost + [item.publication for item in self._queued]:
                publication.failure = Failure.CONNECTION_LOST
            self._written.clear()
            self._waiting.clear()
            self._queued.clear()
            self._settled.notify_all()
        self._waker.close()

    # -- any thread ----------------------------------------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool, sequence: int | None) -> Publication:
        size = len(topic) + len(payload) + HEADER_BYTES
        if size > self._max_packet:
            return Publication(self._settled, Failure.TOO_LARGE, f"{size} bytes; the broker takes {self._max_packet}")
        with self._guard:
            if not self.is_ready:
                return Publication(self._settled, Failure.NOT_CONNECTED)
            is_full = len(self._written) + len(self._waiting) + len(self._queued) >= self._plan.outbox_limit
            if is_full or self._outbox_bytes + size > self._plan.outbox_bytes:
                return Publication(self._settled, Failure.OUTBOX_FULL)
            item = _Queued(topic, payload, retain, sequence, Publication(self._settled), size)
            self._outbox_bytes += size
            if not qos:
                self._written.append((self._send(item, 0), item.publication, size))
            else:
                self._queued.append(item)
                self._pump()
        self.wake()
        return item.publication

    def publish_all(self, posts: Posts) -> Publication:
        """One by one, where there is room for all: the fate of the last is that of all, or that of one which was not taken."""
        with self._guard:
            if len(self._written) + len(self._waiting) + len(self._queued) + len(posts) > self._plan.outbox_limit:
                return Publication(self._settled, Failure.OUTBOX_FULL)
        publication = Publication(self._settled, Failure.NOT_CONNECTED)
        for index in range(len(posts)):
            publication = self.publish(posts.topic_of(index), posts.payload(index), qos=0, retain=False, sequence=None)
            if not publication.is_accepted:
                break
        return publication

    def acknowledge(self, mids: Iterable[int]) -> None:
        for mid in mids:
            self._client.ack(mid, 1)
        self.wake()

    def wake(self) -> None:
        """End the network thread's wait."""
        self._waker.wake()

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _new_client(self) -> Client:
        plan, is_5 = self._plan, self.protocol == MQTTProtocolVersion.MQTTv5
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=plan.client_id,
            protocol=self.protocol,
            clean_session=None if is_5 else plan.clean,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(0)  # paho's own window and queue stay out of it: see _pump
        client.max_queued_messages_set(0)
        if plan.address.user is not None:
            client.username_pw_set(plan.address.user, plan.address.password)
        if plan.context:
            client.tls_set_context(plan.context)
        if plan.will:
            client.will_set(plan.will.topic, plan.will.payload, plan.will.qos, plan.will.retain)
        client.on_connect, client.on_subscribe, client.on_publish = self._on_connect, self._on_subscribe, self._on_publish
        client.on_message, client.on_disconnect = self._on_message, self._on_disconnect
        client.on_socket_register_write = lambda *_: None  # else paho writes from the publishing thread
        return client

    def _send(self, item: _Queued, qos: int) -> int:
        """Give one message to paho; it cannot refuse, since its own limits are off. Returns the packet's number."""
        return self._client.publish(item.topic, item.payload, qos, item.retain, self._properties(item.sequence)).mid

    def _pump(self) -> None:
        """Move QoS 1 messages onto the wire as far as the broker's receive maximum allows (MQTT 5, 4.9)."""
        while self._queued and len(self._waiting) < self._window:
            item = self._queued.popleft()
            self._waiting[self._send(item, 1)] = item.publication, item.size

    def _properties(self, sequence: int | None) -> Properties | None:
        if sequence is None or self.protocol != MQTTProtocolVersion.MQTTv5:
            return None
        properties = NEW_PROPERTIES(PacketTypes.PUBLISH)
        properties.UserProperty = ("seq", str(sequence))
        return properties

    def _poll(self, sock: Any, *, is_reading: bool) -> None:
        poll = select.poll()
        wanted = (select.POLLIN if is_reading else 0) | (select.POLLOUT if self._client.want_write() else 0)
        poll.register(sock, wanted)
        poll.register(self._waker.fileno(), select.POLLIN)
        has_pending = is_reading and hasattr(sock, "pending") and sock.pending() > 0
        ready = poll.poll(0 if has_pending else POLL_S * 1000)
        if any(file == self._waker.fileno() for file, _ in ready):
            self._waker.clear()

    def _settle(self) -> None:
        if not self._done:
            return
        with self._guard, self._settled:
            while self._done:
                mid, reason = self._done.popleft()
                self._settle_one(mid, reason)
            self._pump()
            self._settled.notify_all()

    def _settle_one(self, mid: int, reason: ReasonCode) -> None:
        """QoS 0 is reported in the order of writing, so a number at its head is its own even if QoS 1 waits for the same."""
        if self._written and self._written[0][0] == mid:
            _, publication, size = self._written.popleft()
        elif mid in self._waiting:
            publication, size = self._waiting.pop(mid)
        else:
            return
        self._outbox_bytes -= size
        if reason.is_failure:
            publication.failure, publication.detail = Failure.REFUSED, str(reason)
        else:
            publication.is_acknowledged = True

    # -- paho's callbacks (network thread) -----------------------------------------------------------------------------------

    def _on_connect(
        self, client: Client, _userdata: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._is_answered = str(reason) != "Unsupported protocol version"
        if reason.is_failure:
            self.refusal = f"client {self._plan.client_id!r}", str(reason)
            return
        self._max_packet = getattr(properties, "MaximumPacketSize", self._max_packet)
        self._window = min(SEND_WINDOW, getattr(properties, "ReceiveMaximum", SEND_WINDOW))
        if not self._plan.subscriptions:
            self.is_ready = True
        elif self.protocol == MQTTProtocolVersion.MQTTv5:
            # Asked for even when the session is present: a successor may want more than its predecessor did. Retained messages
            # come again only for filters that are new (retain handling 1) or when the session is.
            handling = 1 if flags.session_present else 0
            client.subscribe([(name, SubscribeOptions(qos, retainHandling=handling)) for name, qos in self._plan.subscriptions])
        else:
            client.subscribe(list(self._plan.subscriptions))

    def _on_subscribe(
        self, _client: Client, _userdata: object, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        for (name, _), reason in zip(self._plan.subscriptions, reasons, strict=False):
            if reason.is_failure:
                self.refusal = f"subscription to {name}", str(reason)
                return
        self.is_ready = True

    def _on_publish(
        self, _client: Client, _userdata: object, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._done.append((mid, reason))

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._arrived += 1
        self._deliver(message, self.number, _sequence(message))

    def _on_disconnect(
        self, _client: Client, _userdata: object, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        told = "the connection broke" if str(reason) == "Unspecified error" else str(reason)
        self.loss = self.loss or told  # the broker's own word comes first


def _sequence(message: MQTTMessage) -> int | None:
    for name, value in getattr(message.properties, "UserProperty", ()):
        if name == "seq" and value.isascii() and value.isdigit() and len(value) < 20:
            return int(value)
    return None
