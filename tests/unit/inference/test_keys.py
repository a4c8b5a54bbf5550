"""Keys to slots: held against a dictionary, also where all keys want the same cell; the table's size follows what is in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inference.keys import KeyIndex

COLLIDING = 1  # with this multiplier every key below 2**58 wants the first cell of a small table

keys = st.integers(0, 40) | st.integers(0, 2**64 - 1)
steps = st.lists(st.tuples(st.booleans(), st.lists(keys, max_size=12, unique=True)), max_size=30)


def _array(numbers) -> np.ndarray:
    return np.array(list(numbers), np.uint64)


@given(steps, st.sampled_from([COLLIDING, 0x9E3779B97F4A7C15]))
def test_the_index_agrees_with_a_dictionary(given_steps, multiplier) -> None:
    index, known, number = KeyIndex(lambda: multiplier), dict[int, int](), 0
    for is_adding, group in given_steps:
        if is_adding:
            new = {key: number + place for place, key in enumerate(key for key in group if key not in known)}
            index.add(_array(new), np.array(list(new.values()), np.int64))
            known, number = known | new, number + len(new)
        else:
            index.remove(_array(group))
            known = {key: slot for key, slot in known.items() if key not in group}
        asked = [*known, *group, 12345, 0, 2**64 - 1]
        assert index.find(_array(asked)).tolist() == [known.get(key, -1) for key in asked]
        assert len(index) == len(known)


def test_a_hundred_thousand_keys_are_found_again_and_their_room_is_given_back() -> None:
    index, random = KeyIndex(), np.random.default_rng(3)
    many = np.unique(random.integers(0, 2**64, 100_000, np.uint64, endpoint=False))
    before = index.nbytes
    index.add(many, np.arange(len(many)))
    assert index.find(many).tolist() == list(range(len(many)))
    assert index.nbytes <= 16 * 8 * len(many)
    index.remove(many[10:])
    assert index.find(many[:10]).tolist() == list(range(10))
    assert (index.find(many[10:]) == -1).all()
    assert index.nbytes <= 2 * before


@pytest.mark.parametrize("multiplier", [COLLIDING, 0x9E3779B97F4A7C15])
def test_keys_that_come_and_go_leave_nothing_behind(multiplier) -> None:
    index = KeyIndex(lambda: multiplier)
    for turn in range(500):
        group = np.arange(20 * turn, 20 * turn + 20, dtype=np.uint64)
        index.add(group, np.arange(20))
        assert index.find(group).tolist() == list(range(20))
        index.remove(group)
    assert len(index) == 0
    assert index.nbytes <= 16 * 256
