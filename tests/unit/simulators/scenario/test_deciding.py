"""Devices that decide, in memory: driving functions and signal controllers get exactly the verdicts that they deserve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from chelu.errors import ConfigurationError, MalformedError
from simulators.scenario.cases import Design, Request
from simulators.scenario.deciding.documents import driving_alone, signals_alone
from simulators.scenario.deciding.piloting import pilot_of
from simulators.scenario.description import Description
from simulators.scenario.devices import Kind
from simulators.scenario.engine import simulate
from simulators.scenario.judging import judge, judge_driven
from simulators.scenario.library import source_of
from simulators.scenario.performing import perform
from simulators.scenario.plan import plan
from simulators.scenario.trace import Trace
from simulators.scenario.verdict import Outcome
from tests.unit.simulators.scenario.written import cases, described, scenario
from tests.wrong_deciders import FAULTS

MAKES = {Kind.DRIVES: driving_alone, Kind.SIGNALS: signals_alone}
TOUCHES, DISTANCE, LANE, RED, SMOOTH, ARRIVES = range(6)
CONFLICT, GREEN, YELLOW, WAITING = range(4)


def driven(description: Description, kind: Kind, device: type[Any], request: Request | None = None) -> Trace:
    made = plan(description, cases(description, request))
    return simulate(made, pilot=pilot_of(made, kind, MAKES[kind](device)(description, made.runs)))


def failed(description: Description, trace: Trace) -> set[int]:
    verdicts = judge(trace, description.requirements, description.conditions())
    assert verdicts.worst in {Outcome.PASS, Outcome.FAIL, Outcome.SKIPPED}, verdicts
    return {row for row, one in enumerate(verdicts.requirements) if one.outcome[0] == Outcome.FAIL}


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ("none", set()),
        ("blind", {TOUCHES, DISTANCE, ARRIVES}),
        ("colour-blind", {RED, ARRIVES}),
        ("drifts", {LANE}),
        ("rough", {SMOOTH}),
    ],
)
def test_a_driving_function_fails_what_it_does_wrong_and_nothing_else(fault: str, wanted: set[int]) -> None:
    description = source_of("driving-function").description
    assert failed(description, driven(description, Kind.DRIVES, FAULTS[fault])) == wanted


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ("on-demand", set()),
        ("both-green", {CONFLICT}),
        ("never-turns", {WAITING}),
        ("blinks", {GREEN}),
        ("no-yellow", {YELLOW}),
    ],
)
def test_a_signal_controller_fails_what_it_does_wrong_and_nothing_else(fault: str, wanted: set[int]) -> None:
    description = source_of("signal-control").description
    assert failed(description, driven(description, Kind.SIGNALS, FAULTS[fault])) == wanted


def test_a_device_that_decides_is_asked_by_its_name_in_sweeps_and_turns_out_the_same_in_any_company() -> None:
    description = source_of("driving-function").description
    whole = perform(description, cases(description, Request(Design.GRID)), "example-driving")
    assert whole.runs == 4 * 6
    assert judge_driven(whole, description).worst is Outcome.PASS, "the example passes in every case of its template"
    for run in (0, 13):
        alone = perform(description, cases(description, Request(Design.GRID)).take(np.array([run])), "example-driving")
        assert np.array_equal(alone.xy[:, 0], whole.xy[:, run])


def test_a_function_is_told_what_is_there_and_does_what_it_answers() -> None:
    told: list[Mapping[str, Any]] = []

    class Notes:
        def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
            told.append(step)
            return {"acceleration_mps2": -1.0, "lane": 2}

    description = described(
        scenario(more="weather: {sight_m: 60}\ndut: {kind: drives, every_s: 0.1, udp: {hears: 'h:1', says: 'h:2'}}")
    )
    trace = driven(description, Kind.DRIVES, Notes)
    assert [one["time_s"] for one in told[:3]] == [0.0, 0.1, 0.2]
    first = told[0]
    assert (first["ego"]["speed_mps"], first["ego"]["along_m"], first["ego"]["lane"], first["lanes"]) == (20.0, 100.0, 1, 2)
    assert [one["name"] for one in first["objects"]] == ["other"]
    assert first["objects"][0]["along_m"] - first["ego"]["along_m"] == pytest.approx(54.8)
    assert trace.speed_mps[0, 0, 0] == 20.0
    assert trace.acceleration_mps2[10, 0, 0] == -1.0
    assert trace.aside_mps[50, 0, 0] == pytest.approx(-1.0), "to the left by a metre a second"
    assert trace.aside_m[-1, 0, 0] == pytest.approx(float(trace.ways.middles_m[0, 1]), abs=1e-9)


def test_nobody_is_seen_beyond_the_weather_s_sight() -> None:
    told: list[Mapping[str, Any]] = []

    class Notes:
        def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
            told.append(step)
            return {"acceleration_mps2": 0.0}

    more = "weather: {sight_m: 40}\ndut: {kind: drives, udp: {hears: 'h:1', says: 'h:2'}}"
    trace = driven(described(scenario(more=more)), Kind.DRIVES, Notes)
    seen = np.array([bool(one["objects"]) for one in told])
    away = np.hypot(*(trace.xy[:, 0, 1] - trace.xy[:, 0, 0]).T)
    assert np.array_equal(seen, away <= 40.0)
    assert seen.any()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"acceleration_mps2": "hard"},
        {"acceleration_mps2": float("nan")},
        {"acceleration_mps2": 21.0},
        {"acceleration_mps2": 0.0, "lane": 3},
        {"acceleration_mps2": 0.0, "lane": 1, "lateral_mps": 1.0},
        {"acceleration_mps2": 0.0, "lateral_mps": 6.0},
    ],
)
def test_what_no_vehicle_can_do_is_refused(answer: Mapping[str, Any]) -> None:
    class Wants:
        def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
            return dict(answer)

    with pytest.raises(MalformedError):
        driven(described(scenario()), Kind.DRIVES, Wants)


def test_a_controller_without_signals_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="signals"):
        driven(described(scenario()), Kind.SIGNALS, FAULTS["on-demand"])


def test_a_demand_says_who_comes_who_stands_and_for_how_long() -> None:
    told: list[Mapping[str, Any]] = []

    class Notes:
        def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
            told.append(step)
            return {"shows": {}}

    description = source_of("signal-control").description
    trace = driven(description, Kind.SIGNALS, Notes)
    for step in (told[0], told[200], told[599]):
        instant = round(step["time_s"] / trace.step_s)
        column = trace.index("side")
        side = step["signals"][1]
        left = 390.0 - trace.along_m[instant, 0, column] - 2.4
        assert side["name"] == "side_road"
        assert side["distance_m"] == pytest.approx(left, abs=1e-3)
        assert side["waiting"] == (trace.speed_mps[instant, 0, column] < 0.1)
    stood = np.cumsum(trace.speed_mps[:, 0, trace.index("side")] < 0.1)[round(told[599]["time_s"] / trace.step_s)] * trace.step_s
    assert told[599]["signals"][1]["waited_s"] == pytest.approx(stood, abs=0.05)


def test_every_column_of_a_trace_is_joined_or_said_to_be_the_same() -> None:
    from simulators.scenario.joining import MOVING, OF_RUNS

    known = {*MOVING, *OF_RUNS, "fired", "parameters", "rig", "lights", "warnings", "messages", "cooperation", "broken"}
    same, of_one_run = {"actors", "step_s", "ways", "stop_lines"}, {"passing"}
    assert {one.name for one in fields(Trace)} == known | same | of_one_run
