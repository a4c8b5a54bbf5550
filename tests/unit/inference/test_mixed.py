"""Pairs over several ways: weights add up, and a contact counts where it is more likely than not."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chelu.motion.sweep import Meeting
from services.inference.mixed import Rows, meet_mixed

INF = np.inf


def _table(first, probability, likeliest):
    """A meeting of rows by number."""
    tables = [np.array(one) for one in (first, probability, likeliest)]
    return lambda a, b: Meeting(*(table[a, b] for table in tables))


# rows: 0 and 1 are tracks, 2 the other way of 0, 3 that of 1
ROWS = Rows(np.array([0.7, 0.6, 0.3, 0.4]), np.array([2, 3, -1, -1]))
A, B = np.array([0]), np.array([1])


def _square(values):
    """first (0|2 with 1|3) in a table of four rows."""
    table = np.full((4, 4), INF)
    (table[0, 1], table[0, 3]), (table[2, 1], table[2, 3]) = values
    return table


def test_a_contact_on_ways_that_are_likely_together_counts_and_names_those_ways() -> None:
    first = _square([[INF, 2.0], [1.0, 3.0]])  # 0.28, 0.18, 0.12: 0.58 together
    chance = np.where(np.isfinite(first), 1.0, 0.0)
    found = meet_mixed(ROWS, A, B, _table(first, chance, first))
    assert found.meeting.first_s[0] == 2.0
    assert (found.way_a[0], found.way_b[0]) == (0, 3)
    np.testing.assert_allclose(found.meeting.probability, 0.58)
    np.testing.assert_allclose(found.taken, 0.58)
    assert found.meeting.likeliest_s[0] == 2.0


def test_a_contact_on_unlikely_ways_alone_is_no_contact_but_has_its_chance() -> None:
    first = _square([[INF, INF], [1.0, 3.0]])  # 0.3 together
    chance = np.where(np.isfinite(first), 0.9, 0.0)
    found = meet_mixed(ROWS, A, B, _table(first, chance, first))
    assert found.meeting.first_s[0] == INF
    np.testing.assert_allclose(found.meeting.probability, 0.27)
    np.testing.assert_allclose(found.taken, 0.3)
    assert (found.way_a[0], found.way_b[0]) == (2, 1)
    assert found.meeting.likeliest_s[0] == 1.0


def test_pairs_on_one_way_each_are_what_they_are() -> None:
    rows = Rows(np.ones(3), np.full(3, -1))
    first = np.array([[INF, 1.0, 2.0], [1.0, INF, INF], [2.0, INF, INF]])
    a, b = np.array([0, 0, 1]), np.array([1, 2, 2])
    found = meet_mixed(rows, a, b, _table(first, np.exp(-first), first))
    assert found.meeting.first_s.tolist() == [1.0, 2.0, INF]
    assert found.way_a.tolist() == a.tolist()
    assert found.way_b.tolist() == b.tolist()
    assert found.taken.tolist() == [1.0, 1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.floats(0.51, 1), st.floats(0.51, 1), st.booleans())
def test_chances_are_those_of_the_sum_over_ways_whichever_side_is_which(chances, one, two, turned) -> None:
    rows = Rows(np.array([one, two, 1 - one, 1 - two]), np.array([2, 3, -1, -1]))
    table = np.zeros((4, 4))
    (table[0, 1], table[0, 3]), (table[2, 1], table[2, 3]) = np.array(chances).reshape(2, 2)
    table = np.maximum(table, table.T)
    never = np.full((4, 4), INF)
    a, b = (B, A) if turned else (A, B)
    found = meet_mixed(rows, a, b, _table(never, table, never))
    expected = np.array([one, 1 - one]) @ np.array(chances).reshape(2, 2) @ np.array([two, 1 - two])
    np.testing.assert_allclose(found.meeting.probability, expected, atol=1e-12)
