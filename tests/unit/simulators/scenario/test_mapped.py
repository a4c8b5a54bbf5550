"""Scenarios whose road is a map file: actors are where the file has them, and drive as its lanes run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from chelu.roads import sumo
from chelu.roads.matching import match
from chelu.roads.opendrive.network import network_of
from chelu.roads.opendrive.reading import read as read_opendrive
from simulators.scenario.cases import Design, Request
from simulators.scenario.engine import run
from simulators.scenario.library import TEMPLATES
from simulators.scenario.mapped.rounding import distances_m, rounded
from simulators.scenario.reading import ScenarioError, read_file, read_text
from simulators.scenario.ways import Way, Ways
from tests.unit.simulators.scenario.written import cases, scenario

ROADS = TEMPLATES / "roads"
XODR, NET = ROADS / "descent.xodr", ROADS / "side-road.net.xml"
DISTRICT = Path(__file__).parents[4] / "simulators/data/district.net.xml.gz"


def on_descent(ego: str = "road: 1, lane: -2, s_m: 80", other: str = "road: 1, lane: -1, s_m: 300", more: str = "") -> str:
    return scenario(
        road="opendrive: descent.xodr",
        actors=f"""
            ego: {{under_test: true, start: {{at: {{{ego}}}, speed_kmh: 72}}}}
            other: {{start: {{at: {{{other}}}}}}}
        """,
        after_s=25,
        more=more,
    )


def test_an_actor_on_opendrive_begins_where_road_lane_and_s_are() -> None:
    trace = run(one := read_text(on_descent(), "tried.yaml", ROADS), cases(one))
    road = read_opendrive(XODR.read_bytes(), "descent").roads["1"]
    for column, (lane, s) in enumerate([(-2, 80.0), (-1, 300.0)]):
        at = road.places(s, road.lane_middle(lane, s))
        assert trace.xy[0, 0, column] == pytest.approx([float(at.x_m), float(at.y_m)], abs=0.02)
        assert trace.elevation_m[0, 0, column] == pytest.approx(float(at.z_m), abs=0.02)
    assert [way.name for way in trace.ways.each] == ["main"]
    assert trace.ways.each[0].lanes == 2, "the lane that is driven the other way is none of this way's"


def test_it_keeps_to_its_lane_through_the_bend_and_on_to_the_next_road() -> None:
    trace = run(one := read_text(on_descent(), "tried.yaml", ROADS), cases(one))
    network = network_of(read_opendrive(XODR.read_bytes(), "descent"))
    places = np.column_stack([trace.xy[:, 0, 0], trace.elevation_m[:, 0, 0]])
    found = match(network, places, trace.heading_deg[:, 0, 0])
    assert {str(network.lanes.id[lane]) for lane in found.lane.tolist()} == {"1.0.-2", "2.0.-2"}
    assert np.abs(found.distance_m).max() < 0.05
    assert np.abs(np.diff(np.unwrap(trace.heading_deg[:, 0, 0], period=360.0))).max() < 0.5, "no jumps of the heading"


def test_a_parameter_may_say_where_on_an_even_stretch_and_not_where_the_lane_is_longer_than_its_road() -> None:
    more = "parameters: {where_m: {default: 300, choices: [280, 300, 320]}}"
    one = read_text(on_descent(other="road: 1, lane: -1, s_m: where_m", more=more), "tried.yaml", ROADS)
    trace = run(one, cases(one, Request(Design.GRID)))
    road = read_opendrive(XODR.read_bytes(), "descent").roads["1"]
    for case, s in enumerate([280.0, 300.0, 320.0]):
        at = road.places(s, road.lane_middle(-1, s))
        assert trace.xy[0, case, 1] == pytest.approx([float(at.x_m), float(at.y_m)], abs=0.02)
    bent = "parameters: {where_m: {default: 200}}"
    with pytest.raises(ScenarioError, match="in this bend the lane is longer or shorter than its road"):
        read_text(on_descent(other="road: 1, lane: -2, s_m: where_m", more=bent), "tried.yaml", ROADS)


def test_on_a_sumo_network_ways_go_over_junctions_as_its_connections_do() -> None:
    one = read_file(TEMPLATES / "side-road.yaml")
    assert list(one.road.ways) == ["main", "way_2"]
    trace = run(one, cases(one))
    network = sumo.read(NET.read_bytes())
    assert trace.xy[0, 0] == pytest.approx(np.array([[-160.0, -1.6], [1.6, -80.0]]), abs=1e-6)
    for column, lanes in enumerate([{"west_0", ":centre_0_0", "east_0"}, {"south_0", ":centre_1_0", "east_0"}]):
        last = int(trace.last[0])
        found = match(network, np.column_stack([trace.xy[:last, 0, column], np.zeros(last)]), trace.heading_deg[:last, 0, column])
        assert {str(network.lanes.id[lane]) for lane in found.lane.tolist()} <= lanes | {":centre_0_0"}
        assert np.abs(found.distance_m).max() < 0.15


def test_on_a_lanelet2_map_a_way_goes_from_lanelet_to_lanelet() -> None:
    one = read_file(TEMPLATES / "bend.yaml")
    trace = run(one, cases(one))
    assert [way.lanes for way in trace.ways.each] == [2]
    assert trace.ways.each[0].speed_limit_mps == pytest.approx(50 / 3.6)
    assert trace.xy[0, 0, 0] == pytest.approx([20.0, -5.25], abs=1e-6)
    cyclist = trace.xy[0, 0, 1]
    radius = float(np.hypot(*(cyclist - [120.0, 60.0])))
    assert radius == pytest.approx(60 + 5.25 + 0.8, abs=0.1)
    into_bend = np.arctan2(cyclist[0] - 120.0, 60.0 - cyclist[1]) * 65.25
    assert into_bend == pytest.approx(40.0, abs=0.2)
    north_m = trace.xy[:, 0, 0, 1]
    bend = trace.xy[(north_m > 0.0) & (north_m < 60.0), 0, 0]
    assert np.abs(np.hypot(*(bend - [120.0, 60.0]).T) - 65.25).max() < 0.15, "the ego keeps to the middle of its lanelet"


def test_the_district_that_ships_takes_an_actor_on_any_of_its_edges(tmp_path: Path) -> None:
    shutil.copy(DISTRICT, tmp_path / "district.net.xml.gz")
    network = sumo.read(DISTRICT.read_bytes())
    lanes = [row for row in range(0, len(network.lanes.id), 37) if network.links.kind[network.lanes.link[row]] <= 2]
    for row in lanes:
        edge, _, lane = str(network.lanes.id[row]).rpartition("_")
        text = scenario(
            road="sumo: district.net.xml.gz",
            actors=f"""
                ego: {{under_test: true, start: {{at: {{edge: "{edge}", lane: {lane}, pos_m: 1}}, speed_kmh: 36}}}}
                other: {{start: {{ahead_of: ego, gap_m: 5}}}}
            """,
        )
        one = read_text(text, "tried.yaml", tmp_path)
        begin = one.road.columns().at(np.zeros(1, np.int64), np.array([1.0]), np.zeros(1)).xy[0]
        shape = network.lanes.shape[row]
        assert np.hypot(*(begin - shape[0, :2])) < 1.2


@pytest.mark.parametrize(
    ("old", "new", "key", "sentence"),
    [
        ("descent.xodr", "absent.xodr", "road.opendrive", "cannot be read: No such file"),
        ("descent.xodr", "/dev/zero", "road.opendrive", "Is no file, but a device or a pipe"),
        ("descent.xodr", "side-road.net.xml", "road.opendrive", "cannot be read: "),
        ("road: 1, lane: -2", "road: 7, lane: -2", "actors.ego.start.at.road", "one of 1, 2"),
        ("road: 1, lane: -2", "road: 1, lane: -3", "actors.ego.start.at.lane", "one of -2, -1, 1, which road 1 has there"),
        ("s_m: 80", "s_m: 401", "actors.ego.start.at.s_m", "0 to 400, the length of road 1"),
        ("s_m: 80", "s_m: where_m", "actors.ego.start.at.s_m", "there is no parameter 'where_m'"),
        ("road: 1, lane: -2, s_m: 80", "edge: 1, lane: 0, pos_m: 80", "actors.ego.start.at", "a place on the opendrive file"),
        ("road: 1, lane: -2, s_m: 80", "road: 1, s_m: 80", "actors.ego.start.at", "road, lane and s_m (OpenDRIVE)"),
        ("s_m: 80}", "s_m: 80, through: [7]}", "actors.ego.start.at.through", "does not lead over 7"),
        ("opendrive: descent.xodr", "sumo: side-road.net.xml", "actors.ego.start.at", "a place on the sumo file"),
        ("opendrive: descent.xodr", "shipped: {name: straight}", "actors.ego.start.at", "only where `road` is one of"),
        ("opendrive: descent.xodr", "opendrive: descent.xodr\n  sumo: x.net.xml", "road", "exactly one of shipped, ways"),
    ],
)
def test_what_is_wrong_about_a_map_is_named(old: str, new: str, key: str, sentence: str) -> None:
    text = on_descent().replace(old, new)
    assert text != on_descent()
    with pytest.raises(ScenarioError) as caught:
        read_text(text, "tried.yaml", ROADS)
    problem = next(one for one in caught.value.problems if one.key == key)
    assert sentence in problem.allowed
    assert problem.line > 1


def test_a_line_is_rounded_within_ten_centimetres_and_without_kinks() -> None:
    points = np.array([[0.0, 0, 0], [0, 50, 1], [30, 90, 1], [30, 140, 0], [25, 141, 0], [-60, 141, 4]])
    line = rounded(points)
    way = Ways.of((Way(name="w", x_m=0, y_m=0, heading_deg=line.heading_deg, pieces=line.pieces),))
    along = np.linspace(0, line.along_m[-1], 2000)
    places = way.at(np.zeros(2000, np.int64), along, np.zeros(2000))
    legs = np.diff(points[:, :2], axis=0)
    off = []
    for place in places.xy:
        share = np.clip(np.sum((place - points[:-1, :2]) * legs, axis=1) / np.sum(legs**2, axis=1), 0, 1)
        off.append(np.hypot(*(place - points[:-1, :2] - share[:, None] * legs).T).min())
    assert max(off) < 0.101
    assert places.xy[-1] == pytest.approx(points[-1, :2], abs=1e-6)
    assert places.elevation_m[-1] == pytest.approx(4.0, abs=1e-6)
    assert line.along(float(distances_m(points)[-1])) == pytest.approx(line.along_m[-1])
