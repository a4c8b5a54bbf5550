"""One MQTT session that hands over messages as columns, whole socket buffers at a time; acknowledged in bulk.

Threads: as in `chelu.bus.session`. The network thread reads and splits what came (`chelu.bus.wire`); `drain` joins the batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chelu.bus.batch import Messages, joined
from chelu.bus.keeper import Keeper
from chelu.bus.link import Link
from chelu.bus.plan import Carrier

LARGE_BYTES = 1 << 16  # batches from here on are not joined with others: the copy would cost more than one turn of the caller


class BulkSession(Keeper[Messages]):
    """See `Keeper`."""

    def drain(self, limit: int, wait_s: float, *, gather_s: float = 0.0) -> Messages:
        """Up to `limit` messages in order of arrival; waits at most `wait_s` for the first.

        It may be fewer though more are there: what came as one large batch is handed over as it is. gather_s: the first is not
        handed over before it is so old, that others may come meanwhile.
        """
        with self._changed:
            if not self._inbox:
                self._changed.wait_for(lambda: self._inbox or self._stopping.is_set(), wait_s)
            young_s = self._young_s(gather_s)
        if young_s > 0:
            self._stopping.wait(young_s)
        with self._changed:
            was_full = self._is_brimming()
            taken = joined(self._pick(limit))
            self._inbox_count -= len(taken)
            self._inbox_size -= taken.payload_bytes
            connection = self._connection
        if was_full and connection:
            connection.wake()
        return taken

    def want(self, subscriptions: Sequence[tuple[str, int]]) -> None:
        """Be subscribed to these filters with their QoS from now on, on this connection and those to come, and to no others."""
        with self._changed:
            self._plan = replace(self._plan, subscriptions=tuple(subscriptions))
            connection = self._connection
        if isinstance(connection, Link):
            connection.want(self._plan.subscriptions)

    def acknowledge(self, messages: Messages) -> None:
        """Tell the broker that the QoS 1 messages among these are durable here; give them in order of arrival.

        Those of an earlier connection are passed over: the broker sends them again.
        """
        connection = self._connection
        if isinstance(connection, Link):
            mine = (messages.qos > 0) & (messages.connection == connection.number)
            if mine.any():
                connection.acknowledge(messages.packet_id[mine])

    def _announce(self, connection: Carrier) -> None:
        super()._announce(connection)
        if isinstance(connection, Link):  # what was wanted while it was being made
            connection.want(self._plan.subscriptions)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _young_s(self, gather_s: float) -> float:
        """How long the oldest message is yet to wait for others; no longer than `gather_s`, whatever the clock does."""
        if not gather_s or not self._inbox:
            return 0.0
        return min(gather_s, gather_s - (self._clock.wall_us() - int(self._inbox[0].arrival_us[0])) / 1e6)

    def _pick(self, limit: int) -> list[Messages]:
        """The oldest batches, of one numbering of topics; the last is cut where the limit is. A large one comes alone."""
        picked: list[Messages] = []
        while self._inbox and limit:
            oldest = self._inbox[0]
            if picked and (oldest.topics is not picked[0].topics or _is_large(oldest) or _is_large(picked[-1])):
                break
            if len(oldest) > limit:
                self._inbox[0] = oldest.take(slice(limit, None))
                oldest = oldest.take(slice(limit))
            else:
                self._inbox.popleft()
            picked.append(oldest)
            limit -= len(oldest)
        return picked

    def _carrier(self, version: int, answer_within_s: float) -> Carrier:
        return Link(
            self._plan,
            self.connections,
            version=version,
            answer_within_s=answer_within_s,
            settled=self._settled,
            deliver=self._deliver,
            clock=self._clock,
        )

    def _deliver(self, messages: Messages) -> None:
        size = messages.payload_bytes
        with self._changed:
            room, room_bytes = self._inbox_limit - self._inbox_count, self._inbox_bytes - self._inbox_size
            if len(messages) > room or size > room_bytes:
                kept = messages.within(room, room_bytes)
                self.inbox_dropped += len(messages) - len(kept)
                messages, size = kept, kept.payload_bytes
            if len(messages):
                self._inbox.append(messages)
                self._inbox_count += len(messages)
                self._inbox_size += size
                self._changed.notify_all()


def _is_large(messages: Messages) -> bool:
    return len(messages.data) >= LARGE_BYTES
