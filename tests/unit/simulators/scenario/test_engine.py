"""Motion of the engine against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.scenario.cases import Design, Request
from simulators.scenario.description import Parameter
from simulators.scenario.engine import run
from tests.unit.simulators.scenario.written import cases, described, ran, scenario

KEEPS = (
    "ego: {start: {way: main, along_m: 100, speed_kmh: 72}}\nother: {start: {ahead_of: ego, lane: 2, gap_m: 50, speed_kmh: 36}}"
)


def test_who_is_left_alone_keeps_its_speed_and_lane() -> None:
    trace = ran(scenario(actors=KEEPS))
    ego = trace.index("ego")
    assert trace.along_m[:, 0, ego] == pytest.approx(100 + 20 * trace.time_s, abs=1e-9)
    assert np.unique(trace.aside_m[:, 0, ego]) == pytest.approx([5.25])  # the middle of the right of two lanes of 3.5 m
    assert trace.contact_s[0] == np.inf
    assert trace.last[0] == trace.instants - 1


def test_gap_at_the_start_is_from_bumper_to_bumper() -> None:
    trace = ran(scenario(actors=KEEPS))
    assert trace.along_m[0, 0, 1] - trace.along_m[0, 0, 0] == pytest.approx(50 + 4.8)


def test_braking_to_rest_takes_the_way_that_it_must() -> None:
    brakes = "- {name: brakes, actor: ego, when: {time_s: 1}, speed: {to_kmh: 0, rate_mps2: 5}}"
    trace = ran(scenario(actors=KEEPS, manoeuvres=brakes))
    assert trace.along_m[-1, 0, 0] == pytest.approx(100 + 20 + 20**2 / 10, abs=1e-9)
    assert trace.speed_mps[-1, 0, 0] == 0.0
    assert trace.speed_mps[:, 0, 0].min() == 0.0
    assert trace.fired["brakes"] == pytest.approx([1.0])


def test_speed_is_reached_exactly_and_kept() -> None:
    speeds_up = "- {name: speeds_up, actor: ego, when: {time_s: 0}, speed: {to_kmh: 90, over_s: 3.01}}"
    trace = ran(scenario(actors=KEEPS, manoeuvres=speeds_up))
    assert trace.speed_mps[round(3.02 / trace.step_s) :, 0, 0] == pytest.approx(25.0, abs=1e-12)
    assert trace.speed_mps[round(3.0 / trace.step_s), 0, 0] < 25.0


def test_jerk_limits_how_fast_braking_builds_up() -> None:
    brakes = "- {name: brakes, actor: ego, when: {time_s: 0}, speed: {to_kmh: 0, rate_mps2: 6, jerk_mps3: 6}}"
    trace = ran(scenario(actors=KEEPS, manoeuvres=brakes))
    change = np.diff(trace.acceleration_mps2[:60, 0, 0]) / trace.step_s
    assert np.abs(change).max() == pytest.approx(6.0)
    assert trace.acceleration_mps2[round(1.0 / trace.step_s), 0, 0] == pytest.approx(-6.0)


def test_friction_limits_braking_and_a_descent_takes_from_it() -> None:
    brakes = "- {name: brakes, actor: ego, when: {time_s: 0}, speed: {to_kmh: 0, rate_mps2: 9}}"
    icy = "weather: {friction: 0.3}"
    level = ran(scenario(actors=KEEPS, manoeuvres=brakes, more=icy))
    assert level.acceleration_mps2[0, 0, 0] == pytest.approx(-0.3 * 9.80665)
    downhill = "shipped: {name: straight, length_m: 2000, lanes: 2, gradient: -0.08}"
    steep = ran(scenario(road=downhill, actors=KEEPS, manoeuvres=brakes, more=icy))
    assert steep.acceleration_mps2[0, 0, 0] == pytest.approx(-(0.3 - 0.08) * 9.80665 / np.hypot(1, 0.08))


@pytest.mark.parametrize(("shape", "fastest_mps"), [("linear", 1.0), ("sine", np.pi / 2)])
def test_lane_change_ends_in_the_middle_of_the_other_lane(shape: str, fastest_mps: float) -> None:
    changes = (
        f"- {{name: changes, actor: other, when: {{time_s: 1}}, lane_change: {{to_lane: 1, lateral_mps: 1.0, shape: {shape}}}}}"
    )
    trace = ran(scenario(actors=KEEPS, manoeuvres=changes))
    begin, end = round(1.0 / trace.step_s), round(4.5 / trace.step_s)
    assert trace.aside_m[begin, 0, 1] == pytest.approx(1.75)
    assert trace.aside_m[end, 0, 1] == pytest.approx(5.25)
    assert trace.aside_mps[begin:end, 0, 1].max() == pytest.approx(fastest_mps, rel=1e-3)
    assert trace.aside_mps[end:, 0, 1].max() == 0.0
    along = np.gradient(trace.aside_m[begin : end - 1, 0, 1], trace.step_s)
    assert trace.aside_mps[begin + 1 : end - 2, 0, 1] == pytest.approx(along[1:-1], abs=1e-3)


def test_contact_is_found_between_the_instants() -> None:
    meets = "ego: {start: {way: main, along_m: 100, speed_kmh: 72}}\nother: {start: {ahead_of: ego, gap_m: 50.3}}"
    trace = ran(scenario(actors=meets))
    assert trace.contact_s[0] == pytest.approx(50.3 / 20, abs=1e-9)
    assert trace.contact[0].tolist() == [0, 1]
    assert trace.last[0] == np.ceil(50.3 / 20 / trace.step_s)


def test_fast_crossing_within_one_step_is_a_contact() -> None:
    road = "shipped: {name: crossing, length_m: 800, lanes: 1}"
    actors = """
        ego: {start: {way: main, along_m: 398.25}}
        other: {kind: motorcycle, start: {way: side, along_m: 200, speed_kmh: 400}}
    """
    trace = ran(scenario(road=road, actors=actors, more="step_s: 0.1"))
    assert np.isfinite(trace.contact_s[0])


def test_two_decks_are_no_contact() -> None:
    for above_m, is_contact in ((0, True), (2, True), (6, False), (-6, False)):
        road = f"shipped: {{name: crossing, length_m: 800, lanes: 1, side_above_m: {above_m}}}"
        actors = """
            ego: {start: {way: main, along_m: 300, speed_kmh: 72}}
            other: {start: {way: side, along_m: 300, speed_kmh: 72}}
        """
        assert np.isfinite(ran(scenario(road=road, actors=actors)).contact_s[0]) == is_contact


def test_who_drives_inside_a_bend_covers_less_of_the_ground() -> None:
    road = """
        ways:
          main: {lanes: 2, pieces: [{length_m: 2000, radius_m: 100}]}
    """
    trace = ran(scenario(road=road, actors=KEEPS.replace("gap_m: 50", "gap_m: 20")))
    step_m = np.linalg.norm(np.diff(trace.xy[:, 0, 0], axis=0), axis=1)
    assert step_m == pytest.approx(20 * trace.step_s, rel=1e-4)  # speed is over ground
    along = np.diff(trace.along_m[:, 0, 0])
    assert along == pytest.approx(20 * trace.step_s / (1 - 5.25 / 100))  # right of the line, in a bend to the right
    radius = np.linalg.norm(trace.xy[:, 0, 0] - [100.0, 0.0], axis=1)
    assert radius == pytest.approx(100 - 5.25, rel=1e-9)


def test_idm_comes_to_rest_behind_a_standing_vehicle_and_keeps_its_gap() -> None:
    actors = """
        ego: {start: {way: main, along_m: 100, speed_kmh: 72}, driver: {model: idm}}
        other: {start: {ahead_of: ego, gap_m: 150}}
    """
    trace = ran(scenario(actors=actors, after_s=60))
    gap = trace.along_m[-1, 0, 1] - trace.along_m[-1, 0, 0] - 4.8
    assert trace.contact_s[0] == np.inf
    assert gap == pytest.approx(2.0, abs=0.3)


def test_a_manoeuvre_begins_once_another_has() -> None:
    manoeuvres = """
        - {name: second, actor: ego, when: {after: {manoeuvre: first, by_s: 0.5}}, speed: {to_kmh: 0, rate_mps2: 2}}
        - {name: first, actor: other, when: {gap_m: {to: ego, below: 30}}, speed: {to_kmh: 72, rate_mps2: 2}}
    """
    trace = ran(scenario(actors=KEEPS, manoeuvres=manoeuvres))
    assert trace.fired["first"] == pytest.approx([2.02], abs=0.021)
    assert trace.fired["second"] == pytest.approx(trace.fired["first"] + 0.5)


def test_time_to_collision_as_a_trigger_is_that_of_the_boxes() -> None:
    actors = KEEPS.replace("lane: 2, ", "")
    brakes = "- {name: brakes, actor: ego, when: {ttc_s: {to: other, below: 2}}, speed: {to_kmh: 0, rate_mps2: 8}}"
    trace = ran(scenario(actors=actors, manoeuvres=brakes))
    assert trace.fired["brakes"] == pytest.approx([3.0], abs=0.021)


GRIDDED = scenario(
    actors="""
        ego: {start: {way: main, along_m: 100, speed_kmh: fast}, driver: {model: fsm}}
        other: {start: {ahead_of: ego, lane: 2, gap_m: gap, speed_kmh: 36}}
    """,
    manoeuvres="- {name: cuts, actor: other, when: {time_s: 0.5}, lane_change: {to_lane: 1, lateral_mps: 1.2}}",
    more="parameters: {fast: {default: 70, low: 40, high: 120, step: 10}, gap: {default: 20, low: 5, high: 60, step: 5}}",
)


def test_a_case_turns_out_the_same_alone_and_in_company() -> None:
    description = described(GRIDDED)
    every = cases(description, Request(design=Design.GRID))
    whole = run(description, every)
    for row in (0, 17, len(every) - 1):
        alone = run(description, every.take(np.array([row])))
        for name in ("xy", "heading_deg", "speed_mps", "acceleration_mps2", "contact_s", "last"):
            together = getattr(whole, name)
            of_row = together[row : row + 1] if together.ndim == 1 else together[:, row : row + 1]
            assert np.array_equal(of_row, getattr(alone, name)), name


@settings(max_examples=15, deadline=None)
@given(heading_deg=st.floats(-180, 180), x_m=st.floats(-1e4, 1e4))
def test_outcomes_do_not_hang_on_where_north_is(heading_deg: float, x_m: float) -> None:
    def contact(place: str) -> float:
        road = f"ways: {{main: {{{place}lanes: 2, pieces: [{{length_m: 300}}, {{length_m: 900, radius_m: 250, turns: left}}]}}}}"
        text = GRIDDED.replace("shipped: {name: straight, length_m: 2000, lanes: 2}", road)
        return float(ran(text, Request(fixed={"gap": Parameter(default=8.0)})).contact_s[0])

    turned = contact(f"heading_deg: {heading_deg!r}, x_m: {x_m!r}, ")
    assert np.isfinite(turned)
    assert turned == pytest.approx(contact(""), abs=1e-6)
