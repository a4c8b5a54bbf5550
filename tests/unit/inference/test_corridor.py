"""The emergency corridor: the quickest way by what is known, and greens asked ahead and given back behind. No vehicles needed."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.city.corridor.corridor import US, Ask, Corridor, CorridorParameters, on_the_way
from services.inference.city.corridor.way import Line, Streets, Way
from tests.unit.inference.small_roads import crossing

NOW = 1_777_622_400 * US
SIGNALS = {4: (11, 1), 9: (12, 3)}
NOBODY: dict[int, int] = {}


def streets() -> Streets:
    return Streets(crossing(has_signals=True))


def link(name: str) -> int:
    return int(crossing().links.id.tolist().index(name))


def way(*lines: tuple[int, float]) -> Way:
    return Way((0, 1, 2), 100.0, tuple(Line(connection, after_s, after_s * 10) for connection, after_s in lines))


def test_a_way_leads_over_the_junction_and_names_its_signal() -> None:
    one = streets()
    found = one.way(link("1to5"), 88.0, link("5to3"), one.free_s)
    assert found is not None
    assert found.links == (link("1to5"), link("5to3"))
    (line,) = found.lines
    assert one.network.connections.from_lane[line.connection] == one.network.lane_of["1to5_0"]
    assert line.after_m == pytest.approx(100.0, abs=0.5)
    assert line.after_s == pytest.approx(100.0 / 13.9, abs=0.1)
    assert found.takes_s == pytest.approx((100.0 + 188.0 + 24.0) / 13.9, abs=0.5)


def test_where_no_way_leads_there_is_none() -> None:
    one = streets()
    assert one.way(link("5to3"), 0.0, link("1to5"), one.free_s) is None
    assert one.way(link("5to3"), 94.0, link("5to3"), one.free_s).takes_s == pytest.approx(94.0 / 13.9, abs=0.1)  # type: ignore[union-attr]


def test_who_crawls_makes_a_link_slow_and_one_alone_tells_little() -> None:
    one = streets()
    here, free = link("1to5"), one.free_s[link("1to5")]
    alone = one.now_s(np.array([here]), np.array([2.5]))[here]
    crowd = one.now_s(np.full(20, here), np.full(20, 2.5))[here]
    assert free < alone < crowd
    assert crowd > 0.8 * 188.0 / 2.5
    assert one.now_s(np.full(4, here), np.zeros(4))[here] == pytest.approx(free + 8.0)  # they leave once it is green
    assert one.now_s(np.empty(0, np.int64), np.empty(0), faster=1.2)[here] == pytest.approx(free / 1.2)


def test_a_green_is_asked_ahead_with_time_for_those_who_stand_there() -> None:
    corridor = Corridor()
    asks, over = corridor.wishes(way((4, 40.0), (9, 200.0)), SIGNALS, {4: 8}, NOW)
    assert asks == [Ask(11, 1, NOW + 21 * US, NOW + 46 * US)]  # 3 s to start and 2 s for each of eight before, 6 s after
    assert over == []
    assert corridor.open == (11,)


def test_an_arrival_that_moves_is_asked_anew_and_one_that_keeps_is_not() -> None:
    corridor = Corridor()
    corridor.wishes(way((4, 40.0)), SIGNALS, NOBODY, NOW)
    assert corridor.wishes(way((4, 39.0)), SIGNALS, NOBODY, NOW + US) == ([], [])
    assert len(corridor.wishes(way((4, 34.0)), SIGNALS, NOBODY, NOW + 2 * US)[0]) == 1


def test_a_signal_that_was_passed_is_given_back_and_at_the_end_all_are() -> None:
    corridor = Corridor(CorridorParameters(lead_s=300.0))
    corridor.wishes(way((4, 5.0), (9, 60.0)), SIGNALS, NOBODY, NOW)
    assert corridor.wishes(way((9, 53.0)), SIGNALS, NOBODY, NOW + 7 * US) == ([], [11])
    assert corridor.end() == [12]
    assert corridor.open == ()


def test_what_was_refused_is_asked_again() -> None:
    corridor = Corridor()
    corridor.wishes(way((4, 40.0)), SIGNALS, NOBODY, NOW)
    corridor.refused(11)
    assert len(corridor.wishes(way((4, 39.0)), SIGNALS, NOBODY, NOW + US)[0]) == 1


def test_only_who_is_ahead_on_the_way_and_near_is_warned() -> None:
    links, offsets = np.array([0, 0, 1, 1, 2, 7]), np.array([20.0, 80.0, 10.0, 90.0, 5.0, 5.0])
    ahead = on_the_way((0, 1, 2), links, offsets, 50.0, np.full(8, 100.0), 100.0)
    assert ahead.tolist() == [False, True, True, False, False, False]
