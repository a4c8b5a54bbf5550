"""A device under test in memory: it is asked what it would warn of, and who is warned acts on it."""

from __future__ import annotations

import numpy as np
import pytest

from chelu.errors import ConfigurationError
from chelu.messages import Batch
from simulators.scenario.cases import Design, Request
from simulators.scenario.description import Description
from simulators.scenario.devices import kind_of
from simulators.scenario.judging import judge
from simulators.scenario.performing import ForesightError, perform, performed
from simulators.scenario.plan import plan
from simulators.scenario.trace import Trace
from simulators.scenario.verdict import Outcome
from tests.unit.simulators.scenario.written import cases, described, scenario

REACTS = scenario(
    actors="""
        ego: {under_test: true, start: {way: main, along_m: 100, speed_kmh: 72}}
        other: {start: {ahead_of: ego, gap_m: gap}}
    """,
    manoeuvres="""
        - name: reacts
          actor: ego
          when: {warned: {application: near, about: other, after_s: 1}}
          speed: {to_kmh: 0, rate_mps2: 5}
    """,
    more="parameters: {gap: {default: 100, choices: [70, 100, 130]}}\napplications: [near]",
)


def warnings(rows: list[tuple[int, float, str, str, str]]) -> Batch:
    run, time_s, application, host, other = zip(*rows, strict=True) if rows else ((),) * 5
    return Batch(
        {
            "run": np.array(run, np.int64),
            "time_s": np.array(time_s, np.float64),
            "application": np.array(application, "U16"),
            "host": np.array(host, "U48"),
            "other": np.array(other, "U48"),
            "state": np.full(len(run), "raised", "U16"),
        }
    )


def near(description: Description, trace: Trace) -> Batch:
    """Warns at the first instant at which the other is nearer than 65 m."""
    gap = trace.along_m[:, :, 1] - trace.along_m[:, :, 0] - 4.8
    first = np.argmax(gap < 65.0, axis=0)
    return warnings(
        [(run, at * trace.step_s, "near", "ego", "other") for run, at in enumerate(first.tolist()) if gap[at, run] < 65.0]
    )


def test_who_is_warned_acts_so_long_afterwards() -> None:
    description = described(REACTS)
    trace = performed(plan(description, cases(description, Request(Design.GRID))), near)
    warned_s = (np.array([70.0, 100.0, 130.0]) - 65.0) / 20.0
    assert trace.fired["reacts"] == pytest.approx(warned_s + 1.0, abs=0.0401)
    # 65 m less 20 m while reacting leave 45 m, of which stopping with 5 m/s² takes 40.
    assert trace.xy[-1, :, 1, 1] - trace.xy[-1, :, 0, 1] - 4.8 == pytest.approx([5.0] * 3, abs=0.5)


def test_without_a_device_nobody_is_warned_and_the_run_is_not_valid() -> None:
    description = described(REACTS)
    trace = perform(description, cases(description))
    assert trace.warnings is None
    found = judge(trace, description.requirements, description.conditions())
    assert found.worst is Outcome.ERROR
    assert "reacts never began" in found.requirements[0].reason[0]


def test_a_device_that_knows_what_comes_is_refused() -> None:
    def foresees(description: Description, trace: Trace) -> Batch:
        stops = trace.speed_mps[-1, 0, 0] == 0.0
        return warnings([] if stops else [(0, 1.0, "near", "ego", "other")])

    description = described(REACTS)
    with pytest.raises(ForesightError, match="still change after 2 rounds"):
        performed(plan(description, cases(description)), foresees)


def test_a_device_of_another_name_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(ConfigurationError, match="one of none, applications"):
        kind_of("crystal-ball")


def test_a_requirement_is_asked_only_where_its_conditions_hold() -> None:
    text = scenario(
        actors="""
            ego: {under_test: true, start: {way: main, along_m: 100, speed_kmh: 72}}
            other: {start: {ahead_of: ego, gap_m: gap}}
        """,
        more="""
            parameters: {gap: {default: 100, choices: [50, 100, 300]}}
        """,
    ).replace(
        "requirements: [{metric: minimum_distance_m, of: [ego, other], above: 0}]",
        """requirements:
  - {metric: minimum_distance_m, of: [ego, other], above: 0, where: [gap > 80]}
  - {metric: contact, of: ego, equals: 1, where: [gap < 200, gap > 80]}""",
    )
    description = described(text)
    trace = perform(description, cases(description, Request(Design.GRID)))
    found = judge(trace, description.requirements, description.conditions())
    distance, contact = found.requirements
    assert list(distance.outcome) == [Outcome.SKIPPED, Outcome.FAIL, Outcome.PASS]
    assert list(contact.outcome) == [Outcome.SKIPPED, Outcome.PASS, Outcome.PASS]
    assert distance.reason[0] == "nothing is asked of this case"
    assert np.isnan(contact.value[2])
    assert "where gap > 80" in distance.title
