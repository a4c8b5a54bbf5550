"""What of a map a unit is sent: the nodes that it covers, and nothing that places nobody."""

from __future__ import annotations

from chelu.geo import LocalFrame
from chelu.roads import sumo
from services.registry.maps.parts import Part, Parts
from tests.unit.roads.made import star

FRAME = LocalFrame(29.5, 106.5, 250.0)


def part_of(east_m: float, coverage_m: float) -> Part | None:
    """Of a unit on a road from the west to the east, one way, 200 m from its middle to each end."""
    network = sumo.read(star([(180.0, 1, 0, 0.0), (0.0, 0, 1, 0.0)], groups=0).encode())
    latitude, longitude, _ = (float(one[0]) for one in FRAME.to_geodetic([(east_m, 0.0)]))
    return Parts(network, FRAME).of({"latitude_deg": latitude, "longitude_deg": longitude, "coverage_m": coverage_m})


def test_a_unit_is_sent_the_nodes_that_it_covers_and_those_at_which_roads_only_begin_are_among_them() -> None:
    part = part_of(0.0, 250.0)
    assert part is not None
    assert sorted(len(node.get("in_links", ())) for node in part.nodes) == [0, 1, 1]


def test_a_unit_that_covers_only_where_a_road_begins_is_sent_nothing() -> None:
    assert part_of(-200.0, 50.0) is None
    assert part_of(200.0, 50.0) is not None
