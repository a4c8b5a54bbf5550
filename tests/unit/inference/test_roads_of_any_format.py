"""A site may drive on a map of any format: a car is placed on its lanes, and they lead into one another."""

from __future__ import annotations

import numpy as np
import pytest

from chelu.geo import LocalFrame, heading_of
from chelu.roads import sumo
from chelu.roads.at_site import open_at
from chelu.roads.geojson import writing as geojson
from chelu.roads.mapdata.writing import frames_of, usual_style
from chelu.roads.network import VEHICLES, RoadNetwork
from services.inference.network import NetworkRoads
from services.inference.reports import Ints
from services.inference.stop_lines import stop_lines
from tests.unit.inference.scenes import Car, drive, raised, site
from tests.unit.inference.signal_roads import STOP_C, town, town_file
from tests.unit.roads.lanelet2_files import crossing_with_lights, file_of
from tests.unit.roads.opendrive_files import file_of as opendrive_file
from tests.unit.roads.opendrive_files import road

SITE = LocalFrame(29.53, 106.57, 240.0)
ELSEWHERE = LocalFrame(29.531, 106.572, 200.0)


def of(content: bytes, file: str) -> RoadNetwork:
    return open_at(content, file, SITE).network


def placed(network: RoadNetwork) -> tuple[Ints, Ints]:
    """The lanes for vehicles, and those on which cars in the middle of them are found."""
    lanes = np.flatnonzero((network.lanes.users & int(VEHICLES)) != 0)
    middles, headings = [], []
    for lane in lanes.tolist():
        shape = network.lanes.shape[lane]
        at = max(1, len(shape) // 2)
        step = shape[at] - shape[at - 1]
        middles.append((shape[at] + shape[at - 1]) / 2.0)
        headings.append(float(heading_of(step[0], step[1])))
    found = NetworkRoads(network).place(np.array(middles), np.array(headings), np.full(len(lanes), -1))
    return lanes, found.lane


@pytest.mark.parametrize("name", ["sumo", "lanelet2", "map", "geojson", "opendrive"])
def test_cars_are_placed_on_the_lanes_of_every_format(name: str) -> None:
    town_there = sumo.read(town_file())
    network = {
        "sumo": lambda: of(town_file(), "town.net.xml"),
        "lanelet2": lambda: of(file_of(*crossing_with_lights()), "crossing.osm"),
        "map": lambda: of(
            b"\n".join(one.hex().encode() for one in frames_of(town_there, SITE, usual_style(town_there))), "t.hex"
        ),
        "geojson": lambda: of(geojson.written(town_there, SITE), "town.geojson"),
        "opendrive": lambda: of(opendrive_file(road()), "town.xodr"),
    }[name]()
    lanes, found = placed(network)
    assert len(lanes) > 0
    assert np.mean(found == lanes) > 0.6, "where lanes begin alike, the other one may be found"
    assert (found >= 0).all()


def test_a_file_whose_metres_begin_elsewhere_lies_where_it_lies_on_earth() -> None:
    plain = town()
    moved = open_at(geojson.written(plain, ELSEWHERE), "town.geojson", SITE)
    assert moved.frame == SITE
    shift = SITE.to_local(*ELSEWHERE.to_geodetic(np.zeros((1, 3))))[0]
    assert np.allclose(moved.network.lanes.shape.points[0], plain.lanes.shape.points[0] + shift, atol=0.02)
    lanes, found = placed(moved.network)
    assert np.array_equal(lanes, found), "the index has moved with the lanes"


def test_a_signal_of_a_map_message_warns_as_one_of_a_sumo_network_does() -> None:
    there = town()
    frames = frames_of(there, SITE, usual_style(there))
    network = of(b"\n".join(one.hex().encode() for one in frames), "town.hex")
    assert stop_lines(network) is not None
    from services.inference.signals import Light
    from tests.unit.inference.staged import says

    car = Car(1, (0, STOP_C - 60, 0), 0, 14)
    red = says({(1, 1): [(Light.RED, 0, 60)]})
    for roads in (network, there):
        assert raised(drive([car], 5, site(roads=NetworkRoads(roads)), tell=red), "svw")
