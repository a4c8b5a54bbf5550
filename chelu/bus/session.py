"""One MQTT session over paho that hands over messages one by one, acknowledged by hand.

Threads: the session's own network thread owns the socket and paho's client (a fresh one for each connection, so that nothing
queued inside paho outlives it: what was not acknowledged is reported as failed, and its owner sends it again). `publish`, `drain`
and `acknowledge` may be called from any thread; they queue and wake the network thread, and never touch the socket.
"""

from __future__ import annotations

from collections.abc import Sequence

from paho.mqtt import MQTTException
from paho.mqtt.client import MQTTMessage

from chelu.bus.connection import Connection
from chelu.bus.keeper import Keeper
from chelu.bus.messages import Received
from chelu.bus.plan import Carrier


class Session(Keeper[Received]):
    """See `Keeper`."""

    _failures = (OSError, ValueError, MQTTException)

    def drain(self, limit: int, wait_s: float) -> list[Received]:
        """Up to `limit` messages in order of arrival; waits at most `wait_s` for the first."""
        with self._changed:
            if not self._inbox:
                self._changed.wait_for(lambda: self._inbox or self._stopping.is_set(), wait_s)
            was_full = self._is_brimming()
            taken = [self._inbox.popleft() for _ in range(min(limit, len(self._inbox)))]
            self._inbox_size -= sum(len(message.payload) for message in taken)
            self._inbox_count -= len(taken)
            connection = self._connection
        if was_full and connection:
            connection.wake()
        return taken

    def acknowledge(self, received: Sequence[Received]) -> None:
        """Tell the broker that these QoS 1 messages are durable here; give them in order of arrival.

        Those of an earlier connection are passed over: the broker sends them again.
        """
        connection = self._connection
        if isinstance(connection, Connection) and connection.is_ready:
            connection.acknowledge(item.mid for item in received if item.qos and item.connection == connection.number)

    # -- network thread ------------------------------------------------------------------------------------------------------

    def _carrier(self, version: int, answer_within_s: float) -> Carrier:
        return Connection(
            self._plan,
            self.connections,
            version=version,
            answer_within_s=answer_within_s,
            settled=self._settled,
            deliver=self._deliver,
        )

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
            self._inbox_count += 1
            self._changed.notify_all()
