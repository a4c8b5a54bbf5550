"""Networks written in another format and read again: what it has words for is the same, what it has none for is told."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from chelu.codec import cv2x
from chelu.errors import MalformedError
from chelu.geo import LocalFrame
from chelu.roads import sumo, sumo_plain
from chelu.roads.comparing import Difference, compare
from chelu.roads.geojson import reading as geojson_reading
from chelu.roads.geojson import writing as geojson_writing
from chelu.roads.lanelet2.network import network_of as network_of_lanelets
from chelu.roads.mapdata.network import network_of
from chelu.roads.mapdata.writing import Style, frames_of, nodes_of, usual_style
from chelu.roads.network import Kind, RoadNetwork
from tests.unit.roads.lanelet2_files import crossing_with_lights, model_of
from tests.unit.roads.made import networks, star
from tests.unit.roads.networks import district

FRAME = LocalFrame(29.5, 106.5, 250.0)
NO_WORD_IN_A_MAP = {("node", "kind"), ("node", "name"), ("signal", "name"), ("signal", "programme")}


def by_map(network: RoadNetwork) -> RoadNetwork:
    frames = frames_of(network, FRAME, usual_style(network))
    return network_of([cv2x.to_json(frame) for frame in frames], "test", FRAME).network


def differing(found: list[Difference]) -> set[tuple[str, str]]:
    return {(one.what, one.field) for one in found}


@settings(max_examples=15, deadline=None)
@given(networks())
def test_any_network_is_the_same_after_a_map_but_for_what_a_map_has_no_words_for(network: RoadNetwork) -> None:
    found = compare(network, by_map(network), (FRAME, FRAME))
    assert differing(found.differences) <= NO_WORD_IN_A_MAP
    assert found.kept["lane"][0] == len(network.lanes.id)
    assert found.kept["way on"][0] == len(network.connections.from_lane)


@settings(max_examples=15, deadline=None)
@given(networks())
def test_any_network_is_the_same_after_geojson(network: RoadNetwork) -> None:
    again, frame = geojson_reading.read(geojson_writing.written(network, FRAME))
    assert frame == FRAME
    assert compare(network, again).differences == []


def test_the_district_is_the_same_after_geojson() -> None:
    network = district()
    again, _ = geojson_reading.read(geojson_writing.written(network, FRAME))
    assert compare(network, again).differences == []
    assert np.array_equal(again.lanes.deck, network.lanes.deck)
    assert np.abs(again.lanes.shape.points - network.lanes.shape.points).max() < 0.002


def test_the_district_s_roads_ways_and_lights_are_in_its_maps() -> None:
    network = district()
    frames = frames_of(network, FRAME, usual_style(network))
    assert len(frames) > 1
    assert max(map(len, frames)) <= 8188
    found = compare(network, by_map(network), (FRAME, FRAME))
    lonely = [one for one in found.differences if not one.field]
    is_road = np.isin(network.lane_kind(), (Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE))
    roads = set(network.lanes.id[is_road].tolist())
    assert not [one for one in lonely if one.what == "lane" and one.name in roads]
    assert not [one for one in lonely if one.what == "way on" and set(one.name.split(" → ")) <= roads]
    assert differing(found.differences) - {(one.what, "") for one in lonely} <= NO_WORD_IN_A_MAP | {
        ("lane", "its height"),  # 31 points do not follow every lane to 5 cm
        ("lane", "its line"),
        ("link", "kind"),
        ("link", "priority"),
        ("way on", "path across"),
    }
    heights = [one.there for one in found.differences if one.field == "its height"]
    assert len(heights) == 8
    assert all("0.1" in one for one in heights)


def test_a_lanelet2_crossing_keeps_lanes_lights_and_heights_in_its_map() -> None:
    network = network_of_lanelets(model_of(*crossing_with_lights()))
    found = compare(network, by_map(network), (FRAME, FRAME))
    assert {one.name for one in found.differences if one.what == "lane"} == {"30 (junction)", "31 (junction)", "32 (junction)"}
    assert not [one for one in found.differences if one.field in {"signal group", "its height", "limit in m/s", "width in m"}]


def test_nodes_links_and_lanes_that_have_no_names_are_found_by_their_places() -> None:
    network = sumo.read(star([(0, 2, 1, 5.0), (120, 1, 2, -3.0), (240, 1, 1, 0.0)], groups=3).encode())
    frames = frames_of(network, FRAME, Style(numbers=usual_style(network).numbers, region=7, is_named=False))
    again = network_of([cv2x.to_json(frame) for frame in frames], "test", FRAME).network
    found = compare(network, again, (FRAME, FRAME))
    assert differing(found.differences) <= NO_WORD_IN_A_MAP | {("link", "name")}
    assert again.nodes.id.tolist()[0] == "7.1"


def test_a_map_that_is_too_large_becomes_several_and_a_node_that_is_too_large_is_named() -> None:
    network = district()
    style = usual_style(network, most_bytes=2000)
    frames = frames_of(network, FRAME, style)
    assert max(map(len, frames)) <= 2000
    assert sum(len(cv2x.to_json(frame)["nodes"]) for frame in frames) == len(list(nodes_of(network, FRAME, style)))
    with pytest.raises(Exception, match=r"bytes of node 1 = \d+ is outside 1 … 300"):
        frames_of(network, FRAME, usual_style(network, most_bytes=300))


def test_what_is_only_there_is_told_as_well() -> None:
    whole = sumo.read(star([(0, 1, 1, 0.0), (180, 1, 1, 0.0)], groups=2).encode())
    part = sumo.read(star([(0, 1, 1, 0.0), (180, 0, 1, 0.0)], groups=2).encode())
    found = compare(part, whole)
    assert [one.sentence() for one in found.differences if one.what == "lane"] == ["lane in1_0 is only there"]
    assert ("way on", "") in differing(found.differences)


def test_the_same_roads_in_other_frames_are_the_same() -> None:
    network = sumo.read(star([(0, 1, 1, 3.0), (100, 1, 1, 0.0)], groups=2).encode())
    other = LocalFrame(29.501, 106.502, 240.0)
    moved, _ = geojson_reading.read(
        geojson_writing.written(network, FRAME).replace(b'"origin":[106.5, 29.5, 250.0]', b'"origin":[106.502, 29.501, 240.0]')
    )
    assert compare(network, moved, (FRAME, other)).differences == []
    assert ("lane", "its line") in differing(compare(network, moved).differences)


def test_netconvert_makes_the_same_edges_lanes_ways_and_groups_of_the_plain_files(tmp_path: Path) -> None:
    netconvert = shutil.which("netconvert", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if netconvert is None:
        pytest.skip("there is no netconvert: pip install 'chelu[sumo]'")
    network = sumo.read(star([(0, 2, 1, 5.0), (90, 1, 2, -3.0), (180, 1, 1, 0.0), (270, 1, 1, 2.0)], groups=4).encode())
    for name, content in sumo_plain.written(network).items():
        (tmp_path / f"a.{name}").write_bytes(content)
    files = ["-n", "a.nod.xml", "-e", "a.edg.xml", "-x", "a.con.xml", "-i", "a.tll.xml", "-o", "a.net.xml"]
    subprocess.run([netconvert, *files, *sumo_plain.OPTIONS.split()], cwd=tmp_path, check=True, capture_output=True)
    again = sumo.read((tmp_path / "a.net.xml").read_bytes())
    found = compare(network, again)
    assert not [one for one in found.differences if one.here != "–" and not one.field], "nothing is gone"
    kept = {"signal group", "width in m", "limit in m/s", "place in its link", "its height", "first node", "last node"}
    assert not [one for one in found.differences if one.field in kept]


@pytest.mark.parametrize(
    "broken",
    [
        b'{"type":"FeatureCollection","origin":[106.5,29.5,0],"features":[{"properties":{"feature":"link","id":"a","kind":3}}]}',
        b'{"type":"FeatureCollection","origin":[106.5],"features":[]}',
        b'{"type":"FeatureCollection","origin":[106.5,29.5,0],"features":[3]}',
        b'{"type":"FeatureCollection","origin":[106.5,29.5,0],"features":[{"properties":{"feature":"lane","id":"a"},"geometry":null}]}',
    ],
)
def test_geojson_that_is_none_of_ours_is_refused_with_its_file(broken: bytes) -> None:
    with pytest.raises(MalformedError, match=r"roads.geojson: "):
        geojson_reading.read(broken, "roads.geojson")


@pytest.mark.parametrize(
    ("height", "says"),
    [
        (b"1e9", r"features\[\d+\]: it lies 1000000 km from the origin, the limit is 200 km"),
        (b"1e400", "a coordinate is no finite number"),
        (b"NaN", r"features\[\d+\]: it lies nan km from the origin"),
    ],
)
def test_geojson_that_is_larger_than_a_region_is_refused_with_its_feature(height: bytes, says: str) -> None:
    written = geojson_writing.written(sumo.read(star([(0, 1, 1, 3.0), (180, 1, 1, 0.0)], groups=0).encode()), FRAME)
    lane = written.index(b'"LineString"')
    broken = written[:lane] + re.sub(rb"25\d(\.\d+)?\]", height + b"]", written[lane:], count=1)
    assert broken != written
    with pytest.raises(MalformedError, match=says):
        geojson_reading.read(broken, "roads.geojson")
