from __future__ import annotations

import numpy as np

from chelu.store.series import US_PER_DAY, US_PER_HOUR, window_slots

TODAY = 20_000
NOW_US = TODAY * US_PER_DAY + 5


def test_days_around_now_are_wanted_and_absurd_ones_are_not() -> None:
    extremes = np.iinfo(np.int64)
    times = np.array([NOW_US, NOW_US - US_PER_DAY, 0, extremes.min, extremes.max, NOW_US + 3 * US_PER_DAY])
    assert window_slots(times, NOW_US, 24) == {TODAY, TODAY - 1}


def test_midnight_belongs_to_the_day_it_begins() -> None:
    assert window_slots(np.array([TODAY * US_PER_DAY, TODAY * US_PER_DAY - 1]), NOW_US, 24) == {TODAY, TODAY - 1}


def test_hours_are_windowed_as_hours() -> None:
    times = np.array(
        [NOW_US, NOW_US - 399 * US_PER_HOUR, NOW_US - 401 * US_PER_HOUR, NOW_US + 47 * US_PER_HOUR, NOW_US + US_PER_DAY * 3]
    )
    assert window_slots(times, NOW_US, 1) == {24 * TODAY, 24 * TODAY - 399, 24 * TODAY + 47}
