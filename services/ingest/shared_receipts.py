"""Receipts where several workers share what a device says, so that none of them sees its numbers in order.

What all of them made durable stands in ``stream.delivery``, and our agents number what they spool without a hole, a lane at a
time: so a receipt may go as far as the numbers of a lane are there one by one. Where they begin, and which of them were given up,
the agent says itself: ``released`` in its heartbeats and in its state. Whoever stored something asks the database, so that the
one who closes a hole sees it closed; two may say the same. Who does not say ``released`` gets no receipts from several workers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from chelu import topics
from chelu.clock import Clock
from chelu.topics import Kind, Payload
from services.ingest.prepared import LAST_SEQUENCE, Deliveries, Prepared
from services.ingest.receipts import EVERY_S, TOPIC
from services.ingest.writer import Writer

EVENTS, BACKLOG = "events", "backlog"
# What an agent sends live, it puts into the other lane when it cannot (edge/outgoing.py).
LIVE = frozenset(row.stream for row in topics.TOPICS if row.from_device and row.payload is Payload.FRAMES and row.qos == 0)
LANES: Mapping[str, str] = {
    row.stream: BACKLOG if row.stream in LIVE else EVENTS for row in topics.TOPICS if row.from_device and row.table
}
SAYING = frozenset({"heartbeat", "state"})
AHEAD = 20_000  # numbers of a stream that are looked at in one go
BEGIN = """INSERT INTO stream.receipt (device_key, lane, through)
    SELECT * FROM unnest(%s::integer[], %s::text[], %s::bigint[]) AS said (device_key, lane, through) ORDER BY 1, 2
    ON CONFLICT (device_key, lane) DO UPDATE SET through = greatest(receipt.through, excluded.through)"""
# The n-th number behind `through` is through + n as long as none is missing.
FIND = """WITH ahead AS (
        SELECT device_key, lane, through, sequence,
            row_number() OVER (PARTITION BY device_key, lane ORDER BY sequence) AS place
        FROM stream.receipt JOIN unnest(%(streams)s::text[], %(lanes)s::text[]) AS part (stream, lane) USING (lane),
        LATERAL (SELECT sequence FROM stream.delivery
            WHERE delivery.device_key = receipt.device_key AND delivery.stream = part.stream AND sequence > through
            ORDER BY sequence LIMIT %(ahead)s) AS stored
        WHERE device_key = ANY(%(keys)s))
    SELECT receipt.device_key, receipt.lane, receipt.through, max(sequence) FILTER (WHERE sequence = ahead.through + place)
    FROM stream.receipt LEFT JOIN ahead USING (device_key, lane) WHERE receipt.device_key = ANY(%(keys)s)
    GROUP BY receipt.device_key, receipt.lane"""


class Receiver(Protocol):
    """What the loop needs of receipts; one thread calls both, `note` after each commit and `take` once a turn."""

    def note(self, prepared: Prepared, delivered: Deliveries) -> None:
        """These messages are durable now, or were already."""

    def take(self) -> list[tuple[str, bytes]]:
        """Topics and payloads of the receipts that are due; may raise as the writer does."""


class SharedReceipts:
    """Owned by the loop's thread; bounded by the number of registered devices and their streams."""

    def __init__(self, clock: Clock, writer: Writer) -> None:
        self._clock, self._writer = clock, writer
        self._due: dict[tuple[Kind, str], tuple[int, set[str]]] = {}
        self._said: dict[tuple[int, str], int] = {}
        self._told_s: dict[tuple[Kind, str], float] = {}

    def note(self, prepared: Prepared, delivered: Deliveries) -> None:
        """These are durable, now or already before: the receipt may have been lost."""
        self._listen(prepared)
        for index in dict.fromkeys(delivered.route.tolist()):
            route = prepared.routes.rows[index]
            if route.device is not None and route.stream in LANES:
                name = route.device.kind, route.device.device_id
                self._due.setdefault(name, (route.device_key, set()))[1].add(route.stream)

    def take(self) -> list[tuple[str, bytes]]:
        """The receipts that are due, each device at most once in `EVERY_S`; one that never said `released` is asked to."""
        if not self._writer.is_open or not (self._due or self._said):
            return []
        now_s = self._clock.monotonic_s()
        ready = [name for name in self._due if now_s - self._told_s.get(name, -EVERY_S) >= EVERY_S]
        with self._writer.failures("receipts"):
            self._begin()
            through = self._find([self._due[name][0] for name in ready]) if ready else {}
        self._told_s.update(dict.fromkeys(ready, now_s))
        return [(TOPIC.topic(*name), _document(name[0], *self._due.pop(name), through)) for name in ready]

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _listen(self, prepared: Prepared) -> None:
        """What agents say of themselves; from anybody else's mouth it would be refused before."""
        if (reports := prepared.tables.get("report")) is None:
            return
        for stream, key, body in zip(reports["stream"], reports["device_key"].tolist(), reports["body"], strict=True):
            released = body.get("released") if stream in SAYING else None
            if isinstance(released, dict):
                for lane in (EVENTS, BACKLOG):
                    number = released.get(lane)
                    if isinstance(number, int) and 0 <= number <= LAST_SEQUENCE:
                        self._said[key, lane] = max(number, self._said.get((key, lane), 0))

    def _begin(self) -> None:
        if self._said:
            rows = [(key, lane, number) for (key, lane), number in self._said.items()]
            self._set(rows)
            self._said.clear()

    def _find(self, keys: list[int]) -> dict[tuple[int, str], int]:
        """By device and lane, up to which number everything is stored."""
        parameters = {"streams": list(LANES), "lanes": list(LANES.values()), "ahead": AHEAD, "keys": keys}
        rows = self._writer.connection.execute(FIND, parameters).fetchall()
        self._set([(key, lane, ahead) for key, lane, _, ahead in rows if ahead is not None])
        return {(key, lane): through if ahead is None else ahead for key, lane, through, ahead in rows}

    def _set(self, rows: Iterable[tuple[int, str, int]]) -> None:
        if columns := list(zip(*rows, strict=True)):
            self._writer.connection.execute(BEGIN, tuple(map(list, columns)))


def _document(kind: Kind, key: int, streams: set[str], through: Mapping[tuple[int, str], int]) -> bytes:
    """For all streams of the kind, not for those alone that were just heard: what another worker heard counts as well."""
    lanes = {row.stream: LANES[row.stream] for row in topics.of_kind(kind, from_device=True) if row.stream in LANES}
    stored = {stream: number for stream, lane in lanes.items() if (number := through.get((key, lane), 0)) > 0}
    document: dict[str, Any] = {"stored": stored}
    if again := sorted(stream for stream in streams if (key, LANES[stream]) not in through):
        document["again"] = again
    return json.dumps(document).encode()
