"""What no road can be is refused when a file is read: in a sentence with file, lane and value, and without warnings."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from chelu.errors import MalformedError
from chelu.geo import LocalFrame
from chelu.roads.assemble import assemble
from chelu.roads.geojson.writing import written
from chelu.roads.network import lines_of
from chelu.roads.opendrive import sampling
from chelu.roads.opendrive.model import LaneSection
from chelu.roads.opening import open_roads
from tests.unit.inference.small_roads import crossing
from tests.unit.roads.networks import net
from tests.unit.roads.opendrive_files import file_of, lane, road, section

FRAME = LocalFrame(29.55, 106.57, 250.0)
AT = "1e308"


def sumo_lane(shape: str = "0,0 100,0", speed: str = "13.9", more: str = "") -> bytes:
    return net(f'<edge id="e"><lane id="e_0" index="0" speed="{speed}" length="100" shape="{shape}" {more}/></edge>')


def geometry(inner: str, x: str = "0") -> str:
    return road(geometry=f'<geometry s="0" x="{x}" y="0" hdg="0" length="100">{inner}</geometry>')


def cubic(c: str, runs: str = "arcLength") -> str:
    flat = 'aU="0" bU="1" dU="0" aV="0" bV="0" cV="0" dV="0"'
    return geometry(f'<paramPoly3 {flat} cU="{c}" pRange="{runs}"/>')


def wide(a: str, number: int = -1) -> bytes:
    inside = f'<width sOffset="0" a="{a}" b="0" c="0" d="0"/>'
    one = lane(number, inside=inside)
    return file_of(road(sections=section(left=one, right=lane(-1)) if number > 0 else section(right=one)))


def geojson(feature: str, changes: dict[str, object], coordinates: object = None) -> bytes:
    document = json.loads(written(crossing(), FRAME))
    for one in document["features"]:
        if one["properties"]["feature"] == feature:
            one["properties"].update(changes)
            if coordinates is not None:
                one["geometry"]["coordinates"] = coordinates
            break
    return json.dumps(document).encode()


REFUSED: dict[str, tuple[bytes | str, str]] = {
    "point.net.xml": (sumo_lane("0,0"), "/net/edge/lane: lane e_0: its shape has one point, '0,0'; a line has two at least"),
    "speed.net.xml": (sumo_lane(speed="-1"), "/net/edge/lane: speed = '-1': a finite number of at least 0"),
    "width.net.xml": (sumo_lane(more='width="-3"'), "/net/edge/lane: width = '-3': a finite number of at least 0"),
    "wide.net.xml": (sumo_lane(f"0,0 {AT},0"), "the network is 1e+308 m wide, the limit is 200000 m"),
    "there.net.xml": (sumo_lane(f"{AT},0 {AT},9"), "/net/edge/lane: it lies 1e+308 m from the origin, the limit is 100000000 m"),
    "there.xodr": (geometry("<line/>", x=AT), "the roads lie 1e+308 m from their origin, the limit is 100000000 m"),
    "right.xodr": (wide("-3.5"), "right.xodr:3: road 1, lane -1: -3.5 m wide, from 0 to 200 m are read"),
    "left.xodr": (wide("-3.5", 1), "left.xodr:3: road 1, lane 1: -3.5 m wide, from 0 to 200 m are read"),
    "huge.xodr": (wide(AT), "huge.xodr:3: road 1, lane -1: 1e+308 m wide, from 0 to 200 m are read"),
    "limit.xodr": (
        file_of(road(more='<type s="0" type="town"><speed max="-5" unit="km/h"/></type>')),
        "speed: max = '-5': a finite number of at least 0",
    ),
    "far.xodr": (cubic("1e200"), "paramPoly3: aU … dU lead 1e+204 m away, at most 200000 m are read"),
    "unit.xodr": (cubic("1e200", "normalized"), "paramPoly3: aU … dU lead 1e+200 m away, at most 200000 m are read"),
    "turn.xodr": (file_of(geometry(f'<arc curvature="{AT[:-1]}0"/>')), "it turns by 1e+302 rad, at most 1000 are read"),
    "empty.osm": (b"", "empty.osm:1: the file is empty: XML with the root element OpenDRIVE, osm or net is wanted, or a MAP"),
    "odd.hex": (b"000", "odd.hex:1: it begins with b'000', which is no XML, no JSON object and no MAP: XML with"),
    "bad.hex": (b"zz", "bad.hex:1: it begins with b'zz', which is no XML"),
    "half.hex": (b"10203", "half.hex:1: non-hexadecimal number found"),
    "fc.geojson": (b'{"type":"FeatureCollection","features":[]}', "fc.geojson: GeoJSON without the member origin"),
    "list.geojson": (b'{"origin": 3}', "list.geojson: no GeoJSON of roads"),
    "point.geojson": (geojson("lane", {}, [[106.57, 29.55, 0.0]]), "its coordinates are 1 points, a line has two at least"),
    "width.geojson": (geojson("lane", {"width_m": -3.5}), "width_m = -3.5: at least 0"),
    "limit.geojson": (geojson("link", {"speed_limit_mps": -1}), "speed_limit_mps = -1: at least 0"),
    "away.geojson": (geojson("lane", {}, [[106.57, 29.55, 1e300]] * 2), "it lies 1e+297 km from the origin, the limit is 200 km"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_road_can_be_is_refused_with_file_lane_and_value(name: str) -> None:
    content, sentence = REFUSED[name]
    with pytest.raises(MalformedError) as caught:
        open_roads(content if isinstance(content, bytes) else file_of(content), name)
    assert sentence in str(caught.value)
    assert name in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_lane_that_thins_out_a_little_beyond_nothing_is_read() -> None:
    thins = '<width sOffset="0" a="3.5" b="-0.0353" c="0" d="0"/>'  # −3 cm at its end
    found = open_roads(file_of(road(sections=section(right=lane(-1, inside=thins)))), "thin.xodr")
    assert found.network.lanes.width_m[0] == pytest.approx(1.75, abs=0.02)


def test_a_network_with_a_lane_of_one_point_is_put_together_of_no_format() -> None:
    network = crossing()
    lanes, shapes = network.lanes, [network.lanes.shape[row] for row in range(len(network.lanes.id))]
    shapes[3] = shapes[3][:1]
    with pytest.raises(MalformedError, match=f"lane {lanes.id[3]}: 1 points"):
        assemble(
            nodes=network.nodes, links=network.links, lane_id=lanes.id, lane_link=lanes.link, lane_index=lanes.index,
            width_m=lanes.width_m, speed_limit_mps=lanes.speed_limit_mps, length_m=lanes.length_m, users=lanes.users,
            shape=lines_of(shapes), connections=network.connections, signals=network.signals,
        )  # fmt: skip


def test_a_file_in_utf_16_is_read() -> None:
    text = sumo_lane().decode()
    found = open_roads(('<?xml version="1.0" encoding="UTF-16"?>' + text).encode("utf-16"), "wide.net.xml")
    assert found.network.lanes.id.tolist() == ["e_0"]


def test_numbers_of_any_size_are_read_without_warnings() -> None:
    """Warnings are errors in tests."""
    high = road(profile=f'<elevationProfile><elevation s="0" a="{AT}" b="{AT}" c="0" d="0"/></elevationProfile>')
    for one in (high, geometry("<line/>", x=AT), geometry(f'<poly3 a="0" b="0" c="0" d="{AT}"/>')):
        with pytest.raises(MalformedError):
            open_roads(file_of(one), "huge.xodr")


def test_lanes_side_by_side_and_sections_in_a_row_are_looked_at_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each lane was measured from the middle anew, each section of all: 5000 lanes kept a registry busy for 400 s."""
    looks: Counter[str] = Counter()

    def counted(whose: Any, name: str) -> None:
        plain = getattr(whose, name)

        def look(*given: Any) -> Any:
            looks[name] += 1
            return plain(*given)

        monkeypatch.setattr(whose, name, staticmethod(look) if isinstance(whose, type) else look)

    counted(LaneSection, "_outer")
    counted(sampling, "_bends")
    content = file_of(
        road("1", sections=section(right="".join(lane(-one) for one in range(1, 201)))),
        road("2", sections="".join(section(0.5 * one) for one in range(200))),
    )
    assert len(open_roads(content, "many.xodr").network.lanes.id) == 400
    assert 400 <= looks["_outer"] <= 4 * 400
    assert 0 < looks["_bends"] <= 4 * 400
