"""Suites: every one that ships can be run, items are judged together, what turns turns where it must."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from chelu.errors import ConfigurationError
from chelu.messages import Batch
from simulators.scenario import performing
from simulators.scenario.chunks import cases_per_chunk
from simulators.scenario.cli import app
from simulators.scenario.description import Description
from simulators.scenario.reading import ScenarioError
from simulators.scenario.suite.checking import slug
from simulators.scenario.suite.command import command
from simulators.scenario.suite.library import Found, suite_of, suites
from simulators.scenario.suite.outcomes import Came
from simulators.scenario.suite.running import Request, run
from simulators.scenario.suite.tasks import prepared
from simulators.scenario.sweeping import OtherSweepError, Shard
from simulators.scenario.trace import Trace
from simulators.scenario.verdict import Outcome

QUIET = Console(file=StringIO())
SCENARIO = """
    scenario: meets
    title: One that stands
    question: Does it keep off?
    parameters:
      gap: {default: 50, low: 10, high: 90, step: 20, unit: m, source: nowhere}
      ego_kmh: {default: 36, choices: [36, 18]}
    road:
      shipped: {name: straight, length_m: 2000, lanes: 1}
    actors:
      ego: {under_test: true, start: {way: main, along_m: 100, speed_kmh: ego_kmh}}
      other: {start: {ahead_of: ego, gap_m: gap}}
    end: {after_s: 5}
    requirements:
      - {metric: contact, of: ego, equals: 0}
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A suite of one's own: a file, and its scenarios in a directory beside it."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "meets.yaml").write_text(dedent(SCENARIO))
    (tmp_path / "mine.yaml").write_text(
        dedent("""
            suite: mine
            title: Mine
            about: Of one's own.
            items:
              - {scenario: meets, name: far, set: {gap: [70, 90]}}
              - {scenario: meets, name: near, set: {gap: "10:90:20", ego_kmh: [36, 18]}}
              - {scenario: meets, name: edge, turns: {along: gap, low: 10, high: 90, at: 50, within: 0.2}}
              - {scenario: meets, name: wrong edge, turns: {along: gap, low: 10, high: 90, at: 40, within: 0.2}}
              - {scenario: meets, name: no edge, turns: {along: gap, low: 60, high: 90}}
              - {name: deceleration, r157: {grid: deceleration, driver: rss, collisions: 21}}
              - {name: miscounted, r157: {grid: deceleration, driver: rss, collisions: 20}}
        """)
    )
    return tmp_path / "mine.yaml"


def outcomes(found: list[Came] | None) -> dict[str, tuple[str, int]]:
    assert found is not None
    return {one.item.name: (one.outcome.word, one.runs) for one in found}


def test_a_search_into_runs_that_are_not_valid_is_an_error_and_no_turn(mine: Path) -> None:
    """Below a gap of 55 m the mark never comes, which says nothing of what is tested."""
    scenario = mine.parent / "mine" / "meets.yaml"
    mark = "manoeuvres: [{name: far, actor: ego, when: {gap_m: {to: other, above: 55}}, is_mark: true}]"
    scenario.write_text(f"{scenario.read_text()}{mark}\n")
    found = {one.item.name: one for one in run(suite_of(str(mine)), Request(), QUIET) or ()}
    assert found["edge"].outcome is Outcome.ERROR
    assert found["edge"].reason == "runs are not valid everywhere between 10 and 90"


@pytest.mark.parametrize("name", suites())
@pytest.mark.parametrize("is_short", [True, False])
def test_every_item_of_a_suite_that_ships_can_be_run(name: str, is_short: bool, tmp_path: Path) -> None:
    found = suite_of(name)
    items = prepared(found, tmp_path, found.suite.device, is_short=is_short)
    assert len({slug(one.item) for one in items}) == len(items)
    assert all(one.tasks for one in items)
    for one in items:
        if one.source is not None:
            assert one.source.description.scenario == one.item.scenario
            assert one.source.description.tags.clause, f"{one.item.scenario} does not say who asks for it"


@pytest.mark.parametrize("name", suites())
def test_no_scenario_of_a_suite_is_left_lying(name: str) -> None:
    found = suite_of(name)
    there = {path.stem for path in found.scenarios.glob("*.yaml")} if found.scenarios.is_dir() else set()
    assert there == {one.scenario for one in found.suite.items if one.scenario}


