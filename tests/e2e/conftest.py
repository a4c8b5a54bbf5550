"""A whole site as a user gets it, and an edge agent as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chelu import api
from chelu.codec import cv2x
from chelu.errors import UnreachableError
from chelu.local.plan import Options
from chelu.local.ports import free_port
from chelu.local.site import Site
from chelu.topics import Kind
from tests.fix_database import databases
from tests.waiting import until

PLACE: dict[str, Any] = {"latitude_deg": 29.53, "longitude_deg": 106.57, "elevation_m": 240.0}
RSU = "rsu-1"


@dataclass(frozen=True, slots=True)
class Running:
    """A running site and a client of its registry."""

    site: Site
    client: api.Client
    work: Path

    @property
    def environ(self) -> dict[str, str]:
        """What a command finds that is to work on this site."""
        return {**os.environ, "CHELU_HOME": str(self.site.layout.data)}

    def chelu(self, *arguments: str, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
        """Run the command as a user would."""
        command = [str(Path(sys.executable).with_name("chelu")), *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=timeout_s, check=False)

    def messages(self, kind: str) -> list[dict[str, Any]]:
        """The stored MAP or RSI messages; none while the database is away."""
        try:
            return [row for row in self.client.messages() if row["kind"] == kind]
        except UnreachableError:
            return []


def has_named_database() -> bool:
    """Whether an environment variable names a database to test with, in the place of the embedded one."""
    return bool(os.environ.get("CHELU_TEST_TIMESCALE_URL") or os.environ.get("CHELU_TEST_DATABASE_URL"))


@pytest.fixture
def site_options(request: pytest.FixtureRequest) -> Options:
    """What the site of a test is started with."""
    return Options(database_url=request.getfixturevalue("database_url")) if has_named_database() else Options()


@contextmanager
def running_at(data: Path, options: Options, work: Path) -> Iterator[Running]:
    """A site for as long as this lasts, with one place registered."""
    with Site(data, options) as site, api.Client(site.endpoints.api_url, site.layout.api_key.read_text().strip()) as client:
        client.add_site(api.Site(site_id="hillside", **PLACE))
        yield Running(site, client, work)


@pytest.fixture
def running(site_options: Options, mosquitto: object, open_directory: Path, tmp_path: Path) -> Iterator[Running]:
    """A site of this test alone; `mosquitto` skips where there is none to be had."""
    with running_at(open_directory / tmp_path.name, site_options, tmp_path) as it:
        yield it


@pytest.fixture(scope="module")
def lasting(
    request: pytest.FixtureRequest, mosquitto: object, open_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A site for all tests of a file, whose starting takes longer than most of them."""
    work = tmp_path_factory.mktemp("lasting")
    with ExitStack() as stack:
        make = stack.enter_context(databases(request.getfixturevalue("database_server"))) if has_named_database() else None
        options = Options(database_url=make()) if make else Options()
        yield stack.enter_context(running_at(open_directory / work.name, options, work))


@dataclass(slots=True)
class AgentProcess:
    """``python -m edge`` with one UDP source of frames; survives being killed, with its spool."""

    config: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.config.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "edge", "--config", str(self.config)], stderr=log)
        until(lambda: not is_free_udp(self.port) or self.has_ended, 20, "the agent to listen")
        assert not self.has_ended, self.config.with_suffix(".log").read_text()

    @property
    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        """``kill -9``."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def hear(self, frames: list[bytes]) -> None:
        """Give the agent frames by UDP, as a radio would."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as radio:
            for frame in frames:
                radio.sendto(frame, ("127.0.0.1", self.port))

    def has_spooled(self, frame: bytes) -> bool:
        """Whether a frame lies on its disk."""
        return any(frame in file.read_bytes() for file in (self.config.parent / "spool").rglob("*") if file.is_file())


@pytest.fixture
def agent(running: Running) -> Iterator[AgentProcess]:
    """A registered roadside unit's agent, started."""
    yield from started(running, "heartbeat_s = 1\n[delivery]\nresend_s = 2\n")


@pytest.fixture
def sink() -> Iterator[socket.socket]:
    """Where the unit's own software listens for what its agent hands on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        yield listener


@pytest.fixture
def unit(running: Running, sink: socket.socket) -> Iterator[AgentProcess]:
    """A registered roadside unit's agent that hands warnings on."""
    yield from started(running, f'warning_sink = "127.0.0.1:{sink.getsockname()[1]}"\n')


def started(running: Running, settings: str) -> Iterator[AgentProcess]:
    """The agent of a roadside unit, registered before; killed at the end if it still runs."""
    device = api.NewDevice(device_id=RSU, kind=Kind.RSU, site_id="hillside", **PLACE)
    (registered,) = running.client.add_devices([device])
    secret, port, config = running.work / "secret", free_port(), running.work / "edge.toml"
    secret.write_text(registered.secret or "")
    config.write_text(
        f'kind = "rsu"\nid = "{RSU}"\nbroker = "{running.site.endpoints.mqtt_url}"\ncredential_file = "secret"\n'
        f'{settings}[[sources]]\ntype = "frames"\nlisten = "127.0.0.1:{port}"\n'
    )
    agent = AgentProcess(config, port)
    agent.start()
    yield agent
    if not agent.has_ended:
        agent.kill()


def received(sink: socket.socket) -> list[dict[str, Any]]:
    """What the agent handed on since."""
    found = []
    while True:
        try:
            found.append(json.loads(sink.recv(65_536)))
        except BlockingIOError:
            return found


@pytest.fixture
def notice() -> Callable[[int], bytes]:
    """A road event (RSI) told from others by its event type."""

    def frame(number: int) -> bytes:
        document = {"message": "rsi", "message_count": number % 128, "rsu_id": "5253553030303031", "reference_position": PLACE}
        return cv2x.from_json({**document, "rtes": [{"rte_id": 1, "event_type": number, "event_source": "detection"}]})

    return frame


def is_free_udp(port: int) -> bool:
    """Whether nobody listens on this UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
