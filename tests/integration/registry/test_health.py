"""Health and alarms on real parts: a registry, a broker, a database with ingest, and agents that die, hang and lie."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from chelu.api import Client, NewDevice, Site
from chelu.local.plan import Options
from chelu.local.site import Site as RunningSite
from chelu.topics import Kind
from services.registry.alarms import signing
from services.registry.health import counts
from tests.integration.registry.by_hand import SITE, Puppet, Receiver, going_on
from tests.waiting import until

OPTIONS = Options(mqtt_port=0, api_port=0, database_port=0, database_settings={"fsync": "off", "shared_buffers": "32MB"})
BEAT_S = 0.5
PATIENCE_S = 30  # others use the machine
AGENT = """
kind = "{kind}"
id = "{id}"
broker = "mqtt://127.0.0.1:{port}"
credential_file = "secret"
heartbeat_s = {beat_s}
run_status_s = 0.5
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    with RunningSite(tmp_path_factory.mktemp("site"), OPTIONS) as running:
        yield running


@pytest.fixture(scope="module")
def client(running: RunningSite) -> Iterator[Client]:
    with Client.find({"CHELU_HOME": str(running.layout.data)}) as client:
        client.add_site(Site(site_id=SITE, latitude_deg=29.5332, longitude_deg=106.503, elevation_m=245.0))
        for kind in ("processor-high", "memory-high", "disk-full"):  # how this machine does is not what is tested
            client.people("PUT", "thresholds", json={"kind": kind, "site": SITE, "is_enabled": False})
        yield client


@dataclass
class Agents:
    """Agents in processes of their own, as they run on devices."""

    client: Client
    port: int
    directory: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def register(self, device_id: str, kind: Kind = Kind.RSU, **fields: Any) -> str:
        new = NewDevice(device_id=device_id, kind=kind, site_id=SITE, **fields)
        secret = self.client.add_devices([new])[0].secret
        assert secret
        return secret

    def start(self, device_id: str, kind: Kind = Kind.RSU, beat_s: float = BEAT_S) -> subprocess.Popen[bytes]:
        home = self.directory / device_id
        if not home.exists():
            home.mkdir()
            (home / "secret").write_text(self.register(device_id, kind))
            (home / "agent.toml").write_text(AGENT.format(kind=kind, id=device_id, port=self.port, beat_s=beat_s))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CHELU_")}
        with (home / "log").open("ab") as log:
            command = [sys.executable, "-m", "edge", "--config", str(home / "agent.toml")]
            process = subprocess.Popen(command, env=environment, stderr=log)
        self.processes[device_id] = process
        return process

    def kill(self, device_id: str) -> None:
        process = self.processes.pop(device_id)
        process.kill()
        process.wait()


@pytest.fixture
def agents(running: RunningSite, client: Client, tmp_path: Path) -> Iterator[Agents]:
    agents = Agents(client, port_of(running), tmp_path)
    yield agents
    for process in agents.processes.values():
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def port_of(running: RunningSite) -> int:
    return int(running.endpoints.mqtt_url.rpartition(":")[2])


