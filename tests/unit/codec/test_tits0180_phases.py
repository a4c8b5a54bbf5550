"""Phase numbers: the standard's tables as printed, and the rule of entry and lamp."""

from __future__ import annotations

import pytest

from chelu.codec.tits0180_phases import LAMPS, RULES, Movement, Phase, Rule, User, columns, number_of, phases, side_of
from tests.unit.codec.plain_tits0180 import SIDE_CODES, TABLE_B3, TABLE_B4, TABLE_B5


def test_annex_b_is_as_it_is_printed() -> None:
    expected: dict[int, tuple[int, int | None, int]] = {}
    for side, numbers in TABLE_B3.items():
        expected |= {number: (SIDE_CODES[side], movement, 1) for movement, number in enumerate(numbers, start=1)}
    for side, others in TABLE_B4.items():
        expected |= {number: (SIDE_CODES[side], movement, 2) for movement, number in enumerate(others, start=1)}
    for side, (first, last) in TABLE_B5.items():
        expected |= dict.fromkeys(range(first, last + 1), (SIDE_CODES[side], None, 3))
    assert {number: (one.approach, one.movement, one.user) for number, one in phases("annex_b").items()} == expected


def test_rule_entry_is_the_side_above_the_lamp() -> None:
    found = phases("entry")
    assert len(found) == 8 * len(LAMPS)
    assert found[0x21] == Phase(2, Movement.STRAIGHT, User.MOTOR)
    assert found[0x68] == Phase(6, None, User.PEDESTRIAN)
    assert 0x20 not in found
    assert 0x81 not in found


@pytest.mark.parametrize("rule", RULES)
def test_every_number_is_found_back_or_a_lower_one_that_means_the_same(rule: Rule) -> None:
    for number, phase in phases(rule).items():
        back = number_of(rule, phase)
        assert back is not None
        assert back <= number
        assert phases(rule)[back] == phase
    assert number_of(rule, Phase(2, Movement.RESERVED, User.PEDESTRIAN)) is None


@pytest.mark.parametrize("rule", RULES)
def test_columns_say_what_the_tables_say(rule: Rule) -> None:
    table = columns(rule)
    for number in range(281):
        phase = phases(rule).get(number)
        assert table.is_known[number] == (phase is not None)
        if phase:
            assert table.approach[number] == phase.approach
            assert table.movement[number] == (255 if phase.movement is None else phase.movement)


@pytest.mark.parametrize(("heading", "side"), [(0, 0), (22, 0), (23, 1), (90, 2), (180, 4), (337, 7), (338, 0), (360, 0)])
def test_a_side_is_the_nearest_of_eight(heading: float, side: int) -> None:
    assert side_of(heading) == side
