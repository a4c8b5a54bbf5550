"""What is desired of a device, changed and taken back again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.orders.configuration import merged, undone

NAMES = st.sampled_from("abc")
VALUES = st.integers(0, 2) | st.sampled_from("xy")
DOCUMENTS = st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES, min_size=1))
CHANGES = st.dictionaries(NAMES, VALUES | st.none() | st.dictionaries(NAMES, VALUES | st.none(), min_size=1))


@given(DOCUMENTS, DOCUMENTS.map(lambda it: {name: value for name, value in it.items() if not isinstance(value, dict)}))
def test_a_change_that_stands_is_taken_back_whole(before: dict[str, Any], change: dict[str, Any]) -> None:
    assert undone(merged(before, change), before, change) == before


@given(DOCUMENTS, CHANGES, CHANGES)
def test_what_a_change_does_not_name_stays(before: dict[str, Any], change: dict[str, Any], later: dict[str, Any]) -> None:
    present = merged(merged(before, change), later)
    result = undone(present, before, change)
    for name in present.keys() - change.keys():
        assert result[name] == present[name]
    assert result.keys() <= present.keys() | before.keys()


@pytest.mark.parametrize(
    ("before", "change", "present", "expected"),
    [
        ({}, {"a": 7}, {"a": 7, "b": 1}, {"b": 1}),
        ({}, {"a": 7}, {"a": 3, "b": 1}, {"a": 3, "b": 1}),
        ({"a": 1}, {"a": None}, {}, {"a": 1}),
        ({"a": 1}, {"a": None}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": 2}, {}, {}),  # somebody took it away
        ({}, {"a": {"x": 1}}, {"a": {"x": 1, "y": 2}}, {"a": {"y": 2}}),
        ({}, {"a": {"x": 1}}, {"a": {"x": 1}}, {}),
        ({"a": {"x": 0, "y": 2}}, {"a": {"x": 1}}, {"a": {"x": 1, "y": 3}}, {"a": {"x": 0, "y": 3}}),
        ({"a": ["p"]}, {"a": ["r", "q"]}, {"a": ["q", "r"]}, {"a": ["p"]}),
    ],
)
def test_only_what_still_stands_is_taken_back(
    before: dict[str, Any], change: dict[str, Any], present: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert undone(present, before, change) == expected
