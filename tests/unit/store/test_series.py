from __future__ import annotations

import numpy as np

from chelu.store.series import US_PER_DAY, window_days

TODAY = 20_000
NOW_US = TODAY * US_PER_DAY + 5


def test_days_around_now_are_wanted_and_absurd_ones_are_not() -> None:
    extremes = np.iinfo(np.int64)
    times = np.array([NOW_US, NOW_US - US_PER_DAY, 0, extremes.min, extremes.max, NOW_US + 3 * US_PER_DAY])
    assert window_days(times, NOW_US) == {TODAY, TODAY - 1}


def test_midnight_belongs_to_the_day_it_begins() -> None:
    assert window_days(np.array([TODAY * US_PER_DAY, TODAY * US_PER_DAY - 1]), NOW_US) == {TODAY, TODAY - 1}
