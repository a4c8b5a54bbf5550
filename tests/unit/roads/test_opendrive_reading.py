from __future__ import annotations

import numpy as np
import pytest

from chelu.roads.opendrive.checks import joints
from chelu.roads.opendrive.onward import LaneAt, onward
from chelu.roads.opendrive.reading import read
from chelu.xml_tree import ElementError
from tests.unit.roads.opendrive_files import WIDTH, file_of, junction_of_two_ways, lane, model_of, road, section


def test_lanes_lie_beside_the_line_by_their_widths() -> None:
    wide = '<width sOffset="0" a="2" b="0.02" c="0" d="0"/>'
    one = model_of(road(sections=section(left=lane(1), right=lane(-1) + lane(-2, inside=wide)))).roads["1"]
    s = np.array([0.0, 50.0])
    assert one.lane_middle(1, s).tolist() == [1.75, 1.75]
    inner, outer = one.lane_edges(-2, s)
    assert inner.tolist() == [-3.5, -3.5]
    assert outer == pytest.approx([-5.5, -6.5])
    assert np.isnan(one.lane_middle(-3, s)).all()


def test_a_border_is_measured_from_the_middle_and_lane_offsets_move_all() -> None:
    border = '<border sOffset="0" a="-4" b="0" c="0" d="0"/>'
    one = model_of(road(sections=section(right=lane(-1, inside=border)), offset='<laneOffset s="0" a="1" b="0.01" c="0" d="0"/>'))
    inner, outer = one.roads["1"].lane_edges(-1, [0.0, 100.0])
    assert inner == pytest.approx([1.0, 2.0])
    assert outer == pytest.approx([-3.0, -2.0])


def test_sections_have_their_own_lanes() -> None:
    one = model_of(road(sections=section() + section(40, right=lane(-1) + lane(-2)))).roads["1"]
    assert [(part.begin_m, part.end_m) for part in one.sections] == [(0, 40), (40, 100)]
    assert np.isnan(one.lane_middle(-2, [39.0, 41.0])).tolist() == [True, False]


def test_height_and_tilt_lift_what_lies_beside() -> None:
    profile = (
        '<elevationProfile><elevation s="0" a="10" b="0.05" c="0" d="0"/></elevationProfile>'
        '<lateralProfile><superelevation s="0" a="0.1" b="0" c="0" d="0"/></lateralProfile>'
    )
    places = model_of(road(profile=profile)).roads["1"].places([0.0, 20.0], [2.0, -2.0])
    assert places.z_m == pytest.approx([10 + 2 * np.sin(0.1), 11 - 2 * np.sin(0.1)])
    assert places.y_m == pytest.approx([2 * np.cos(0.1), -2 * np.cos(0.1)])
    assert places.gradient == pytest.approx([0.05, 0.05])


@pytest.mark.parametrize(
    ("rule", "number", "along"), [("RHT", -1, True), ("RHT", 1, False), ("LHT", -1, False), ("LHT", 1, True)]
)
def test_direction_of_travel_hangs_on_the_side_and_the_rule(rule: str, number: int, along: bool) -> None:
    one = model_of(road(rule=rule, sections=section(left=lane(1)))).roads["1"]
    assert one.runs_along(one.sections[0].lanes[number]) == along


def test_limits_are_in_metres_per_second_whatever_their_unit() -> None:
    speeds = [
        f'<speed sOffset="0" max="{value}" unit="{unit}"/>' for value, unit in (("50", "km/h"), ("30", "mph"), ("10", "m/s"))
    ]
    right = "".join(lane(-number, inside=WIDTH + speed) for number, speed in enumerate(speeds, 1))
    lanes = model_of(road(sections=section(right=right))).roads["1"].sections[0].lanes
    assert [lanes[-number].speeds[0][1] for number in (1, 2, 3)] == pytest.approx([50 / 3.6, 13.4112, 10.0])


def test_a_junction_leads_from_a_lane_to_every_lane_beyond() -> None:
    model = read(junction_of_two_ways())
    across = onward(model, LaneAt("1", 0, -1, True))
    assert [one.road for one in across] == ["10", "11"]
    assert [onward(model, one)[0].road for one in across] == ["2", "3"]
    assert model.notes == ()


