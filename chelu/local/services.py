"""The processes of a site beside broker and database, as data: their names, commands and environment."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from chelu.local.files import Layout
from chelu.local.process import Program

START_TIMEOUT_S = 60.0
PID_FILE = "mosquitto.pid"  # of whichever broker it is


@dataclass(frozen=True, slots=True)
class Service:
    """A process by its command. It touches the file named by CHELU_READY_FILE when it is ready, and ends on SIGTERM with 0.

    has_account: at the broker; quality reads the database alone.
    """

    name: str
    command: tuple[str, ...]
    has_account: bool = True


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """The command of an installed Python module; -P keeps the current directory out of its path."""
    return (sys.executable, "-P", "-m", name, *arguments)


PREPARE = Service("prepare", module("services.registry", "prepare"))  # before the broker: migrates, writes the broker's files
INGEST = "ingest"
SERVICES = (
    *(Service(name, module(f"services.{name}")) for name in ("registry", "ingest", "inference")),
    Service("quality", module("services.quality"), has_account=False),
)


def with_workers(services: Sequence[Service], workers: int) -> tuple[Service, ...]:
    """The services with as many of ingest: ``ingest``, ``ingest-2`` … one after the other."""
    found: list[Service] = []
    for service in services:
        names = [INGEST, *(f"{INGEST}-{number}" for number in range(2, workers + 1))]
        found += [Service(name, service.command) for name in names] if service.name == INGEST else [service]
    return tuple(found)


def retirement(name: str, around: Surroundings) -> Program:
    """How a worker that is not wanted any more stores what it left behind, and ends."""
    made = program(Service(name, module("services.ingest")), around)
    return replace(made, environment={**made.environment, "CHELU_INGEST_RETIRE": "1"})


def worker_of(name: str) -> int:
    """Which of the workers a service is; 1 for every other service."""
    base, _, number = name.partition("-")
    return int(number) if base == INGEST and number.isdigit() else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """How a running site is reached; written to ``endpoints.json``, which only its owner may read."""

    api_url: str
    api_key_file: str
    mqtt_url: str  # without an account, unless the broker is somebody else's
    mqtt_host: str
    mqtt_port: int
    database_url: str = field(repr=False)  # with its password
    data: str
    broker: str  # which broker it is
    ca_file: str = ""  # whom clients must believe when broker and API are on TLS

    def to_json(self) -> str:
        """As in the file."""
        return json.dumps(asdict(self), indent=2) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the services' environment is made of."""

    layout: Layout
    endpoints: Endpoints
    accounts: Mapping[str, str] = field(repr=False)  # empty when the broker is somebody else's
    api_key: str = field(repr=False)
    api_host: str
    api_port: int
    workers: int = 1  # of ingest

    @property
    def password_file(self) -> Path:
        return self.layout.broker / "passwords"

    @property
    def acl_file(self) -> Path:
        return self.layout.broker / "acl"


def environment(around: Surroundings, name: str) -> dict[str, str]:
    """The variables a service finds; only its own account's password is in its broker URL."""
    mqtt_url = around.endpoints.mqtt_url
    if name in around.accounts:
        scheme, _, place = mqtt_url.partition("://")
        mqtt_url = f"{scheme}://{name}:{around.accounts[name]}@{place}"
    return {
        **(_certificate(around) if around.endpoints.ca_file else {}),
        **(_broker_files(around) if around.accounts else {}),
        "CHELU_DATABASE_URL": around.endpoints.database_url,
        "CHELU_MQTT_URL": mqtt_url,
        "CHELU_API_URL": around.endpoints.api_url,
        "CHELU_READY_FILE": str(around.layout.ready(name)),
        "CHELU_REGISTRY_HOST": around.api_host,
        "CHELU_REGISTRY_PORT": str(around.api_port),
        "CHELU_REGISTRY_API_KEY": around.api_key,
        "CHELU_REGISTRY_ACCOUNTS_FILE": str(around.layout.accounts),
        "CHELU_REGISTRY_PACKAGES_DIRECTORY": str(around.layout.data / "packages"),
        "CHELU_INGEST_WORKERS": str(around.workers),
        "CHELU_INGEST_WORKER": str(worker_of(name)),
        "CHELU_INGEST_SPOOL_DIRECTORY": str(around.layout.data / "spool" / "ingest"),
        "PYTHONUNBUFFERED": "1",
    }


def _broker_files(around: Surroundings) -> dict[str, str]:
    """For the registry, which keeps our own broker's files."""
    return {
        "CHELU_REGISTRY_PASSWORD_FILE": str(around.password_file),
        "CHELU_REGISTRY_ACL_FILE": str(around.acl_file),
        "CHELU_REGISTRY_BROKER_PID_FILE": str(around.layout.broker / PID_FILE),
    }


def _certificate(around: Surroundings) -> dict[str, str]:
    return {
        "CHELU_CA_FILE": around.endpoints.ca_file,
        "CHELU_REGISTRY_CERTIFICATE_FILE": str(around.layout.server("api")),
    }


def program(service: Service, around: Surroundings) -> Program:
    """How the supervisor runs a service."""
    ready_file = around.layout.ready(service.name)
    ready_file.parent.mkdir(parents=True, exist_ok=True)
    return Program(
        name=service.name,
        command=service.command,
        log=around.layout.log(service.name),
        is_ready=ready_file.exists,
        environment=environment(around, service.name),
        address=around.endpoints.api_url if service.name == "registry" else "",
        start_timeout_s=START_TIMEOUT_S,
        ready_file=ready_file,
    )
