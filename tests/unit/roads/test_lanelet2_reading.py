from __future__ import annotations

import numpy as np
import pytest

from chelu.geo import LocalFrame
from chelu.roads.lanelet2.borders import aligned, between
from chelu.roads.lanelet2.reading import read
from chelu.roads.lanelet2.users import limit_mps, users_of
from chelu.roads.network import VEHICLES, User
from chelu.xml_tree import ElementError
from tests.unit.roads.lanelet2_files import (
    file_of,
    lanelet,
    model_of,
    node_on_earth,
    points,
    rule,
    straight_on,
    tags,
    way,
)

CHONGQING = LocalFrame(29.5, 106.5, 250.0)


def refusal(*parts: str) -> str:
    with pytest.raises(ElementError) as caught:
        model_of(*parts)
    return str(caught.value).removeprefix("undecodable: ")


@pytest.mark.parametrize("turned", [(False, False), (False, True), (True, False), (True, True)])
def test_borders_are_turned_so_that_both_run_forwards_however_they_are_drawn(turned: tuple[bool, bool]) -> None:
    angle = np.linspace(0, np.pi / 2, 8)
    arc = np.column_stack([np.sin(angle), 1 - np.cos(angle), angle * 0])
    left, right = arc * 20, arc * 23.5 + [0, -3.5, 0]
    drawn = [line[::-1] if turn else line for line, turn in zip((left, right), turned, strict=True)]
    assert aligned(drawn[0], drawn[1]) == turned


def test_the_middle_of_a_bend_is_a_bend_and_its_width_that_between_the_borders() -> None:
    angle = np.linspace(0, np.pi / 2, 90)
    arc = np.column_stack([np.sin(angle), 1 - np.cos(angle), angle * 0])
    few = np.linspace(0, 89, 30).astype(int)  # borders need not have as many points
    middle, width = between(arc * 20 + [0, 0, 4], (arc * 23.5 + [0, -3.5, 2])[few])
    assert np.hypot(middle[:, 0], middle[:, 1] - 20) == pytest.approx(21.75, abs=0.02)
    assert middle[:, 2] == pytest.approx(3.0)
    assert width == pytest.approx(3.5, abs=0.01)


def test_what_has_no_length_has_no_middle() -> None:
    point = np.zeros((2, 3))
    assert len(between(point, point)[0]) == 0


def test_nodes_lie_where_their_degrees_say_in_metres_from_the_origin_asked_for() -> None:
    places = {"a": (0.0, 3.5), "b": (100.0, 3.5), "d": (0.0, 0.0), "e": (100.0, 0.0)}
    parts = [node_on_earth(name, place, CHONGQING) for name, place in places.items()]
    parts += [way("L", "a b"), way("R", "d e"), lanelet("1", "L", "R")]
    model = read(file_of(*parts), origin=CHONGQING)
    assert model.places(("a", "b", "d", "e"))[:, :2] == pytest.approx(np.array(list(places.values())), abs=1e-4)
    own = read(file_of(*parts)).frame
    assert own is not None
    assert own.latitude_deg == pytest.approx(29.5, abs=1e-4)
    assert own.elevation_m == 0.0


def test_the_node_named_origin_is_where_metres_begin() -> None:
    origin = f'<node id="o" lat="29.5" lon="106.5">{tags(name="origin")}</node>'
    model = model_of(origin, '<node id="a" lat="29.6" lon="106.5"/>')
    assert model.frame == LocalFrame(29.5, 106.5)
    assert model.places(("a",))[0, 1] == pytest.approx(11085, abs=5)


def test_heights_are_those_said_above_the_origin_and_lacking_ones_are_noted() -> None:
    parts = [
        *points(a=(0, 3.5, 260), b=(100, 3.5), d=(0, 0), e=(100, 0)),
        way("L", "a b"),
        way("R", "d e"),
        lanelet("1", "L", "R"),
    ]
    model = model_of(*parts)
    assert model.places(("a", "b"))[:, 2].tolist() == [260.0, 0.0]
    assert model.notes == ("3 of 4 nodes have no ele: they are taken to lie at 0 m",)


def test_degrees_that_are_distances_from_nowhere_are_noted() -> None:
    model = model_of('<node id="a" lat="0.0002" lon="0.0001"/>')
    assert model.notes == ("all nodes lie within 1° of 0° N 0° E: these are distances from some place, not places",)


