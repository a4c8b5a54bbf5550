"""A whole site with the real database and broker, and stand-ins for the services."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as paho
import psutil
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from chelu.clock import SystemClock
from chelu.errors import CannotStartError, CheluError, UnreachableError
from chelu.local import state
from chelu.local.broker import Choice
from chelu.local.lock import holder
from chelu.local.plan import Options
from chelu.local.services import Service
from chelu.local.site import Site
from chelu.local.supervisor import State
from chelu.store import Database
from tests.waiting import until

STANDIN = str(Path(__file__).with_name("standin.py"))


def standin(name: str, mode: str = "serve") -> Service:
    return Service(name, (sys.executable, STANDIN, mode))


OPTIONS = Options(
    services=(standin("registry"), standin("ingest")),
    prepare=standin("prepare", "prepare"),
    mqtt_port=0,
    api_port=0,
    database_port=0,
    database_settings={"fsync": "off", "shared_buffers": "32MB"},
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), OPTIONS) as running:
        yield running


def processes_below(pids: list[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        process = psutil.Process(pid)
        found += [process, *process.children(recursive=True)]
    return found


def part_pids(site: Site) -> list[int]:
    return [part.pid for part in site.status() if part.pid]


def test_parts_start_in_order_and_run(site: Site) -> None:
    assert [part.name for part in site.status()] == ["database", "broker", "registry", "ingest"]
    assert {part.state for part in site.status()} == {State.RUNNING}


def test_endpoints_are_written_for_their_owner_alone(site: Site) -> None:
    value = json.loads(site.layout.endpoints.read_text())
    assert value["database_url"] == site.endpoints.database_url
    assert {"api_url", "api_key_file", "mqtt_url", "mqtt_host", "mqtt_port"} <= set(value)
    for path in (site.layout.endpoints, site.layout.secrets, site.layout.api_key, site.layout.accounts):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_database_needs_its_password(site: Site) -> None:
    with psycopg.connect(site.endpoints.database_url) as connection:
        assert connection.execute("SELECT current_setting('server_version_num')::int >= 180000").fetchone() == (True,)
    password = json.loads(site.layout.secrets.read_text())["database_password"]
    with pytest.raises(CheluError, match="password authentication failed"):
        Database(site.endpoints.database_url.replace(password, "wrong")).connect()


@pytest.mark.parametrize("name", ["broker", "database", "registry", "ingest"])
def test_a_part_killed_comes_back_and_is_counted(site: Site, name: str) -> None:
    before = {part.name: part.restarts for part in site.status()}
    pid = site.kill(name)
    assert site.wait_running(name, other_than=pid) != pid
    after = {part.name: part.restarts for part in site.status()}
    assert after[name] == before[name] + 1
    assert "signal 9" in next(part.detail for part in site.status() if part.name == name)


def test_rows_survive_a_killed_database(site: Site) -> None:
    database = Database(site.endpoints.database_url)
    with database.connection() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS x")
    site.wait_running("database", other_than=site.kill("database"))
    database.wait(timeout_s=20, clock=SystemClock())
    with database.connect() as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (7,)
    database.close()


def test_a_second_site_on_the_same_data_is_refused(site: Site) -> None:
    with pytest.raises(CannotStartError, match=rf"already runs on .* \(process {os.getpid()}\); stop it with: chelu down"):
        Site(site.layout.data, OPTIONS).start()
    assert {part.state for part in site.status()} == {State.RUNNING}


def test_the_state_file_says_what_runs(site: Site) -> None:
    def is_current() -> bool:
        return [part.pid for part in state.read(site.layout.state)] == [part.pid for part in site.status()]

    until(is_current, 5, "the state file to follow")
    assert state.is_ready(site.layout.state, os.getpid())
    assert holder(site.layout.lock) == os.getpid()


def mqtt_connect(port: int, user: str, password: str) -> int:
    """The return code of an MQTT 3.1.1 CONNACK."""

    def text(value: str) -> bytes:
        return len(value).to_bytes(2, "big") + value.encode()

    body = text("MQTT") + bytes([4, 0xC2, 0, 30]) + text(secrets.token_hex(4)) + text(user) + text(password)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(bytes([0x10, len(body)]) + body)
        return connection.recv(4)[3]


def test_stopping_leaves_no_process_and_no_lock_and_the_data_stay(tmp_path: Path) -> None:
    site = Site(tmp_path / "data", OPTIONS)
    endpoints = site.start()
    with psycopg.connect(endpoints.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS x")
    running = processes_below(part_pids(site))
    site.stop()
    assert [process for process in running if process.is_running()] == []
    assert holder(site.layout.lock) is None
    with Site(tmp_path / "data", OPTIONS) as again, psycopg.connect(again.endpoints.database_url) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (7,)


def test_a_killed_supervisor_takes_its_parts_with_it_and_does_not_block_the_next(tmp_path: Path) -> None:
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); from pathlib import Path;"
        "from tests.integration.local.test_site import OPTIONS, Site;"
        "site = Site(Path(sys.argv[2]), OPTIONS); site.start(); print('up', flush=True); time.sleep(600)"
    )
    data = tmp_path / "data"
    root = str(Path(__file__).parents[3])
    with subprocess.Popen([sys.executable, "-c", code, root, str(data)], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout
        assert supervisor.stdout.readline() == b"up\n"
        parts = [part.pid for part in state.read(data / "state.json") if part.pid]
        running = processes_below(parts)
        supervisor.kill()
    with Site(data, OPTIONS) as site:
        until(lambda: not any(process.is_running() for process in running), 20, "the old parts to end")
        assert {part.state for part in site.status()} == {State.RUNNING}


def test_a_service_that_refuses_to_start_is_quoted_and_nothing_stays(tmp_path: Path) -> None:
    options = replace(OPTIONS, services=(standin("registry"), standin("ingest", "refuse")))
    site = Site(tmp_path / "data", options)
    with pytest.raises(CannotStartError, match=r"ingest did not start .*the map is missing; put one there"):
        site.start()
    assert holder(site.layout.lock) is None
    assert psutil.Process().children() == [] or all(part.pid is None for part in site.status())


def test_a_preparation_that_fails_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match=r"prepare failed .*the map is missing"):
        Site(tmp_path / "data", replace(OPTIONS, prepare=standin("prepare", "refuse"))).start()


def test_a_port_in_use_that_was_asked_for_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CannotStartError, match=f"port {port}, asked for mqtt, is in use"):
            Site(tmp_path / "data", replace(OPTIONS, mqtt_port=port)).start()


def test_a_data_directory_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotStartError, match="cannot be written to"):
        Site(tmp_path / "file" / "data", OPTIONS).start()


def test_other_peoples_database_and_broker_are_used(tmp_path: Path, site: Site) -> None:
    options = replace(OPTIONS, database_url=site.endpoints.database_url, mqtt_url="mqtt://somebody:word@broker.example:1884")
    with Site(tmp_path / "data", options) as other:
        assert [part.name for part in other.status()] == ["registry", "ingest"]
        assert (other.endpoints.mqtt_host, other.endpoints.mqtt_port) == ("broker.example", 1884)
        assert other.endpoints.database_url == site.endpoints.database_url


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9/x"):
        Site(tmp_path / "data", replace(OPTIONS, database_url="postgresql://u:p@127.0.0.1:9/x")).start()


def test_a_lost_password_is_said_before_anything_is_started(tmp_path: Path, site: Site) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    with pytest.raises(CannotStartError, match=r"secrets\.json is missing"):
        Site(tmp_path, OPTIONS).start()


@pytest.fixture(scope="module", params=[Choice.AUTO, Choice.AMQTT])
def brokered(request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with each kind of broker."""
    if request.param is Choice.AUTO:
        yield site
        return
    options = replace(OPTIONS, broker=request.param, database_url=site.endpoints.database_url)
    with Site(tmp_path_factory.mktemp("amqtt"), options) as other:
        assert other.endpoints.broker == "amqtt"
        yield other


