"""Received messages that wait in the spool while the database is away: how they are written there and read back. Pure.

A record is a message, or a mark: "the next `count` records were in transaction `batch_id`, whose end was not seen". When that
batch turns out to be committed the records are passed over, so that a connection lost during a commit doubles nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from chelu.bus import Received
from services.ingest.prepared import LAST_SEQUENCE

MESSAGE, MARK = 0, 1
_MESSAGE = struct.Struct("<BIIqBBqH")  # tag, worker, connection, arrival µs, QoS, retained, sequence (−1 none), bytes of topic
_MARK = struct.Struct("<BqI")  # tag, batch id, records


@dataclass(frozen=True, slots=True)
class Mark:
    """The next `count` records were in this batch."""

    batch_id: int
    count: int


def encode(message: Received, *, worker: int, most: int) -> bytes:
    """A message as a record. worker: a number of this process; of a payload, one byte more than `most` is enough to refuse it."""
    topic = message.topic.encode("utf-8", "surrogatepass")
    sequence = -1 if message.sequence is None else min(message.sequence, LAST_SEQUENCE + 1)
    head = _MESSAGE.pack(
        MESSAGE, worker, message.connection, message.arrival_us, message.qos, message.retained, sequence, len(topic)
    )
    return head + topic + message.payload[: most + 1]


def encode_mark(mark: Mark) -> bytes:
    """A mark as a record."""
    return _MARK.pack(MARK, mark.batch_id, mark.count)


def decode(record: bytes, *, worker: int) -> Received | Mark:
    """The message (with mid 0: it is acknowledged) or mark of a record; the spool's checksum vouches for its form.

    The connections of an earlier process get numbers of their own, below 0.
    """
    if record[0] == MARK:
        return Mark(*_MARK.unpack(record)[1:])
    _, owner, connection, arrival_us, qos, retained, sequence, length = _MESSAGE.unpack_from(record)
    topic = record[_MESSAGE.size : _MESSAGE.size + length].decode("utf-8", "surrogatepass")
    number = None if sequence < 0 else sequence
    connection = connection if owner == worker else -(owner << 32 | connection) - 1
    return Received(topic, record[_MESSAGE.size + length :], qos, arrival_us, 0, number, bool(retained), connection)


def pieces(records: Sequence[bytes], most_bytes: int) -> list[Sequence[bytes]]:
    """Runs of records of at most `most_bytes` each (a single larger one stands alone)."""
    found: list[list[bytes]] = [[]]
    size = 0
    for record in records:
        if found[-1] and size + len(record) + 8 > most_bytes:
            found.append([])
            size = 0
        found[-1].append(record)
        size += len(record) + 8
    return [piece for piece in found if piece]
