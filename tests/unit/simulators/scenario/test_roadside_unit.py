"""A roadside unit under test is judged for what it sends: right, late, missing, false, stale and inexact ones, without a wire."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.scenario.cases import Request, cases_of
from simulators.scenario.dut.conditions import requirements_of
from simulators.scenario.dut.description import DeviceUnderTest
from simulators.scenario.dut.seeing import FRAME, Sensors, about
from simulators.scenario.dut.sent import Heard, measured
from simulators.scenario.engine import run
from simulators.scenario.judging import judge
from simulators.scenario.library import source_of
from simulators.scenario.reading import ScenarioError
from simulators.scenario.verdict import Outcome
from tests.unit.simulators.scenario.written import described, scenario
from tests.wrong_unit import FAULTS

ANCHOR_US = 1_700_000_000_000_000
TOOK_US = 8_000
RSM, SPAT, LATENCY, PLACE, MISSED, GHOSTS, LIGHTS, READABLE = range(8)  # the template's requirements, and that of any device


def broken(fault: str) -> set[int]:
    """Which requirements a unit with this fault does not meet."""
    description = source_of("roadside-unit").description
    device = description.dut
    assert device is not None
    trace = run(description, cases_of(description, Request()))
    sensors, unit = Sensors(trace, None, device.area, ()), FAULTS[fault]()  # type: ignore[arg-type]
    list(unit.obey({"seqNum": 1, "action": "ready", **about(description, 0, device)}))
    payloads, arrivals = [], []
    for time_us in range(0, int(trace.last[0] * trace.step_s * 1e6) + 1, 100_000):
        said = list(unit.obey(sensors.detected(ANCHOR_US + time_us, time_us / 1e6)))
        payloads += said
        arrivals += [ANCHOR_US + time_us + TOOK_US] * len(said)
    found = measured(Heard(payloads, arrivals, ANCHOR_US), trace, sensors.seen, FRAME)
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
    ],
)
def test_a_unit_breaks_exactly_the_requirements_that_its_fault_concerns(fault: str, wanted: set[int]) -> None:
    assert broken(fault) == wanted


def test_a_unit_that_says_nothing_misses_everybody_and_nothing_of_it_can_be_measured() -> None:
    description = source_of("roadside-unit").description
    trace = run(description, cases_of(description, Request()))
    found = measured(Heard([], [], ANCHOR_US), trace, np.ones(trace.speed_mps[:, 0].shape, np.bool_), FRAME)
    assert (found["rsm_rate_hz"], found["missed_participants"], found["ghost_participants"]) == (0.0, 1.0, 0.0)
    assert np.isnan([found["unit_latency_s"], found["participant_error_m"], found["wrong_lights"]]).all()


def test_nobody_outside_the_area_or_unheard_is_to_be_seen() -> None:
    description = source_of("roadside-unit").description
    trace = run(description, cases_of(description, Request()))
    device = DeviceUnderTest.model_validate(
        {"kind": "sees", "area": {"within_m": 50}, "udp": {"hears": "127.0.0.1:1", "says": "127.0.0.1:2"}}
    )
    sensors = Sensors(trace, None, device.area, [2])  # type: ignore[arg-type]
    assert [one["number"] for one in sensors.detected(0, 0.0)["objects"]] == [1]
    assert [one["number"] for one in sensors.detected(0, 6.0)["objects"]] == [0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{kind: sees, mqtt: {device: x}}", "is reached over udp"),
        ("{kind: sees, actor: ego, udp: {hears: 127.0.0.1:1, says: 127.0.0.1:2}}", "is no actor"),
        ("{kind: warns, area: {within_m: 10}, udp: {hears: 127.0.0.1:1, says: 127.0.0.1:2}}", "goes with the kind sees"),
    ],
)
def test_what_does_not_go_with_a_unit_is_refused(given: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        described(scenario(more=f"dut: {given}"))
