"""Who waits for a message acts when it is there: as often, as late and as rarely as the radio has it."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.scenario.cases import Design, Request
from simulators.scenario.reading import ScenarioError
from tests.unit.simulators.scenario.written import described, ran, scenario

ROAD = """
    shipped: {name: straight, length_m: 2000, lanes: 2}
    signals:
      north: {way: main, stop_line_m: 900, stages: [{shows: red, for_s: 3.03}, {shows: green, for_s: 30}]}
    told:
      jam: {way: main, from_m: 700, until_m: 1000, event: 707}
"""
ACTORS = """
    ego: {under_test: true, start: {way: main, along_m: 100, speed_kmh: 72}}
    other: {start: {way: main, lane: 2, along_m: 150, speed_kmh: 72}}
    walker: {kind: pedestrian, start: {way: main, along_m: 1500}}
"""
SAYS = """
    - {name: brakes, actor: other, when: {time_s: 2.03}, speed: {to_kmh: 0, rate_mps2: 8}}
    - {name: says, actor: other, when: {time_s: 2.03}, says: {events: [hard-braking], lights: [hazard]}}
"""


def text(received: str, *, radio: str = "{latency_s: 0.1}", says: str = SAYS, more: str = "", rest: str = "") -> str:
    manoeuvres = (
        f"{says}\n    - {{name: acts, actor: ego, when: {{received: {received}}}, speed: {{to_kmh: 0, rate_mps2: 4}}{rest}}}"
    )
    return scenario(road=ROAD, actors=ACTORS, manoeuvres=manoeuvres, more=f"radio: {radio}\n{more}")


@pytest.mark.parametrize(
    ("received", "at_s"),
    [
        ("{message: bsm, from: other, events: [hard-braking]}", 2.2),  # sent at 2.1 s, and 0.1 s on its way
        ("{message: bsm, from: other, events: [hard-braking], lights: [hazard], after_s: 0.5}", 2.7),
        ("{message: bsm, from: other}", 0.1),
        ("{message: bsm, from: other, speed_kmh: {below: 36}}", 3.4),  # 10 m/s at 3.28 s, the next one leaves at 3.3 s
        ("{message: spat, signal: north, shows: green}", 3.2),
        ("{message: rsi, told: jam, after_s: 1}", 1.1),
    ],
)
def test_who_receives_a_message_acts_on_it(received: str, at_s: float) -> None:
    assert ran(text(received)).fired["acts"] == pytest.approx([at_s])


def test_what_is_said_of_the_newest_counts() -> None:
    says = f"{SAYS}\n    - {{name: stops, actor: other, when: {{time_s: 2.05}}, says: {{}}}}"
    found = ran(text("{message: bsm, from: other, events: [hard-braking]}", says=says, rest=", is_needed: false"))
    assert np.isnan(found.fired["acts"]).all(), "it was said for less than the time between two messages"


def test_messages_that_are_lost_come_later_the_same_for_a_case_alone_and_in_company() -> None:
    more = "parameters: {seed: {default: 1, low: 1, high: 40, step: 1}, lost: {default: 0.7, choices: [0, 0.7]}}"
    given = text("{message: bsm, from: other, events: [hard-braking]}", radio="{latency_s: 0.1, loss: lost}", more=more)
    trace = ran(given, Request(Design.GRID))
    lossy = trace.parameters["lost"] > 0
    assert trace.fired["acts"][~lossy] == pytest.approx(2.2)
    late = np.rint((trace.fired["acts"][lossy] - 2.2) / 0.1)
    assert late.min() == 0
    assert late.mean() == pytest.approx(0.7 / 0.3, abs=1.2)  # how many are lost before one is not
    alone = ran(given)
    assert alone.fired["acts"] == trace.fired["acts"][lossy][:1]


def test_who_has_no_radio_hears_nothing() -> None:
    given = text("{message: bsm, from: other}", radio="{penetration: 0}", rest=", is_needed: false")
    assert np.isnan(ran(given).fired["acts"]).all()


@pytest.mark.parametrize(
    ("received", "radio", "said"),
    [
        ("{message: bsm, from: other, siren: true}", "{}", "something that other ever says"),
        ("{message: bsm, from: walker}", "{}", "an actor that has a unit of its own"),
        ("{message: bsm, from: other, of: walker}", "{}", "an actor that has a unit of its own"),
        ("{message: bsm, from: ego}", "{}", "another actor than the manoeuvre's"),
        ("{message: bsm, from: otter}", "{}", "nearest: other"),
        ("{message: bsm, from: other}", "{unheard: [other]}", "not one that radio: unheard names"),
        ("{message: bsm, from: other}", "{loss: 1}", "messages are not all lost"),
        ("{message: spat, signal: north, shows: yellow}", "{}", "north shows nothing else"),
        ("{message: spat, signal: south, shows: red}", "{}", "north"),
        ("{message: spat, from: other}", "{}", "spat goes with shows and signal"),
        ("{message: rsi, told: jam, after_s: 30}", "{}", "at most 10 s, when the run ends"),
        ("{message: rsi, told: jams}", "{}", "jam"),
    ],
)
def test_what_is_never_received_is_refused_before_anything_runs(received: str, radio: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said) as refused:
        described(text(received, radio=radio))
    assert "received" in str(refused.value)
