"""Keeps one MQTT connection after the other: MQTT 5 with 3.1.1 as the fall-back, with back-off and jitter between attempts.

What is common to the session that hands over messages one by one and to the one that hands them over as columns. The network
thread lives here; it only moves messages between the socket and two bounded queues.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from chelu import tls
from chelu.bus.messages import Address, Failure, Publication, Will
from chelu.bus.packets import MQTT_3, MQTT_5
from chelu.bus.plan import Carrier, Plan
from chelu.bus.posts import Posts
from chelu.clock import Clock
from chelu.errors import RefusedError, UnreachableError

log = logging.getLogger(__name__)

FIRST_DELAY_S = 0.1
ANSWER_S = 10.0
FIRST_ANSWER_S = 3.0  # amqtt 0.12 leaves an MQTT 5 CONNECT with properties unanswered; others close, or answer code 1
STEADY_S = 10.0  # a connection that lasted this long starts the back-off anew

T = TypeVar("T")  # what the inbox holds


class Keeper(ABC, Generic[T]):
    """A client of a broker.

    subscriptions: filters, alone (QoS 1) or with their QoS. clean=False keeps the session (subscriptions and unacknowledged
    QoS 1) at the broker for `session_expiry_s`, to be resumed by a successor with the same `client_id`. receive_maximum: QoS 1
    messages the broker may send before the first is acknowledged; they always fit in the inbox. inbox_limit, inbox_bytes: beyond
    these, QoS 0 is dropped and counted in `inbox_dropped`; QoS 1 waits at the broker. on_connect(session) runs on the network
    thread each time the session is connected and subscribed; it may publish and must not block. jitter() gives 0..1 and spreads
    reconnects. unwanted: filters of a predecessor's that a session kept at the broker is rid of (the bulk sessions alone).
    """

    _failures: tuple[type[Exception], ...] = (OSError, ValueError)  # what a connection raises when it breaks

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
        on_connect: Callable[[Any], None] | None = None,
        jitter: Callable[[], float] = random.random,
        unwanted: Sequence[str] = (),
    ) -> None:
        filters = tuple((item, 1) if isinstance(item, str) else item for item in subscriptions)
        address = Address.read(url)
        self._plan = Plan(
            address=address,
            context=tls.client_context(address.ca_file) if address.has_tls else None,
            client_id=client_id,
            subscriptions=filters,
            will=will,
            clean=clean,
            session_expiry_s=session_expiry_s,
            receive_maximum=receive_maximum,
            outbox_limit=outbox_limit,
            outbox_bytes=outbox_bytes,
            keepalive_s=keepalive_s,
            unwanted=tuple(unwanted),
        )
        self._clock, self._on_connect, self._jitter, self._max_delay_s = clock, on_connect, jitter, max_delay_s
        self._inbox: deque[T] = deque()
        self._inbox_limit, self._inbox_bytes = inbox_limit, inbox_bytes
        self._inbox_count = self._inbox_size = 0  # messages, bytes of payload
        self._changed = threading.Condition()  # over the inbox and the state below
        self._settled = threading.Condition()  # over publications' fates
        self._connection: Carrier | None = None
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
    def refusal(self) -> RefusedError | None:
        """What the broker said to the last attempt, if it said no: a new object for every attempt."""
        with self._changed:
            return self._refusal

    def use(self, url: str) -> None:
        """Take this address and account from the next connection on; the present one stays as it is."""
        self._plan = replace(self._plan, address=Address.read(url))

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

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 0,
        retain: bool = False,
        sequence: int | None = None,
        on: int | None = None,
    ) -> Publication:
        """Hand a message over for sending; never waits. Not connected or full: the publication says so and nothing is kept.

        on: only over the connection of this number (see `connections`); when it has ended, that is not connected.
        """
        connection = self._connection
        if connection is None or on not in {None, connection.number}:
            return Publication(self._settled, Failure.NOT_CONNECTED)
        return connection.publish(topic, payload, qos=qos, retain=retain, sequence=sequence)

    def publish_all(self, posts: Posts) -> Publication:
        """Hand over messages of QoS 0 at once; as `publish`, with one fate for all."""
        connection = self._connection
        if connection is None:
            return Publication(self._settled, Failure.NOT_CONNECTED)
        return connection.publish_all(posts)

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

    def _one_connection(self, version: int) -> Carrier:
        """Connect and serve until it ends."""
        self.connections += 1
        self._protocol = version
        connection = self._carrier(version, ANSWER_S if self._has_spoken_5 or version == MQTT_3 else FIRST_ANSWER_S)
        try:
            connection.open()
            self._serve(connection)
        except self._failures as error:
            connection.loss = tls.explained(error, self._plan.address.host, self._plan.address.ca_file)
        finally:
            self._connection = None
            connection.close()
        return connection

    def _serve(self, connection: Carrier) -> None:
        self._connection = connection
        while connection.step(is_reading=not self._is_brimming()):
            if connection.is_ready and self._announced != connection.number:
                self._announce(connection)
            if self._stopping.is_set() and not (connection.has_unsent() and time.monotonic() < self._flush_until):
                connection.say_goodbye()
                return

    def _announce(self, connection: Carrier) -> None:
        self._announced = connection.number
        self._has_spoken_5 = self._has_spoken_5 or self.speaks_5
        with self._changed:
            self._refusal, self._trouble = None, ""
            self._changed.notify_all()
        log.info("connected to the broker at %s with MQTT %s", self.address, "5" if self.speaks_5 else "3.1.1")
        if self._on_connect:
            self._on_connect(self)

    def _judge(self, connection: Carrier) -> None:
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
        return self._inbox_count >= self._inbox_limit + self._plan.receive_maximum

    @abstractmethod
    def _carrier(self, version: int, answer_within_s: float) -> Carrier:
        """A new connection, number `connections`, not yet open."""
