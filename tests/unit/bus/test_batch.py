"""Batches of messages: made of single ones, put together, and single again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chelu.bus import Received, joined, messages_of, no_messages

ONE = st.builds(
    Received,
    topic=st.sampled_from(["a", "b/c", "", "路"]),
    payload=st.binary(max_size=9),
    qos=st.integers(0, 1),
    arrival_us=st.integers(0, 2**60),
    mid=st.integers(0, 65_535),
    sequence=st.none() | st.integers(0, 2**63 - 1),
    retained=st.booleans(),
    connection=st.integers(-5, 5),
)


@given(st.lists(ONE))
def test_single_messages_come_back_as_they_were(received: list[Received]) -> None:
    assert messages_of(received).received() == received


@given(st.lists(st.lists(ONE, max_size=5), max_size=4))
def test_batches_of_different_numberings_are_joined_in_order(parts: list[list[Received]]) -> None:
    whole = joined([messages_of(part) for part in parts])
    assert whole.received() == [one for part in parts for one in part]


@given(st.lists(ONE, min_size=2, max_size=8), st.data())
def test_parts_of_one_batch_are_joined_without_a_new_numbering(received: list[Received], data: st.DataObject) -> None:
    batch, cut = messages_of(received), data.draw(st.integers(1, len(received) - 1))
    whole = joined([batch.take(slice(cut)), no_messages(), batch.take(slice(cut, None))])
    assert whole.topics is batch.topics
    assert whole.received() == received
