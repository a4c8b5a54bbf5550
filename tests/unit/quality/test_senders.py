from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chelu.quality.senders import follow, nobody, sender_keys

COLUMNS = {"value": "i8"}


def test_each_row_stands_beside_its_senders_previous_one_within_and_across_batches() -> None:
    keys = np.array([7, 9, 7], np.uint64)
    first, last = follow(nobody(COLUMNS), keys, {"value": np.array([1, 2, 3])}, np.array([0, 0, 1]), keep_us=100)
    assert first.known.tolist() == [False, False, True]
    assert first.columns["value"][2] == 1
    second, last = follow(last, np.array([9, 7], np.uint64), {"value": np.array([4, 5])}, np.array([2, 2]), keep_us=100)
    assert second.known.tolist() == [True, True]
    assert second.columns["value"].tolist() == [2, 3]
    assert last.keys.tolist() == [7, 9]


def test_a_silent_sender_is_forgotten() -> None:
    one = np.array([1], np.uint64)
    _, last = follow(nobody(COLUMNS), one, {"value": np.array([1])}, np.array([0]), keep_us=10)
    _, last = follow(last, one + np.uint64(1), {"value": np.array([2])}, np.array([11]), keep_us=10)
    assert last.keys.tolist() == [2]


def test_an_empty_batch_changes_nothing() -> None:
    one = np.array([1], np.uint64)
    _, last = follow(nobody(COLUMNS), one, {"value": np.array([1])}, np.array([0]), keep_us=10)
    previous, after = follow(last, one[:0], {"value": np.empty(0, np.int64)}, np.empty(0, np.int64), keep_us=10)
    assert len(previous.known) == 0
    assert after.keys.tolist() == [1]


def test_keys_differ_when_any_part_does() -> None:
    device = np.repeat(np.arange(300, dtype=np.int32), 300)
    vehicle = np.tile(np.arange(300, dtype=np.uint64), 300)
    assert len(np.unique(sender_keys(device, vehicle))) == 300 * 300


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1000)), max_size=60), st.integers(0, 60))
def test_following_in_pieces_is_following_at_once(rows: list[tuple[int, int]], cut: int) -> None:
    keys = np.array([key for key, _ in rows], np.uint64)
    value, seen = np.array([number for _, number in rows], np.int64), np.zeros(len(rows), np.int64)
    whole, _ = follow(nobody(COLUMNS), keys, {"value": value}, seen, keep_us=1)
    one, last = follow(nobody(COLUMNS), keys[:cut], {"value": value[:cut]}, seen[:cut], keep_us=1)
    two, _ = follow(last, keys[cut:], {"value": value[cut:]}, seen[cut:], keep_us=1)
    known = np.concatenate([one.known, two.known])
    assert known.tolist() == whole.known.tolist()
    before = np.concatenate([one.columns["value"], two.columns["value"]])
    assert before[known].tolist() == whole.columns["value"][known].tolist()
