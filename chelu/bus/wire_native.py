"""A stream of MQTT packets → columns in one pass of native code (chelu/native/chelu.c). Pure.

What is rare is noted there and settled here: packets that are no PUBLISH, properties other than one ``seq``, topics that are new,
and the packet that ends the stream.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.bus import wire_plain
from chelu.bus.batch import Bytes, Messages
from chelu.bus.packets import Control
from chelu.bus.portion import PADDING, Portion
from chelu.bus.reasons import WireError
from chelu.bus.topic_table import TopicTable

AT_END, LIST_FULL, NOT_ALLOWED = range(3)  # why chelu_read returned
MAY_BE_MORE, NOTHING, HUNG_UP = range(3)  # states of chelu_receive; below 0 it is −errno
NOTES = 512  # rare things noted before they are settled
LONGEST_HEADER = 6  # bytes that show what is wrong with a packet's length
WRITTEN = {
    "start": np.int64,
    "stop": np.int64,
    "sequence": np.int64,
    "topic": np.int32,
    "packet_id": np.uint16,
    "qos": np.uint8,
    "retained": np.bool_,
}  # columns in the order of their alignment, in which they share one block
ROW_BYTES = sum(np.dtype(kind).itemsize for kind in WRITTEN.values())

_NUMBER, _POINTER = ctypes.c_int64, ctypes.c_void_p


class _Stream(ctypes.Structure):
    """`chelu_stream` in chelu.c."""

    _fields_ = (
        ("data", _POINTER),
        *((name, _NUMBER) for name in ("position", "end", "most", "needed", "version")),
        *((name, _POINTER) for name in ("keys", "words", "lengths", "slots")),
        ("bits", _NUMBER),
        *((f"column_{name}", _POINTER) for name in WRITTEN),
        *((name, _NUMBER) for name in ("count", "room")),
        *((name, _POINTER) for name in ("others", "odd", "strange")),
        *((name, _NUMBER) for name in ("other_count", "odd_count", "strange_count", "list_room")),
    )
    data: int
    position: int
    end: int
    most: int
    needed: int
    version: int
    bits: int
    count: int
    room: int
    other_count: int
    odd_count: int
    strange_count: int
    list_room: int


def read(
    library: ctypes.CDLL,
    data: Bytes,
    end: int,
    *,
    version: int,
    topics: TopicTable,
    most: int,
    arrival_us: int = 0,
    connection: int = 0,
) -> Portion:
    """See `chelu.bus.wire.read`."""
    reading = Reading(data, end, version=version, topics=topics, most=most)
    reading.run(library.chelu_read, _likely_rows(data, end))
    return reading.portion(arrival_us, connection)


class Reading:
    """One buffer's reading: `run`, then `portion`."""

    def __init__(self, data: Bytes, end: int, *, version: int, topics: TopicTable, most: int) -> None:
        self._data, self._topics = data, topics
        self._stream = stream = _Stream(data=_address(data), end=end, version=version, most=most, list_room=NOTES)
        self._notes = np.empty((3, NOTES, 3), np.int64)
        notes, step = _address(self._notes), self._notes.strides[0]
        stream.others, stream.odd, stream.strange = notes, notes + step, notes + 2 * step
        self._controls: list[Control] = []
        self._columns: dict[str, npt.NDArray[Any]] = {}
        self._error: WireError | None = None

    @property
    def end(self) -> int:
        """Bytes that are in the buffer."""
        return self._stream.end

    def run(self, step: Callable[[Any], int], likely_rows: int) -> None:
        """Call `step` with the stream until it has room enough; `likely_rows` is a guess."""
        stream, why = self._stream, LIST_FULL
        while why == LIST_FULL and not self._error:
            if stream.count == stream.room:
                self._make_room(2 * stream.room or likely_rows)
            self._point_at_topics()
            why = step(ctypes.byref(stream))
            self._settle()
        if why == NOT_ALLOWED and not self._error:
            self._error = self._why_not()

    def portion(self, arrival_us: int, connection: int, *, is_copy: bool = False) -> Portion:
        """What was read, over the buffer or over a copy of what is needed of it."""
        stream = self._stream
        count, consumed = stream.count, stream.position
        data, columns = self._data[: consumed + PADDING], {name: column[:count] for name, column in self._columns.items()}
        if is_copy:
            data, columns = data.copy(), {name: column.copy() for name, column in columns.items()}
        messages = Messages(
            data=data,
            arrival_us=np.full(count, arrival_us, np.int64),
            connection=np.full(count, connection, np.int32),
            topics=self._topics.names,
            **columns,
        )
        return Portion(messages, self._controls, consumed, 0 if self._error else stream.needed, self._error)

    def _make_room(self, rows: int) -> None:
        """Columns of so many rows, with what they hold so far."""
        block = np.empty(rows * ROW_BYTES, np.uint8)
        before, address, place = self._columns, _address(block), 0
        self._columns, self._stream.room = {}, rows
        for name, kind in WRITTEN.items():
            column = self._columns[name] = np.ndarray((rows,), kind, block, place)
            setattr(self._stream, f"column_{name}", address + place)
            place += column.nbytes
            if before:
                column[: len(before[name])] = before[name]

    def _point_at_topics(self) -> None:
        stream, topics = self._stream, self._topics
        stream.bits = topics.bits
        for name in ("keys", "words", "lengths", "slots"):
            setattr(stream, name, _address(getattr(topics, name)))

    # -- what was noted ------------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Do what the notes ask for; what is wrong with a packet's properties ends the stream there."""
        stream, (others, odd, strange) = self._stream, self._notes
        if stream.odd_count:
            self._error = self._settle_odd(odd[: stream.odd_count].tolist())
        for begin, body, stop in others[: stream.other_count].tolist():
            if begin < stream.position:
                self._controls.append(Control(int(self._data[begin]), self._data[body:stop].tobytes()))
        topic = self._columns["topic"]
        for row, begin, length in strange[: stream.strange_count].tolist():
            if row < stream.count:
                topic[row] = self._topics.learn(self._data[begin : begin + length].tobytes())
        stream.other_count = stream.odd_count = stream.strange_count = 0

    def _settle_odd(self, notes: list[list[int]]) -> WireError | None:
        start, stop, sequence = (self._columns[name] for name in ("start", "stop", "sequence"))
        for row, begin, _ in notes:
            place = int(start[row])
            try:
                start[row], sequence[row] = wire_plain.properties_of(self._data[place : stop[row]].tobytes(), place)
            except WireError as error:
                self._stream.count, self._stream.position = row, begin
                return error
        return None

    def _why_not(self) -> WireError | None:
        """What the other reader says to the packet that is not allowed."""
        stream = self._stream
        size = stream.needed or min(LONGEST_HEADER, stream.end - stream.position)
        rest = self._data[stream.position : stream.position + size + PADDING]
        rest = np.concatenate([rest, np.zeros(PADDING, np.uint8)])
        return wire_plain.read(rest, size, version=stream.version, topics=TopicTable(), most=stream.most).error


def _likely_rows(data: Bytes, end: int) -> int:
    """A guess: all packets are like the first, and a quarter more of them."""
    first = 2 + int(data[1]) if end > 1 else 2
    return 16 + 5 * end // (4 * max(first, 16))


def _address(array: npt.NDArray[np.generic]) -> int:
    return int(array.__array_interface__["data"][0])
