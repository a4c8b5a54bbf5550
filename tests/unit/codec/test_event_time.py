"""Event time around the turns of minute and year."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.codec.cv2x_time import event_time_us, minute_of_year, minute_time_us

MINUTE_US = 60_000_000
NEW_YEAR_2024 = 1_704_067_200_000_000
UNKNOWN_MINUTE, UNKNOWN_MS = 527_040, 65_535


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@given(st.integers(0, 59_999), st.integers(0, 4_000_000_000_000_000))
def test_event_time_fits_the_mark_and_lies_within_half_a_minute_of_the_reference(mark: int, reference: int) -> None:
    found = int(event_time_us(mark, reference))
    assert found // 1000 % 60_000 == mark
    assert found % 1000 == 0
    assert abs(found - reference) <= MINUTE_US // 2


def test_a_mark_before_the_turn_of_the_minute_belongs_to_the_minute_before() -> None:
    assert event_time_us(59_990, NEW_YEAR_2024 + 5_000) == NEW_YEAR_2024 - 10_000
    assert event_time_us(20, NEW_YEAR_2024 - 5_000) == NEW_YEAR_2024 + 20_000


@pytest.mark.parametrize("mark", [60_000, 65_535])
def test_an_unknown_mark_gives_the_reference_itself(mark: int) -> None:
    assert event_time_us(mark, 1_234_567) == 1_234_567


def test_the_minute_of_the_year_is_of_the_year_nearest_to_the_reference() -> None:
    last_minute = 365 * 1440 - 1
    found = minute_time_us(ints(last_minute, 0), ints(59_000, 500), ints(NEW_YEAR_2024 + 100, NEW_YEAR_2024 - 100))
    assert found.tolist() == [NEW_YEAR_2024 - 1_000_000, NEW_YEAR_2024 + 500_000]


def test_a_minute_an_hour_off_is_kept_as_it_is_said() -> None:
    found = minute_time_us(ints(60), ints(0), ints(NEW_YEAR_2024))
    assert found.tolist() == [NEW_YEAR_2024 + 60 * MINUTE_US]


def test_a_minute_of_the_leap_day_at_the_end_of_a_leap_year_is_found() -> None:
    found = minute_time_us(ints(366 * 1440 - 1), ints(0), ints(NEW_YEAR_2024 + 366 * 1440 * MINUTE_US))
    assert found.tolist() == [NEW_YEAR_2024 + (366 * 1440 - 1) * MINUTE_US]


def test_what_is_unknown_is_left_to_the_reference() -> None:
    reference = NEW_YEAR_2024 + 30_123_456
    found = minute_time_us(
        ints(UNKNOWN_MINUTE, UNKNOWN_MINUTE, 0, 5), ints(UNKNOWN_MS, 30_000, UNKNOWN_MS, UNKNOWN_MS), ints(*[reference] * 4)
    )
    assert found.tolist() == [reference, NEW_YEAR_2024 + 30_000_000, reference, NEW_YEAR_2024 + 5 * MINUTE_US]


@given(st.integers(0, 4_000_000_000_000_000))
def test_minute_of_year_is_undone_by_minute_time(instant: int) -> None:
    minute, mark = minute_of_year(ints(instant))
    assert minute_time_us(minute, mark, ints(instant)).tolist() == [instant // 1000 * 1000]
