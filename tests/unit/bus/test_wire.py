"""The reader of packets against paho's parser: same messages, same order, wherever the stream is cut."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu import native
from chelu.bus import packets, wire
from chelu.bus.batch import NO_SEQUENCE, joined
from chelu.bus.packets import MQTT_3, MQTT_5, USER
from chelu.bus.reasons import Reason
from chelu.bus.topic_table import TopicTable
from tests.unit.bus.streams import Feed, Row, by_paho, messages, packet, padded, rows

VERSIONS = pytest.mark.parametrize("version", [MQTT_5, MQTT_3])
ONE: Row = ("obu/o1/bsm/up", b"payload", 1, 7, 42, True)
MIX: list[Row] = [
    ONE,
    ("obu/o2/bsm/up", b"", 0, 0, None, False),
    ("x" * 97, bytes(130), 1, 65_535, None, False),
    ("rsu/r1/spat/up", bytes(300), 0, 0, 9, False),
    ("a", b"\x30\x00\x32", 1, 1, (1 << 63) - 1, True),
]


@pytest.fixture(scope="module", autouse=True, params=["native", "numpy"])
def _each_reader(request: pytest.FixtureRequest) -> Iterator[None]:
    code = request.getfixturevalue("native_code") if request.param == "native" else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "library", lambda: code)
        yield


def feed(stream: bytes, version: int = MQTT_5) -> Feed:
    reader = Feed(version)
    reader.feed(stream)
    return reader


def without_sequences(given_rows: list[Row]) -> list[Row]:
    return [(topic, payload, qos, number, None, retained) for topic, payload, qos, number, _, retained in given_rows]


@VERSIONS
@given(st.lists(messages(), max_size=30))
@settings(max_examples=60, deadline=None)
def test_what_is_read_is_what_paho_reads(version: int, sent: list[Row]) -> None:
    stream = b"".join(packet(row, version) for row in sent)
    reader = feed(stream, version)
    assert reader.rows == by_paho(stream, version) == (sent if version == MQTT_5 else without_sequences(sent))
    assert not reader.rest


@VERSIONS
def test_a_stream_cut_in_two_at_any_byte_is_read_alike(version: int) -> None:
    stream = b"".join(packet(row, version) for row in MIX)
    whole = feed(stream, version).rows
    for cut in range(len(stream) + 1):
        reader = feed(stream[:cut], version)
        assert reader.rows == whole[: len(reader.rows)]
        reader.feed(stream[cut:])
        assert reader.rows == whole, cut


def test_a_stream_that_comes_byte_by_byte_is_read_alike() -> None:
    stream = b"".join(packet(row, MQTT_5) for row in MIX)
    reader = Feed()
    for byte in stream:
        reader.feed(bytes((byte,)))
    assert reader.rows == MIX


@given(st.lists(messages(), min_size=1, max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_a_stream_cut_anywhere_any_number_of_times_is_read_alike(sent: list[Row], data: st.DataObject) -> None:
    stream = b"".join(packet(row, MQTT_5) for row in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    reader = Feed()
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[start:stop])
    assert reader.rows == sent


@given(st.binary(max_size=200), st.integers(0, 3), st.sampled_from([MQTT_3, MQTT_5]))
@settings(max_examples=300, deadline=None)
def test_no_bytes_at_all_do_more_than_end_the_connection(noise: bytes, whole: int, version: int) -> None:
    """What stands before them is handed over first."""
    good = MIX[:whole]
    reader = feed(b"".join(packet(row, version) for row in good) + noise, version)
    assert reader.rows[:whole] == (good if version == MQTT_5 else without_sequences(good))
    assert reader.error is None or reader.error.reason in set(Reason)


@given(st.integers(0, 10_000), st.integers(0, 255), st.sampled_from([MQTT_3, MQTT_5]))
@settings(max_examples=300, deadline=None)
def test_a_flipped_byte_leaves_what_is_before_it_as_it_was(place: int, value: int, version: int) -> None:
    sizes = np.cumsum([len(packet(row, version)) for row in MIX])
    stream = bytearray(b"".join(packet(row, version) for row in MIX))
    stream[place % len(stream)] = value
    untouched = int(np.searchsorted(sizes, place % len(stream), side="right"))
    assert (
        feed(bytes(stream), version).rows[:untouched]
        == feed(b"".join(packet(row, version) for row in MIX), version).rows[:untouched]
    )


def test_messages_and_other_packets_may_alternate() -> None:
    stream = packet(ONE, MQTT_5) + b"\xd0\0" + packet(ONE, MQTT_5) + b"\x40\x02\0\x07" + b"\xe0\x01\x8b"
    reader = feed(stream)
    assert reader.rows == [ONE, ONE]
    assert [(control.first, control.body) for control in reader.controls] == [(0xD0, b""), (0x40, b"\0\x07"), (0xE0, b"\x8b")]


BAD = {
    "a remaining length of five bytes": (b"\x30\xff\xff\xff\xff\x01", Reason.MALFORMED),
    "a packet larger than was offered": (b"\x30\xff\xff\xff\x7f", Reason.PACKET_TOO_LARGE),
    "QoS 3": (b"\x36\x06\0\x01a\0\x01\0", Reason.MALFORMED),
    "QoS 2, which nobody subscribed to": (b"\x34\x06\0\x01a\0\x01\0", Reason.PROTOCOL_ERROR),
    "an empty topic": (b"\x30\x03\0\0\0", Reason.PROTOCOL_ERROR),
    "a topic longer than its packet": (b"\x30\x05\0\x04a\0\0", Reason.MALFORMED),
    "a packet that ends within the length of its topic": (b"\x30\x01\0", Reason.MALFORMED),
    "a packet without a body": (b"\x30\x00", Reason.MALFORMED),
    "a packet that ends within its number": (b"\x32\x04\0\x01a\0", Reason.MALFORMED),
    "QoS 1 with number 0": (b"\x32\x06\0\x01a\0\0\0", Reason.PROTOCOL_ERROR),
    "properties longer than their packet": (b"\x30\x05\0\x01a\x05\x01", Reason.MALFORMED),
    "no properties at all": (b"\x30\x03\0\x01a", Reason.MALFORMED),
    "a property that does not exist": (b"\x30\x06\0\x01a\x02\x7f\0", Reason.MALFORMED),
    "a property twice": (b"\x30\x08\0\x01a\x04\x01\0\x01\0", Reason.PROTOCOL_ERROR),
    "a topic alias": (b"\x30\x07\0\x01a\x03\x23\0\x01", Reason.TOPIC_ALIAS),
    "a user property cut short": (b"\x30\x08\0\x01a\x04\x26\0\x03s", Reason.MALFORMED),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_packet_ends_the_stream_with_its_reason_after_the_good_ones(what: str) -> None:
    stream, reason = BAD[what]
    reader = feed(packet(ONE, MQTT_5) + stream.ljust(40, b"\0") + packet(ONE, MQTT_5))
    assert reader.rows[:1] == [ONE]
    assert reader.error is not None
    assert reader.error.reason is reason
    assert len(reader.rows) == 1
    assert reader.controls == []


def user(name: bytes, value: bytes) -> bytes:
    return bytes((USER,)) + len(name).to_bytes(2, "big") + name + len(value).to_bytes(2, "big") + value


SEQUENCES = {
    user(b"seq", b"7"): 7,
    user(b"seq", b"0007"): 7,
    user(b"seq", b"9" * 19): (1 << 63) - 1,
    user(b"seq", b"9" * 20): None,
    user(b"seq", b""): None,
    user(b"seq", b"-1"): None,
    user(b"seq", b"1x"): None,
    user(b"seq", "١".encode()): None,
    user(b"sez", b"7"): None,
    user(b"trace", b"q") + user(b"seq", b"8"): 8,
    user(b"seq", b"x") + user(b"seq", b"9"): 9,
    user(b"seq", b"5") + user(b"seq", b"6"): 5,
    b"\x01\0" + user(b"seq", b"4") + b"\x0b\xff\x01\x0b\x02": 4,
    b"\x02\0\0\0\x09" + b"\x03\0\x01t" + b"\x09\0\x02ab": None,
    user(b"long", bytes(b"v" * 150)) + user(b"seq", b"3"): 3,
}


@pytest.mark.parametrize("properties", SEQUENCES)
def test_the_sequence_is_found_among_any_properties(properties: bytes) -> None:
    body = b"\0\x01a" + packets.variable(len(properties)) + properties + b"payload"
    stream = b"\x30" + packets.variable(len(body)) + body
    reader = feed(packet(ONE, MQTT_5) + stream + packet(ONE, MQTT_5))
    assert reader.error is None
    assert reader.rows == [ONE, ("a", b"payload", 0, 0, SEQUENCES[properties], False), ONE]


def test_a_topic_that_is_no_utf_8_is_outside_every_table() -> None:
    assert feed(b"\x30\x05\0\x02\xff\xfe\0").rows == [("\N{REPLACEMENT CHARACTER}", b"", 0, 0, None, False)]


def test_the_length_of_a_packet_that_is_not_whole_is_said_as_soon_as_it_is_known() -> None:
    stream = packet(("a", bytes(70_000), 0, 0, None, False), MQTT_5)
    for held, needed in ((1, 0), (2, 0), (3, 0), (4, len(stream)), (100, len(stream))):
        portion = wire.read(padded(stream[:held]), held, version=5, topics=TopicTable(), most=1 << 20)
        assert (portion.consumed, portion.needed) == (0, needed)


def test_batches_join_and_split_without_losing_their_payloads() -> None:
    topics, parts = TopicTable(), []
    for start in range(0, 30, 10):
        stream = b"".join(packet((f"t/{n}", b"%d" % n, 0, 0, n, False), MQTT_5) for n in range(start, start + 10))
        parts.append(wire.read(padded(stream), len(stream), version=5, topics=topics, most=100).messages)
    parts[1:2] = [parts[1].take(slice(4)), parts[1].take(slice(4, 4)), parts[1].take(slice(4, None))]
    whole = joined(parts)
    assert rows(whole) == [(f"t/{n}", b"%d" % n, 0, 0, n, False) for n in range(30)]
    assert rows(joined([whole.take(slice(7, 9)), whole.take(np.arange(30) % 10 == 5)])) == [
        (f"t/{n}", b"%d" % n, 0, 0, n, False) for n in (7, 8, 5, 15, 25)
    ]
    assert len(joined([])) == 0
    assert NO_SEQUENCE not in whole.sequence


def test_what_is_within_a_queue_s_room_is_the_oldest_and_all_of_qos_1() -> None:
    stream = b"".join(packet(("t", bytes(10), n % 2, n % 2, n, False), MQTT_5) for n in range(10))
    batch = wire.read(padded(stream), len(stream), version=5, topics=TopicTable(), most=100).messages
    assert batch.within(10, 100) is batch
    assert batch.within(4, 1000).sequence.tolist() == [0, 1, 2, 3, 5, 7, 9]
    assert batch.within(100, 25).sequence.tolist() == [0, 1, 2, 3, 5, 7, 9]
    assert batch.within(-5, 100).sequence.tolist() == batch.within(5, -1).sequence.tolist() == [1, 3, 5, 7, 9]


def test_topics_are_told_apart_however_many_and_however_alike_they_are() -> None:
    random_ = random.Random(4)
    names = [f"obu/v{n:05d}/bsm/up" for n in range(20_000)] + [f"{'p' * n}/{m}" for n in range(110) for m in range(3)]
    names += ["\0", "\0\0", "a", "a\0"]
    random_.shuffle(names)
    topics = TopicTable()
    numbers: dict[bytes, int] = {}
    for start in (*range(0, len(names), 1000), *range(0, len(names), 1000)):
        some = [name.encode() for name in names[start : start + 1000]]
        place = np.cumsum([0, *map(len, some)])
        data = np.frombuffer(b"".join(some) + b"z" * wire.PADDING, np.uint8)
        found = topics.look_up(data, place[:-1], np.diff(place)).tolist()
        assert [topics.names[number] for number in found] == [name.decode() for name in some]
        for name, number in zip(some, found, strict=True):
            assert numbers.setdefault(name, number) == number
    assert len(topics) == len(names)
