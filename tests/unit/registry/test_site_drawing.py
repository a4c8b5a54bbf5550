"""What a page gets to draw a site's roads: every lane's line, width and deck, and the stop lines as SPAT numbers them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from chelu.roads import sumo
from chelu.roads.network import Kind, RoadNetwork
from services.registry.site_drawing import Drawing, Drawings, drawing

FILE = next((Path(__file__).parents[3] / "simulators" / "data").rglob("*.net.xml.gz"))


@pytest.fixture(scope="module")
def network() -> RoadNetwork:
    return sumo.read(FILE.read_bytes())


@pytest.fixture(scope="module")
def drawn(network: RoadNetwork) -> Drawing:
    return drawing("hillside", 3, network)


def test_every_lane_that_can_be_seen_is_drawn_with_its_points(network: RoadNetwork, drawn: Drawing) -> None:
    lanes = drawn.lanes
    seen = network.lane_kind() != Kind.WALKING_AREA
    assert len(lanes.width_m) == len(lanes.deck) == len(lanes.kind) == len(lanes.start) - 1 == int(seen.sum())
    assert len(lanes.points) == lanes.start[-1] * 3
    assert sorted(set(lanes.deck)) == sorted(set(network.lanes.deck[seen].tolist()))
    assert lanes.deck == sorted(lanes.deck)


def test_stop_lines_lie_at_the_ends_of_lanes_that_signals_hold(network: RoadNetwork, drawn: Drawing) -> None:
    lines = drawn.stop_lines
    held = network.connections.signal >= 0
    assert set(lines.intersection) == set(range(1, len(network.signals.id) + 1))
    assert min(lines.phase) == 1
    ends = {tuple(np.round(network.lanes.shape[lane][-1][:2], 2)) for lane in network.connections.from_lane[held].tolist()}
    assert set(zip(lines.east_m, lines.north_m, strict=True)) == ends


def test_a_drawing_is_made_once_for_a_version_and_can_be_unpacked(drawn: Drawing) -> None:
    drawings, drawn_again = Drawings(), list[int]()

    def draw() -> Drawing:
        drawn_again.append(1)
        return drawn

    first = drawings.find(("hillside", "1"), draw)
    assert drawings.find(("hillside", "1"), draw) is first
    assert drawings.find(("hillside", "map-1"), draw) is not first
    assert len(drawn_again) == 2
    assert json.loads(gzip.decompress(first.packed)) == json.loads(first.plain)
