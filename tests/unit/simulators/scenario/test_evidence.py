"""The evidence of runs: each file is read back as its reader would, whatever the runs were."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from chelu.errors import CannotStartError
from chelu.messages import Batch
from simulators.scenario import comparison
from simulators.scenario.comparison import Change
from simulators.scenario.evidence.document import text
from simulators.scenario.evidence.header import Header, versions
from simulators.scenario.evidence.heat_map import grid
from simulators.scenario.evidence.junit import junit
from simulators.scenario.evidence.recording import recording
from simulators.scenario.evidence.report import report
from simulators.scenario.evidence.shown import Evidence, only, worst
from simulators.scenario.evidence.tables import motion_table, runs_table
from simulators.scenario.evidence.timeline import timeline
from simulators.scenario.evidence.writing import write
from simulators.scenario.judging import judge
from simulators.scenario.requirements import Requirement, Validity
from simulators.scenario.verdict import Outcome
from simulators.signals import Light
from tests.unit.simulators.scenario.traces import Motion, behind, trace, warnings

VOID = {"meta", "line", "path", "rect", "circle", "polygon"}
REQUIREMENTS = [
    {"metric": "minimum_distance_m", "of": ["ego", "other"], "above": 0},
    {"metric": "ttc_s", "of": ["ego", "other"], "at_least": "wanted_s", "clause": "R157 <5.2>"},
    {"metric": "thw_s", "of": ["ego", "other"], "at_least": 0.2},
    {"metric": "lane_offset_m", "of": "ego", "at_most": 0.3},
    {"warning": {"application": "fcw", "host": "ego", "other": "other", "by_ttc_s": 2}},
]
HEADER = Header(
    scenario="cut-in", title="A <b>slower</b> vehicle & others", question="Does it?", under_test="ego", versions=versions(),
    hashes={"description": "abc"}, seeds={"cases": 7}, began="2026-01-01T00:00:00+00:00",
)  # fmt: skip


class Page(HTMLParser):
    """Elements that are opened and closed, links, ids, words."""

    def __init__(self, page):
        super().__init__()
        self.open, self.links, self.ids, self.words, self.tags, self.sources = [], [], [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        self.sources += [value for name, value in attrs if name in {"src", "srcset", "data", "xlink:href"}]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def made():
    """Nine runs: a grid of gaps and speeds, some with a contact, some warned."""
    gaps, speeds = np.repeat([15.0, 30.0, 60.0], 3), np.tile([10.0, 15.0, 20.0], 3)
    said = warnings(*((run, 1.0, "fcw", "ego", "other") for run in range(0, 9, 2)))
    messages = Batch(
        {
            "run": np.zeros(3, np.int64),
            "sender": np.full(3, "other", np.object_),
            "sent_s": np.array([0.0, 0.1, 0.2]),
            "received_s": np.array([0.03, np.nan, 0.25]),
        }
    )
    run = trace(
        *(behind(gap, speed, 10.0) for gap, speed in zip(gaps, speeds, strict=True)),
        on_way=True, warnings=said, messages=messages, fired={"cut_in": np.where(gaps > 20, 0.5, np.nan)},
        lights={"north": np.full((51, 9), Light.RED)}, stop_lines={"north": (0, 60.0)},
        parameters={"gap_m": gaps, "ego_mps": speeds, "wanted_s": np.full(9, 1.5)},
    )  # fmt: skip
    validity = [Validity.model_validate({"fired": "cut_in"})]
    verdicts = judge(run, [Requirement.model_validate(one) for one in REQUIREMENTS], validity)
    return Evidence(HEADER, verdicts, run.parameters, run, tuple(range(9)))


def alone(evidence, run):
    """The evidence of one of the runs."""
    one = only(evidence.trace, run)
    validity = [Validity.model_validate({"fired": "cut_in"})]
    verdicts = judge(one, [Requirement.model_validate(each) for each in REQUIREMENTS], validity)
    return Evidence(evidence.header, verdicts, one.parameters, one, (0,))


def test_a_run_alone_has_the_verdict_that_it_has_among_others(made) -> None:
    for run in range(9):
        single = alone(made, run).verdicts
        assert single.outcome[0] == made.verdicts.outcome[run]
        for one, many in zip(single.requirements, made.verdicts.requirements, strict=True):
            np.testing.assert_equal(
                (one.value[0], one.margin[0], one.at_s[0]), (many.value[run], many.margin[run], many.at_s[run])
            )


def test_the_report_is_one_whole_page_that_needs_nothing_else(made) -> None:
    written = report(made)
    page = Page(written)
    assert page.open == []
    assert "script" not in page.tags
    assert page.sources == []
    assert "http:" not in written
    assert "https:" not in written
    assert "url(" not in written
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert "nan" not in written
    assert "inf" not in written


def test_the_report_says_what_was_asked_and_found_and_escapes_it(made) -> None:
    written = report(made)
    words = " ".join(Page(written).words)
    assert "A <b>slower</b> vehicle & others" in words
    assert "<b>" not in written
    assert "R157 <5.2>" in words
    for title in ("ttc_s of ego, other ≥ wanted_s", "fcw to ego about other by TTC 2 s", "Where it passes", "The worst runs"):
        assert title in words
    assert Page(written).tags.count("section") == 4 + 9


def test_every_run_is_shown_from_above_over_time_and_in_words(made) -> None:
    page = Page(report(alone(made, 5)))  # gap 30 m, 10 m/s closing: contact at 3 s
    words = " ".join(page.words)
    assert page.tags.count("svg") == 1 + 6 + 1  # top view, four plots and two of requirements, timeline
    for said in ("cut_in begins", "ego and other touch", "north shows red", "ego 72 km/h", "at a TTC of"):
        assert (said in words) == (said != "at a TTC of")
    assert "missed: no warning came" in words


def test_from_above_an_actor_points_to_where_it_goes(made) -> None:
    noses = re.findall(r'<polygon [^>]*points="([^"]+)"[^>]*class="nose', report(alone(made, 0)))
    assert len(noses) == 2
    for nose in noses:  # both go the way on which the focus goes to the right
        x = [float(point.split(",")[0]) for point in nose.split()]
        assert x.index(max(x)) == 0
        assert x[1] == x[2]


def test_messages_and_their_latency_are_on_the_timeline(made) -> None:
    words = " ".join(Page(report(alone(made, 0))).words)
    assert "other: 40 ms" in words
    assert "×" in words


def test_words_on_the_timeline_do_not_run_into_one_another() -> None:
    said = warnings(*((0, 1.0 + 0.1 * number, "fcw", host, "other") for number in range(30) for host in ("ego", "third")))
    run = trace(behind(60.0, 12.0, 10.0), warnings=said)
    verdicts = judge(run, [Requirement.model_validate(REQUIREMENTS[4])], [])
    drawn = timeline(worst(Evidence(HEADER, verdicts, {}, run, (0,)), 1)[0])
    places = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*textLength="([\d.]+)"', drawn)
    assert drawn.count("<circle") >= 60
    assert len({y for _, y, _ in places}) == 3  # a row for each who is warned, and one for what decides
    assert [said in drawn for said in ("raised at 1.00 s", "raised at 2.00 s", "raised at 3.90 s")] == [True, False, True]
    for (x, y, long), (next_x, next_y, _) in pairwise(places):
        assert y != next_y or float(x) + float(long) <= float(next_x)


def test_the_worst_runs_come_first_and_have_their_sections(made) -> None:
    order = [one.run for one in worst(made, 9)]
    assert made.verdicts.outcome[order[0]] == made.verdicts.worst
    ranks = made.verdicts.outcome[order].tolist()
    assert ranks == sorted(ranks, reverse=True)


def test_the_map_counts_every_run_in_its_cell(made) -> None:
    found = grid(made)
    assert found is not None
    assert (found.x.name, found.y.name) == ("gap_m", "ego_mps")
    assert found.runs.tolist() == np.ones((3, 3)).tolist()
    judged = np.isin(made.verdicts.outcome, [Outcome.PASS, Outcome.FAIL])
    assert found.judged.sum() == judged.sum()


def test_many_values_are_put_into_bins() -> None:
    gaps = np.linspace(20, 60, 100)
    run = trace(*(behind(gap, 10.0, 10.0) for gap in gaps), end_s=0.2, parameters={"gap_m": gaps})
    verdicts = judge(run, [Requirement.model_validate({"metric": "gap_m", "of": ["ego", "other"], "at_least": 40})], [])
    found = grid(Evidence(HEADER, verdicts, run.parameters, run, tuple(range(100))))
    assert found is not None
    assert found.runs.sum() == 100
    assert found.runs.shape == (1, 10)
    assert found.share[0, 0] == 1
    assert found.share[0, -1] == 0


def test_junit_keeps_failure_error_and_skipped_apart(made) -> None:
    suite = ElementTree.fromstring(junit(made)).find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert len(cases) == 9 * len(REQUIREMENTS) == int(suite.get("tests", ""))
    for name, key, outcome in (
        ("failure", "failures", Outcome.FAIL),
        ("error", "errors", Outcome.ERROR),
        ("skipped", "skipped", Outcome.SKIPPED),
    ):
        count = sum(one.count(outcome) for one in made.verdicts.requirements)
        assert count > 0
        assert len(suite.findall(f"testcase/{name}")) == int(suite.get(key, "")) == count
    first = cases[4 * len(REQUIREMENTS) + 1]
    properties = {one.get("name"): one.get("value") for one in first.iter("property")}
    assert properties["metric"] == "ttc_s"
    assert properties["limit"] == "1.5 s"
    assert properties["clause"] == "R157 <5.2>"


def test_names_that_xml_cannot_hold_are_held_anyhow(made) -> None:
    odd = replace(made, header=replace(HEADER, scenario="a\x00b", title="\x1b[31m\ud800"))
    assert ElementTree.fromstring(junit(odd)).find("testsuite").get("name") == "a\ufffdb"  # type: ignore[union-attr]


def test_the_verdict_is_json_that_any_reader_takes(made) -> None:
    def refused(_: str) -> None:
        raise AssertionError("not JSON")

    found = json.loads(text(made), parse_constant=refused)
    assert found["verdict"] == "error"
    assert found["exit_code"] == 3
    assert found["header"]["hashes"] == {"description": "abc"}
    assert [one["verdict"] for one in found["each"]] == [Outcome(int(one)).word for one in made.verdicts.outcome]
    assert found["each"][3]["requirements"][1]["value"] == "inf"  # equally fast
    assert found["each"][8]["parameters"] == {"gap_m": 60.0, "ego_mps": 20.0, "wanted_s": 1.5}


def test_the_recording_opens_and_has_every_sample(made) -> None:
    from mcap.reader import make_reader

    shown = next(one for one in worst(made, 9) if one.run == 5)
    reader = make_reader(io.BytesIO(recording(shown)))
    said = [
        (schema.name if schema else "", channel.topic, message, json.loads(message.data))
        for schema, channel, message in reader.iter_messages()
    ]
    scenes = [each for each in said if each[1] == "/scene"]
    assert {each[0] for each in scenes} == {"foxglove.SceneUpdate"}
    assert len(scenes) == shown.last + 1
    assert [len(each[3]["entities"]) for each in scenes] == [2] * len(scenes)
    assert scenes[10][2].log_time == 1_000_000_000
    ego = [each[3] for each in said if each[1] == "/actors/ego"]
    assert ego[10]["speed_mps"] == pytest.approx(20)
    assert ego[10]["y_m"] == pytest.approx(20)
    logs = [each[3]["message"] for each in said if each[1] == "/events"]
    assert "ego and other touch" in logs


def test_the_tables_have_a_row_for_every_run_and_every_sample(made) -> None:
    from pyarrow import parquet

    runs = parquet.read_table(io.BytesIO(runs_table(made)))
    assert runs.num_rows == 9
    assert runs["parameter.gap_m"].to_pylist() == made.parameters["gap_m"].tolist()
    assert runs["requirement.1.verdict"].to_pylist() == [Outcome(int(one)).word for one in made.verdicts.requirements[1].outcome]
    assert runs.schema.metadata[b"requirement.1.title"].decode() == "ttc_s of ego, other ≥ wanted_s"
    motion = parquet.read_table(io.BytesIO(motion_table(made)))
    assert motion.num_rows == 2 * int((made.trace.last + 1).sum())
    first = motion.slice(0, 2).to_pylist()
    assert [(one["run"], one["actor"], one["time_s"]) for one in first] == [(0, "ego", 0.0), (0, "other", 0.0)]
    assert first[1]["y_m"] == pytest.approx(19.0)


def test_everything_is_written_and_nothing_else(made, tmp_path) -> None:
    files = write(tmp_path / "new" / "run", made.trace, made.verdicts, HEADER)
    names = {file.name for file in files}
    assert {"report.html", "junit.xml", "verdict.json", "runs.parquet", "motion.parquet"} < names
    assert len([name for name in names if name.endswith(".mcap")]) == 9
    assert {file.name for file in (tmp_path / "new" / "run").iterdir()} == names


def test_of_a_sweep_only_the_runs_that_are_looked_at_need_a_trace(made, tmp_path) -> None:
    few = made.verdicts.worst_runs(2)
    runs = [only(made.trace, run) for run in few]
    names = ("xy", "elevation_m", "heading_deg", "speed_mps", "acceleration_mps2", "along_m", "aside_m", "aside_mps")
    changes: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in runs], axis=1) for name in names}
    changes |= {name: np.concatenate([getattr(one, name) for one in runs]) for name in ("way", "last", "contact_s", "contact")}
    changes |= {"lights": {}, "stop_lines": {}, "parameters": {}, "warnings": None, "messages": None}
    joined = replace(runs[0], fired={"cut_in": np.concatenate([one.fired["cut_in"] for one in runs])}, **changes)
    files = write(tmp_path, joined, made.verdicts, HEADER, parameters=made.parameters, runs=few)
    assert {file.name for file in files if file.suffix == ".mcap"} == {f"run-{run}.mcap" for run in few}
    page = Page(files[0].read_text("utf-8"))
    assert [one for one in page.ids if one.startswith("run-")] == [f"run-{run}" for run in few]
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert len(json.loads((tmp_path / "verdict.json").read_text("utf-8"))["each"]) == 9


def test_a_run_that_was_aborted_keeps_its_evidence(tmp_path) -> None:
    whole = trace(behind(30.0, 20.0, 10.0))
    aborted = replace(whole, last=np.array([0]), contact_s=np.array([np.inf]), contact=np.full((1, 2), -1))
    verdicts = judge(
        aborted, [Requirement.model_validate(REQUIREMENTS[0])], [Validity.model_validate({"metric": "lag_s", "at_most": 1})]
    )
    files = write(tmp_path, aborted, verdicts, HEADER)
    assert verdicts.worst == Outcome.ERROR
    assert all(file.stat().st_size > 0 for file in files)
    assert "the run is not valid" in files[0].read_text("utf-8")


def test_somebody_alone_and_somebody_who_stands_can_be_shown() -> None:
    run = trace((Motion((0, 0), 45, 0),), names=("ego",))
    verdicts = judge(run, [Requirement.model_validate({"metric": "speed_kmh", "of": "ego", "at_most": 1})], [])
    assert Page(report(Evidence(HEADER, verdicts, {}, run, (0,)))).open == []


def test_cases_that_ran_again_are_told_with_their_interval() -> None:
    motions = behind(30.0, 10.0, 10.0), behind(30.0, 20.0, 10.0), behind(30.0, 10.0, 10.0)
    run = trace(*motions, parameters={"gap_m": np.full(3, 30.0), "seed": np.arange(3.0)})
    verdicts = judge(run, [Requirement.model_validate({"metric": "contact", "of": ["ego", "other"], "equals": 0})], [])
    evidence = Evidence(HEADER, verdicts, run.parameters, run, (0, 1, 2))
    words = " ".join(Page(report(evidence)).words)
    assert "Cases that ran more than once: 1; of them came out both ways: 1." in words
    assert "2 of 3" in words
    assert "21% … 94%" in words
    (told,) = json.loads(text(evidence))["repeats"]
    assert told["is_flaky"]
    assert told["pass_rate_95"] == pytest.approx([0.2077, 0.9385], abs=1e-4)


def test_somebody_who_comes_late_into_a_recording_is_shown_once_there(tmp_path) -> None:
    whole = trace(behind(30.0, 12.0, 10.0), names=("ego", "other"))
    xy = whole.xy.copy()
    xy[:20, 0, 1] = np.nan
    late = replace(whole, xy=xy)
    asked = [
        {"metric": "minimum_distance_m", "of": ["ego", "other"], "above": 0},
        {"metric": "pet_s", "of": ["ego", "other"], "above": 0},
    ]
    verdicts = judge(late, [Requirement.model_validate(one) for one in asked], [])
    assert verdicts.worst == Outcome.PASS
    assert verdicts.requirements[1].value[0] == pytest.approx(2.0, abs=1e-6)  # at 5 s the ego is where the other was at 3 s
    files = write(tmp_path, late, verdicts, HEADER)
    assert "nan" not in files[0].read_text("utf-8")
    from mcap.reader import make_reader

    reader = make_reader(io.BytesIO((tmp_path / "run-0.mcap").read_bytes()))
    scenes = [json.loads(message.data)["entities"] for _, channel, message in reader.iter_messages() if channel.topic == "/scene"]
    assert [len(one) for one in scenes] == [1] * 20 + [2] * 31


def compared(made, other):
    return comparison.compared(json.loads(text(made)), json.loads(text(other)))


def test_a_build_is_compared_with_the_one_before(made, tmp_path) -> None:
    same = compared(made, made)
    assert same.differences == ()
    assert same.counts == {Change.SAME: 9 * len(REQUIREMENTS)}
    ttc = made.verdicts.requirements[1]
    worse = np.where(ttc.outcome == Outcome.PASS, Outcome.FAIL, ttc.outcome).astype(np.int8)
    requirements = (made.verdicts.requirements[0], replace(ttc, outcome=worse), *made.verdicts.requirements[2:])
    later = replace(made, verdicts=replace(made.verdicts, requirements=requirements))
    found = compared(made, later)
    assert found.counts[Change.WORSE] == ttc.count(Outcome.PASS) > 0
    assert found.is_worse
    assert {one.requirement for one in found.differences} == {ttc.title}
    assert compared(later, made).counts[Change.BETTER] == ttc.count(Outcome.PASS)
    assert not compared(later, made).is_worse
    fewer = replace(made, verdicts=replace(made.verdicts, requirements=made.verdicts.requirements[1:]))
    assert compared(made, fewer).counts[Change.GONE] == 9
    assert compared(fewer, made).counts[Change.NEW] == 9
    file = tmp_path / "verdict.json"
    file.write_text(text(made), "utf-8")
    assert comparison.read(file)["runs"] == 9


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "other"}', "\x00"])
def test_a_file_that_is_no_verdict_is_refused(content, tmp_path) -> None:
    file = tmp_path / "verdict.json"
    file.write_text(content)
    with pytest.raises(comparison.NoVerdictError, match="is no verdict"):
        comparison.read(file)


@pytest.mark.parametrize("name", ["report.html", "run-0.mcap"])
def test_a_file_for_which_the_disk_has_no_room_is_named_and_the_others_stay(tmp_path: Path, name: str) -> None:
    runs = trace(behind(20, 20, 10))
    verdicts = judge(runs, [Requirement.model_validate(REQUIREMENTS[0])], [])
    (tmp_path / f".{name}.{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(CannotStartError, match=rf"{tmp_path / name} cannot be written \(No space left on device\); make room"):
        write(tmp_path, runs, verdicts, HEADER)
    assert (tmp_path / "junit.xml").exists() == (name != "report.html")
    assert not (tmp_path / name).exists()
    assert not list(tmp_path.glob(".*")), "nothing unfinished is left"
