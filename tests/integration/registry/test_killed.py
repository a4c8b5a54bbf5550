"""A registry that is killed in the middle of a change: before its commit nothing was changed, after it the broker follows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chelu import api_exports
from chelu.api import Client, NewDevice
from chelu.errors import RefusedError, UnreachableError
from chelu.topics import Kind
from tests.integration.registry.conftest import SITE, AddDevice, Place
from tests.integration.registry.fix_exports import ROWS, Ask, ask, content, devices, stored
from tests.integration.registry.test_broker import Peer
from tests.waiting import until

__all__ = ["ask", "devices", "stored"]

SILENT = "SELECT 1 FROM register.credential JOIN register.device USING (device_key) WHERE device_id = 'silenced'"


class Killable:
    """A registry process that is killed and started again."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.start()

    def start(self) -> None:
        self._place.ready_file.unlink(missing_ok=True)
        with (self._place.directory / "registry.log").open("ab") as log:
            command = [sys.executable, "-m", "services.registry"]
            self._process = subprocess.Popen(command, env=self._place.environment(), stderr=log)
        until(lambda: self._place.ready_file.exists() or self._process.poll() is not None, 60, "the registry to be ready")

    @property
    def pid(self) -> int:
        """The number of the process that runs now."""
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)


@pytest.fixture(scope="module")
def registry(place: Place) -> Iterator[Killable]:
    """In the place of the one that has to end cleanly."""
    killable = Killable(place)
    yield killable
    killable.kill()


@contextmanager
def held(place: Place, table: str) -> Iterator[psycopg.Connection[Any]]:
    """A time in which nobody else can read or write a table; the connection sees what others have committed."""
    with psycopg.connect(place.database_url) as connection, psycopg.connect(place.database_url, autocommit=True) as seeing:
        connection.execute(f"LOCK TABLE register.{table} IN ACCESS EXCLUSIVE MODE".encode())
        yield seeing


def passwords(place: Place) -> set[str]:
    """Whom the broker lets in."""
    return {line.partition(":")[0] for line in place.password_file.read_text().splitlines()}


def ended(calls: list[Future[Any]]) -> None:
    for call in calls:
        with pytest.raises(UnreachableError):
            call.result(timeout=30)


def test_what_was_committed_reaches_the_broker_at_the_next_start(
    place: Place, registry: Killable, client: Client, add_device: AddDevice, mosquitto_port: int
) -> None:
    peer = Peer(mosquitto_port, "silenced", add_device("silenced").secret)
    assert peer.code == "Success"
    with held(place, "service_account") as seeing, ThreadPoolExecutor(2) as pool:  # read for the broker's files alone
        calls: list[Future[Any]] = [pool.submit(add_device, "unheard"), pool.submit(client.revoke_credential, "silenced")]
        is_there = "SELECT 1 FROM register.device WHERE device_id = 'unheard'"
        until(lambda: seeing.execute(is_there).fetchone() and not seeing.execute(SILENT).fetchone(), 10, "both commits")
        registry.kill()
        ended(calls)
    assert {"silenced", "unheard"} & passwords(place) == {"silenced"}
    assert not peer.ended_s
    registry.start()
    assert {"silenced", "unheard"} & passwords(place) == {"unheard"}
    until(lambda: peer.ended_s, 1, "the revoked session to be cut")
    again = Peer(mosquitto_port, "unheard", client.new_credential("unheard").secret)
    assert again.code == "Success"
    again.close()
    peer.close()


def test_what_was_not_committed_never_was(place: Place, registry: Killable, client: Client) -> None:
    devices = [NewDevice(device_id=f"half-{number}", kind=Kind.OBU, site_id=SITE) for number in range(1000)]
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with held(place, "credential") as seeing, ThreadPoolExecutor(1) as pool:
        calls: list[Future[Any]] = [pool.submit(client.add_devices, devices)]
        until(lambda: seeing.execute(waits).fetchone(), 10, "the devices to be in, and their credentials not")
        registry.kill()
        ended(calls)
    registry.start()
    until(lambda: client.health()["status"] == "ok", 10, "the registry to be well, and the broker's files in step")
    with pytest.raises(RefusedError, match="there is no device 'half-0'"):
        client.device("half-0")
    assert not {name for name in passwords(place) if name.startswith("half-")}
    assert len(client.add_devices(devices)) == 1000


def test_an_export_goes_on_behind_its_last_byte_when_its_registry_is_killed_under_way(
    client: Client, ask: Ask, registry: Killable, tmp_path: Path
) -> None:
    wanted = {"streams": ["bsm"], "purpose": "a test", "recipient": "crew", "format": "csv"}
    export, sizes = api_exports.begin(client, tmp_path, wanted), list[int]()

    def tell(name: str, size: int) -> None:
        sizes.append(size)
        if len(sizes) == 1:
            registry.kill()
            registry.start()

    (file,) = api_exports.fetch(client, export, tmp_path, tell)
    assert file.read_bytes() == content(client, ask("bsm", format="csv"), "bsm"), "as one that nobody interrupted"
    assert sum(sizes) == file.stat().st_size, "no byte came twice"
    (record,) = client.people("GET", "exports", str(export["export_id"]))["files"]
    assert (record["rows"], record["bytes"], record["is_complete"], record["fetches"]) == (ROWS, sum(sizes), True, 2)
