"""Details of imports that public collections turn on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chelu.xml_tree import ElementError
from simulators.scenario.openscenario.importing import Options
from tests.unit.roads.opendrive_files import file_of, lane, road, section
from tests.unit.simulators.openscenario.files import (
    CAR,
    EGO,
    OTHER,
    STRAIGHT,
    after,
    brought,
    by_entity,
    by_value,
    driven,
    event,
    on_lane,
    private,
    scenario,
    speed,
    story,
    teleport,
)


def test_an_act_s_own_start_can_be_asked_for_by_its_events(tmp_path: Path) -> None:
    own = by_value(
        '<StoryboardElementStateCondition storyboardElementType="act" storyboardElementRef="StoryAct" state="startTransition"/>'
    )
    at_once = driven(tmp_path, scenario(stories=story("Other", event("Now", speed(5), own))))
    assert at_once.fired["nowaction"] == pytest.approx([0.0], abs=0.021)
    later = driven(tmp_path, scenario(stories=story("Other", event("Now", speed(5), own), start=after(3))))
    assert later.fired["nowaction"] == pytest.approx([3.0], abs=0.021)


def test_who_is_put_nowhere_begins_where_its_trajectory_does(tmp_path: Path) -> None:
    points = ((20, 60), (20, 20), (60, 20))
    vertices = "".join(f'<Vertex><Position><WorldPosition x="{x}" y="{y}"/></Position></Vertex>' for x, y in points)
    follow = (
        '<RoutingAction><FollowTrajectoryAction><Trajectory name="t" closed="false"><Shape><Polyline>'
        f"{vertices}</Polyline></Shape></Trajectory><TimeReference><None/></TimeReference></FollowTrajectoryAction></RoutingAction>"
    )
    trace = driven(tmp_path, scenario(init=private("Ego", speed(10), follow), names=("Ego",)))
    assert trace.xy[round(2 / trace.step_s), 0, 0].tolist() == pytest.approx([20, 38.6])
    assert trace.xy[-1, 0, 0].tolist() == pytest.approx([81.4, 20])


def test_a_cubic_offset_takes_as_long_as_its_highest_lateral_acceleration_allows(tmp_path: Path) -> None:
    offset = (
        "<LateralAction><LaneOffsetAction continuous='false'><LaneOffsetActionDynamics maxLateralAcc='0.5' "
        "dynamicsShape='cubic'/><LaneOffsetTarget><AbsoluteTargetLaneOffset value='-0.75'/></LaneOffsetTarget></LaneOffsetAction>"
        "</LateralAction>"
    )
    trace = driven(tmp_path, scenario(stories=story("Other", event("Aside", offset, after(1)))))
    across = np.gradient(trace.aside_mps[round(1.1 / trace.step_s) : round(3.9 / trace.step_s), 0, 1], trace.step_s)
    assert np.abs(across[1:-1]).max() == pytest.approx(0.5, rel=0.08)
    assert trace.xy[round(4.05 / trace.step_s), 0, 1, 1] == pytest.approx(-2.5)  # √(6 · 0.75 / 0.5) = 3 s


def test_the_end_of_the_road_is_where_the_lane_ends(tmp_path: Path) -> None:
    short = '<geometry s="0" x="0" y="0" hdg="0" length="150"><line/></geometry>'
    roads = file_of(road("0", geometry=short, length=150, sections=section(right=lane(-1) + lane(-2))))
    ends = by_entity("Ego", '<EndOfRoadCondition duration="1"/>')
    trace = driven(tmp_path, scenario(init=EGO, names=("Ego",), stop=ends), Options(longest_s=20), roads=roads)
    assert trace.time_s[trace.last[0]] == pytest.approx((150 - 51.4) / 20 + 1, abs=0.041)


def test_a_controller_can_be_assigned_and_activated_at_once(tmp_path: Path) -> None:
    assign = (
        '<ControllerAction><AssignControllerAction activateLongitudinal="true"><Controller name="acc"><Properties><Property '
        'name="esminiController" value="{}"/></Properties></Controller></AssignControllerAction></ControllerAction>'
    )
    init = EGO + private("Other", teleport(on_lane(-2, 150)))

    def controlled(name: str) -> str:
        return scenario(init=init, stories=story("Ego", event("Assign", assign.format(name), after(1))), stop=after(20))

    assert driven(tmp_path, controlled("ACCController"), Options(driver="none")).contact_s[0] == np.inf
    with pytest.raises(ElementError, match="the controller 'GhostController' of Ego is not understood"):
        brought(tmp_path, controlled("GhostController"))


def test_a_lane_that_leaves_the_others_cannot_be_driven_beside_them(tmp_path: Path) -> None:
    widens = '<width sOffset="0" a="3.5" b="0" c="0" d="0"/><width sOffset="500" a="3.5" b="0.01" c="0" d="0"/>'
    roads = file_of(road("0", geometry=STRAIGHT, length=2000, sections=section(right=lane(-1, inside=widens) + lane(-2))))
    init = private("Ego", teleport(on_lane(-1, 50)), speed(20)) + private("Other", teleport(on_lane(-2, 40)), speed(20))
    with pytest.raises(ElementError, match=r"shifts by .* m beside lane -"):
        brought(tmp_path, scenario(init=init), roads=roads)
    alone = driven(
        tmp_path, scenario(init=init.partition('<Private entityRef="Other"')[0], names=("Ego",), stop=after(60)), roads=roads
    )
    at = round(60 / alone.step_s)
    x, y = alone.xy[at, 0, 0].tolist()
    assert y == pytest.approx(-(3.5 + 0.01 * (x - 500)) / 2, abs=0.05)  # alone it keeps to the middle of its widening lane


def test_parameters_may_be_declared_with_their_sign_and_texts_stay_texts(tmp_path: Path) -> None:
    declared = (
        '<ParameterDeclaration name="$V" parameterType="double" value="${10 * pi / pi}"/>'
        '<ParameterDeclaration name="Word" parameterType="double" value="none"/>'
    )
    trace = driven(tmp_path, scenario(init=private("Ego", teleport(on_lane(-2, 50)), speed("$V")) + OTHER, parameters=declared))
    assert trace.speed_mps[0, 0, 0] == pytest.approx(10)
    with pytest.raises(ElementError, match=r"value = '.Word': 'none' is no number"):
        brought(tmp_path, scenario(init=private("Ego", teleport(on_lane(-2, 50)), speed("$Word")) + OTHER, parameters=declared))


def test_weather_is_friction_and_what_moves_nobody_is_noted(tmp_path: Path) -> None:
    sky = (
        '<GlobalAction><EnvironmentAction><Environment name="e"><TimeOfDay animation="false" dateTime="2026-01-01T00:00:00"/>'
        '<Weather cloudState="free"/><RoadCondition frictionScaleFactor="0.3"/></Environment></EnvironmentAction></GlobalAction>'
    )
    hides = '<VisibilityAction graphics="false" sensors="false" traffic="false"/>'
    found = brought(tmp_path, scenario(init=sky + EGO + OTHER, stories=story("Other", event("Hide", hides, after(1)))))
    assert found.description.weather.friction == 0.3
    assert [note.split(": ", 1)[1] for note in found.notes] == [
        "TimeOfDay moves nobody", "Weather moves nobody", "VisibilityAction moves nobody",
    ]  # fmt: skip
    assert found.text.startswith("# Imported from tried.xosc.\n# Left out: line ")


def test_what_an_event_may_not_do_is_named(tmp_path: Path) -> None:
    deletes = event("Gone", speed(1), after(1)).replace("PrivateAction>", "GlobalAction>", 1)
    again = story("Other", event("Often", speed(1), after(1))).replace('maximumExecutionCount="1"', 'maximumExecutionCount="3"')
    for text, says in (
        (story("Other", deletes.replace("</PrivateAction>", "</GlobalAction>")), "PrivateAction"),
        (again, "above 1"),
    ):
        with pytest.raises(ElementError, match=says):
            brought(tmp_path, scenario(stories=text))


def test_cars_are_known_by_their_category(tmp_path: Path) -> None:
    entities = f'<ScenarioObject name="Ego">{CAR.replace("car", "hovercraft")}</ScenarioObject>'
    with pytest.raises(ElementError, match="its category 'hovercraft' is not understood"):
        brought(tmp_path, scenario(entities=entities, init=EGO))


def test_a_ring_is_driven_round_and_round(tmp_path: Path) -> None:
    ring = '<geometry s="0" x="0" y="0" hdg="0" length="314.1592653589793"><arc curvature="0.02"/></geometry>'
    itself = (
        '<predecessor elementType="road" elementId="0" contactPoint="end"/>'
        '<successor elementType="road" elementId="0" contactPoint="start"/>'
    )
    along = '<predecessor id="-1"/><successor id="-1"/>'
    roads = file_of(road("0", geometry=ring, length=314.1592653589793, link=itself, sections=section(right=lane(-1, link=along))))
    init = private("Ego", teleport(on_lane(-1, 10)), speed(20))
    trace = driven(tmp_path, scenario(init=init, names=("Ego",), stop=after(40)), roads=roads)
    assert np.hypot(trace.xy[:, 0, 0, 0], trace.xy[:, 0, 0, 1] - 50) == pytest.approx(51.75, abs=0.02)
    assert trace.along_m[-1, 0, 0] - trace.along_m[0, 0, 0] == pytest.approx(800, abs=1)


def test_elements_of_one_name_are_told_apart_by_what_they_stand_in(tmp_path: Path) -> None:
    def done(name: str) -> str:
        condition = (
            '<StoryboardElementStateCondition storyboardElementType="action" storyboardElementRef="{}" state="endTransition"/>'
        )
        return story("Ego", event("Last", speed(3), by_value(condition.format(name))), name="Watch")

    events = [event(name, speed(5), after(time)).replace(f"{name}Action", "Does") for name, time in (("First", 1), ("Second", 4))]
    twice = story("Other", *events)
    for name, time in (("First::Does", 1.0), ("Second::Does", 4.0)):
        trace = driven(tmp_path, scenario(stories=twice + done(name)))
        assert trace.fired["lastaction"] == pytest.approx([time], abs=0.061)
    with pytest.raises(ElementError, match="there are several action 'Does'"):
        brought(tmp_path, scenario(stories=twice + done("Does")))


def test_time_never_falls_back(tmp_path: Path) -> None:
    either = by_value('<SimulationTimeCondition value="2" rule="greaterThan"/>', "risingOrFalling")
    assert driven(tmp_path, scenario(stories=story("Other", event("Slow", speed(5), either)))).fired[
        "slowaction"
    ] == pytest.approx([2.0])
