"""The native reader against the one of numpy: the same of every stream, valid, damaged or noise, and not a byte beyond it."""

from __future__ import annotations

import ctypes
import mmap
from dataclasses import fields

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.bus import packets, wire_native, wire_plain
from chelu.bus.batch import COLUMNS, Bytes
from chelu.bus.packets import MQTT_3, MQTT_5
from chelu.bus.portion import Portion
from chelu.bus.topic_table import TopicTable
from tests.unit.bus.streams import Row, messages, packet, padded

MOST = 30_000
VERSIONS = st.sampled_from([MQTT_3, MQTT_5])
PROPERTIES = st.sampled_from(
    [
        b"\x26\0\x03seq\0\x013",
        b"\x26\0\x03seq\0\x0212",
        b"\x26\0\x03seq\0\x14" + b"9" * 20,
        b"\x26\0\x03seq\0\x13" + b"9" * 19,
        b"\x26\0\x03seq\0\x01x",
        b"\x26\0\x03sez\0\x011",
        b"\x26\0\x01a\0\0\x26\0\x03seq\0\x015",
        b"\x01\0",
        b"\x23\0\x01",
        b"\x7f",
        b"\x03" + b"\0\x80" + bytes(128),
    ]
)


def _with_properties(version: int, topic: bytes, properties: bytes, payload: bytes) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic
    body += (packets.variable(len(properties)) + properties if version == MQTT_5 else b"") + payload
    return b"\x30" + packets.variable(len(body)) + body


@st.composite
def streams(draw: st.DrawFn) -> tuple[int, bytes]:
    """A protocol version, and packets of all kinds, some of them with other bytes here and there."""
    version = draw(VERSIONS)
    plain = messages().map(lambda row: packet(row, version))
    odd = st.builds(_with_properties, st.just(version), st.binary(min_size=1, max_size=110), PROPERTIES, st.binary(max_size=9))
    control = st.sampled_from(
        [b"\xd0\0", b"\x40\x02\0\x07", b"\xe0\x01\x8b", b"\x90\x83\x00\x01\x02\x03", b"\x30", b"\x30\xff\xff"]
    )
    stream = bytearray(b"".join(draw(st.lists(st.one_of(plain, odd, control), max_size=12))))
    for place, value in draw(st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=3)):
        if stream:
            stream[place % min(len(stream), 400)] = value
    return version, bytes(stream)


def assert_alike(ours: Portion, theirs: Portion) -> None:
    for name in COLUMNS:
        mine, other = getattr(ours.messages, name), getattr(theirs.messages, name)
        assert mine.dtype == other.dtype, name
        assert mine.tolist() == other.tolist(), name
    assert list(ours.messages.topics) == list(theirs.messages.topics)
    rows = range(len(ours.messages))
    assert [ours.messages.payload(row) for row in rows] == [theirs.messages.payload(row) for row in rows]
    for field in fields(Portion):
        if field.name not in {"messages", "error"}:
            assert getattr(ours, field.name) == getattr(theirs, field.name), field.name
    assert (ours.error and (ours.error.reason, str(ours.error))) == (theirs.error and (theirs.error.reason, str(theirs.error)))


def assert_read_alike(
    code: ctypes.CDLL, version: int, *pieces: bytes, topics: tuple[TopicTable, TopicTable] | None = None
) -> None:
    """Both readers over the same pieces, each with a table that remembers."""
    mine, other = topics or (TopicTable(), TopicTable())
    for piece in pieces:
        options = {"version": version, "most": MOST, "arrival_us": 5, "connection": 7}
        ours = wire_native.read(code, padded(piece), len(piece), topics=mine, **options)
        assert_alike(ours, wire_plain.read(padded(piece), len(piece), topics=other, **options))


@given(streams(), st.integers(0, 1 << 16))
@settings(max_examples=400, deadline=None)
def test_both_readers_read_any_stream_alike_wherever_it_is_cut(
    native_code: ctypes.CDLL, stream: tuple[int, bytes], cut: int
) -> None:
    version, data = stream
    assert_read_alike(native_code, version, data, data[: cut % (len(data) + 1)], data[cut % (len(data) + 1) :], data)


@given(VERSIONS, st.binary(max_size=300))
@settings(max_examples=400, deadline=None)
def test_both_readers_read_noise_alike(native_code: ctypes.CDLL, version: int, noise: bytes) -> None:
    assert_read_alike(native_code, version, noise, b"\x30" + noise, b"\x32\x20\0\x02ab" + noise)


def test_both_readers_are_right_about_every_length_of_a_topic(native_code: ctypes.CDLL) -> None:
    tables = TopicTable(), TopicTable()
    rows: list[Row] = [("n" * size, b"p" * (size % 7), 0, 0, None, False) for size in range(1, 130)]
    stream = b"".join(packet(row, MQTT_5) for row in rows)
    for _ in range(2):  # new, and known
        assert_read_alike(native_code, MQTT_5, stream, topics=tables)
    assert list(tables[0].names) == [row[0] for row in rows]


def test_more_rare_things_than_are_noted_at_once_are_all_settled(native_code: ctypes.CDLL) -> None:
    many = wire_native.NOTES + 100
    new = b"".join(packet((f"t/{number}", b"", 0, 0, None, False), MQTT_5) for number in range(many))
    odd = _with_properties(MQTT_5, b"t/1", b"\x01\0", b"x") * many
    others = b"\x40\x02\0\x07" * many
    assert_read_alike(native_code, MQTT_5, new + odd + others + new, odd + b"\x36\0" + others, b"\xd0\0" * many + new)


def test_columns_grow_when_the_first_packet_was_the_largest(native_code: ctypes.CDLL) -> None:
    stream = packet(("a", bytes(20_000), 0, 0, None, False), MQTT_5) + packet(("a", b"", 0, 0, 3, False), MQTT_5) * 5000
    assert_read_alike(native_code, MQTT_5, stream)


@given(streams(), st.integers(0, 1 << 16))
@settings(max_examples=400, deadline=None)
def test_nothing_is_read_behind_the_stream(
    native_code: ctypes.CDLL, last_memory: Bytes, stream: tuple[int, bytes], cut: int
) -> None:
    version, data = stream[0], stream[1][-2 * mmap.PAGESIZE :]
    data = data[: len(data) - cut % (len(data) + 1) // 2]
    place = last_memory[len(last_memory) - len(data) :]
    place[:] = np.frombuffer(data, np.uint8)
    for _ in range(2):
        wire_native.read(native_code, place, len(data), version=version, topics=TopicTable(), most=MOST)