def health(client: Client, device_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.people("GET", "devices", device_id, "health")
    return found


def alarms(client: Client, subject: str, state: str = "open", **asked: Any) -> list[dict[str, Any]]:
    query = {"subject": subject, "state": state, **asked}
    found: list[dict[str, Any]] = client.people("GET", "alarms", params=query)["alarms"]
    return found


def wait_status(client: Client, device_id: str, status: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def is_so() -> bool:
        seen.update(health(client, device_id))
        return bool(seen["status"] == status)

    try:
        until(is_so, PATIENCE_S, f"{device_id} to be {status}")
    except AssertionError as error:
        raise AssertionError(f"{error}: {seen}") from None
    return seen


def wait_alarm(client: Client, subject: str, kind: str, state: str = "open") -> dict[str, Any]:
    found = until(lambda: alarms(client, subject, state, kind=kind), PATIENCE_S, f"{kind} of {subject} to be {state}")
    return found[0]


def told(client: Client, device_id: str, name: str) -> dict[str, Any]:
    """Its health, once this is known of it."""
    until(lambda: health(client, device_id)[name] is not None, PATIENCE_S, f"{name} of {device_id}")
    return health(client, device_id)


def wait_beat(client: Client, device_id: str, beat_s: float) -> None:
    until(lambda: health(client, device_id)["beat_s"] == beat_s, PATIENCE_S, f"heartbeats of {device_id} each {beat_s} s")


def threshold(client: Client, kind: str, **limits: Any) -> None:
    client.people("PUT", "thresholds", json={"kind": kind, **limits})


def test_a_killed_agent_is_offline_at_once_by_its_last_will(client: Client, agents: Agents) -> None:
    agents.start("killed", beat_s=3600)
    wait_status(client, "killed", "healthy")
    begun_s = time.monotonic()
    agents.kill("killed")
    found = wait_alarm(client, "killed", "offline")
    print(f"\nalarm {1000 * (time.monotonic() - begun_s):.0f} ms after kill -9")
    assert (found["severity"], found["state"], found["detail"]) == ("major", "raised", {"reason": "connection lost"})
    assert wait_status(client, "killed", "offline")["reason"] == "connection lost"
    agents.start("killed")
    wait_status(client, "killed", "healthy")
    assert wait_alarm(client, "killed", "offline")["state"] == "clearing", "it has to stay for a while"


def test_a_stopped_process_has_missed_three_heartbeats(client: Client, agents: Agents) -> None:
    process = agents.start("stopped")
    wait_beat(client, "stopped", BEAT_S)
    wait_status(client, "stopped", "healthy")
    process.send_signal(signal.SIGSTOP)
    found = wait_alarm(client, "stopped", "offline")
    assert found["detail"] == {"reason": "silent"}
    assert found["value"] > 3
    threshold(client, "offline", device="stopped", clear_after_s=0)
    process.send_signal(signal.SIGCONT)
    wait_status(client, "stopped", "healthy")


def test_a_roadside_s_heartbeat_is_its_standard_s_until_its_profile_says_otherwise(client: Client) -> None:
    client.add_devices([
        NewDevice(device_id="gate", kind=Kind.RSU, site_id=SITE, profile="openv2x", serial="R328328"),
        NewDevice(device_id="computer", kind=Kind.RSCU, site_id=SITE),
        NewDevice(device_id="car", kind=Kind.OBU, site_id=SITE),
    ])  # fmt: skip
    assert [health(client, name)["beat_s"] for name in ("gate", "computer", "car")] == [10, 60, None]
    client.people("PUT", "profiles", "openv2x", json={"heartbeat_s": 60})
    assert health(client, "gate")["beat_s"] == 60
    client.people("DELETE", "profiles", "openv2x")


def test_ingest_that_has_nothing_to_store_is_told_from_one_that_is_away(running: RunningSite) -> None:
    """Else a roadside that was the only one to speak would never be missed."""
    far_us = 4_000_000_000_000_000  # no batch is of that time
    with psycopg.connect(running.endpoints.database_url, autocommit=True, row_factory=dict_row) as connection:

        def is_idle() -> bool:
            return counts.is_idle(connection, from_us=far_us, to_us=far_us + 1)

        assert is_idle()
        pid = running.kill("ingest")
        until(lambda: not is_idle(), PATIENCE_S, "ingest to be away")
        running.wait_running("ingest", other_than=pid)
        until(is_idle, PATIENCE_S, "ingest to be back")


def test_a_device_that_comes_and_goes_is_one_alarm(client: Client, agents: Agents) -> None:
    for _ in range(3):
        agents.start("flapping")
        wait_status(client, "flapping", "healthy")
        agents.kill("flapping")
        wait_status(client, "flapping", "offline")
    found = wait_alarm(client, "flapping", "offline")
    shown = client.people("GET", "alarms", str(found["alarm_id"]))
    assert [event["event"] for event in shown["events"]] == ["raised"]
    assert alarms(client, "flapping", "cleared") == []


def test_an_agent_tells_how_its_machine_does(client: Client, agents: Agents) -> None:
    agents.start("machine")
    found = told(client, "machine", "disk_percent")
    for name in ("cpu_percent", "memory_percent", "disk_percent"):
        assert 0 <= found[name] <= 100, name
    found = told(client, "machine", "tx_bytes_per_s")
    assert found["beat_s"] == BEAT_S
    assert abs(found["skew_s"]) < 5
    threshold(client, "disk-full", device="machine", bound=0.001, clear_bound=0, clear_after_s=0, is_enabled=True)
    assert wait_alarm(client, "machine", "disk-full")["value"] == pytest.approx(found["disk_percent"], abs=5)
    wait_status(client, "machine", "impaired")
    threshold(client, "disk-full", device="machine", is_enabled=False)
    wait_status(client, "machine", "healthy")


def test_a_clock_that_is_wrong_is_told(running: RunningSite, client: Client) -> None:
    threshold(client, "clock-skew", site=SITE, raise_after_s=0.5, clear_after_s=0)
    puppet = Puppet(client, port_of(running), "clock", Kind.RSU)
    ahead_us = 0

    def beat() -> None:
        puppet.beat(time_us=time.time_ns() // 1000 + ahead_us)

    with going_on(beat, 0.2):
        wait_status(client, "clock", "healthy")
        ahead_us = 20_000_000
        found = wait_alarm(client, "clock", "clock-skew")
        assert found["value"] == pytest.approx(20, abs=2)
        assert health(client, "clock")["skew_s"] == pytest.approx(20, abs=2)
        ahead_us = 0
        wait_alarm(client, "clock", "clock-skew", "cleared")
        wait_status(client, "clock", "healthy")


def test_a_rate_that_falls_makes_a_device_impaired(running: RunningSite, client: Client) -> None:
    threshold(client, "rate-low", site=SITE, raise_after_s=1, clear_after_s=1)
    client.people("PUT", "profiles", "weather-station", json={"rates_hz": {"observation": 10}, "heartbeat_s": 5})
    puppet = Puppet(client, port_of(running), "station", Kind.SENSOR, profile="weather-station")
    hz, sent, since_s = 12.0, 0, time.monotonic()

    def observe() -> None:  # what is due by the clock, however late this thread is
        nonlocal sent
        while sent < (time.monotonic() - since_s) * hz:
            sent += 1
            said = {"quantity": "air_temperature", "unit": "degC", "value": 21.5, "time_us": time.time_ns() // 1000}
            puppet.say("observation", said, qos=0)

    with going_on(observe, 0.05), going_on(puppet.beat, 1):
        until(lambda: health(client, "station")["rates_hz"].get("observation", 0) > 9, PATIENCE_S, "the whole rate")
        assert wait_status(client, "station", "healthy")["expected_hz"] == {"observation": 10}
        hz, sent, since_s = 3.0, 0, time.monotonic()
        found = wait_alarm(client, "station", "rate-low")
        assert (found["part"], found["value"] < 0.8) == ("observation", True)
        assert wait_status(client, "station", "impaired")["problems"] == ["rate-low observation"]
        hz, sent, since_s = 12.0, 0, time.monotonic()
        wait_alarm(client, "station", "rate-low", "cleared")
    assert health(client, "station")["stored"] > 50


def test_what_is_lost_on_the_way_is_told(running: RunningSite, client: Client) -> None:
    """It says that it sent what never came."""
    threshold(client, "loss-high", site=SITE, raise_after_s=0)
    puppet = Puppet(client, port_of(running), "loser", Kind.RSU)
    sent = 0

    def beat() -> None:
        nonlocal sent
        sent += 100
        puppet.beat(sent={"bsm": sent})

    with going_on(beat, 0.5):
        found = until(lambda: alarms(client, "loser", kind="loss-high"), 90, "a loss to be told")
        assert found[0]["value"] == 1.0
        assert health(client, "loser")["lost"] >= 100
        assert health(client, "loser")["sent"]["bsm"] > 100


def test_maintenance_keeps_it_quiet_until_it_ends(client: Client, agents: Agents) -> None:
    agents.start("mended")
    wait_status(client, "mended", "healthy")
    ends = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).isoformat()
    window = client.people("POST", "maintenance", json={"site": SITE, "device": "mended", "ends": ends, "reason": "new antenna"})
    agents.kill("mended")
    wait_status(client, "mended", "offline")
    assert len(until(lambda: alarms(client, "mended", "pending"), PATIENCE_S, "it to be noted")) == 1
    assert alarms(client, "mended") == []
    client.people("DELETE", "maintenance", str(window["maintenance_id"]))
    wait_alarm(client, "mended", "offline")


def test_a_registry_that_was_killed_goes_on_where_it_was(running: RunningSite, client: Client, agents: Agents) -> None:
    """One is down before and after, one dies meanwhile, one comes back meanwhile, and one is there all the time."""
    for name in ("down", "dies", "comes", "stays"):
        agents.start(name, beat_s=1)
        wait_beat(client, name, 1)
        wait_status(client, name, "healthy")
    for name in ("down", "comes"):
        agents.kill(name)
        wait_alarm(client, name, "offline")
    before = alarms(client, "down")[0]
    pid = running.kill("registry")
    agents.kill("dies")
    agents.start("comes")
    running.wait_running("registry", other_than=pid)
    wait_alarm(client, "dies", "offline")
    wait_status(client, "comes", "healthy")
    assert wait_alarm(client, "comes", "offline")["state"] == "clearing"
    wait_status(client, "stays", "healthy")
    assert alarms(client, "stays") + alarms(client, "stays", "cleared") + alarms(client, "stays", "pending") == []
    after = alarms(client, "down")[0]
    assert (after["alarm_id"], after["state"], after["since"]) == (before["alarm_id"], "raised", before["since"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.up()
    yield receiver
    receiver.down()


def test_a_webhook_that_was_away_is_told_afterwards_in_order_and_once(
    running: RunningSite, client: Client, agents: Agents, receiver: Receiver
) -> None:
    url = f"http://127.0.0.1:{receiver.port}/alarms"
    secret = client.people("POST", "webhooks", json={"name": "desk", "url": url, "kinds": ["offline"]})["secret"]
    try:
        client.people("POST", "webhooks", "desk", "trial")
        until(lambda: receiver.taken, PATIENCE_S, "the trial")
        receiver.status = 503
        agents.start("told")
        wait_status(client, "told", "healthy")
        agents.kill("told")
        alarm = wait_alarm(client, "told", "offline")
        until(lambda: receiver.refused, PATIENCE_S, "a first attempt")
        client.people("POST", "alarms", str(alarm["alarm_id"]), "acknowledge", json={"comment": "on my way"})
        receiver.down()
        until(lambda: client.people("GET", "webhooks")[0]["answer"] not in {"", "503 Service Unavailable"}, PATIENCE_S, "another")
        pid = running.kill("registry")  # nothing that waits is lost with it
        running.wait_running("registry", other_than=pid)
        receiver.status = 200
        receiver.up()
        until(lambda: _is_up(client), PATIENCE_S, "the registry to answer")
        client.people("POST", "alarms", str(alarm["alarm_id"]), "clear", json={"comment": "never mind"})
        client.people("POST", "webhooks", "desk", "retry")
        until(lambda: ("told", "cleared") in receiver.subjects(), PATIENCE_S, "all that waited")
        told = [event for subject, event in receiver.subjects() if subject == "told"]
        assert told[:3] == ["raised", "acknowledged", "cleared"]
        bodies = [body for body, _, _ in receiver.taken]
        assert len({body["delivery_id"] for body in bodies}) == len(bodies), "none came twice"
        assert [body["comment"] for body in bodies if body["event"] == "acknowledged"] == ["on my way"]
        for _, header, body in receiver.taken:
            assert signing.is_signed(secret, body, header, now_s=int(time.time()))
        log = client.people("GET", "webhooks", "desk", "deliveries", params={"state": "delivered"})
        assert {row["answer"] for row in log if row["body"].get("subject") == "told"} == {"200 OK"}
        assert receiver.refused >= 1
    finally:
        client.people("DELETE", "webhooks", "desk")


def _is_up(client: Client) -> bool:
    with contextlib.suppress(Exception):
        return bool(client.health())
    return False
