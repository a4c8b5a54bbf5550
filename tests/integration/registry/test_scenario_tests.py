"""Scenario tests that the registry runs in a process of their own: kept with evidence, refused, stopped, and out of time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from chelu.api import Client, Site
from chelu.codec import columns
from chelu.errors import CannotStartError, RefusedError
from chelu.messages import Batch, concatenate
from services.registry.asking import Asked
from services.registry.openapi_examples import MODELS
from services.registry.runs.runner import COMMAND
from tests.integration.registry.conftest import KEY, SITE, Place, chelu
from tests.integration.registry.test_killed import Killable
from tests.waiting import until

PACED = {"scenario": "cut-in", "set": {"gap_m": "30"}, "is_paced": True}  # 15 s
PASSWORD = "a password for the test"
OVER = {"done", "refused", "failed", "stopped"}
LONG = {"scenario": "cut-in", "design": "latin", "count": 5000, "device": "applications"}  # minutes


@pytest.fixture(scope="module")
def registry(place: Place) -> Iterator[Killable]:
    """In the place of the one that has to end cleanly."""
    killable = Killable(place)
    yield killable
    killable.kill()


def ask(client: Client, **wanted: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.people("POST", "sites", SITE, "tests", json=wanted)
    return found


def show(client: Client, test_id: int) -> dict[str, Any]:
    found: dict[str, Any] = client.people("GET", "sites", SITE, "tests", str(test_id))
    return found


def ended(client: Client, test_id: int) -> dict[str, Any]:
    until(lambda: show(client, test_id)["state"] in OVER, 60, "the test's end")
    return show(client, test_id)


def test_a_test_is_run_and_kept_with_its_report_and_recordings(place: Place, client: Client) -> None:
    known = client.people("GET", "scenarios")
    (cut_in,) = [one for one in known["scenarios"] if one["scenario"] == "cut-in"]
    assert {"name": "gap_m", "low": 5, "high": 60, "unit": "m"}.items() <= cut_in["parameters"][2].items()
    assert {"none", "applications"} <= set(known["devices"])
    asked = ask(client, **MODELS["Wanted"])
    assert asked["state"] == "waiting"
    found = ended(client, asked["test_id"])
    assert (found["state"], found["detail"]) == ("done", "")
    run = client.people("GET", "sites", SITE, "runs", str(found["run_id"]))
    assert (run["scenario"], run["mode"], run["build"], run["kept_by"]) == (
        "cut-in",
        "memory",
        "firmware 2.1",
        client.me()["name"],
    )
    document = client.people("GET", "sites", SITE, "runs", str(found["run_id"]), "document")
    assert {case["parameters"]["gap_m"] for case in document["each"]} == {10.0, 30.0}
    files = client.people("GET", "sites", SITE, "runs", str(found["run_id"]), "evidence")["files"]
    assert files[0]["name"] == "report.html"
    report = read(place, found["run_id"], "report.html")
    assert report.startswith((b"<!doctype html>", b"<!DOCTYPE html>"))
    assert len(report) == files[0]["bytes"]
    recording = next(one["name"] for one in files if one["name"].endswith(".mcap"))
    assert read(place, found["run_id"], recording).startswith(b"\x89MCAP0")
    entries = [one for one in client.audit(what="scenario_test") if one["subject"] == str(asked["test_id"])]
    assert [(one["action"], one["after"]["state"]) for one in entries] == [
        ("insert", "waiting"),
        ("update", "running"),
        ("update", "done"),
    ]
    listed = chelu(place, "scenario", "tests", "list", "--site", SITE).stdout.splitlines()
    assert listed[0].split()[:3] == [str(asked["test_id"]), "cut-in", "done"]


def read(place: Place, run_id: int, name: str) -> bytes:
    url = f"{place.url}/api/sites/{SITE}/runs/{run_id}/evidence/{name}"
    return httpx.get(url, headers={"Authorization": f"Bearer {KEY}"}).raise_for_status().content


def motion(place: Place, test_id: int, after: int = 0, key: str | None = KEY) -> httpx.Response:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx.get(f"{place.url}/api/sites/{SITE}/tests/{test_id}/motion", params={"after": after}, headers=headers)


def moved(place: Place, test_id: int, after: int = 0) -> tuple[Batch, dict[str, Any]]:
    """Once there are rows after so many: these, and what is said with them."""
    until(lambda: len(columns.unpack(motion(place, test_id, after).content)[0]) > 0, 60, f"motion after row {after}")
    return columns.unpack(motion(place, test_id, after).content)


def test_a_paced_test_is_watched_while_it_runs_and_what_was_seen_is_what_is_kept(
    place: Place, client: Client, registry: Killable
) -> None:
    test_id = ask(client, **PACED)["test_id"]
    first, header = moved(place, test_id)
    assert show(client, test_id)["state"] == "running"
    assert header["actors"]["name"] == ["ego", "other"]
    later, after = moved(place, test_id, header["next"])
    assert show(client, test_id)["state"] == "running"
    assert later["at_s"].min() > first["at_s"].max()
    assert after["so_far"]["requirements"]["title"]
    found = ended(client, test_id)
    assert (found["state"], found["detail"]) == ("done", "")
    kept, told = columns.unpack(read(place, found["run_id"], "run-0.columns"))
    assert told["end_s"] == pytest.approx(float(kept["at_s"].max()))
    assert "cut_in" in told["events"]["what"]
    seen = concatenate([first, later])
    seen = seen.take(np.flatnonzero(np.isin(seen["at_s"], kept["at_s"])))
    assert len(seen) > 10
    of_kept = {key: row for row, key in enumerate(zip(kept["at_s"].tolist(), kept["actor"].tolist(), strict=True))}
    same = kept.take(np.array([of_kept[key] for key in zip(seen["at_s"].tolist(), seen["actor"].tolist(), strict=True)]))
    for name in ("x_m", "y_m", "heading_deg", "speed_mps"):
        assert np.allclose(seen[name], same[name], atol=1e-3), name
    assert len(columns.unpack(motion(place, test_id).content)[0]) == 0  # it is over: the run has it


def test_a_paced_test_is_watched_by_testers_of_its_site_alone(place: Place, client: Client, registry: Killable) -> None:
    test_id = ask(client, **PACED)["test_id"]
    tokens = {}
    client.add_site(Site(site_id="elsewhere", latitude_deg=29.5, longitude_deg=106.5, elevation_m=245.0))
    for name, site, role in (("watches", SITE, "tester"), ("looks", SITE, "viewer"), ("manages", "elsewhere", "administrator")):
        user = {"user_name": name, "password": PASSWORD, "roles": [{"site": site, "role": role}]}
        client.people("POST", "users", json=user)
        tokens[name] = client.login(name, PASSWORD)["token"]
    assert {name: motion(place, test_id, key=token).status_code for name, token in tokens.items()} == {
        "watches": 200,
        "looks": 403,
        "manages": 403,
    }
    assert motion(place, test_id, key=None).status_code == 401
    assert motion(place, test_id + 1000).status_code == 404
    client.people("POST", "sites", SITE, "tests", str(test_id), "stop")


def test_a_paced_test_whose_process_is_killed_has_failed_and_says_so(place: Place, client: Client, registry: Killable) -> None:
    test_id = ask(client, **PACED)["test_id"]
    moved(place, test_id)
    (process,) = processes(registry)
    process.kill()
    found = ended(client, test_id)
    assert (found["state"], found["run_id"], "exit code -9" in found["detail"]) == ("failed", None, True)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"scenario": "cut-out-and-in"}, "scenario"),
        ({"scenario": "/etc/passwd"}, "scenario"),
        ({"scenario": "cut-in", "device": "a rocket"}, "device"),
        ({"scenario": "cut-in", "set": {"gap": "1"}}, "set.gap"),
        ({"scenario": "cut-in", "set": {"gap_m": "wide"}}, "set.gap_m"),
        ({"scenario": "cut-in", "count": 5001}, "count"),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_run(client: Client, wanted: dict[str, Any], field: str) -> None:
    with pytest.raises(RefusedError, match=field):
        ask(client, **wanted)


def test_what_only_the_scenario_can_refuse_is_refused_in_its_words(client: Client) -> None:
    found = ended(client, ask(client, scenario="cut-in", set={"other_kmh": "120", "ego_kmh": "60"})["test_id"])
    assert found["state"] == "refused"
    assert "other_kmh < ego_kmh" in found["detail"]
    several = ended(client, ask(client, **{**PACED, "set": {"gap_m": "10,30"}, "design": "grid"})["test_id"])
    assert (several["state"], "one case" in several["detail"]) == ("refused", True)
    many = ended(client, ask(client, scenario="cut-in", design="grid", repeats=1000)["test_id"])
    assert (many["state"], "at most 5,000" in many["detail"]) == ("refused", True)


def test_a_test_says_how_far_it_is_and_ends_when_it_is_stopped_with_those_that_wait(
    place: Place, client: Client, registry: Killable
) -> None:
    going, waiting = (
        ask(client, **LONG)["test_id"],
        int(chelu(place, "scenario", "tests", "add", "cut-in", "--site", SITE).stdout),
    )
    until(lambda: (show(client, going)["done"] or 0) > 0, 60, "the first cases")
    assert show(client, going)["cases"] > 1000  # of 5000, those that are cases
    assert show(client, waiting)["state"] == "waiting"
    stopped = client.people("POST", "sites", SITE, "tests", str(waiting), "stop")
    assert (stopped["state"], stopped["detail"]) == ("stopped", f"by {client.me()['name']}")
    (process,) = processes(registry)
    client.people("POST", "sites", SITE, "tests", str(going), "stop")
    until(lambda: has_ended(process), 10, "its process to end")
    assert (show(client, going)["state"], show(client, going)["run_id"]) == ("stopped", None)
    with pytest.raises(RefusedError, match="it is over"):
        client.people("POST", "sites", SITE, "tests", str(going), "stop")
    assert ended(client, ask(client, scenario="lead-brakes")["test_id"])["state"] == "done"  # who runs them goes on


def processes(registry: Killable) -> list[psutil.Process]:
    """That run a scenario for the registry."""
    found = psutil.Process(registry.pid).children()
    return [one for one in found if "simulators.scenario.asked" in one.cmdline()]


def has_ended(process: psutil.Process) -> bool:
    """Also one whose parent is dead, and that nobody has buried."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_test_has_only_so_much_time(tmp_path: Path) -> None:
    asked = Asked(COMMAND, {"what": "run", **LONG, "directory": str(tmp_path)}, longest_s=3)
    with pytest.raises(CannotStartError, match="longer than 3 s"):
        asked.answers(lambda _: None)


