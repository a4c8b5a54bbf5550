"""Map matching by where a track came from: decks above one another, a road beside, and heights that are wrong."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from chelu.roads import sumo
from chelu.roads.geometry import lane_path
from chelu.roads.network import RoadNetwork
from services.inference.city.state.layout import layout_of
from services.inference.city.state.matching import Matcher
from services.inference.city.state.reach import reach_of
from tests.unit.inference.state_drives import Car

SECOND_US = 1_000_000


def _edge(name: str, begin: str, end: str, shape: str, length: float) -> str:
    lane = f'<lane id="{name}_0" index="0" speed="20" length="{length}" width="3.5" shape="{shape}"/>'
    return f'<edge id="{name}" from="{begin}" to="{end}">{lane}</edge>'


@cache
def decks() -> RoadNetwork:
    """A road below and one above it for 300 m, entered from different sides; and a road beside these, 6 m to the north."""
    edges = [
        _edge("low_in", "a", "b", "-100,0,0 0,0,0", 100), _edge("low", "b", "c", "0,0,0 300,0,0", 300),
        _edge("high_in", "d", "e", "-80,-60,6 0,0,6", 100), _edge("high", "e", "f", "0,0,6 300,0,6", 300),
        _edge("beside_in", "g", "h", "-100,6,0 0,6,0", 100), _edge("beside", "h", "i", "0,6,0 300,6,0", 300),
    ]  # fmt: skip
    places = {
        "a": (-100, 0),
        "b": (0, 0),
        "c": (300, 0),
        "d": (-80, -60),
        "e": (0, 0),
        "f": (300, 0),
        "g": (-100, 6),
        "h": (0, 6),
        "i": (300, 6),
    }
    nodes = [f'<junction id="{name}" type="priority" x="{x}" y="{y}" z="0" shape=""/>' for name, (x, y) in places.items()]
    links = [f'<connection from="{one}_in" to="{one}" fromLane="0" toLane="0" dir="s"/>' for one in ("low", "high", "beside")]
    return sumo.read(f"<net>{''.join(edges)}{''.join(nodes)}{''.join(links)}</net>".encode())


def lanes_of(way: str, *, up_m: float | None, aside_m: float = 0.0) -> list[str]:
    """The lanes found second by second from a road's entry to its end; up_m: added to the height, None: not known."""
    network = decks()
    layout = layout_of(network)
    matcher = Matcher(network, layout, reach_of(network, layout.length_m))
    car = Car((f"{way}_in_0", f"{way}_0"), [10.0 + 12.0 * second for second in range(30)])
    found = []
    for second in range(30):
        east, north, up, heading, _ = car.at(network, second) or (0.0,) * 5
        xyz = np.array([[east, north + aside_m, np.nan if up_m is None else up + up_m]])
        matched = matcher.match(
            np.zeros(1, np.int64), np.zeros(1, np.int64), np.array([second * SECOND_US + 1]), xyz, np.array([heading])
        )
        found.append(str(network.lanes.id[matched.lane[0]]) if matched.lane[0] >= 0 else "")
    return found


@pytest.mark.parametrize("way", ["low", "high"])
@pytest.mark.parametrize("up_m", [None, 0.0, 12.0, -9.0])
def test_a_deck_is_known_by_the_way_there_whatever_the_height_says(way: str, up_m: float | None) -> None:
    found = lanes_of(way, up_m=up_m)
    assert found[0] == f"{way}_in_0"
    assert set(found[12:]) == {f"{way}_0"}


def test_who_is_nearer_to_the_road_beside_than_to_its_own_stays_on_its_own() -> None:
    found = lanes_of("low", up_m=0.0, aside_m=0.0)
    assert set(found[12:]) == {"low_0"}
    assert set(lanes_of("beside", up_m=None, aside_m=-2.0)[12:]) == {"beside_0"}


def test_a_vehicle_that_was_not_seen_for_long_is_placed_anew() -> None:
    network = decks()
    layout = layout_of(network)
    matcher = Matcher(network, layout, reach_of(network, layout.length_m))
    slot, heading = np.zeros(1, np.int64), np.array([90.0])

    def on(second: int, north: float, up: float) -> str:
        place = np.array([[150.0, north, up]])
        found = matcher.match(slot, slot, np.array([second * SECOND_US]), place, heading)
        return str(network.lanes.id[found.lane[0]])

    assert on(1, 0.0, 0.0) == "low_0"
    assert on(60, 0.0, 6.0) == "high_0"


def test_gaps_between_links_are_the_shortest_way() -> None:
    network = decks()
    layout = layout_of(network)
    reach = reach_of(network, layout.length_m)
    link = {str(name): row for row, name in enumerate(network.links.id)}
    assert reach.gap(np.array([link["low_in"]]), np.array([link["low"]])) == pytest.approx(0.0)
    assert np.isinf(reach.gap(np.array([link["low_in"]]), np.array([link["high"]]))[0])
    assert len(lane_path(network, ["low_in_0", "low_0"])[0]) == 3
