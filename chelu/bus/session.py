"""One MQTT session: MQTT 5 with 3.1.1 as the fall-back, reconnecting by itself, acknowledged by hand.

Threads: the session's own network thread owns the socket and paho's client (a fresh one for each connection, so that nothing
queued inside paho outlives it: what was not acknowledged is reported as failed, and its owner sends it again). That thread only
moves messages between the socket and two bounded queues. `publish`, `drain` and `acknowledge` may be called from any thread; they
queue and wake the network thread, and never touch the socket.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from paho.mqtt import MQTTException
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTProtocolVersion

from chelu.bus.connection import Connection, Plan
from chelu.bus.messages import Address, Failure, Publication, Received, Will
from chelu.clock import Clock
from chelu.errors import ConfigurationError, RefusedError, UnreachableError

log = logging.getLogger(__name__)

FIRST_DELAY_S = 0.1
ANSWER_S = 10.0
FIRST_ANSWER_S = 3.0  # amqtt 0.12 leaves an MQTT 5 CONNECT with properties unanswered; others close, or answer code 1
STEADY_S = 10.0  # a connection that lasted this long starts the back-off anew
MQTT_5, MQTT_3 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


class Session:
    """A client of a broker.

    subscriptions: filters, alone (QoS 1) or with their QoS. clean=False keeps the session (subscriptions and unacknowledged
    QoS 1) at the broker for `session_expiry_s`, to be resumed by a successor with the same `client_id`. receive_maximum: QoS 1
    messages the broker may send before the first is acknowledged; they always fit in the inbox. inbox_limit, inbox_bytes: beyond
    these, QoS 0 is dropped and counted in `inbox_dropped`; QoS 1 waits at the broker. on_connect(session) runs on the network
    thread each time the session is connected and subscribed; it may publish and must not block. jitter() gives 0..1 and spreads
    reconnects.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        clock: Clock,
        subscriptions: Sequence[str | tuple[str, int]] = (),
        will: Will | None = None,
        clean: bool = True,
        session_expiry_s: int = 0,
        receive_maximum: int = 1000,
        inbox_limit: int = 100_000,
        inbox_bytes: int = 256 << 20,
        outbox_limit: int = 20_000,
        outbox_bytes: int = 64 << 20,
        keepalive_s: int = 15,
        max_delay_s: float = 20.0,
        on_connect: Callable[[Session], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        filters = tuple((item, 1) if isinstance(item, str) else item for item in subscriptions)
        self._plan = Plan(
            address=Address.read(url),
            client_id=client_id,
            subscriptions=filters,
            will=will,
            clean=clean,
            session_expiry_s=session_expiry_s,
            receive_maximum=receive_maximum,
            outbox_limit=outbox_limit,
            outbox_bytes=outbox_bytes,
            keepalive_s=keepalive_s,
        )
        ca_file = self._plan.address.ca_file
        if ca_file and not ca_file.is_file():
            raise ConfigurationError("MQTT URL's ca", str(ca_file), "it must be a file of CA certificates")
        self._clock, self._on_connect, self._jitter, self._max_delay_s = clock, on_connect, jitter, max_delay_s
        self._inbox: deque[Received] = deque()
        self._inbox_limit, self._inbox_bytes, self._inbox_size = inbox_limit, inbox_bytes, 0
        self._changed = threading.Condition()  # over the inbox and the state below
        self._settled = threading.Condition()  # over publications' fates
        self._connection: Connection | None = None
        self._refusal: RefusedError | None = None
        self._trouble = "no attempt was made yet"
        self._protocol = MQTT_5
        self._has_spoken_5 = False
        self._stopping = threading.Event()
        self._flush_until = 0.0
        self._announced = 0
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{client_id}", daemon=True)
        self.inbox_dropped = 0
        self.connections = 0

    # -- any thread ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect, and keep connected until `stop`."""
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        """Whether the broker has accepted the client and every subscription, and the connection stands."""
        connection = self._connection
        return connection is not None and connection.is_ready

    @property
    def speaks_5(self) -> bool:
        """Whether this connection speaks MQTT 5; sequence numbers do not travel over 3.1.1."""
        return self._protocol == MQTT_5

    @property
    def address(self) -> str:
        """Host and port of the broker."""
        return str(self._plan.address)

    def wait_connected(self, timeout_s: float) -> None:
        """Return when connected; raises RefusedError as soon as the broker says no, UnreachableError when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_connected or self._refusal or self._stopping.is_set(), timeout_s)
            if self.is_connected:
                return
            if self._refusal:
                raise self._refusal
            raise UnreachableError("the MQTT broker", self.address, self._trouble)

    def drain(self, limit: int, wait_s: float) -> list[Received]:
        """Up to `limit` messages in order of arrival; waits at most `wait_s` for the first."""
        with self._changed:
            if not self._inbox:
                self._changed.wait_for(lambda: self._inbox or self._stopping.is_set(), wait_s)
            was_full = self._is_brimming()
            taken = [self._inbox.popleft() for _ in range(min(limit, len(self._inbox)))]
            self._inbox_size -= sum(len(message.payload) for message in taken)
            connection = self._connection
        if was_full and connection:
            connection.wake()
        return taken

    def acknowledge(self, received: Sequence[Received]) -> None:
        """Tell the broker that these QoS 1 messages are durable here; give them in order of arrival.

        Those of an earlier connection are passed over: the broker sends them again.
        """
        connection = self._connection
        if connection and connection.is_ready:
            connection.acknowledge(item.mid for item in received if item.qos and item.connection == connection.number)

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False, sequence: int | None = None
    ) -> Publication:
        """Hand a message over for sending; never waits. Not connected or full: the publication says so and nothing is kept."""
        connection = self._connection
        if connection is None:
            return Publication(self._settled, Failure.NOT_CONNECTED)
        return connection.publish(topic, payload, qos=qos, retain=retain, sequence=sequence)

    def stop(self, *, flush_s: float = 2.0) -> None:
        """Send what is queued (for at most `flush_s`), disconnect in order and end the thread; stopping twice is harmless."""
        self._flush_until = time.monotonic() + flush_s
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        if connection := self._connection:
            connection.wake()
        if self._thread.is_alive():
            self._thread.join()

    # -- network thread ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        delay = FIRST_DELAY_S
        while not self._stopping.is_set():
            began = time.monotonic()
            ended = self._one_connection(MQTT_5)
            if not self._has_spoken_5 and ended.is_silent and not self._stopping.is_set():
                log.warning(
                    "the broker at %s does not answer MQTT 5: trying 3.1.1, which carries no sequence numbers", self.address
                )
                ended = self._one_connection(MQTT_3)
            self._judge(ended)
            if time.monotonic() - began > STEADY_S:
                delay = FIRST_DELAY_S
            self._stopping.wait(delay * (0.5 + self._jitter()))
            delay = min(2 * delay, self._max_delay_s)

    def _one_connection(self, protocol: MQTTProtocolVersion) -> Connection:
        """Connect and serve until it ends."""
        self.connections += 1
        self._protocol = protocol
        connection = Connection(
            self._plan,
            self.connections,
            protocol=protocol,
            answer_within_s=ANSWER_S if self._has_spoken_5 or protocol == MQTT_3 else FIRST_ANSWER_S,
            settled=self._settled,
            deliver=self._deliver,
        )
        try:
            connection.open()
            self._serve(connection)
        except (OSError, ValueError, MQTTException) as error:
            connection.loss = str(error)
        finally:
            self._connection = None
            connection.close()
        return connection

    def _serve(self, connection: Connection) -> None:
        self._connection = connection
        while connection.step(is_reading=not self._is_brimming()):
            if connection.is_ready and self._announced != connection.number:
                self._announce(connection)
            if self._stopping.is_set() and not (connection.has_unsent() and time.monotonic() < self._flush_until):
                connection.say_goodbye()
                return

    def _announce(self, connection: Connection) -> None:
        self._announced = connection.number
        self._has_spoken_5 = self._has_spoken_5 or self.speaks_5
        with self._changed:
            self._refusal, self._trouble = None, ""
            self._changed.notify_all()
        log.info("connected to the broker at %s with MQTT %s", self.address, "5" if self.speaks_5 else "3.1.1")
        if self._on_connect:
            self._on_connect(self)

    def _judge(self, connection: Connection) -> None:
        """Note, and say if it is news, how a connection ended."""
        if self._stopping.is_set():
            return
        before = str(self._refusal or self._trouble)
        with self._changed:
            self._refusal = (
                RefusedError(f"the MQTT broker at {self.address}", *connection.refusal) if connection.refusal else None
            )
            self._trouble = connection.loss or "it closed the connection"
            self._changed.notify_all()
        if self._announced == connection.number or before != str(self._refusal or self._trouble):
            log.warning("%s", self._refusal or f"no connection to the broker at {self.address}: {self._trouble}")

    def _is_brimming(self) -> bool:
        """Over 3.1.1 the broker knows no receive maximum: then the socket is left unread until the inbox has room."""
        return len(self._inbox) >= self._inbox_limit + self._plan.receive_maximum

    def _deliver(self, message: MQTTMessage, connection: int, sequence: int | None) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "�"  # outside every table, so it is dead-lettered as such
        arrived = Received(
            topic=topic,
            payload=bytes(message.payload),
            qos=message.qos,
            arrival_us=self._clock.wall_us(),
            mid=message.mid,
            sequence=sequence,
            retained=message.retain,
            connection=connection,
        )
        with self._changed:
            is_full = len(self._inbox) >= self._inbox_limit or self._inbox_size >= self._inbox_bytes
            if is_full and not message.qos:
                self.inbox_dropped += 1
                return
            self._inbox.append(arrived)
            self._inbox_size += len(arrived.payload)
            self._changed.notify_all()
