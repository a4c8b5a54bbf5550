"""JT/T 808: frames found in the bytes of a connection, and long messages in parts."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.codec.jt808_frame import Message, Splitter, escape, read, unescape
from chelu.codec.jt808_parts import PATIENCE_S, Assembler, join, parts_of, read_whole, split
from chelu.errors import MalformedError, OutOfRangeError
from tests.unit.codec.test_jt808 import PHONE, random_report, report, seeds


@given(st.binary(max_size=200))
def test_escaping_is_undone(inner: bytes) -> None:
    assert unescape(escape(inner)) == inner
    assert b"\x7e" not in escape(inner)


@settings(deadline=None)
@given(st.lists(seeds, max_size=6), st.lists(st.integers(1, 90), max_size=30), st.booleans())
def test_frames_are_found_however_the_bytes_come(numbers: list[int], cuts: list[int], is_shared: bool) -> None:
    frames = [random_report(Random(number)) for number in numbers]
    stream = b"noise" + (b"".join(frame[:-1] for frame in frames) + b"\x7e" if is_shared and frames else b"".join(frames))
    splitter = Splitter()
    found: list[bytes] = []
    for cut in [*cuts, len(stream)]:
        found += splitter.feed(stream[:cut])
        stream = stream[cut:]
    assert found == frames
    assert splitter.passed_over == 5


def test_a_frame_without_end_does_not_fill_the_memory() -> None:
    splitter, good = Splitter(), report()
    for _ in range(100):
        assert list(splitter.feed(bytes(5000) + b"\x7e" + bytes(5000))) == []
        assert splitter.waiting <= 1
    assert splitter.passed_over > 900_000
    assert list(splitter.feed(good + good)) == [good, good]


def parts(bodies: list[bytes], first: int = 65_534) -> list[Message]:
    total = len(bodies)
    return [
        Message(2013, 0x0704, PHONE[2013], (first + place) & 0xFFFF, body, (total, place + 1))
        for place, body in enumerate(bodies)
    ]


@given(st.permutations(range(4)))
def test_parts_become_a_message_in_any_order_over_the_wrap_of_serial_numbers(order: list[int]) -> None:
    assembler = Assembler()
    pieces = [read(part.encode()) for part in parts([b"a", b"bb", b"", b"d"])]
    found = [assembler.add(pieces[place], 0.0) for place in order]
    assert found[:-1] == [()] * 3
    assert join(found[-1]) == Message(2013, 0x0704, PHONE[2013], 65_534, b"abbd")
    assert len(assembler) == 0


@given(st.binary(min_size=1, max_size=4000), st.sampled_from([2013, 2019]), st.integers(20, 1023))
def test_a_long_message_is_split_into_frames_and_read_whole_again(body: bytes, edition: int, size: int) -> None:
    message = Message(edition, 0x0704, PHONE[edition], 65_530, body)
    payload = b"".join(part.encode() for part in split(message, size))
    assert read_whole(payload) == message
    assert b"".join(part.encode() for part in parts_of(payload)) == payload


def test_parts_that_contradict_or_that_no_message_can_have_are_dropped_and_counted() -> None:
    assembler = Assembler()
    one = parts([b"a", b"b"], first=10)[0]
    assert assembler.add(one, 0.0) == ()
    for part in ((3, 2), (3, 9), (3, 0), (60_000, 2)):
        assert assembler.add(Message(2013, 0x0704, PHONE[2013], 11, b"x", part), 0.0) == ()
    assert assembler.dropped == {"parts_contradict": 1, "no_such_part": 2, "too_many_parts": 1}


def test_the_oldest_parts_give_way_when_there_are_too_many() -> None:
    assembler = Assembler(most=2, most_bytes=100)
    for number, phone in enumerate(("000000000001", "000000000002", "000000000003")):
        assembler.add(Message(2013, 0x0704, phone, number, bytes(10), (2, 1)), 0.0)
    assert (len(assembler), assembler.dropped) == (2, {"parts_gave_way": 1})
    assembler.add(Message(2013, 0x0704, "000000000003", 30, bytes(95), (3, 2)), 0.0)
    assert len(assembler) <= 1
    assert assembler.dropped["parts_gave_way"] >= 2


def test_one_terminal_does_not_push_out_the_others() -> None:
    assembler = Assembler(most=10)
    assembler.add(parts([b"a", b"b"], first=10)[0], 0.0)
    for serial in range(0, 200, 2):
        assembler.add(Message(2013, 0x0704, "000000000001", serial, b"x", (2, 1)), 0.0)
    assert join(assembler.add(parts([b"a", b"b"], first=10)[1], 0.0)).body == b"ab"


def test_parts_that_the_others_do_not_follow_are_given_up_after_a_while() -> None:
    assembler = Assembler()
    assembler.add(parts([b"a", b"b", b"c"], first=10)[0], 0.0)
    assembler.add(parts([b"a", b"b", b"c"], first=10)[1], 50.0)
    assembler.tend(PATIENCE_S + 1)
    assert len(assembler) == 1
    assembler.tend(PATIENCE_S + 51)
    assert (len(assembler), assembler.dropped) == (0, {"parts_missing": 2})


@given(st.data())
def test_parts_of_one_message_only_make_a_whole(data: st.DataObject) -> None:
    frames = [part.encode() for part in parts([b"a", b"b", b"c"])]
    chosen = data.draw(st.lists(st.sampled_from(frames), min_size=1, max_size=4))
    if chosen == frames:
        assert read_whole(b"".join(chosen)).body == b"abc"
    else:
        with pytest.raises(MalformedError, match="is due"):
            read_whole(b"".join(chosen))


def test_marks_that_end_and_begin_nothing_are_passed_over() -> None:
    splitter, good = Splitter(), report()
    for _ in range(10):  # a piece a frame: its first mark stands beside the last one of the piece before
        assert list(splitter.feed(good)) == [good]
    assert splitter.passed_over == 0
    assert list(splitter.feed(b"\x7e" * 1000)) == []
    assert 990 <= splitter.passed_over <= 1000
    assert list(splitter.feed(good)) == [good]


def test_wrong_checks_and_escapes_are_counted_and_too_many_in_a_row_end_the_reading() -> None:
    splitter, good = Splitter(), report()
    wrong = good[:-2] + bytes([good[-2] ^ 1]) + b"\x7e"
    assert list(splitter.feed(good + wrong + b"\x7e\x7d\x05\x00\x7e" + good)) == [good, good]
    assert (splitter.damaged, splitter.passed_over, splitter.is_lost) == (2, 0, False)
    assert list(splitter.feed(wrong * 20 + good)) == []
    assert (splitter.damaged, splitter.is_lost) == (18, True)


def test_what_a_frame_cannot_hold_is_refused() -> None:
    with pytest.raises(OutOfRangeError, match="body"):
        Message(2013, 0x0200, PHONE[2013], 1, bytes(1024)).encode()
    with pytest.raises(OutOfRangeError, match="phone"):
        Message(2019, 0x0200, PHONE[2013], 1, b"").encode()
    with pytest.raises(MalformedError):
        read(b"\x7e\x7e")
