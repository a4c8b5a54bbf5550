"""A device under test at a real broker, under its own credential: right, late, silent, wrong and dead ones are judged as such."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chelu import api
from chelu.topics import Kind
from simulators.scenario.library import source_of
from tests.e2e.conftest import Running
from tests.waiting import until

PASS, FAIL, ERROR, SKIPPED = "pass", "fail", "error", "skipped"
DEVICE, TRIES = "bench-obu", 4
GIVES_WAY, EVENT_PLACES = 5, 10  # which requirement of the templates that is
AT_ONCE = ("warned at once", "tells in time")  # who is not slow on purpose, and fails, had no time of the machine


@dataclass(frozen=True, slots=True)
class Tried:
    """What is tried: a template with the device of this id in the place of its own, and the module of wrong devices."""

    template: str
    device_id: str
    module: str
    own: str

    def text(self) -> str:
        """The scenario; what the rig would say in the platform's place is left to that."""
        text = source_of(self.template).text
        assert self.own in text
        text = text.replace(self.own, f"mqtt: {{device: {self.device_id}}}\n  silent_s: 6")
        return "\n".join(line for line in text.splitlines() if "answers: lane_change.request" not in line)


WARNS = Tried("standing-vehicle", DEVICE, "tests.wrong_device", "mqtt: {}")
UDP = "udp: {hears: 127.0.0.1:5005, says: 127.0.0.1:5006}"
COOPERATES = Tried("lane-change-request", DEVICE, "tests.wrong_cooperator", UDP)
SEES = Tried("roadside-unit", "bench-rsu", "tests.wrong_unit", UDP)


@contextmanager
def device(running: Running, tried: Tried, fault: str) -> Iterator[None]:
    secret = str(running.work / tried.device_id)
    arguments = [fault, "--broker", running.site.endpoints.mqtt_url, "--id", tried.device_id, "--secret-file", secret]
    process = subprocess.Popen([sys.executable, "-m", tried.module, *arguments])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def judged(running: Running, fault: str, tried: Tried = WARNS, *, is_there: bool = True) -> tuple[int, list[str]]:
    """Exit code and verdicts, of a run that the machine kept up with: the rig, and the device where it can."""
    file = running.work / "scenario.yaml"
    file.write_text(tried.text())
    for attempt in range(TRIES):
        evidence = running.work / f"{tried.template}-{fault}-{attempt}"
        with device(running, tried, fault):
            done = running.chelu("scenario", "run", str(file), "--site", "hillside", "--in-the-loop", "--output", str(evidence))
        assert (evidence / "verdict.json").exists(), done.stdout + done.stderr
        document: dict[str, Any] = json.loads((evidence / "verdict.json").read_text())
        run, titles = document["each"][0], [one["title"] for one in document["requirements"]]
        there, *_, lag = [one["verdict"] for one in run["validity"]]
        verdicts = [one["verdict"] for one in run["requirements"]]
        is_late = any(title in AT_ONCE and verdict == FAIL for title, verdict in zip(titles, verdicts, strict=True))
        if (lag == PASS or not is_there) and (there == PASS) == is_there and (fault == "late" or not is_late):
            return done.returncode, verdicts
    raise AssertionError(f"the machine never kept up: {done.stdout}")


def register(running: Running, name: str, kind: Kind) -> None:
    (made,) = running.client.add_devices([api.NewDevice(device_id=name, kind=kind, site_id="hillside")])
    (running.work / name).write_text(made.secret or "")


def failed(verdicts: list[str]) -> set[int]:
    """Which are failures, where all others passed."""
    assert set(verdicts) <= {PASS, FAIL}, verdicts
    return {row for row, verdict in enumerate(verdicts) if verdict == FAIL}


def test_a_device_at_the_broker_gets_the_verdicts_that_it_deserves(running: Running) -> None:
    register(running, DEVICE, Kind.OBU)
    assert judged(running, "none") == (0, [PASS] * 5)
    assert judged(running, "late") == (1, [FAIL, PASS, FAIL, PASS, PASS])
    assert judged(running, "missing") == (1, [FAIL, PASS, SKIPPED, PASS, PASS])
    assert judged(running, "false") == (1, [PASS, FAIL, PASS, PASS, PASS])
    assert judged(running, "dies", is_there=False) == (3, [ERROR] * 5)
    until(lambda: [one for one in running.client.reports() if one["stream"] == "warning"], 20, "what the device said, stored")


def test_one_that_cooperates_and_a_roadside_unit_get_the_verdicts_that_they_deserve(running: Running) -> None:
    """The platform answers the one and hears the other, as in production: all else that they do is right."""
    register(running, DEVICE, Kind.OBU)
    register(running, "bench-rsu", Kind.RSU)
    code, verdicts = judged(running, "selfish", COOPERATES)
    assert (failed(verdicts), code) == ({GIVES_WAY}, 1)
    assert "done" in {one["state"] for one in running.client.coop_sessions()}, "the platform saw the lane change end"
    code, verdicts = judged(running, "misplaces", SEES)
    assert (failed(verdicts), code) == ({EVENT_PLACES}, 1)
    until(lambda: running.messages("map"), 20, "the unit's map, stored")


def test_a_device_that_is_not_registered_is_registered_and_its_secret_put_where_it_is_said(running: Running) -> None:
    file = running.work / "scenario.yaml"
    file.write_text(source_of("standing-vehicle").text.replace("mqtt: {}", "mqtt: {}\n  ready_s: 1"))
    done = running.chelu("scenario", "run", str(file), "--site", "hillside", "--in-the-loop")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "did not answer within 1 s" in done.stdout
    secret = running.site.layout.data / "hillside-obu-ego.secret"
    assert str(secret) in done.stdout.replace("\n", "")
    assert secret.stat().st_mode & 0o777 == 0o600
    assert running.client.device("hillside-obu-ego").kind is Kind.OBU
