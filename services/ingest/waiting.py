"""Received messages that wait in the spool while the database is away: how they are written there and read back. Pure.

A record is a message, or a mark: "the next `count` records were in transaction `batch_id`, whose end was not seen". When that
batch turns out to be committed the records are passed over, so that a connection lost during a commit doubles nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chelu.bus import Messages, Received

MESSAGE, MARK = 0, 1
_MESSAGE = struct.Struct("<BIIqBBqH")  # tag, worker, connection, arrival µs, QoS, retained, sequence (−1 none), bytes of topic
_MARK = struct.Struct("<BqI")  # tag, batch id, records


@dataclass(frozen=True, slots=True)
class Mark:
    """The next `count` records were in this batch."""

    batch_id: int
    count: int


def encode(messages: Messages, *, worker: int, most: int) -> list[bytes]:
    """Messages as records. worker: a number of this process; of a payload, one byte more than `most` is enough to refuse it."""
    names = {number: messages.topics[number].encode("utf-8", "surrogatepass") for number in set(messages.topic.tolist())}
    columns = (messages.connection, messages.arrival_us, messages.qos, messages.retained, messages.sequence)
    heads = zip(*(column.tolist() for column in columns), (names[number] for number in messages.topic.tolist()), strict=True)
    spans = zip(messages.start.tolist(), messages.stop.tolist(), strict=True)
    whole = messages.data.data
    return [
        _MESSAGE.pack(MESSAGE, worker, *head, len(topic)) + topic + whole[start : min(stop, start + most + 1)]
        for (*head, topic), (start, stop) in zip(heads, spans, strict=True)
    ]


def encode_mark(mark: Mark) -> bytes:
    """A mark as a record."""
    return _MARK.pack(MARK, mark.batch_id, mark.count)


def decode(record: bytes, *, connection_of: Callable[[int, int], int]) -> Received | Mark:
    """The message (with mid 0: it is acknowledged) or mark of a record; the spool's checksum vouches for its form.

    connection_of: worker and connection → a number by which no two connections are taken for one.
    """
    if record[0] == MARK:
        return Mark(*_MARK.unpack(record)[1:])
    _, worker, connection, arrival_us, qos, retained, sequence, length = _MESSAGE.unpack_from(record)
    topic = record[_MESSAGE.size : _MESSAGE.size + length].decode("utf-8", "surrogatepass")
    number, payload = None if sequence < 0 else sequence, record[_MESSAGE.size + length :]
    return Received(topic, payload, qos, arrival_us, 0, number, bool(retained), connection_of(worker, connection))


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
