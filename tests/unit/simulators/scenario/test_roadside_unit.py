"""A roadside unit under test is judged for what it sends: right, late, missing, false, stale and inexact ones, without a wire."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chelu.geo import LocalFrame
from simulators.scenario.cases import Request, cases_of
from simulators.scenario.dut.conditions import requirements_of
from simulators.scenario.dut.description import Area, DeviceUnderTest
from simulators.scenario.dut.seeing import Sensors, about, found_in, truth_of
from simulators.scenario.dut.sent import Heard
from simulators.scenario.engine import run
from simulators.scenario.judging import judge
from simulators.scenario.library import source_of
from simulators.scenario.platform import DEFAULT_ORIGIN
from simulators.scenario.reading import ScenarioError
from simulators.scenario.verdict import Outcome
from tests.unit.simulators.scenario.written import described, scenario
from tests.wrong_unit import FAULTS

ANCHOR_US = 1_700_000_000_000_000
TOOK_US = 8_000
# The template's requirements, and that of any device.
RSM, SPAT, LATENCY, PLACE, MISSED, GHOSTS, LIGHTS, MAPS, ROAD, EVENTS, EVENT_PLACES, NO_EVENT, READABLE = range(13)
FRAME = LocalFrame(DEFAULT_ORIGIN.latitude_deg, DEFAULT_ORIGIN.longitude_deg, DEFAULT_ORIGIN.elevation_m)


def broken(fault: str) -> set[int]:
    """Which requirements a unit with this fault does not meet."""
    description = source_of("roadside-unit").description
    device = description.dut
    assert device is not None
    trace = run(description, cases_of(description, Request()))
    truth = truth_of(description, trace, FRAME)
    sensors, unit = Sensors(trace, None, device.area, (), FRAME), FAULTS[fault]()  # type: ignore[arg-type]
    list(unit.obey({"seqNum": 1, "action": "ready", **json.loads(json.dumps(about(description, 0, device, truth)))}))
    payloads, arrivals = [], []
    for time_us in range(0, int(trace.last[0] * trace.step_s * 1e6) + 1, 100_000):
        said = list(unit.obey(sensors.detected(ANCHOR_US + time_us, time_us / 1e6)))
        payloads += said
        arrivals += [ANCHOR_US + time_us + TOOK_US] * len(said)
    found = found_in(Heard(payloads, arrivals, ANCHOR_US), trace, sensors, truth)
    trace.rig.update({name: np.array([value]) for name, value in found.items()})  # type: ignore[attr-defined]
    verdicts = judge(trace, (*description.requirements, *requirements_of(device)), ())
    assert all(one.outcome[0] in {Outcome.PASS, Outcome.FAIL} for one in verdicts.requirements)
    return {row for row, one in enumerate(verdicts.requirements) if one.outcome[0] == Outcome.FAIL}


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ("none", set()),
        ("late", {LATENCY}),
        ("missing", {MISSED}),
        ("false", {GHOSTS}),
        ("stale", {PLACE, MISSED, GHOSTS}),
        ("slow", {RSM, SPAT}),
        ("inexact", {PLACE}),
        ("colour-blind", {LIGHTS}),
        ("rubbish", {READABLE}),
        ("mapless", {MAPS, ROAD}),
        ("mismapped", {ROAD}),
        ("misplaces", {EVENT_PLACES}),
        ("forgets", {EVENTS}),
        ("mistakes", {NO_EVENT}),
    ],
)
def test_a_unit_breaks_exactly_the_requirements_that_its_fault_concerns(fault: str, wanted: set[int]) -> None:
    assert broken(fault) == wanted


def test_a_unit_that_says_nothing_misses_everybody_and_nothing_of_it_can_be_measured() -> None:
    description = source_of("roadside-unit").description
    trace = run(description, cases_of(description, Request()))
    truth = truth_of(description, trace, FRAME)
    sensors = Sensors(trace, None, Area(within_m=1000), (), FRAME)  # type: ignore[arg-type]
    found = found_in(Heard([], [], ANCHOR_US), trace, sensors, truth)
    assert (found["rsm_rate_hz"], found["missed_participants"], found["ghost_participants"]) == (0.0, 1.0, 0.0)
    assert (found["map_errors"], found["missed_events"], found["ghost_events"]) == (len(truth.nodes), 1.0, 0.0)
    unknown = ("unit_latency_s", "participant_error_m", "wrong_lights", "event_error_m")
    assert np.isnan([found[name] for name in unknown]).all()


def test_nobody_outside_the_area_or_unheard_is_to_be_seen() -> None:
    description = source_of("roadside-unit").description
    trace = run(description, cases_of(description, Request()))
    device = DeviceUnderTest.model_validate(
        {"kind": "sees", "area": {"within_m": 50}, "udp": {"hears": "127.0.0.1:1", "says": "127.0.0.1:2"}}
    )
    sensors = Sensors(trace, None, device.area, [2], FRAME)  # type: ignore[arg-type]
    assert [one["number"] for one in sensors.detected(0, 0.0)["objects"]] == [1]
    assert [one["number"] for one in sensors.detected(0, 6.0)["objects"]] == [0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{kind: sees, mqtt: {}}", "one that sees is registered before, as what it is"),
        ("{kind: sees, actor: ego, udp: {hears: 127.0.0.1:1, says: 127.0.0.1:2}}", "is no actor"),
        ("{kind: warns, area: {within_m: 10}, udp: {hears: 127.0.0.1:1, says: 127.0.0.1:2}}", "goes with the kind sees"),
    ],
)
def test_what_does_not_go_with_a_unit_is_refused(given: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        described(scenario(more=f"dut: {given}"))
