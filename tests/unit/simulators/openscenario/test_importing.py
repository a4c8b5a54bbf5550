"""What is imported moves as the file says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chelu.xml_tree import ElementError
from simulators.scenario.openscenario.importing import Options
from simulators.scenario.openscenario.scope import OutsideError
from simulators.scenario.trace import Trace
from tests.unit.roads.opendrive_files import file_of, junction_of_two_ways, lane, road, section
from tests.unit.simulators.openscenario.files import (
    BOX,
    CAR,
    EGO,
    OTHER,
    after,
    brought,
    by_entity,
    by_value,
    driven,
    event,
    lane_change,
    on_lane,
    private,
    scenario,
    speed,
    story,
    teleport,
    written,
)

RELATIVE_LANE = '<RelativeTargetLane entityRef="Ego" value="0"/>'


def at(trace: Trace, time_s: float) -> int:
    return round(time_s / trace.step_s)


def state(kind: str, name: str, reached: str) -> str:
    return f'<StoryboardElementStateCondition storyboardElementType="{kind}" storyboardElementRef="{name}" state="{reached}"/>'


def place(trace: Trace, name: str, time_s: float = 0.0) -> list[float]:
    return [float(one) for one in trace.xy[at(trace, time_s), 0, trace.index(name)]]


def test_boxes_begin_where_their_origins_are_put_and_keep_their_speeds(tmp_path: Path) -> None:
    trace = driven(tmp_path, scenario())
    assert place(trace, "ego") == pytest.approx([51.4, -5.25])
    assert place(trace, "other") == pytest.approx([101.4, -1.75])
    assert place(trace, "ego", 10) == pytest.approx([251.4, -5.25])
    assert trace.heading_deg[0, 0].tolist() == pytest.approx([90, 90])
    assert trace.time_s[-1] == 10.0
    assert [one.is_under_test for one in trace.actors] == [True, False]


@pytest.mark.parametrize(
    ("position", "xy", "heading"),
    [
        (on_lane(-3, 80, 0.5), [81.4, -8.25], 90),
        (on_lane(1, 80), [78.6, 1.75], 270),
        (on_lane(-1, 80, 0, '<Orientation type="relative" h="3.141592653589793"/>'), [78.6, -1.75], 270),
        ('<RelativeLanePosition entityRef="Ego" dLane="1" ds="30" offset="-0.2"/>', [81.4, -1.95], 90),
        ('<RelativeLanePosition entityRef="Ego" dLane="2" ds="30"/>', [78.6, 1.75], 270),
        ('<RoadPosition roadId="0" s="80" t="-2"/>', [81.4, -2.0], 90),
        ('<RelativeRoadPosition entityRef="Ego" ds="30" dt="3.5"/>', [81.4, -1.75], 90),
        ('<WorldPosition x="80" y="-2" h="0"/>', [81.4, -2.0], 90),
        ('<WorldPosition x="80" y="300" h="1.5707963267948966"/>', [80, 301.4], 0),
        ('<RelativeWorldPosition entityRef="Ego" dx="30" dy="3.5"/>', [81.4, -1.75], 90),
        ('<RelativeObjectPosition entityRef="Ego" dx="30" dy="-3.5"/>', [81.4, -8.75], 90),
    ],
)
def test_every_kind_of_position_is_a_place(tmp_path: Path, position: str, xy: list[float], heading: float) -> None:
    trace = driven(tmp_path, scenario(init=EGO + private("Other", teleport(position), speed(3))))
    assert place(trace, "other") == pytest.approx(xy, abs=1e-6)
    assert float(trace.heading_deg[0, 0, 1]) % 360 == pytest.approx(heading, abs=1e-6)


def test_a_bend_is_followed_lane_by_lane(tmp_path: Path) -> None:
    pieces = (
        '<geometry s="0" x="0" y="0" hdg="0" length="100"><line/></geometry>'
        '<geometry s="100" x="100" y="0" hdg="0" length="100"><spiral curvStart="0" curvEnd="0.01"/></geometry>'
    )
    roads = file_of(road("0", geometry=pieces, length=200, sections=section(right=lane(-1) + lane(-2))))
    init = private("Ego", teleport(on_lane(-2, 10)), speed(20)) + private("Other", teleport(on_lane(-1, 30)), speed(20))
    trace = driven(tmp_path, scenario(init=init, stop=after(8)), roads=roads)
    from chelu.roads.opendrive.reading import read

    model = read(roads)
    for name, number in (("ego", -2), ("other", -1)):
        s = np.linspace(0, 200, 4001)
        line = model.roads["0"].places(s, model.roads["0"].lane_middle(number, s))
        for time in (0, 3, 6, 8):
            x, y = place(trace, name, time)
            assert np.hypot(line.x_m - x, line.y_m - y).min() < 0.03


def test_ways_lead_across_junctions_straight_on_or_along_a_route(tmp_path: Path) -> None:
    def begun(routing: str) -> Trace:
        init = private(
            "Ego", teleport('<LanePosition roadId="1" laneId="-1" s="50"/>'), speed(20), *([routing] if routing else [])
        )
        return driven(tmp_path, scenario(init=init, names=("Ego",), stop=after(5)), roads=junction_of_two_ways())

    assert place(begun(""), "ego", 5) == pytest.approx([151.4, -1.75], abs=0.05)
    to = '<Position><LanePosition roadId="3" laneId="-1" s="10"/></Position>'
    routes = (
        f"<RoutingAction><AcquirePositionAction>{to}</AcquirePositionAction></RoutingAction>",
        f'<RoutingAction><AssignRouteAction><Route name="r" closed="false"><Waypoint routeStrategy="shortest">{to}'
        "</Waypoint></Route></AssignRouteAction></RoutingAction>",
    )
    for route in routes:
        x, y = place(begun(route), "ego", 5)
        assert x == pytest.approx(121.75, abs=0.05)  # northwards on road 3, right of its line
        assert y > 25


def test_a_lane_change_ends_in_the_lane_of_who_is_named(tmp_path: Path) -> None:
    events = event("CutIn", lane_change(RELATIVE_LANE), after(2))
    trace = driven(tmp_path, scenario(stories=story("Other", events)))
    assert place(trace, "other", 2)[1] == pytest.approx(-1.75)
    assert place(trace, "other", 3.52)[1] == pytest.approx(-3.5, abs=0.05)
    assert place(trace, "other", 5.04)[1] == pytest.approx(-5.25)


def test_absolute_lanes_and_offsets_are_those_of_the_road(tmp_path: Path) -> None:
    offset = (
        "<LateralAction><LaneOffsetAction continuous='false'><LaneOffsetActionDynamics maxLateralAcc='0.5' "
        "dynamicsShape='sinusoidal'/><LaneOffsetTarget><AbsoluteTargetLaneOffset value='0.6'/></LaneOffsetTarget>"
        "</LaneOffsetAction></LateralAction>"
    )
    events = event("Right", lane_change('<AbsoluteTargetLane value="-3"/>'), after(1)), event("Aside", offset, after(5))
    trace = driven(tmp_path, scenario(stories=story("Other", *events)))
    assert place(trace, "other", 4.1)[1] == pytest.approx(-8.75)
    assert place(trace, "other", 9.9)[1] == pytest.approx(-8.15)


def test_an_oncoming_vehicle_counts_lanes_from_its_own_side(tmp_path: Path) -> None:
    init = EGO + private("Other", teleport(on_lane(1, 500)), speed(10))
    events = event("Over", lane_change('<AbsoluteTargetLane value="-1"/>'), after(1))
    trace = driven(tmp_path, scenario(init=init, stories=story("Other", events)))
    assert place(trace, "other", 6) == pytest.approx([438.6, -1.75])


@pytest.mark.parametrize(
    ("dynamics", "target", "at_5_s"),
    [
        ('dynamicsShape="linear" dynamicsDimension="rate" value="2"', "", 16),
        ('dynamicsShape="linear" dynamicsDimension="time" value="4"', "", 16),
        ('dynamicsShape="sinusoidal" dynamicsDimension="time" value="3"', "", 16),
        ('dynamicsShape="cubic" dynamicsDimension="distance" value="39"', "", 16),
        ('dynamicsShape="step" dynamicsDimension="time" value="0"', "", 16),
        (
            'dynamicsShape="step" dynamicsDimension="time" value="0"',
            '<RelativeTargetSpeed entityRef="Ego" value="-3" speedTargetValueType="delta" continuous="false"/>',
            17,
        ),
        (
            'dynamicsShape="linear" dynamicsDimension="rate" value="5"',
            '<RelativeTargetSpeed entityRef="Ego" value="0.5" speedTargetValueType="factor" continuous="true"/>',
            10,
        ),
    ],
)
def test_speeds_are_reached_as_their_dynamics_say(tmp_path: Path, dynamics: str, target: str, at_5_s: float) -> None:
    trace = driven(tmp_path, scenario(stories=story("Other", event("Faster", speed(16, dynamics, target), after(1)))))
    assert trace.speed_mps[at(trace, 0.98), 0, 1] == 10.0
    assert trace.speed_mps[at(trace, 5.1), 0, 1] == pytest.approx(at_5_s)


def apart(kind: str, value: float, *, freespace: str = "false") -> str:
    return (
        f'<RelativeDistanceCondition entityRef="Other" relativeDistanceType="{kind}" freespace="{freespace}" value="{value}" '
        'rule="lessThan"/>'
    )


REACHED = '<Position><LanePosition roadId="0" laneId="-2" s="101.4"/></Position>'
TARGET = '<TimeToCollisionConditionTarget><EntityRef entityRef="Other"/></TimeToCollisionConditionTarget>'
ENTITY_CONDITIONS = {
    '<TimeHeadwayCondition entityRef="Other" value="1.5" freespace="true" rule="lessThan"/>': 1.5,  # (45 − 10 t) / 20
    '<TimeHeadwayCondition entityRef="Other" value="1.5" freespace="false" rule="lessThan"/>': 2.0,
    f'<TimeToCollisionCondition value="3" freespace="true" rule="lessThan">{TARGET}</TimeToCollisionCondition>': 1.5,
    apart("longitudinal", 30, freespace="true"): 1.5,
    apart("longitudinal", 30): 2.0,
    apart("lateral", 4): 0.0,
    apart("cartesianDistance", 10): 4.06,
    '<TraveledDistanceCondition value="60"/>': 3.0,
    f'<ReachPositionCondition tolerance="2">{REACHED}</ReachPositionCondition>': 2.4,
    '<RelativeSpeedCondition entityRef="Other" value="10" rule="greaterOrEqual"/>': 0.0,
    '<SpeedCondition value="19.9" rule="greaterThan"/>': 0.0,
}


@pytest.mark.parametrize(("condition", "time_s"), ENTITY_CONDITIONS.items())
def test_conditions_between_entities_hold_from_when_they_must(tmp_path: Path, condition: str, time_s: float) -> None:
    trace = driven(tmp_path, scenario(stories=story("Other", event("Brake", speed(0), by_entity("Ego", condition)))))
    assert trace.fired["brakeaction"] == pytest.approx([time_s], abs=0.041)


def test_delays_groups_and_states_of_the_storyboard_lead_from_one_to_the_next(tmp_path: Path) -> None:
    ended = by_value(
        state("action", "SlowAction", "completeState"),
        "rising",
        1.5,
    )
    slow = event("Slow", speed(5, 'dynamicsShape="linear" dynamicsDimension="rate" value="2.5"'), after(1))
    begun = by_value(state("act", "StoryAct", "startTransition"))
    trace = driven(
        tmp_path,
        scenario(
            stories=story("Other", slow, event("Then", speed(20), ended), start=after(2))
            + story("Ego", event("Too", speed(19), begun, after(1)), name="Second")
        ),
    )
    assert trace.fired["slowaction"] == pytest.approx([2.0], abs=0.041)
    assert trace.fired["thenaction"] == pytest.approx([2 + 2 + 1.5], abs=0.061)
    assert trace.fired["tooaction"] == pytest.approx([2.0], abs=0.061)


def test_an_event_that_overwrites_ends_what_its_maneuver_was_doing(tmp_path: Path) -> None:
    brakes = speed(0, 'dynamicsShape="linear" dynamicsDimension="rate" value="4"')

    def aside(priority: str) -> float:
        events = event("CutIn", lane_change(RELATIVE_LANE), after(1)), event("Brake", brakes, after(2.5), priority=priority)
        return place(driven(tmp_path, scenario(stories=story("Other", *events))), "other", 9)[1]

    assert aside("parallel") == pytest.approx(-5.25)
    assert aside("overwrite") == pytest.approx(-3.5, abs=0.05)


def test_a_stop_trigger_ends_the_run(tmp_path: Path) -> None:
    text = scenario(stop=by_entity("Ego", '<TraveledDistanceCondition value="60"/>', 1.0))
    trace = driven(tmp_path, text, Options(longest_s=20))
    assert trace.time_s[-1] == 20.0
    assert trace.time_s[trace.last[0]] == pytest.approx(4.0, abs=0.041)


def test_a_gap_to_begin_with_is_exact_and_hangs_on_the_parameters(tmp_path: Path) -> None:
    declared = '<ParameterDeclaration name="Speed_kph" parameterType="double" value="72"/>'
    gap = (
        '<LongitudinalAction><LongitudinalDistanceAction entityRef="Ego" timeGap="2" freespace="true" continuous="false" '
        'displacement="leadingReferencedEntity"/></LongitudinalAction>'
    )
    same = speed(0, target='<RelativeTargetSpeed entityRef="Ego" value="0" speedTargetValueType="delta" continuous="false"/>')
    init = private("Ego", teleport(on_lane(-2, 50)), speed("${$Speed_kph / 3.6}")) + private(
        "Other", teleport('<RelativeLanePosition entityRef="Ego" dLane="0" ds="30"/>'), same, gap
    )
    found = brought(tmp_path, scenario(init=init, parameters=declared))
    assert list(found.description.parameters) == ["speed_kph"]
    from simulators.scenario.cases import Request, cases_of, parameter_given
    from simulators.scenario.engine import run

    for kmh in (72, 36):
        fixed = dict([parameter_given(f"speed_kph={kmh}", found.description)])
        trace = run(found.description, cases_of(found.description, Request(fixed=fixed)))
        assert trace.along_m[0, 0, 1] - trace.along_m[0, 0, 0] - 5 == pytest.approx(2 * kmh / 3.6)
        assert trace.speed_mps[0, 0].tolist() == pytest.approx([kmh / 3.6] * 2)


def test_a_parameter_outside_its_own_constraints_is_refused(tmp_path: Path) -> None:
    groups = "".join(
        f'<ConstraintGroup><ValueConstraint rule="{rule}" value="{value}"/></ConstraintGroup>'
        for rule, value in (("lessThan", 5), ("greaterThan", 7))
    )
    declared = '<ParameterDeclaration name="V" parameterType="double" value="{}">' + groups + "</ParameterDeclaration>"
    init = private("Ego", teleport(on_lane(-2, 50)), speed("$V")) + OTHER
    found = brought(tmp_path, scenario(init=init, parameters=declared.format(8)))
    assert found.description.where == ("v < 5 or v > 7",)
    with pytest.raises(OutsideError, match="value = '6' is outside the parameter's own constraints"):
        brought(tmp_path, scenario(init=init, parameters=declared.format(6)))


def test_a_trajectory_in_time_is_driven_from_where_somebody_stands(tmp_path: Path) -> None:
    points = ((0, 200, 5), (2, 200, -5), (6, 200, -9), (7, 204, -9))
    vertices = "".join(
        f'<Vertex time="{time}"><Position><WorldPosition x="{x}" y="{y}"/></Position></Vertex>' for time, x, y in points
    )
    follow = (
        '<RoutingAction><FollowTrajectoryAction><TrajectoryRef><Trajectory name="t" closed="false"><Shape><Polyline>'
        f"{vertices}</Polyline></Shape></Trajectory></TrajectoryRef><TimeReference><Timing domainAbsoluteRelative='relative' "
        "scale='1' offset='0'/></TimeReference></FollowTrajectoryAction></RoutingAction>"
    )
    walker = '<Pedestrian name="p" mass="70" pedestrianCategory="pedestrian">' + BOX.format(ahead=0, length=0.5) + "</Pedestrian>"
    entities = f'<ScenarioObject name="Ego">{walker}</ScenarioObject>'
    init = private("Ego", teleport('<WorldPosition x="200" y="5" h="-1.57"/>'))
    trace = driven(
        tmp_path, scenario(init=init, entities=entities, stories=story("Ego", event("Walk", follow, after(1))), stop=after(9))
    )
    for time, x, y in points[:-1]:
        assert place(trace, "ego", time + 1) == pytest.approx([x, y], abs=0.11)
    assert place(trace, "ego", 7.5) == pytest.approx([202, -9], abs=0.15)
    assert trace.actors[0].kind == "pedestrian"


def test_entries_of_catalogues_are_used_with_their_parameters(tmp_path: Path) -> None:
    (tmp_path / "cars").mkdir()
    long = BOX.format(ahead=1, length="$Long")
    (tmp_path / "cars" / "c.xosc").write_text(
        '<OpenSCENARIO><FileHeader revMajor="1" revMinor="1"/><Catalog name="Cars"><Vehicle name="one" vehicleCategory="truck">'
        '<ParameterDeclarations><ParameterDeclaration name="Long" parameterType="double" value="6"/></ParameterDeclarations>'
        f"{long}</Vehicle></Catalog></OpenSCENARIO>"
    )
    entry = '<CatalogReference catalogName="Cars" entryName="one">{}</CatalogReference>'
    given = '<ParameterAssignments><ParameterAssignment parameterRef="Long" value="12"/></ParameterAssignments>'
    entities = "".join(
        f'<ScenarioObject name="{name}">{entry.format(more)}</ScenarioObject>' for name, more in (("Ego", ""), ("Other", given))
    )
    trace = driven(tmp_path, scenario(entities=entities, more='<VehicleCatalog><Directory path="cars"/></VehicleCatalog>'))
    assert [(one.kind, one.length_m) for one in trace.actors] == [("truck", 6.0), ("truck", 12.0)]
    with pytest.raises(ElementError, match="no entry 'two' in a catalogue 'Cars'; catalogues: Cars"):
        brought(
            tmp_path,
            scenario(entities=entities.replace("one", "two"), more='<VehicleCatalog><Directory path="cars"/></VehicleCatalog>'),
        )


UNUSUAL = {
    "an unknown action": (
        scenario(stories=story("Other", event("Sync", "<SynchronizeAction/>", after(1)))),
        "/OpenSCENARIO/Storyboard/Story/Act/ManeuverGroup/Maneuver/Event/Action/PrivateAction/SynchronizeAction: "
        "<SynchronizeAction> is not understood",
    ),
    "an unknown condition": (
        scenario(stories=story("Other", event("Brake", speed(0), by_entity("Ego", "<OffroadCondition duration='1'/>")))),
        "/EntityCondition/OffroadCondition: <OffroadCondition> is not understood",
    ),
    "an unknown position": (
        scenario(init=EGO + private("Other", teleport("<GeoPosition/>"))),
        "/OpenSCENARIO/Storyboard/Init/Actions/Private[2]/PrivateAction/TeleportAction/Position/GeoPosition: <Geo",
    ),
    "no such lane": (
        scenario(init=EGO + private("Other", teleport(on_lane(-9, 5)))),
        "road 0 has no lane -9 at s = 5; lanes: -3, -2, -1, 1",
    ),
    "no such road": (scenario().replace('roadId="0"', 'roadId="7"'), "there is no road '7'; roads: 0"),
    "no such entity": (scenario(init=EGO + private("Nobody", speed(3))), "there is no entity 'Nobody'; entities: Ego, Other"),
    "no such parameter": (scenario(init=EGO + private("Other", teleport(on_lane("$Lane", 5)))), "there is no parameter Lane"),
    "a wrong expression": (scenario(init=EGO + private("Other", speed("${1 +}"))), "value = '${1 +}': no expression"),
    "an odd function": (scenario(init=EGO + private("Other", speed("${exec(3)}"))), "exec() is not understood in an expression"),
    "a rule that cannot hold": (
        scenario(
            stories=story("Other", event("Brake", speed(0), by_entity("Ego", '<SpeedCondition value="3" rule="equalTo"/>')))
        ),
        "rule = 'equalTo' is not understood",
    ),
    "a circle": (
        scenario(
            init=private("Ego", teleport('<RelativeLanePosition entityRef="Other" dLane="0" ds="3"/>'))
            + private("Other", teleport('<RelativeLanePosition entityRef="Ego" dLane="0" ds="3"/>'))
        ),
        "placed by one another in a circle",
    ),
    "another revision": (scenario(minor=9), "/OpenSCENARIO/FileHeader: revision 1.9 is not understood: 1.0 to 1.3"),
    "an unknown state": (
        scenario(
            stories=story(
                "Other",
                event(
                    "Brake",
                    speed(0),
                    by_value(state("event", "Nix", "completeState")),
                ),
            )
        ),
        "there is no event 'Nix' with actions",
    ),
}


@pytest.mark.parametrize(("text", "says"), UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_not_understood_is_an_error_with_file_line_and_xpath(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ElementError) as refused:
        brought(tmp_path, text)
    assert str(refused.value).startswith(f"undecodable: {path}:")
    assert refused.value.line > 1
    assert says in str(refused.value)


def test_entities_of_xml_and_files_outside_are_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("7")
    head = f'<!DOCTYPE OpenSCENARIO [<!ENTITY s SYSTEM "file://{tmp_path}/secret">]>'
    with pytest.raises(ElementError, match="document type declaration"):
        brought(tmp_path, head + scenario().replace('value="20"', 'value="&s;"'))


def test_a_controller_that_is_activated_hands_over_to_the_driver_that_is_asked_for(tmp_path: Path) -> None:
    controlled = '<ObjectController><Controller name="dut"><Properties/></Controller></ObjectController>'
    cars = (("Ego", controlled), ("Other", ""))
    entities = "".join(f'<ScenarioObject name="{name}">{CAR}{more}</ScenarioObject>' for name, more in cars)
    activate = '<ControllerAction><ActivateControllerAction longitudinal="true" lateral="true"/></ControllerAction>'
    init = EGO + private("Other", teleport(on_lane(-2, 150)))
    text = scenario(init=init, entities=entities, stories=story("Ego", event("Activate", activate, after(1))), stop=after(20))
    assert driven(tmp_path, text, Options(driver="idm")).contact_s[0] == np.inf
    assert driven(tmp_path, text, Options(driver="none")).contact_s[0] == pytest.approx(95 / 20, abs=0.01)
