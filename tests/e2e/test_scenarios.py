"""Scenario tests through the platform: actors speak over a real broker, and what they are told decides."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import copy, copytree
from subprocess import CompletedProcess

import pytest
from pyarrow import parquet

from simulators.scenario.library import TEMPLATES
from simulators.scenario.suite.library import SUITES
from tests.e2e.conftest import Running
from tests.waiting import until

ERROR = 3  # the rig did not keep up: no verdict
TRIES = 4


def valid(running: Running, *arguments: str) -> CompletedProcess[str]:
    """A run that the machine kept up with: one that it did not is an error, and says nothing about what is tested."""
    for _ in range(TRIES):
        done = running.chelu("scenario", "run", *arguments, "--through-platform")
        if done.returncode != ERROR:
            return done
        assert "the rig keeps up" in done.stdout, done.stdout + done.stderr
    pytest.fail(f"no valid run in {TRIES}: {done.stdout}")


@pytest.fixture(scope="module")
def running(lasting: Running) -> Running:
    """One site for all."""
    return lasting


@pytest.mark.parametrize("scenario", ["collision", "decks", "green-light", "red-light-violation"])
def test_who_must_be_warned_is_and_nobody_else(running: Running, scenario: str) -> None:
    done = valid(running, scenario)
    assert f"{scenario}: pass" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_each_case_is_judged_by_itself(running: Running) -> None:
    done = valid(running, "collision", "--design", "grid", "--set", "apart_s=0,3", "--set", "ego_kmh=50", "--set", "other_kmh=40")
    assert "pass 1 skipped 1" in done.stdout, done.stdout + done.stderr  # three seconds apart they miss one another: none is owed


def test_a_scenario_without_a_site_says_what_to_start(running: Running, tmp_path: Path) -> None:
    done = running.chelu("scenario", "run", "collision", "--through-platform", "--data", str(tmp_path / "nowhere"))
    assert done.returncode == ERROR
    assert "chelu up" in done.stderr


def test_a_suite_is_run_through_the_platform_with_evidence_for_each_item(running: Running, tmp_path: Path) -> None:
    """What the roadside tells of is told; who is warned brakes, soon enough only where the fog that is measured counts."""
    suite = suite_in(tmp_path)
    for attempt in range(TRIES):
        output = tmp_path / str(attempt)
        done = running.chelu("scenario", "suite", "run", str(suite), "--through-platform", "--output", str(output))
        if done.returncode != ERROR:
            break
    assert "tried: pass (2 pass of 2 items)" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
    assert "1 of 3 items are for memory only" in done.stdout
    assert (output / "tried" / "tjw-told" / "report.html").exists()
    verdict = json.loads((output / "tried" / "fog-at-the-river-acts" / "verdict.json").read_text())
    assert verdict["header"]["mode"] == "platform"
    recorded = (output / "tried" / "fog-at-the-river-acts" / "motion.parquet").read_bytes()
    speeds = parquet.read_table(io.BytesIO(recorded), columns=["actor", "speed_mps"]).to_pylist()
    assert min(one["speed_mps"] for one in speeds if one["actor"] == "ego") == 0.0


def test_background_traffic_speaks_at_the_broker_and_is_warned_of(running: Running, tmp_path: Path) -> None:
    """Somebody who does not look drives into what is slower ahead: SUMO's vehicles, which are devices of the site meanwhile."""
    if find_spec("libsumo") is None:
        pytest.skip("libsumo is not installed (extra sumo)")
    crowded = ("--set", "vehicles_per_hour=1500", "--set", "seed=2")
    done = valid(running, str(in_traffic(tmp_path)), *crowded, "--output", str(tmp_path / "out"))
    assert "in-traffic: pass" in done.stdout, done.stdout + done.stderr
    verdict = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert [one["verdict"] for one in verdict["each"][0]["requirements"]] == ["pass", "pass"]
    heard = {name for rows in running.client.stream("bsm") for name in rows["device_id"].tolist()}
    assert sum(name.startswith("scenario-in-traffic-obu-passing-") for name in heard) > 3


def in_traffic(directory: Path) -> Path:
    """The template, with one who does not look, a warning that is owed, and none that is false."""
    copytree(TEMPLATES / "roads", directory / "roads")
    text, _, _ = (TEMPLATES / "in-traffic.yaml").read_text().partition("requirements:")
    for old, new in {
        "speed_kmh: 45": "speed_kmh: 90",
        "driver: {model: idm, desired_kmh: 50}": "driver: {model: none}",
        "after_s: 25": "after_s: 6",
    }.items():
        assert old in text
        text = text.replace(old, new)
    file = directory / "in-traffic.yaml"
    file.write_text(
        text
        + """requirements:
  - {name: warned before it touches, metric: missed_warnings, of: ego, application: fcw, below_s: 1, equals: 0}
  - {name: warned with a reason, metric: false_warnings, of: ego, application: fcw, below_s: 6, equals: 0}
"""
    )
    return file


def suite_in(directory: Path) -> Path:
    """A suite of two scenarios that ship, and a search."""
    for name, suite in (("tjw", "applications"), ("fog-at-the-river", "mountain")):
        (directory / "tried").mkdir(exist_ok=True)
        copy(SUITES / suite / f"{name}.yaml", directory / "tried")
    file = directory / "tried.yaml"
    file.write_text(
        """
        suite: tried
        title: Tried
        about: Two scenarios and a search.
        device: applications
        items:
          - {scenario: tjw, name: told}
          - {scenario: fog-at-the-river, name: acts}
          - {scenario: tjw, name: boundary, turns: {along: ego_kmh, low: 10, high: 40, warned: {application: tjw, host: ego}}}
        """
    )
    return file


def test_a_broker_that_dies_in_mid_run_is_an_error_with_evidence_and_never_a_fail(running: Running, tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("chelu")),
        "scenario",
        "run",
        "collision",
        "--through-platform",
        "--output",
        str(tmp_path),
    ]
    before = heard_of(running)
    with subprocess.Popen(command, env=running.environ, stdout=subprocess.PIPE, text=True) as process:
        until(lambda: heard_of(running) > before, 60, "the run to have begun")
        pid = running.site.kill("broker")
        assert process.wait(120) == ERROR, process.stdout and process.stdout.read()
    running.site.wait_running("broker", other_than=pid)
    document = json.loads((tmp_path / "verdict.json").read_text())
    (run,) = document["each"]
    assert document["outcomes"] == {"pass": 0, "skipped": 0, "fail": 0, "error": 1}
    assert {one["verdict"] for one in run["requirements"]} == {"error"}
    assert any("broker" in one["reason"] for one in run["validity"]), run["validity"]
    assert (tmp_path / "report.html").exists()


def heard_of(running: Running) -> int:
    """How many BSMs actors of runs have sent."""
    accounts = running.client.accounts()
    return accounts["bsm"].received if "bsm" in accounts else 0