def test_signals_stand_where_they_hold_and_where_they_are_referred_to() -> None:
    signs = '<signals><signalReference id="7" s="5" t="1" orientation="-"/></signals>'
    beside = road("99", more=signs).encode()
    model = read(junction_of_two_ways().replace(b'<controller id="c"><', beside + b'<controller id="c"><'))
    (own,), (also,) = model.roads["10"].signals, model.roads["99"].signals
    assert (own.id, own.is_dynamic, own.orientation) == ("7", True, "+")
    assert (also.id, also.road, also.s_m, also.orientation) == ("7", "99", 5.0, "-")
    assert model.controllers == {"c": ("7",)}


def test_what_is_not_read_is_listed_with_its_number_and_line() -> None:
    things = '<objects><object id="1"/>\n<object id="2"/></objects><newThing/>'
    out = {one.element: (one.count, one.line) for one in model_of(road(more=things)).left_out}
    assert out == {"road/objects/object": (2, 3), "road/newThing": (1, 4)}


def test_doubtful_things_are_read_and_noted() -> None:
    pieces = (
        '<geometry s="0" x="0" y="0" hdg="0" length="50"><line/></geometry>'
        '<geometry s="50" x="50" y="0.5" hdg="0.1" length="50"><line/></geometry>'
    )
    model = model_of(road(geometry=pieces, length=120, link='<successor elementType="road" elementId="2" contactPoint="start"/>'))
    text = "\n".join(model.notes)
    assert "length 120.000 m, but its pieces end at s = 100.000 m" in text
    assert "1 joints of its reference line do not meet, the worst at s = 50.00 m: 0.500 m, 5.73°" in text
    assert "its successor is the road 2, which is not there" in text
    found = joints(model.roads["1"])
    assert (found.s_m.tolist(), found.gap_m.tolist()) == ([50.0], [0.5])


def test_lanes_that_should_meet_and_do_not_are_noted() -> None:
    apart = junction_of_two_ways().replace(b'x="120" y="0"', b'x="121" y="0"')
    assert "road 10, lane -1, ends 1.00 m from where road 2, lane -1, begins" in read(apart).notes


@pytest.mark.parametrize(
    ("broken", "line", "says"),
    [
        (
            file_of(road(geometry='<geometry s="0" x="a" y="0" hdg="0" length="9"><line/></geometry>')),
            3,
            "x = 'a': a finite number",
        ),
        (file_of(road(geometry='<geometry s="0" x="1" y="0" hdg="0" length="9"/>')), 3, "exactly one of <line>"),
        (file_of(road(), road()), 4, "id = '1': another in line 3 has it"),
        (file_of(road(length=-1)), 3, "at least 0"),
        (file_of(road(sections=section(right=lane(1)))), 3, "lanes on the right are numbered from -1"),
        (b'<OpenDRIVE><header revMajor="2" revMinor="0"/></OpenDRIVE>', 1, "revision 1 is read"),
        (b"<OpenSCENARIO/>", 1, "the root element must be <OpenDRIVE>"),
        (b"<OpenDRIVE>\n<header>", 2, "not XML"),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>\n<OpenDRIVE/>', 1, "document type declaration"),
    ],
)
def test_a_malformed_file_is_refused_with_file_line_and_element(broken: bytes, line: int, says: str) -> None:
    with pytest.raises(ElementError, match="undecodable") as refused:
        read(broken, "bad.xodr")
    assert refused.value.line == line
    assert f"bad.xodr:{line}: " in str(refused.value)
    assert says in str(refused.value)


def test_the_path_of_what_is_wrong_is_an_xpath() -> None:
    with pytest.raises(ElementError) as refused:
        read(file_of(road("1"), road("2", geometry='<geometry s="0" x="1" y="0" hdg="0" length="9"><arc/></geometry>')))
    assert refused.value.path == "/OpenDRIVE/road[2]/planView/geometry/arc"
