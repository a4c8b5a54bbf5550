"""Manoeuvres and their triggers against what they must come to, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.scenario.reading import ScenarioError
from simulators.scenario.trace import Trace
from tests.unit.simulators.scenario.written import described, ran, scenario

FOLLOWS = (
    "ego: {start: {way: main, along_m: 100, speed_kmh: 72}}\nother: {start: {ahead_of: ego, lane: 2, gap_m: 60, speed_kmh: 36}}"
)


def driven(*manoeuvres: str, more: str = "", after_s: float = 10, actors: str = FOLLOWS) -> Trace:
    return ran(scenario(actors=actors, manoeuvres="\n".join(f"- {{{one}}}" for one in manoeuvres), more=more, after_s=after_s))


def at(trace: Trace, time_s: float) -> int:
    return round(time_s / trace.step_s)


def test_a_speed_can_be_taken_at_once_and_from_another() -> None:
    trace = driven("name: takes, actor: ego, when: {time_s: 2}, speed: {like: other, times: 1.5, by_kmh: 3.6, at_once: true}")
    assert trace.speed_mps[at(trace, 1.98), 0, 0] == 20.0
    assert np.unique(trace.speed_mps[at(trace, 2) :, 0, 0]) == pytest.approx([16.0])


def test_a_lasting_likeness_follows_the_other() -> None:
    trace = driven(
        "name: keeps, actor: ego, when: {time_s: 1}, speed: {like: other, times: 2, rate_mps2: 50, is_lasting: true}",
        "name: brakes, actor: other, when: {time_s: 2}, speed: {to_kmh: 18, rate_mps2: 1}",
        more="weather: {friction: 1.2}",
    )
    assert trace.speed_mps[at(trace, 4), 0, 1] == pytest.approx(8.0)
    assert trace.speed_mps[at(trace, 4), 0, 0] == pytest.approx(16.0, abs=0.05)
    assert trace.speed_mps[-1, 0, 0] == pytest.approx(10.0)


@pytest.mark.parametrize(("shape", "peak"), [("sine", np.pi / 2), ("cubic", 1.5), ("linear", 1.0)])
@pytest.mark.parametrize("pace", ["over_s: 4", "over_m: 60"])
def test_gentle_shapes_reach_the_speed_on_time_and_peak_in_the_middle(shape: str, peak: float, pace: str) -> None:
    trace = driven(f"name: slows, actor: ego, when: {{time_s: 1}}, speed: {{to_kmh: 36, {pace}, shape: {shape}}}")
    assert trace.speed_mps[at(trace, 5), 0, 0] == pytest.approx(10.0, abs=1e-9)  # 60 m at a mean of 15 m/s: 4 s, too
    assert trace.along_m[at(trace, 5), 0, 0] - trace.along_m[at(trace, 1), 0, 0] == pytest.approx(60.0, abs=1e-6)
    assert -trace.acceleration_mps2[:, 0, 0].min() == pytest.approx(10 / 4 * peak, rel=1e-3)


def test_a_rate_of_a_gentle_shape_is_its_highest() -> None:
    trace = driven("name: slows, actor: ego, when: {time_s: 0}, speed: {to_kmh: 36, rate_mps2: 4, shape: sine}")
    assert -trace.acceleration_mps2[:, 0, 0].min() == pytest.approx(4.0, rel=1e-3)
    assert trace.speed_mps[at(trace, 10 * np.pi / 8) + 1, 0, 0] == pytest.approx(10.0)


def test_a_lane_can_be_named_by_who_is_in_it() -> None:
    trace = driven(
        "name: joins, actor: ego, when: {time_s: 1}, lane_change: {lane_of: other, over_s: 2, offset_m: 0.5}",
        "name: back, actor: ego, when: {time_s: 5}, lane_change: {lane_of: other, lanes_left: -1, over_m: 40, shape: cubic}",
    )
    assert trace.aside_m[at(trace, 3), 0, 0] == pytest.approx(1.75 + 0.5)
    assert trace.aside_m[at(trace, 6.98), 0, 0] < 5.25
    assert trace.aside_m[at(trace, 7), 0, 0] == pytest.approx(5.25)


def test_moving_aside_of_ones_lane_takes_as_long_as_the_highest_lateral_acceleration_allows() -> None:
    trace = driven(
        "name: swerves, actor: ego, when: {time_s: 1}, lane_change: {lane_of: ego, offset_m: -1.2, peak_mps2: 0.6, shape: sine}",
        "name: like, actor: other, when: {after: {manoeuvre: swerves, state: ended}}, "
        "lane_change: {lane_of: other, offset_of: ego, at_once: true}",
    )
    across = np.gradient(trace.aside_mps[at(trace, 1.1) : at(trace, 3), 0, 0], trace.step_s)
    assert np.abs(across[1:-1]).max() <= 0.6 + 1e-6
    assert trace.fired["like"] == pytest.approx(1 + np.pi * np.sqrt(1.2 / 1.2), abs=0.021)
    assert trace.aside_m[-1, 0, 0] == pytest.approx(5.25 - 1.2)
    assert trace.aside_m[-1, 0, 1] == pytest.approx(1.75 - 1.2)
    assert np.abs(trace.aside_mps[:, 0, 1]).max() == 0.0


def test_a_manoeuvre_ends_when_its_speed_is_reached_or_another_takes_over() -> None:
    trace = driven(
        "name: slows, actor: ego, when: {time_s: 1}, speed: {to_kmh: 36, rate_mps2: 5}",
        "name: endless, actor: other, when: {time_s: 1}, speed: {to_kmh: 360, rate_mps2: 0.1}",
        "name: instead, actor: other, when: {time_s: 4}, speed: {to_kmh: 36, rate_mps2: 1}",
        "name: a, actor: ego, when: {after: {manoeuvre: slows, state: ended, by_s: 1}}, is_mark: true",
        "name: b, actor: ego, when: {after: {manoeuvre: endless, state: ended}}, is_mark: true",
        "name: c, actor: ego, when: {all_of: [{after: {manoeuvre: a}}, {after: {manoeuvre: b, state: ended}}]}, is_mark: true",
    )
    assert [float(trace.fired[name][0]) for name in "abc"] == pytest.approx([4.0, 4.0, 4.02], abs=0.021)


TRIGGERS = {
    "speed_kmh: {of: other, below: 18}": 6.0,  # other slows by 1 m/s² from 1 s on, from 10 m/s
    "acceleration_mps2: {of: other, below: -0.5}": 1.0,
    "faster_kmh: {to: other, above: 50.4}": 5.0,
    "travels_m: {above: 50}": 2.5,
    "lateral_m: {to: other, below: 3.6}": 0.0,
    "gap_m: {to: other, below: 44.8, between: centres}": 2.0,
    "closing_s: {to: other, below: 3}": 2.45,  # then 60 − 10·t − (t − 1)²/2 is 3 times 10 + (t − 1)
    "headway_s: {to: other, below: 2.24, between: centres}": 2.0,
    "time_s: 1, delay_s: 1.5": 2.5,
    "rises: true, time_s: 1": 1.0,
    "any_of: [{time_s: 3}, {travels_m: {above: 20}}]": 1.0,
    "all_of: [{time_s: 3}, {travels_m: {above: 20}}]": 3.0,
    "stands: {of: still, for_s: 0.5}": 0.5,
    "touches: {of: still, to: near}": 3.0,
    "reaches: {x_m: 5.25, y_m: -840, within_m: 10.01}": 2.5,
}


@pytest.mark.parametrize(("when", "time_s"), TRIGGERS.items())
def test_triggers_hold_from_when_they_must(when: str, time_s: float) -> None:
    trace = driven(
        "name: slows, actor: other, when: {time_s: 1}, speed: {to_kmh: 0, rate_mps2: 1}",
        f"name: seen, actor: ego, when: {{{when}}}, is_mark: true",
        actors=FOLLOWS
        + "\nstill: {start: {way: main, along_m: 1500}}"
        + "\nnear: {start: {way: main, along_m: 1465.2, speed_kmh: 36}}",
        after_s=9,
    )
    assert trace.fired["seen"] == pytest.approx([time_s], abs=0.041)


def test_a_run_can_end_by_a_condition_and_later_contacts_do_not_count() -> None:
    actors = "ego: {start: {way: main, along_m: 100, speed_kmh: 72}}\nother: {start: {ahead_of: ego, gap_m: 40}}"
    text = scenario(actors=actors).replace("end: {after_s: 10}", "end: {after_s: 10, when: {travels_m: {of: ego, above: 20}}}")
    trace = ran(text)
    assert trace.time_s[trace.last[0]] == pytest.approx(1.0, abs=0.021)
    assert trace.contact_s[0] == np.inf
    assert trace.contact[0].tolist() == [-1, -1]
    assert np.isfinite(ran(scenario(actors=actors)).contact_s[0])


@pytest.mark.parametrize(
    ("manoeuvre", "key"),
    [
        ("when: {time_s: 1}, speed: {like: nobody, at_once: true}", "manoeuvres.0.speed.like"),
        ("when: {time_s: 1}, lane_change: {lane_of: nobody, over_s: 1}", "manoeuvres.0.lane_change.lane_of"),
        ("when: {any_of: [{time_s: 1}, {touches: {to: nobody}}]}, is_mark: true", "manoeuvres.0.when.any_of.1.touches.to"),
        ("when: {speed_kmh: {of: nobody, above: 3}}, is_mark: true", "manoeuvres.0.when.speed_kmh.of"),
    ],
)
def test_names_that_are_nobody_are_found_wherever_they_stand(manoeuvre: str, key: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        described(scenario(manoeuvres=f"- {{name: one, actor: ego, {manoeuvre}}}"))
    assert [one.key for one in refused.value.problems] == [key]


def test_lanes_of_their_own_widths_lie_where_they_are_said_to() -> None:
    road = """
        ways:
          main: {lanes: 3, lane_widths_m: [2.5, 3.5, 4.0], left_edge_m: -4, pieces: [{length_m: 2000}]}
    """
    names = enumerate(("ego", "other", "third"), 1)
    actors = "\n".join(f"{name}: {{start: {{way: main, lane: {lane}, along_m: {lane * 50}}}}}" for lane, name in names)
    assert ran(scenario(road=road, actors=actors)).aside_m[0, 0].tolist() == [4.75, 1.75, -2.0]


def test_a_manoeuvre_breaks_off_another_and_leaves_things_as_they_are() -> None:
    trace = driven(
        "name: joins, actor: ego, when: {time_s: 1}, lane_change: {to_lane: 2, over_s: 4}",
        "name: slows, actor: ego, when: {time_s: 3}, speed: {to_kmh: 36, rate_mps2: 2}, ends: [joins]",
        "name: stays, actor: ego, when: {time_s: 4}, lane_change: {lane_of: ego, over_s: 1}, ends: [slows]",
        "name: seen, actor: ego, when: {after: {manoeuvre: joins, state: ended}}, is_mark: true",
    )
    assert trace.aside_m[at(trace, 3) : at(trace, 4), 0, 0] == pytest.approx(3.5)
    assert trace.aside_mps[at(trace, 3.5), 0, 0] == 0.0
    assert trace.speed_mps[at(trace, 5.1) :, 0, 0] == pytest.approx(18.0)  # from 4 s on it is over ground, across, too
    assert trace.fired["seen"] == pytest.approx([3.0], abs=0.021)


CROSSES = """
    ego: {start: {way: main, along_m: 300, speed_kmh: 72}}
    other: {kind: motorcycle, start: {way: side, along_m: 405}}
