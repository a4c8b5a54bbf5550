"""Boxes that overlap, instants and nearest samples: native code, its twin and the plain loop agree."""

import itertools

import numpy as np
import pytest

from chelu import native
from chelu.motion.instants import aligned, closest
from chelu.motion.neighbours import BAND_M, meeting_boxes


@pytest.fixture(params=["native", "plain"], autouse=True)
def code(request, monkeypatch):
    """Each test runs with native code and without."""
    library = request.getfixturevalue("native_code") if request.param == "native" else None
    monkeypatch.setattr(native, "library", lambda: library)
    return library


def _boxes(random, n, spread_m, most_m):
    low = random.uniform(-spread_m, spread_m, (n, 2))
    return low, low + random.uniform(0, most_m, (n, 2))


def _loop(low, high, flags, needed):
    return {
        (i, j)
        for i, j in itertools.combinations(range(len(low)), 2)
        if (flags[i] | flags[j]) & needed == needed and (low[i] <= high[j]).all() and (low[j] <= high[i]).all()
    }


@pytest.mark.parametrize(("spread_m", "most_m"), [(300, 60), (2000, 400), (5, 3), (100_000, 3 * BAND_M)])
def test_boxes_that_overlap_are_those_of_the_loop_over_all_pairs(spread_m, most_m) -> None:
    random = np.random.default_rng(1)
    low, high = _boxes(random, 250, spread_m, most_m)
    flags = random.integers(0, 8, 250).astype(np.uint8)
    found = meeting_boxes(low, high, flags, 7, 40_000)
    assert found is not None
    pairs = list(zip(*(one.tolist() for one in found), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert set(pairs) == _loop(low, high, flags, 7)


def test_boxes_that_touch_at_a_corner_or_at_a_bands_edge_overlap() -> None:
    low = np.array([[0.0, BAND_M - 1], [1.0, BAND_M], [2.0, BAND_M + 1e-9]])
    high = np.array([[1.0, BAND_M], [2.0, BAND_M + 1], [3.0, BAND_M + 2]])
    found = meeting_boxes(low, high, np.full(3, 1, np.uint8), 1, 10)
    assert found is not None
    assert sorted(zip(*(one.tolist() for one in found), strict=True)) == [(0, 1), (1, 2)]


def test_a_box_that_nobody_knows_overlaps_none_and_more_pairs_than_asked_for_are_said() -> None:
    low, high = np.zeros((40, 2)), np.ones((40, 2))
    low[3], high[5] = np.nan, np.nan
    flags = np.full(40, 1, np.uint8)
    found = meeting_boxes(low, high, flags, 1, 1000)
    assert found is not None
    assert len(found[0]) == 38 * 37 / 2
    assert not {3, 5} & set(np.concatenate(found).tolist())
    assert meeting_boxes(low, high, flags, 1, 38 * 37 // 2 - 1) is None
    none = meeting_boxes(low[:0], high[:0], flags[:0], 1, 10)
    assert none is not None
    assert len(none[0]) == 0


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_futures_are_read_between_their_samples_and_headings_turn_the_short_way(kind) -> None:
    xy = (np.arange(24.0).reshape(2, 6, 2) ** 2).astype(kind)
    heading = np.array([[350, 355, 359, 1, 10, 20], [5, 1, 357, 350, 350, 350]], kind)
    there, then = aligned(xy, heading, np.array([1, 0, 1]), np.array([0.0, 1.5, 2.25]), 3)
    np.testing.assert_allclose(there[0], xy[1, :3])
    np.testing.assert_allclose(there[1], (xy[0, 1:4] + xy[0, 2:5]) / 2)
    np.testing.assert_allclose(there[2], 0.75 * xy[1, 2:5] + 0.25 * xy[1, 3:6])
    np.testing.assert_allclose(np.mod(then[1], 360), [357, 0, 5.5], atol=1e-9)
    np.testing.assert_allclose(then[2], [355.25, 350, 350])


def test_nobody_is_read_who_is_not_there() -> None:
    xy, heading = np.zeros((2, 6, 2)), np.zeros((2, 6))
    for slots, steps in ((2, 0.0), (-1, 0.0), (0, 3.0), (0, -1.0)):
        with pytest.raises(IndexError, match="there are"):
            aligned(xy, heading, np.array([slots]), np.array([steps]), 3)
    with pytest.raises(IndexError, match="there are 2"):
        closest(xy, np.array([0]), np.array([2]))


def test_the_nearest_sample_is_the_first_of_equals() -> None:
    xy = np.random.default_rng(2).normal(0, 10, (40, 21, 2))
    xy[0] = np.rint(xy[0])
    xy[1] = xy[0] + [3.0, 4.0]
    a, b = np.array([0, 2, 5, 7]), np.array([1, 9, 30, 7])
    found = closest(xy, a, b)
    apart = np.linalg.norm(xy[a] - xy[b], axis=2)
    assert found[0] == 0
    assert found.tolist()[1:] == np.argmin(apart, axis=1).tolist()[1:]
