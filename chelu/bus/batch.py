"""Received messages as columns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from chelu.bus.messages import Received

NO_SEQUENCE = -1
LAST_SEQUENCE = (1 << 63) - 1  # larger numbers are given as this one

Bytes = npt.NDArray[np.uint8]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Messages:
    """A batch of messages in order of arrival; message ``i`` is ``data[start[i]:stop[i]]`` on ``topics[topic[i]]``.

    data: (bytes,) uint8; start, stop, sequence (−1: none), arrival_us: (n,) int64; topic, connection: (n,) int32;
    qos: (n,) uint8; packet_id: (n,) uint16, 0 for QoS 0; retained: (n,) bool. `topics` grows while a session lives, and a number
    means the same topic in every batch with the same list.
    """

    data: Bytes
    start: Index
    stop: Index
    topic: npt.NDArray[np.int32]
    qos: npt.NDArray[np.uint8]
    packet_id: npt.NDArray[np.uint16]
    sequence: Index
    retained: npt.NDArray[np.bool_]
    arrival_us: Index
    connection: npt.NDArray[np.int32]
    topics: Sequence[str]

    def __len__(self) -> int:
        return len(self.start)

    def payload(self, index: int) -> bytes:
        """The bytes of one message."""
        return self.data[self.start[index] : self.stop[index]].tobytes()

    def take(self, rows: slice | npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Messages:
        """Some of the messages, over the same data."""
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        return Messages(data=self.data, topics=self.topics, **columns)

    def topic_of(self, index: int) -> str:
        """The topic of one message."""
        return self.topics[int(self.topic[index])]

    @property
    def payload_bytes(self) -> int:
        """Bytes of all payloads."""
        return int(self.stop.sum()) - int(self.start.sum())

    def within(self, room: int, room_bytes: int) -> Messages:
        """What fits into a queue with this much room (its last message may be larger); QoS 1 always does."""
        if len(self) <= room and self.payload_bytes <= room_bytes:
            return self
        sizes = self.stop - self.start
        is_beyond = np.cumsum(sizes) - sizes >= room_bytes
        is_beyond[max(0, room) :] = True
        return self.take(~is_beyond | (self.qos > 0))

    def received(self) -> list[Received]:
        """The messages as single objects, for those who take them one by one."""
        whole, names = self.data.tobytes(), self.topics
        numbers = (None if number < 0 else number for number in self.sequence.tolist())
        columns = (self.start, self.stop, self.topic, self.qos, self.arrival_us, self.packet_id, self.retained, self.connection)
        lists = [column.tolist() for column in columns]
        return [
            Received(names[topic], whole[start:stop], qos, arrival_us, packet_id, number, retained, connection)
            for start, stop, topic, qos, arrival_us, packet_id, retained, connection, number in zip(*lists, numbers, strict=True)
        ]


def _in_one_numbering(parts: Sequence[Messages]) -> Sequence[Messages]:
    if all(part.topics is parts[0].topics for part in parts):
        return parts
    numbers: dict[str, int] = {}
    renumbered = []
    for part in parts:
        used, place = np.unique(part.topic, return_inverse=True)
        own = [numbers.setdefault(part.topics[number], len(numbers)) for number in used.tolist()]
        renumbered.append(np.array(own, np.int32)[place])
    topics = tuple(numbers)
    return [replace(part, topic=topic, topics=topics) for part, topic in zip(parts, renumbered, strict=True)]


COLUMNS = tuple(field.name for field in fields(Messages) if field.name not in ("data", "topics"))


def no_messages(topics: Sequence[str] = ()) -> Messages:
    """A batch of none."""
    number, short = np.zeros(0, np.int64), np.zeros(0, np.int32)
    return Messages(
        data=np.zeros(0, np.uint8),
        start=number,
        stop=number,
        topic=short,
        qos=np.zeros(0, np.uint8),
        packet_id=np.zeros(0, np.uint16),
        sequence=number,
        retained=np.zeros(0, np.bool_),
        arrival_us=number,
        connection=short,
        topics=topics,
    )


def messages_of(received: Sequence[Received]) -> Messages:
    """Single messages as a batch with a list of topics of its own."""
    stop = np.cumsum([len(one.payload) for one in received], dtype=np.int64)
    numbers = {topic: number for number, topic in enumerate(dict.fromkeys(one.topic for one in received))}
    sequence = [NO_SEQUENCE if one.sequence is None else min(one.sequence, LAST_SEQUENCE) for one in received]
    return Messages(
        data=np.frombuffer(b"".join(one.payload for one in received), np.uint8),
        start=np.concatenate([np.zeros(min(1, len(stop)), np.int64), stop[:-1]]),
        stop=stop,
        topic=np.array([numbers[one.topic] for one in received], np.int32),
        qos=np.array([one.qos for one in received], np.uint8),
        packet_id=np.array([one.mid for one in received], np.uint16),
        sequence=np.array(sequence, np.int64),
        retained=np.array([one.retained for one in received], np.bool_),
        arrival_us=np.array([one.arrival_us for one in received], np.int64),
        connection=np.array([one.connection for one in received], np.int32),
        topics=tuple(numbers),
    )


def joined(parts: Sequence[Messages]) -> Messages:
    """One batch of all messages in order; where the parts do not share their list of topics, it has a list of its own.

    Of the data, what lies before a part's first payload and behind its last is left out.
    """
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        return parts[0] if parts else no_messages()
    parts = _in_one_numbering(parts)
    pieces = [part.data[int(part.start.min()) : int(part.stop.max())] for part in parts]
    before = np.cumsum([0, *(len(piece) for piece in pieces)])[:-1]
    shift = np.repeat(before - [int(part.start.min()) for part in parts], [len(part) for part in parts])
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    columns["start"], columns["stop"] = columns["start"] + shift, columns["stop"] + shift
    return Messages(data=np.concatenate(pieces), topics=parts[0].topics, **columns)
