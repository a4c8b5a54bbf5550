"""A file that lies elsewhere on Earth than its site: refused with how far, and with a hint when its degrees stand for metres."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chelu.errors import MalformedError
from chelu.geo import LocalFrame
from chelu.roads.at_site import open_at
from chelu.roads.geojson import writing
from chelu.roads.opening import open_roads
from tests.unit.roads.lanelet2_files import file_of, lanelet, node_on_earth, way

SITE, ZERO = LocalFrame(29.5, 106.5), LocalFrame(0.0, 0.0)
Places = Callable[[LocalFrame], bytes]


def lanelet2(frame: LocalFrame) -> bytes:
    places = {"1": (0.0, 3.5), "2": (50.0, 3.5), "3": (0.0, 0.0), "4": (50.0, 0.0)}
    nodes = [node_on_earth(name, place, frame) for name, place in places.items()]
    return file_of(*nodes, way("10", "1 2"), way("11", "3 4"), lanelet("20", "10", "11"))


def geojson(frame: LocalFrame) -> bytes:
    opened = open_roads(lanelet2(frame), "a.osm", origin=frame)
    return writing.written(opened.network, frame)


@pytest.mark.parametrize("made", [lanelet2, geojson])
def test_a_file_at_zero_is_refused_elsewhere_and_the_hint_says_what_it_may_hold(made: Places) -> None:
    assert len(open_at(made(ZERO), "a", ZERO).network.lanes.id) == 1
    with pytest.raises(MalformedError, match=r"km from the (site's )?origin.*whose degrees stand for distances: a site at 0, 0"):
        open_at(made(ZERO), "a", SITE)


@pytest.mark.parametrize("made", [lanelet2, geojson])
def test_a_file_of_another_city_is_refused_without_that_hint(made: Places) -> None:
    with pytest.raises(MalformedError, match=r"km from the (site's )?origin") as raised:
        open_at(made(LocalFrame(39.9, 116.4)), "a", SITE)
    assert "stand for distances" not in str(raised.value)


@pytest.mark.parametrize("made", [lanelet2, geojson])
def test_a_file_from_next_door_is_read_in_the_sites_metres(made: Places) -> None:
    found = open_at(made(LocalFrame(29.6, 106.5)), "a", SITE)
    assert found.network.lanes.shape.points[:, 1].min() == pytest.approx(11_084, abs=20)