"""


@pytest.mark.parametrize(
    ("when", "time_s"),
    [
        ("gap_m: {to: other, along: heading, below: 50}", (100 - 1.75 - 2.4 - 0.4 - 50) / 20),  # lengths and the other's width
        ("gap_m: {to: other, along: heading, between: centres, below: 50}", (100 - 1.75 - 50) / 20),
        ("headway_s: {to: other, along: heading, between: centres, below: 2.5}", (100 - 1.75 - 50) / 20),
        ("lateral_m: {to: other, along: heading, below: 3.26}", 0.0),
    ],
)
def test_distances_can_be_taken_in_the_direction_of_view_between_two_ways(when: str, time_s: float) -> None:
    road = "shipped: {name: crossing, length_m: 800, lanes: 1}"
    trace = ran(scenario(road=road, actors=CROSSES, manoeuvres=f"- {{name: seen, actor: ego, when: {{{when}}}, is_mark: true}}"))
    assert trace.fired["seen"] == pytest.approx([time_s], abs=0.021)


def test_a_way_can_turn_on_the_spot() -> None:
    road = "ways: {main: {pieces: [{length_m: 50}, {length_m: 50, turn_deg: 90}, {length_m: 900, turn_deg: -45}]}}"
    actors = "ego: {start: {way: main, along_m: 0, aside_m: -1.75, speed_kmh: 36}}\nother: {start: {way: main, along_m: 900}}"
    trace = ran(scenario(road=road, actors=actors, after_s=9))
    assert trace.xy[at(trace, 4), 0, 0].tolist() == pytest.approx([0, 40])
    assert trace.xy[at(trace, 8), 0, 0].tolist() == pytest.approx([30, 50])
    assert trace.heading_deg[at(trace, 8), 0, 0] == pytest.approx(90)
