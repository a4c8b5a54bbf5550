"""A device under test at a real broker, under its own credential: right, late, silent, wrong and dead ones are judged as such."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chelu import api
from chelu.topics import Kind
from simulators.scenario.library import source_of
from tests.e2e.conftest import Running
from tests.waiting import until

PASS, FAIL, ERROR, SKIPPED = "pass", "fail", "error", "skipped"
DEVICE, TRIES = "bench-obu", 4


@contextmanager
def device(running: Running, fault: str) -> Iterator[None]:
    arguments = [
        fault,
        "--broker",
        running.site.endpoints.mqtt_url,
        "--id",
        DEVICE,
        "--secret-file",
        str(running.work / "secret"),
    ]
    process = subprocess.Popen([sys.executable, "-m", "tests.wrong_device", *arguments])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def judged(running: Running, fault: str, *, is_there: bool = True) -> tuple[int, list[str]]:
    """Exit code and verdicts, of a run that the machine kept up with: the rig, and the device where it can."""
    file = running.work / "scenario.yaml"
    file.write_text(source_of("standing-vehicle").text.replace("mqtt: {}", f"mqtt: {{device: {DEVICE}}}\n  silent_s: 6"))
    for attempt in range(TRIES):
        evidence = running.work / f"{fault}-{attempt}"
        with device(running, fault):
            done = running.chelu("scenario", "run", str(file), "--site", "hillside", "--in-the-loop", "--output", str(evidence))
        assert done.returncode in {0, 1, 3}, done.stdout + done.stderr
        run: dict[str, Any] = json.loads((evidence / "verdict.json").read_text())["each"][0]
        there, *_, lag = [one["verdict"] for one in run["validity"]]
        if (lag == PASS or not is_there) and (there == PASS) == is_there:
            return done.returncode, [one["verdict"] for one in run["requirements"]]
    raise AssertionError(f"the machine never kept up: {done.stdout}")


def test_a_device_at_the_broker_gets_the_verdicts_that_it_deserves(running: Running) -> None:
    (made,) = running.client.add_devices([api.NewDevice(device_id=DEVICE, kind=Kind.OBU, site_id="hillside")])
    (running.work / "secret").write_text(made.secret or "")
    assert judged(running, "none") == (0, [PASS] * 5)
    assert judged(running, "late") == (1, [FAIL, PASS, FAIL, PASS, PASS])
    assert judged(running, "missing") == (1, [FAIL, PASS, SKIPPED, PASS, PASS])
    assert judged(running, "false") == (1, [PASS, FAIL, PASS, PASS, PASS])
    assert judged(running, "dies", is_there=False) == (3, [ERROR] * 5)
    until(lambda: [one for one in running.client.reports() if one["stream"] == "warning"], 20, "what the device said, stored")


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
