"""The registry's session at the broker: hellos go into the inbox, and devices are told their ids and to change their secrets.

Threads: the session's own only queues; one thread of the doorkeeper's reads and writes the register; any thread may `answer` and
`order`, which only hand a message to the session. What is said is said again whenever the device is heard anew, so nothing hangs
on a message that was lost.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, Self

from psycopg import Connection
from psycopg.rows import DictRow

from chelu import topics
from chelu.bus import Publication, Received, Session
from chelu.clock import Clock
from chelu.errors import CheluError
from chelu.topics import Kind, Payload
from services.registry import joining_rows, rotation_rows, strangers
from services.registry.broker_figures import FIGURES, BrokerFigures
from services.registry.database import Register, remember
from services.registry.joining_rows import Answer
from services.registry.strangers import Ack, Word

LOG = logging.getLogger(__name__)
ACCOUNT = "registry"
RETRY_S = 1.0
MOST_AT_ONCE = 1000
ANSWER = topics.row("join/{id}/{place}/registered/down")
COMMAND = topics.row("{kind}/{id}/command/down")
FILTERS = (
    (topics.CONNECTIONS, 0),
    # Quarantine at QoS 0: who floods it loses what is too much, and does not fill the broker's queue.
    *(
        (row.joining("+", "+"), 0 if row.payload is Payload.ANY else 1)
        for row in topics.TOPICS
        if "{place}" in row.pattern and row.from_device
    ),
    *(
        (name, 1)
        for pattern in ("{kind}/{id}/state", "{kind}/{id}/command/down/ack")
        for name in topics.row(pattern).subscriptions()
    ),
    *((name, 0) for name in FIGURES),
)


class Listener(Protocol):
    """Somebody else whom the one session's messages concern; called from the doorkeeper's thread, and only queues."""

    @property
    def filters(self) -> Sequence[tuple[str, int]]:
        """What is subscribed for it."""

    def connected(self) -> None:
        """The session stands anew: what was said while it did not is lost. From the network thread; only notes it."""

    def take(self, received: Sequence[Received]) -> None:
        """All that was heard, in order; what is not for it is passed over. Never raises."""


class Doorkeeper:
    """Listens while it is entered; `announce` makes the broker's files follow a change.

    The registry has one account at the broker, so one session: `listeners` hear with it, and `publish` speaks over it.
    """

    def __init__(
        self, url: str, register: Register, announce: Callable[[], None], clock: Clock, listeners: Sequence[Listener] = ()
    ) -> None:
        self._register, self._announce, self._listeners = register, announce, listeners
        self._figures = BrokerFigures()
        self._session = Session(
            url,
            client_id=ACCOUNT,
            clock=clock,
            subscriptions=tuple(dict.fromkeys((*FILTERS, *(each for listener in listeners for each in listener.filters)))),
            inbox_limit=10_000,
            on_connect=self._connected,
        )
        self._addresses = strangers.Addresses()  # the doorkeeper's thread's own
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="doorkeeper", daemon=True)

    def __enter__(self) -> Self:
        self._session.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._session.stop()
        self._thread.join()

    # -- any thread ----------------------------------------------------------------------------------------------------------

    @property
    def is_listening(self) -> bool:
        """Whether the broker has us now."""
        return self._session.is_connected

    @property
    def broker(self) -> dict[str, int] | None:
        """What the broker said of itself last, by the names of `FIGURES`; None while it is away, or says nothing."""
        return dict(self._figures.latest) or None if self._session.is_connected else None

    def answer(self, answers: Iterable[Answer]) -> None:
        """Tell devices that they have been registered, and as what; each knows by the fingerprint that it is meant."""
        for one in answers:
            document = {"id": one.device_id, "kind": one.kind, "fingerprint": one.fingerprint}
            self._say(ANSWER.joining(one.serial, one.place), document)

    def order(self, kind: str, device_id: str, rotation: int) -> None:
        """Ask a device to make a new secret."""
        self._say(COMMAND.topic(Kind(kind), device_id), {"seqNum": rotation, "command": "rotate"})

    def publish(self, topic: str, payload: bytes) -> Publication:
        """Hand over a message of QoS 1; what became of it says the publication."""
        return self._session.publish(topic, payload, qos=1)

    def _say(self, topic: str, document: dict[str, Any]) -> None:
        self.publish(topic, json.dumps(document).encode())

    def _connected(self, _: Session) -> None:
        LOG.info("devices that want to join are heard")
        for listener in self._listeners:
            listener.connected()

    # -- the doorkeeper's thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            received = self._session.drain(MOST_AT_ONCE, 0.5)
            if received:
                self._figures.note(received)
                for listener in self._listeners:
                    listener.take(received)
                self._take(self._addresses.add_to(word for it in received if (word := strangers.read(it)) is not None))
                self._session.acknowledge(received)

    def _take(self, words: Sequence[Word]) -> None:
        """Work off what was heard; while the database is away, try again: what comes meanwhile waits at the broker."""
        has_complained = False
        while words and not self._stopping.is_set():
            try:
                self._work(words)
            except CheluError as error:
                if not has_complained:
                    LOG.warning("what was heard waits: %s", error)
                has_complained = True
                self._stopping.wait(RETRY_S)
                continue
            except Exception:  # one of them breaks it: the others must not suffer, nor must all that is said later
                LOG.exception("what was heard cannot be written")
                if len(words) > 1:
                    for word in words:
                        self._take([word])
            return

    def _work(self, words: Sequence[Word]) -> None:
        heard, kept, online, acks = strangers.sort(words)
        with self._register.transaction(ACCOUNT) as connection:
            answers = joining_rows.hear(connection, heard)
            joining_rows.keep(connection, kept)
            joined = joining_rows.note_joined(connection, online) if online else []
            orders = rotation_rows.orders(connection, online) if online else []
            changed = [ack for ack in acks if self._store(connection, ack)]
        if joined or changed:
            self._announce()
        self.answer(answers)
        for order in orders:
            self.order(order["kind"], order["device_id"], order["rotation"])

    def _store(self, connection: Connection[DictRow], ack: Ack) -> bool:
        is_new = rotation_rows.store(connection, ack.device_id, ack.rotation, ack.verifier)
        if is_new:
            remember(connection, ACCOUNT, "rotation", ack.device_id, {"number": ack.rotation})
        return is_new