@pytest.mark.parametrize(
    ("said", "users"),
    [
        ({}, VEHICLES | User.BICYCLE),
        ({"subtype": "highway"}, VEHICLES),
        ({"subtype": "crosswalk"}, User.PEDESTRIAN),
        ({"subtype": "bus_lane", "participant:vehicle:taxi": "no"}, User.BUS | User.EMERGENCY),
        ({"subtype": "road", "participant:bicycle": "no"}, VEHICLES),
        ({"subtype": "road", "participant:pedestrian": "yes"}, User.PEDESTRIAN),
        ({"subtype": "keepout"}, User(0)),
    ],
)
def test_participants_say_who_may_use_a_lanelet_and_else_its_subtype(said: dict[str, str], users: User) -> None:
    assert users_of(said) == users


@pytest.mark.parametrize(("text", "mps"), [("50", 50 / 3.6), ("36 km/h", 10.0), ("10 mph", 4.4704), ("5 m/s", 5.0)])
def test_limits_are_kilometres_an_hour_unless_they_say_so(text: str, mps: float) -> None:
    assert limit_mps(text) == pytest.approx(mps)


def test_what_cannot_be_read_is_refused_with_line_and_element() -> None:
    good = straight_on()
    assert refusal(*good[:-1], lanelet("9", "L2", "R2", speed_limit="fast")).startswith(
        "test.osm:13: /osm/relation[2]: could not convert"
    )
    assert (
        refusal(*good, lanelet("1", "L1", "R1")) == "test.osm:14: /osm/relation[3]: id = '1': another relation in line 12 has it"
    )
    assert (
        refusal(*good, way("x", "a nowhere")) == "test.osm:14: /osm/way[5]: way x: it names the node nowhere, which is not there"
    )
    assert refusal('<node id="a" lat="91" lon="0"/>') == (
        "test.osm:2: /osm/node: lat, lon = 91, 0: degrees, at most ±90 and ±180"
    )
    assert "local_y is missing" in refusal(f'<node id="a" lat="1" lon="1">{tags(local_x="1")}</node>')
    assert "the limit is 200000 m" in refusal('<node id="a" lat="29" lon="106"/>', '<node id="b" lat="33" lon="106"/>')


def test_a_lanelet_whose_borders_are_not_there_is_left_and_noted() -> None:
    model = model_of(*straight_on(), lanelet("3", "L1", "R9"), way("P", "a a"), lanelet("4", "P", "R1"))
    assert list(model.lanelets) == ["1", "2"]
    assert model.notes == (
        "lanelet 3 (line 14) is left out: its right border, the way R9, is not there",
        "lanelet 4 (line 16) is left out: its left border, the way P, has no length",
    )


def test_what_an_editor_deleted_is_gone() -> None:
    gone = lanelet("3", "L1", "R1").replace('id="3"', 'id="3" action="delete"')
    assert list(model_of(*straight_on(), gone).lanelets) == ["1", "2"]


def test_what_is_not_read_is_listed_by_kind() -> None:
    extra = (
        '<relation id="7"><tag k="type" v="multipolygon"/></relation>',
        rule("8", "speed_bump", {"refers": "z"}),
        way("z", "a b", type="zebra"),
        way("y", "a b", type="pole"),
        lanelet("3", "L1", "R1", subtype="keepout", location="urban"),
        "<MetaInfo/>",
    )
    assert [(one.element, one.count) for one in model_of(*straight_on(location="urban"), *extra).left_out] == [
        ("lanelet/location", 3),
        ("relation[multipolygon]", 1),
        ("regulatory_element[speed_bump]", 1),
        ("way[pole]", 1),
        ("lanelet[keepout]", 1),
        ("MetaInfo", 1),
    ]


def test_names_of_what_is_not_there_and_ends_that_just_miss_are_noted() -> None:
    parts = [
        *straight_on(),
        *points(g=(150.2, 3.5), h=(150.2, 0), i=(200, 3.5), j=(200, 0)),
        *(way("L3", "g i"), way("R3", "h j"), lanelet("3", "L3", "R3", rule="99")),
        rule("90", "traffic_light", {"ref_line": "L3"}),
        rule("91", "right_of_way", {"yield": "77", "right_of_way": "1"}),
    ]
    assert model_of(*parts).notes == (
        "lanelet 3 (line 20): it names the regulatory element 99, which is not there",
        "right_of_way 91 (line 22): it names yield 77, which is not there",
        "traffic_light 90 (line 21) holds no lanelet: none names it, or ends at its stop line",
        "lanelet 2 (line 13) ends 0.20 m from where lanelet 3 begins, but they share no nodes: nothing leads on",
    )


def test_a_lanelet_whose_borders_were_exchanged_is_noted() -> None:
    parts = [*straight_on(), *points(g=(200, 3.5), h=(200, 0)), way("L3", "c g"), way("R3", "f h")]
    assert model_of(*parts, lanelet("3", "R3", "L3")).notes == (
        "lanelet 3 (line 18) leads from nowhere to nowhere; turned round it would meet lanelet 2: its left and right borders may "
        "have been exchanged",
    )