def test_items_are_judged_by_all_their_cases(mine: Path) -> None:
    found = run(suite_of(str(mine)), Request(), QUIET)
    # In 5 s one drives 50 m or 25 m: of the grid's ten cases 10, 30 and 50 m are too near, and 10 m for the slow one.
    assert outcomes(found) == {
        "far": ("pass", 2),
        "near": ("fail", 10),
        "edge": ("pass", 1),
        "wrong edge": ("fail", 1),
        "no edge": ("fail", 1),
        "deceleration": ("pass", 1),
        "miscounted": ("fail", 1),
    }
    assert found is not None
    said = {one.item.name: one.reason for one in found}
    assert found[1].counts[Outcome.FAIL] in {3, 4}
    assert said["near"].startswith("gap 10")
    assert said["wrong edge"].startswith("passes from gap ")
    assert said["wrong edge"].endswith("not as it must: 40 ± 0.2")
    assert said["no edge"] == "everywhere between 60 and 90"
    assert said["miscounted"] == "21 collisions, by the reference 20"


def test_evidence_does_not_ask_the_device_again(mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said is in the chunks: looking at the worst runs costs their motion only, and shows the same warnings."""
    asked: list[int] = []

    def device(_description: Description, trace: Trace) -> Batch:
        asked.append(trace.runs)
        rows = [(run, 1.0, "fcw", "ego", "other", "raised") for run in range(trace.runs)]
        columns = zip(*rows, strict=True)
        kinds = {"run": "i8", "time_s": "f8", "application": "U16", "host": "U48", "other": "U48", "state": "U16"}
        return Batch({name: np.array(column, kind) for (name, kind), column in zip(kinds.items(), columns, strict=True)})

    monkeypatch.setattr(performing, "loaded", lambda _name: device)
    found = suite_of(str(mine))
    found = replace(found, suite=found.suite.model_copy(update={"items": found.suite.items[:2]}))
    run(found, Request(device="applications", output=tmp_path), QUIET)
    assert sum(asked) == 12  # two cases of one item, ten of the other
    text = (tmp_path / "mine" / "meets-near" / "report.html").read_text("utf-8")
    assert "fcw" in text


def test_the_short_form_is_one_case_of_each(mine: Path) -> None:
    found = run(suite_of(str(mine)), Request(is_short=True), QUIET)
    assert {runs for _, runs in outcomes(found).values()} == {1}


def test_outcomes_are_the_same_on_two_processes_and_in_shards(mine: Path, tmp_path: Path) -> None:
    one = run(suite_of(str(mine)), Request(output=tmp_path / "one"), QUIET)
    two = run(suite_of(str(mine)), Request(output=tmp_path / "two", workers=2), QUIET)
    halves = [run(suite_of(str(mine)), Request(output=tmp_path / "half", shard=Shard(part, 2)), QUIET) for part in (1, 0)]
    assert halves[0] is None
    assert outcomes(one) == outcomes(two) == outcomes(halves[1])
    for file in (tmp_path / "one").rglob("*.npz"):
        assert file.read_bytes() == (tmp_path / "two" / file.relative_to(tmp_path / "one")).read_bytes()
    assert (tmp_path / "one/mine/meets-near/report.html").is_file()


def test_what_was_done_is_not_done_again_and_another_form_is_refused(mine: Path, tmp_path: Path) -> None:
    run(suite_of(str(mine)), Request(output=tmp_path), QUIET)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    run(suite_of(str(mine)), Request(output=tmp_path), QUIET)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    with pytest.raises(OtherSweepError):
        run(suite_of(str(mine)), Request(output=tmp_path, is_short=True), QUIET)


def test_a_page_says_what_was_found(mine: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert command([str(mine)], Request(), QUIET, page) == 1
    text = page.read_text("utf-8")
    assert "| `meets` | wrong edge |  | fail | search | passes from gap" in text
    assert "`chelu scenario suite run" in text


def test_what_is_wrong_with_a_suite_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="applications"):
        suite_of("nothing")
    file = tmp_path / "bad.yaml"
    file.write_text(
        "suite: bad\ntitle: Bad\nabout: Bad.\nitems:\n  - {name: a, r157: {grid: moon, driver: fsm, collisions: 0}}\n"
    )
    with pytest.raises(ScenarioError, match=r"bad.yaml:5: items.0.r157.grid = 'moon'"):
        suite_of(str(file))
    file.write_text("suite: bad\ntitle: Bad\nabout: Bad.\nitems:\n  - {name: a, scenario: x}\n")
    found: Found = suite_of(str(file))
    with pytest.raises(ScenarioError, match=r"bad.yaml:5: items.0.scenario = 'x': there is no scenario 'x'"):
        prepared(found, tmp_path, "none", is_short=True)


@pytest.mark.parametrize(
    ("old", "new", "key", "sentence"),
    [
        ("gap: [70, 90]", "gab: [70, 90]", "items.0.set.gab", "there is no parameter 'gab', nearest: gap"),
        ("gap: [70, 90]", "gap: fast", "items.0.set.gap", "a number, choices as [A, B], or a range as LOW:HIGH:STEP"),
        ("gap: [70, 90]", 'gap: "90:10:5"', "items.0.set.gap", "a low that is not above the high"),
        ("along: gap, low: 10", "along: gab, low: 10", "items.2.turns.along", "there is no parameter 'gab', nearest: gap"),
        ("at: 50", "at: 95", "items.2.turns.at", "10 to 90, where it is searched for"),
        ("at: 50, within: 0.2", "warned: {application: fwc, host: ego}", "items.2.turns.warned.application", "nearest: fcw"),
        ("at: 50, within: 0.2", "warned: {application: fcw, host: eog}", "items.2.turns.warned.host", "nearest: ego"),
        ("name: far", "name: far, device: aplications", "items.0.device", "one of none, applications"),
        ("name: far", "name: near", "items.0.name", "a name of its own"),
        ("scenario: meets, name: far", "scenario: mets, name: far", "items.0.scenario", "nearest: meets"),
        (
            "gap: [70, 90]",
            "gap: [-3, 90]",
            "actors.other.start",
            "ego begins there, too (in 1 of 2 cases, the first with gap -3)",
        ),
    ],
)
def test_an_item_that_cannot_be_run_is_named_with_its_key_and_value(
    mine: Path, old: str, new: str, key: str, sentence: str, tmp_path: Path
) -> None:
    text = mine.read_text("utf-8")
    assert old in text
    mine.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ScenarioError) as caught:
        prepared(suite_of(str(mine)), tmp_path / "out", "none", is_short=False)
    found = {one.key: one for one in caught.value.problems}
    assert key in found, str(caught.value)
    assert sentence in found[key].allowed
    assert found[key].line > 1


@pytest.mark.parametrize("name", [name for name in suites() if name != "r157"])
def test_a_whole_chunk_is_worth_sending_to_another_process(name: str) -> None:
    found = suite_of(name)
    for description in {item.scenario: found.source(item).description for item in found.suite.items}.values():
        steps = cases_per_chunk(description) * len(description.actors) * (description.end.after_s / description.step_s)
        assert steps / 10e6 >= 0.05  # seconds, at the engine's bar of 10 million actor-steps a second


def test_the_indexed_job_does_every_shard_once() -> None:
    text = (Path(__file__).parents[4] / "deploy" / "sweep.yaml").read_text("utf-8")
    job = next(one for one in yaml.safe_load_all(text) if one["kind"] == "Job")["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert job["completionMode"] == "Indexed"
    assert f"--shard $JOB_COMPLETION_INDEX/{job['completions']}" in container["args"][0]
    assert container["name"] == job["podFailurePolicy"]["rules"][0]["onExitCodes"]["containerName"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sweep", "applications", "--engine", "moon"], "one of local, ray"),
        (["sweep", "applications", "--shard", "1/2"], "a shard's results are kept there"),
        (["sweep", "applications", "--shard", "2/2", "--output", "x"], "I from 0 to N - 1"),
        (["suite", "run", "nothing"], "suites: applications, gbt41798"),
    ],
)
def test_what_cannot_be_run_is_said(arguments: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_suites_that_ship_are_listed_and_shown() -> None:
    assert "mountain" in CliRunner().invoke(app, ["suite", "list"]).stdout
    assert CliRunner().invoke(app, ["suite", "show", "robot"]).stdout.startswith("# A delivery robot")