@pytest.mark.parametrize(
    ("program", "said"), [("import no_such_module", "no_such_module"), ("print('{}'); raise SystemExit('a fault')", "a fault")]
)
def test_a_program_that_is_not_there_or_breaks_says_why(program: str, said: str) -> None:
    with pytest.raises(CannotStartError, match=said):
        Asked((sys.executable, "-c", program), {}, longest_s=30).answers(lambda _: None)


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_it_ends_with_whoever_asked(orphan: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert orphan.stdin is not None
    assert orphan.stdout is not None
    orphan.stdin.write(json.dumps({"what": "run", **LONG, "directory": str(tmp_path)}).encode() + b"\n")
    orphan.stdin.flush()
    assert json.loads(orphan.stdout.readline())["cases"] > 1000
    orphan.stdin.close()
    assert orphan.wait(10) == 1


def test_a_test_that_was_running_begins_again_with_the_registry(place: Place, client: Client, registry: Killable) -> None:
    going = ask(client, **LONG)["test_id"]
    until(lambda: (show(client, going)["done"] or 0) > 0, 60, "its first cases")
    (process,) = processes(registry)
    registry.kill()
    until(lambda: has_ended(process), 10, "its process to end with the registry")
    registry.start()
    until(lambda: (show(client, going)["done"] or 0) > 0, 60, "its first cases, again")
    client.people("POST", "sites", SITE, "tests", str(going), "stop")
