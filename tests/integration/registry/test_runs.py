"""Scenario runs in a real register: kept by the command that ran them, listed, shown, compared, and deleted."""

from __future__ import annotations

import json
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from chelu.api import Client
from chelu.errors import RefusedError
from services.registry.openapi_examples import VERDICT
from tests.integration.registry.conftest import KEY, SITE, Place, chelu

Kept = dict[str, Any]


@pytest.fixture(autouse=True)
def _is_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no line of a table is broken."""
    monkeypatch.setenv("COLUMNS", "200")


def scenario(place: Place, *arguments: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
    return chelu(place, "scenario", *arguments, key=key)


def keep(client: Client, document: dict[str, Any], **more: str) -> Kept:
    found: Kept = client.people("POST", "sites", SITE, "runs", json={"document": document, **more})
    return found


def runs(client: Client, **query: Any) -> Kept:
    found: Kept = client.people("GET", "sites", SITE, "runs", params=query)
    return found


def test_a_run_is_kept_by_the_command_that_ran_it(place: Place, client: Client, tmp_path: Path) -> None:
    grid = ("--design", "grid", "--set", "ego_kmh=90", "--set", "other_kmh=60", "--set", "lateral_mps=1", "--repeat", "2")
    first = scenario(place, "run", "cut-in", *grid, "--set", "gap_m=10,30", "--keep", "--build", "a 1", "--output", str(tmp_path))
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert first.returncode == verdict["exit_code"], first.stdout + first.stderr
    assert f"of {SITE}" in first.stdout
    (kept,) = runs(client, scenario="cut-in")["runs"]
    assert (kept["verdict"], kept["cases"], kept["build"]) == (verdict["verdict"], 4, "a 1")
    assert (kept["kept_by"], kept["mode"], kept["under_test"]) == (client.me()["name"], "memory", "ego")
    assert kept["hashes"] == verdict["header"]["hashes"]
    assert str(tmp_path) in kept["evidence"]
    assert kept["outcomes"] == {word: count for word, count in verdict["outcomes"].items() if count}
    assert [one["title"] for one in kept["requirements"]] == [one["title"] for one in verdict["requirements"]]
    document = client.people("GET", "sites", SITE, "runs", str(kept["run_id"]), "document")
    assert document["each"] == verdict["each"]


def test_what_is_kept_is_listed_shown_and_compared(place: Place, client: Client) -> None:
    better, worse = deepcopy(VERDICT), deepcopy(VERDICT)
    worse["verdict"] = worse["each"][0]["verdict"] = worse["each"][0]["requirements"][0]["verdict"] = "fail"
    before, now = (keep(client, one, build=name)["run_id"] for one, name in ((better, "b 1"), (worse, "b 2")))
    listed = scenario(place, "runs", "--scenario", "standing-vehicle")
    assert listed.returncode == 0, listed.stderr
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:3]] == [str(now), str(before)]
    shown = scenario(place, "runs", "show", str(now))
    assert "standing-vehicle: fail" in shown.stdout
    assert "warned in time" in shown.stdout
    assert json.loads(scenario(place, "runs", "show", str(now), "--json").stdout)["build"] == "b 2"
    compared = scenario(place, "runs", "compare", str(before), str(now))
    assert compared.returncode == 1, compared.stdout + compared.stderr
    assert "1 worse" in compared.stdout
    assert "now: 0 of 1 cases that were judged passed, pass rate 0.0% to 79.3% (95 %)" in compared.stdout
    assert scenario(place, "runs", "compare", str(now), str(before)).returncode == 0


def test_a_list_goes_by_pages_and_by_what_is_asked(client: Client) -> None:
    numbers = [keep(client, VERDICT, build=f"page {each}")["run_id"] for each in range(3)]
    page = runs(client, limit=2)
    assert [one["run_id"] for one in page["runs"]] == numbers[:0:-1]
    assert runs(client, limit=2, before=page["next"])["runs"][0]["run_id"] == numbers[0]
    assert [one["run_id"] for one in runs(client, build="page 1")["runs"]] == [numbers[1]]
    assert runs(client, verdict="error")["runs"] == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda one: one.update(verdict="fail"), "the worst of its cases"),
        (lambda one: one["each"][0].update(verdict="error"), "the worst of its requirements"),
        (lambda one: one["each"][0].update(requirements=[]), "a verdict for each requirement"),
        (lambda one: one.update(format="chelu.scenario.verdict/9"), "format"),
        (lambda one: one["header"].update(began="yesterday"), "began"),
        (lambda one: one["header"].update(scenario="nought\x00"), "scenario"),
        (lambda one: one.update(each=[]), "each"),
        (lambda one: one["each"][0]["requirements"][0].update(margin="large"), "margin"),
    ],
)
def test_a_document_that_does_not_add_up_is_refused_with_what_is_wrong(client: Client, change: Any, complaint: str) -> None:
    document = deepcopy(VERDICT)
    change(document)
    with pytest.raises(RefusedError, match=complaint):
        keep(client, document)


def test_every_item_of_a_suite_that_has_runs_is_kept(place: Place, client: Client, tmp_path: Path) -> None:
    (tmp_path / "tried").mkdir()
    (tmp_path / "tried" / "cut-in.yaml").write_text(scenario(place, "show", "cut-in").stdout)
    suite = tmp_path / "tried.yaml"
    items = [
        "{scenario: cut-in, name: near, set: {gap_m: [10, 30]}}",
        "{scenario: cut-in, name: edge, turns: {along: gap_m, low: 5, high: 60}}",
    ]
    suite.write_text(f"suite: tried\ntitle: Tried\nabout: Of one's own.\nitems: [{', '.join(items)}]\n")
    out = tmp_path / "out"
    done = scenario(place, "suite", "run", str(suite), "--keep", "--build", "suite 1", "--output", str(out))
    assert "kept as run" in done.stdout, done.stdout + done.stderr
    (kept,) = runs(client, scenario="cut-in", build="suite 1")["runs"]
    verdict = json.loads((out / "tried" / "cut-in-near" / "verdict.json").read_text())
    assert (kept["cases"], kept["verdict"]) == (2, verdict["verdict"])
    assert str(out / "tried" / "cut-in-near") in kept["evidence"]


def test_a_run_that_is_deleted_is_still_in_the_audit_log(place: Place, client: Client) -> None:
    number = str(keep(client, VERDICT, build="gone")["run_id"])
    assert scenario(place, "runs", "delete", number).returncode == 0
    with pytest.raises(RefusedError, match="there is no run"):
        client.people("GET", "sites", SITE, "runs", number)
    entries = [one for one in client.audit(what="scenario_run") if one["subject"] == number]
    assert [one["action"] for one in entries] == ["insert", "delete"]
    assert entries[1]["before"]["build"] == "gone"


def test_what_cannot_be_kept_is_said_before_anything_is_run(place: Place, client: Client) -> None:
    done = scenario(place, "run", "cut-in", "--keep", "--site", "nowhere")
    assert done.returncode == 2
    assert "'nowhere'" in done.stderr
    assert "cut-in:" not in done.stdout


def test_a_run_that_the_register_does_not_take_is_an_error_with_its_verdict(place: Place, client: Client) -> None:
    client.people(
        "POST", "users", json={"user_name": "reader", "password": "a long password", "roles": [{"site": SITE, "role": "viewer"}]}
    )
    key = client.people("POST", "keys", json={"name": "ci", "owner": "reader"})["key"]
    done = scenario(place, "run", "lead-brakes", "--keep", "--site", SITE, key=key)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "lead-brakes:" in done.stdout
    assert "not kept" in done.stdout


def test_the_truth_and_the_report_are_kept_beside_a_run_and_come_back_as_they_were(
    place: Place, client: Client, tmp_path: Path
) -> None:
    out, there = tmp_path / "out", tmp_path / "there"
    assert scenario(place, "run", "cut-in", "--output", str(out)).returncode == 0
    truth = tmp_path / "track truth.mcap"
    truth.write_bytes((out / "run-0.mcap").read_bytes())
    judged = ("run", "cut-in", "--replay", str(truth), "--keep", "--attach", "--output", str(out))
    done = scenario(place, *judged)
    assert done.returncode == 0, done.stdout + done.stderr
    (kept,) = runs(client, scenario="cut-in", limit=1)["runs"]
    listed = scenario(place, "runs", "evidence", str(kept["run_id"]))
    assert [line.split()[-1] for line in listed.stdout.splitlines()] == [
        "report.html", "junit.xml", "run-0.mcap", "track-truth.mcap",
    ]  # fmt: skip
    assert scenario(place, "runs", "evidence", str(kept["run_id"]), "--output", str(there)).returncode == 0
    assert (there / "track-truth.mcap").read_bytes() == truth.read_bytes()
    assert (there / "report.html").read_bytes() == (out / "report.html").read_bytes()


def test_a_run_has_so_much_beside_it_and_no_more(client: Client) -> None:
    number = str(keep(client, VERDICT)["run_id"])
    where = ("sites", SITE, "runs", number, "evidence")
    binary = {"Content-Type": "application/octet-stream"}
    for content in (b"a", bytes(20 << 20)):  # one of the same name takes its place
        client.people("PUT", *where, "truth.csv", content=content, headers=binary)
    with pytest.raises(RefusedError, match="at most 12,582,912, 20,971,520 being kept beside it"):
        client.people("PUT", *where, "more.csv", content=bytes(13 << 20), headers=binary)
    assert client.people("GET", *where)["files"] == [{"name": "truth.csv", "bytes": 20 << 20}]
    with pytest.raises(RefusedError, match="run"):
        client.people("PUT", "sites", SITE, "runs", str(2**40), "evidence", "truth.csv", content=b"", headers=binary)
