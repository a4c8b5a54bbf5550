"""A load through a whole site: what is sent is stored, what is spoilt costs itself alone, what is safe stays."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from chelu.clock import SystemClock
from simulators.load.check import Balance, balances
from simulators.load.command import SECRETS
from simulators.load.devices import Devices
from simulators.load.enrolment import enrolled
from simulators.load.faults import Faults
from simulators.load.report import LoadReport
from simulators.load.run import Load
from simulators.load.settings import LoadSettings
from tests.e2e.conftest import Running
from tests.waiting import until

CLOCK = SystemClock()


def prepared(running: Running, settings: LoadSettings, faults: Faults | None = None, **options: float) -> Load:
    mqtt_url, secrets = running.site.endpoints.mqtt_url, running.site.layout.data / SECRETS
    accounts = enrolled(running.client, Devices(settings), broker_url=mqtt_url, secrets=secrets)
    return Load(settings, accounts, CLOCK, faults=faults, **options)  # type: ignore[arg-type]


def balance(running: Running, report: LoadReport) -> dict[str, Balance]:
    found = balances(report, lambda: running.client.accounts(from_us=report.begun_us), CLOCK, patience_s=10)
    return {one.stream: one for one in found}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "load.json"


def test_every_row_of_a_load_is_stored_and_every_device_says_how_many_it_sent(running: Running, file: Path) -> None:
    done = running.chelu(
        *("load", "--vehicles", "300", "--seconds", "6", "--stream", "bsm,rsm,spat", "--rsus", "5", "--check"),
        *("--patience", "10", "--json", str(file)),
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(file.read_text())
    assert {one["stream"]: (one["sent"], one["stored"]) for one in document["check"]} == {
        "bsm": (18_000, 18_000),
        "rsm": (4_800, 4_800),
        "spat": (2_400, 2_400),
    }
    flags = np.concatenate([page["flags"] for page in running.client.stream("bsm")])
    assert set(flags.tolist()) == {0}
    last: dict[str, dict[str, int]] = {}
    for report in running.client.reports():
        if report["stream"] == "heartbeat":
            last[report["body"]["id"]] = report["body"]["sent"]
    assert [last[f"load-obu-{number:05d}"] for number in range(1, 301)] == [{"bsm": 60}] * 300
    assert [last[f"load-rsu-{number:05d}"] for number in range(1, 6)] == [{"rsm": 60, "spat": 60}] * 5


def test_spoilt_messages_cost_their_own_rows_only(running: Running) -> None:
    settings = LoadSettings(vehicles=300, seconds=6)
    report = prepared(running, settings, Faults({"loss": 0.02, "unknown": 0.02, "corrupt": 0.02})).run()
    bsm = balance(running, report)["bsm"]
    faults = report.faults
    assert min(faults.values()) > 200
    assert report.streams["bsm"].frames == 18_000 - faults["loss"]
    assert bsm.in_transit == 0
    dropped = sum(bsm.dropped.values())
    assert faults["unknown"] - 20 <= dropped <= faults["unknown"] + faults["corrupt"]  # few are spoilt back into shape
    assert bsm.stored == 18_000 - faults["loss"] - dropped


@pytest.mark.slow
def test_a_broker_killed_in_mid_load_loses_and_doubles_nothing_at_qos_1(running: Running) -> None:
    settings = LoadSettings(vehicles=200, rate_hz=5, seconds=8, qos=1)
    reports: list[LoadReport] = []
    heard = threading.Event()

    def work() -> None:
        load = prepared(running, settings)
        load.on_progress = lambda seconds, _books: heard.set() if seconds > 2 else None
        reports.append(load.run())

    thread = threading.Thread(target=work)
    thread.start()
    assert heard.wait(30)
    pid = running.site.kill("broker")
    running.site.wait_running("broker", other_than=pid)
    thread.join(90)
    report = reports[0]
    assert report.reconnects >= 1
    assert report.unacknowledged == 0
    assert report.streams["bsm"].frames == 8_000
    found = balance(running, report)["bsm"]
    assert found.stored == 8_000
    rows = list(running.client.stream("bsm"))
    times = np.concatenate([page["time_us"] for page in rows])
    devices = np.concatenate([page["device_id"] for page in rows])
    assert len(set(zip(devices.tolist(), times.tolist(), strict=True))) == 8_000


@pytest.mark.slow
def test_a_thousand_devices_connect_speak_and_come_back_after_a_storm(running: Running) -> None:
    settings = LoadSettings(vehicles=1000, rate_hz=2, seconds=12, connections=1000)
    report = prepared(running, settings, Faults({"storm": 4.0, "churn": 0.01})).run()
    assert report.sessions == 1000
    assert report.faults["storm"] > 1500
    assert report.reconnects > 1500
    assert report.streams["bsm"].unsent > 0
    found = balance(running, report)["bsm"]
    lost = report.streams["bsm"].frames - found.stored
    assert 0 <= lost <= report.losses  # a session that is cut may take its last message with it
    until(lambda: running.client.accounts()["bsm"].stored == found.stored, 5, "the books to be at rest")
