"""A real registry process, a real database and a real broker that share files, as `chelu up` puts them together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from chelu.api import Client, NewDevice, Registered, Site
from chelu.clock import SystemClock
from chelu.local.mosquitto import Configuration, program
from chelu.local.packages import Unpacked
from chelu.local.ports import LOOPBACK, free_port
from chelu.local.supervisor import Supervisor
from chelu.topics import Kind
from tests.fix_database import DatabaseServer
from tests.waiting import until

KEY = "an-administrator-key"
ACCOUNTS = {
    "registry": "registry-password",
    "ingest": "ingest-password",
    "inference": "inference-password",
    "live": "live-password",
}
SITE = "hillside"
HOOK_SECRET = "a-secret-of-the-broker"


@dataclass(frozen=True, slots=True)
class Place:
    """Everything around one registry."""

    directory: Path
    database_url: str
    port: int
    broker_port: int
    account: str = ""

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def password_file(self) -> Path:
        return self.directory / "passwords"

    @property
    def acl_file(self) -> Path:
        return self.directory / "acl"

    @property
    def pid_file(self) -> Path:
        return self.directory / "mosquitto.pid"

    @property
    def ready_file(self) -> Path:
        return self.directory / "ready"

    def environment(self) -> dict[str, str]:
        """What `chelu up` gives the registry."""
        accounts = self.directory / "accounts.json"
        accounts.write_text(json.dumps(ACCOUNTS))
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("CHELU_")},
            "CHELU_DATABASE_URL": self.database_url,
            "CHELU_MQTT_URL": f"mqtt://{self.account}{LOOPBACK}:{self.broker_port}",
            "CHELU_READY_FILE": str(self.ready_file),
            "CHELU_REGISTRY_HOST": LOOPBACK,
            "CHELU_REGISTRY_PORT": str(self.port),
            "CHELU_REGISTRY_API_KEY": KEY,
            "CHELU_REGISTRY_HOOK_SECRET": HOOK_SECRET,
            "CHELU_REGISTRY_PACKAGES_DIRECTORY": str(self.directory / "packages"),
            "CHELU_REGISTRY_ACCOUNTS_FILE": str(accounts),
            "CHELU_REGISTRY_PASSWORD_FILE": str(self.password_file),
            "CHELU_REGISTRY_ACL_FILE": str(self.acl_file),
            "CHELU_REGISTRY_BROKER_PID_FILE": str(self.pid_file),
        }


def run_registry(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`python -m services.registry` to its end."""
    command = [sys.executable, "-m", "services.registry", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def registry_account() -> str:
    """What the registry's broker URL has before its @: an account is one session, which most tests want for themselves."""
    return ""


@pytest.fixture(scope="module")
def place(database_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory, registry_account: str) -> Iterator[Place]:
    """A database, prepared."""
    name = f"chelu_registry_{os.getpid()}_{free_port()}"
    with psycopg.connect(database_server.url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
    place = Place(tmp_path_factory.mktemp("registry"), database_server.url_of(name), free_port(), free_port(), registry_account)
    prepared = run_registry("prepare", environment=place.environment())
    assert prepared.returncode == 0, prepared.stderr
    yield place
    with psycopg.connect(database_server.url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module")
def registry(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """The registry, ready; at the end it must end cleanly."""
    with (place.directory / "registry.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "services.registry"], env=place.environment(), stderr=log)
    try:
        until(lambda: place.ready_file.exists() or process.poll() is not None, 60, "the registry to be ready")
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0, (place.directory / "registry.log").read_text()
    finally:  # nothing stays behind a test that failed
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def client(place: Place, registry: subprocess.Popen[bytes]) -> Iterator[Client]:
    """A client with the administrator's key, and a site."""
    with Client(place.url, KEY) as client:
        client.add_site(Site(site_id=SITE, latitude_deg=29.5332, longitude_deg=106.503, elevation_m=245.0))
        yield client


@pytest.fixture(scope="module")
def mosquitto_port(place: Place, registry: subprocess.Popen[bytes], mosquitto: Unpacked) -> Iterator[int]:
    """A mosquitto that reads the registry's files, and is told by it."""
    configuration = Configuration(port=place.broker_port, password_file=place.password_file, acl_file=place.acl_file)
    supervisor = Supervisor(SystemClock())
    file, log = place.directory / "mosquitto.conf", place.directory / "mosquitto.log"
    supervisor.start(program(mosquitto.executable, configuration, file=file, log=log, libraries=mosquitto.environment))
    yield place.broker_port
    supervisor.close()


AddDevice = Callable[..., Registered]


@pytest.fixture(scope="module")
def add_device(client: Client) -> AddDevice:
    """Registers one device of the site."""

    def add(device_id: str, kind: Kind = Kind.OBU, **fields: object) -> Registered:
        return client.add_devices([NewDevice(device_id=device_id, kind=kind, site_id=SITE, **fields)])[0]  # type: ignore[arg-type]

    return add


def chelu(place: Place, *arguments: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
    """Run a command as it is typed, on this registry."""
    command = [sys.executable, "-c", "from chelu.cli import main; main()", *arguments]
    environment = {**os.environ, "CHELU_API_URL": place.url, "CHELU_API_KEY": key}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
