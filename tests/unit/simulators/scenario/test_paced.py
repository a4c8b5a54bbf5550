"""A case at the clock's pace: what is told while it goes on is what the run turns out to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chelu.clock import VirtualClock
from chelu.codec import columns
from chelu.errors import ConfigurationError
from simulators.scenario.cases import Cases, Design, Request, cases_of, parameter_given
from simulators.scenario.description import Description
from simulators.scenario.devices import NONE
from simulators.scenario.evidence.header import Header
from simulators.scenario.evidence.motion import events, playback, requirements, rows, scene, told_instants
from simulators.scenario.evidence.shown import Evidence, Shown
from simulators.scenario.judging import judge_driven
from simulators.scenario.library import source_of
from simulators.scenario.paced import LONGEST_S, driven
from simulators.scenario.trace import Trace
from tests.unit.simulators.scenario.traces import behind, trace, warnings
from tests.unit.simulators.scenario.written import cases, described, scenario

TOUCHES = {"ego_kmh": "100", "other_kmh": "60", "gap_m": "10"}
Told = list[dict[str, Any]]


def of_template(name: str, **given: str) -> tuple[Description, Cases]:
    description = source_of(name).description
    fixed = dict(parameter_given(f"{key}={value}", description) for key, value in given.items())
    return description, cases_of(description, Request(fixed=fixed))


def paced(description: Description, made: Cases, device: str = NONE) -> tuple[Trace, Told, VirtualClock]:
    told: Told = []
    clock = VirtualClock(0)
    return driven(description, made, device, clock, told.append), told, clock  # type: ignore[arg-type]


def all_rows(told: Told) -> dict[str, list[float]]:
    """Of all that was told, one after the other."""
    parts = [one["motion"] for one in told if "motion" in one]
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}


@pytest.mark.parametrize("given", [{}, TOUCHES], ids=["to its end", "to a contact"])
def test_what_is_told_of_a_paced_run_is_what_it_turns_out_to_be(given: dict[str, str]) -> None:
    found, told, clock = paced(*of_template("cut-in", **given))
    last = int(found.last[0])
    assert bool(given) == bool(np.isfinite(found.contact_s[0]))
    whole = rows(found, told_instants(found, 0, last))
    seen = all_rows(told)
    for name in whole:
        kept = np.isin(np.array(seen["at_s"], np.float32), whole["at_s"])  # each telling ends with its newest instant
        assert np.allclose(np.array(seen[name])[kept], whole[name], atol=1e-3), name
    assert told[0]["scene"] == {**scene(found), "scenario": "cut-in", "end_s": 15.0}
    assert told[-1]["so_far"]["events"] == events(found)
    assert told[-1]["so_far"]["through_s"] == pytest.approx(last * found.step_s)
    assert clock.monotonic_s() == pytest.approx(last * found.step_s, abs=0.1)  # nobody waits for what is not told


def test_requirements_stand_as_they_are_so_far_and_at_the_end_as_they_were_judged() -> None:
    description, made = of_template("cut-in", **TOUCHES)
    found, told, _ = paced(description, made)
    states = [one["so_far"]["requirements"]["verdict"][0] for one in told if "so_far" in one]
    assert states[0] == "pass"
    assert states[-1] == "fail"  # they touch
    assert told[-1]["so_far"]["requirements"] == requirements(judge_driven(found, description).requirements, 0)


def test_each_step_is_told_when_its_time_has_come() -> None:
    clock, at_s = VirtualClock(0), []

    def tell(answer: Any) -> None:
        if "motion" in answer:
            at_s.append((clock.monotonic_s(), max(answer["motion"]["at_s"])))

    driven(*of_template("cut-in"), NONE, clock, tell)
    waited, reached = np.array(at_s).T
    assert np.allclose(waited, reached, atol=1e-3)
    assert np.diff(waited).max() == pytest.approx(0.1)


def test_what_a_signal_shows_is_told_with_its_stop_line() -> None:
    found, told, _ = paced(*of_template("green-light"))
    (line,) = told[0]["scene"]["stop_lines"]
    lights = told[-1]["so_far"]["lights"]
    assert line["signal"] == lights["signal"][0]
    assert lights["time_s"][0] == 0.0
    assert lights["light"][0] == found.lights[line["signal"]][0, 0]


@pytest.mark.parametrize(
    ("text", "design", "device", "field"),
    [
        (scenario(more="parameters: {gap: {default: 1, choices: [1, 2]}}"), Design.GRID, NONE, "2 cases"),
        (scenario(after_s=LONGEST_S + 1), Design.DEFAULT, NONE, "at most 240 s"),
        (scenario(), Design.DEFAULT, "applications", "asked afterwards"),
    ],
)
def test_what_cannot_be_watched_is_refused(text: str, design: Design, device: str, field: str) -> None:
    description = described(text)
    with pytest.raises(ConfigurationError, match=field):
        paced(description, cases(description, Request(design)), device)


def test_a_playback_has_the_runs_rows_and_what_came_when() -> None:
    made = trace(
        behind(10, 10, 0), behind(30, 5, 5), warnings=warnings((0, 0.5, "fcw", "ego", "other"), (0, 0.6, "fcw", "ego", "other"))
    )
    description = described(scenario())
    verdicts = judge_driven(made, description)
    header = Header(
        scenario="tried", title="", question="", under_test="ego", versions={}, hashes={}, seeds={}, began="2026-01-01T00:00:00Z"
    )
    evidence = Evidence(header, verdicts, {}, made, (0, 1))
    table, told = columns.unpack(playback(Shown(evidence, 0, 0)))
    assert told["events"]["kind"] == ["warning", "contact"]
    assert told["events"]["time_s"] == [0.5, pytest.approx(float(made.contact_s[0]))]
    assert told["actors"]["name"] == ["ego", "other"]
    assert told["ways"][0]["edges"][0] == [0.0, 0.0, 0.0, 1000.0]
    ego = table.take(np.flatnonzero(table["actor"] == 0))
    assert np.allclose(ego["y_m"], 10 * ego["at_s"], atol=1e-3)
    assert float(ego["at_s"][-1]) == pytest.approx(told["end_s"])
    whole, _ = columns.unpack(playback(Shown(evidence, 1, 1)))
    assert len(whole) == 2 * made.instants