def test_broker_knows_only_the_services_accounts(brokered: Site) -> None:
    accounts = json.loads(brokered.layout.accounts.read_text())
    port = brokered.endpoints.mqtt_port
    assert mqtt_connect(port, "ingest", accounts["ingest"]) == 0
    assert mqtt_connect(port, "ingest", "wrong") != 0
    assert mqtt_connect(port, "stranger", "wrong") != 0


def test_broker_passes_on_only_what_the_rights_allow(brokered: Site) -> None:
    accounts = json.loads(brokered.layout.accounts.read_text())
    seen: list[str] = []
    subscribed = threading.Event()
    clients = {}
    for user in ("ingest", "registry"):
        client = clients[user] = paho.Client(CallbackAPIVersion.VERSION2, user, protocol=paho.MQTTv311)
        client.username_pw_set(user, accounts[user])
        client.on_message = lambda _client, _data, message: seen.append(message.topic)
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect("127.0.0.1", brokered.endpoints.mqtt_port)
        client.loop_start()
    clients["ingest"].subscribe("#", qos=1)
    assert subscribed.wait(10)
    for topic in ("forbidden/a", "allowed/a", "forbidden/b", "allowed/b"):
        clients["registry"].publish(topic, b"x", qos=1)
    until(lambda: "allowed/b" in seen, 10, "the last message")
    assert seen == ["allowed/a", "allowed/b"]
    for client in clients.values():
        client.disconnect()
        client.loop_stop()


def test_broker_reads_its_files_again_on_sighup(brokered: Site) -> None:
    """As the registry does it: write, then signal the process in the file."""
    accounts = json.loads(brokered.layout.accounts.read_text())
    pid = int((brokered.layout.broker / "mosquitto.pid").read_text())
    assert pid == brokered.pid("broker")
    passwords = brokered.layout.broker / "passwords"
    before = passwords.read_text()
    passwords.write_text("".join(line + "\n" for line in before.splitlines() if not line.startswith("ingest:")))
    os.kill(pid, signal.SIGHUP)
    port = brokered.endpoints.mqtt_port
    until(lambda: mqtt_connect(port, "ingest", accounts["ingest"]) != 0, 5, "the account to be gone")
    passwords.write_text(before)
    os.kill(pid, signal.SIGHUP)
    until(lambda: mqtt_connect(port, "ingest", accounts["ingest"]) == 0, 5, "the account to be back")
    assert brokered.pid("broker") == pid
