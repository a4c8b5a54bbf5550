from __future__ import annotations

import numpy as np
import pytest

from chelu.messages import Batch, concatenate
from simulators.comparison import Comparison, Tolerance, compare

MS = 1000


def rows(who: list[int], time_us: list[int], x: list[float] | None = None) -> Batch:
    n = len(who)
    x_m = np.array(x or [10.0 * i for i in range(n)])
    return Batch(
        {
            "who": np.array(who, np.int64),
            "time_us": np.array(time_us, np.int64),
            "tie_a": np.rint(x_m * 100).astype(np.int64),
            "tie_b": np.zeros(n, np.int64),
            "x_m": x_m,
            "y_m": np.zeros(n),
            "z_m": np.zeros(n),
            "speed_mps": np.full(n, 5.0),
            "light": np.zeros(n, np.int64),
            "end_s": np.full(n, np.nan),
        }
    )


SOURCE = rows([1, 2, 1, 2], [0, 0, 100 * MS, 100 * MS])


def test_rows_stored_as_they_were_pass() -> None:
    found = compare("bsm", SOURCE, SOURCE.take(np.array([3, 1, 0, 2])))
    assert found == Comparison("bsm", expected=4, stored=4)
    assert Tolerance().faults(found) == []


def test_a_missing_row_is_found() -> None:
    found = compare("bsm", SOURCE, SOURCE.take(np.array([0, 1, 3])))
    assert (found.missing, found.stored) == (1, 3)
    assert Tolerance().faults(found) == ["bsm: 1 of 4 rows missing"]


def test_a_row_stored_twice_is_found() -> None:
    found = compare("bsm", SOURCE, concatenate([SOURCE, SOURCE.take(np.array([2]))]))
    assert (found.missing, found.doubled, found.stray) == (0, 1, 0)


def test_a_displaced_row_is_measured() -> None:
    moved = SOURCE.with_columns(x_m=SOURCE["x_m"] + np.array([0, 0.03, 0, 0]), y_m=np.array([0, 0.04, 0, 0]))
    found = compare("bsm", SOURCE, moved)
    assert found.position_error_m == pytest.approx(0.05)
    assert len(Tolerance().faults(found)) == 1


def test_a_row_with_a_wrong_time_is_missing_and_stray_and_its_error_known() -> None:
    late = SOURCE.with_columns(time_us=SOURCE["time_us"] + np.array([0, 0, 0, 7 * MS]))
    found = compare("bsm", SOURCE, late)
    assert (found.missing, found.stray, found.time_error_us) == (1, 1, 7 * MS)


def test_two_samples_of_one_vehicle_in_one_millisecond_do_not_collide() -> None:
    twice = rows([1, 1, 1], [0, 0, 100 * MS], [5.0, 9.0, 13.0])
    found = compare("bsm", twice, twice.take(np.array([1, 2, 0])))
    assert found == Comparison("bsm", expected=3, stored=3)
    found = compare("bsm", twice, twice.take(np.array([1, 2])))
    assert found.missing == 1


def test_a_value_that_only_one_side_has_is_infinitely_wrong() -> None:
    blank = SOURCE.with_columns(speed_mps=np.array([5.0, np.nan, 5.0, 5.0]))
    assert compare("bsm", SOURCE, blank).speed_error_mps == np.inf


def test_another_light_is_counted() -> None:
    assert compare("spat", SOURCE, SOURCE.with_columns(light=np.array([0, 0, 6, 0]))).lights_wrong == 1


def test_nothing_stored_is_all_missing() -> None:
    found = compare("bsm", SOURCE, SOURCE.take(np.empty(0, np.intp)))
    assert (found.missing, found.stored) == (4, 0)


def test_nothing_expected_and_nothing_stored_is_well() -> None:
    nothing = SOURCE.take(np.empty(0, np.intp))
    assert compare("bsm", nothing, nothing) == Comparison("bsm")


def test_stretches_add_up() -> None:
    one = Comparison("bsm", expected=4, stored=3, missing=1, position_error_m=0.5)
    two = Comparison("bsm", expected=2, stored=2, position_error_m=0.1, lights_wrong=1)
    assert one + two == Comparison("bsm", expected=6, stored=5, missing=1, position_error_m=0.5, lights_wrong=1)
