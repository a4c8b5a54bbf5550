"""A real mosquitto for tests, on a free port and without its persistence, found or fetched as `chelu up` does it."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from chelu.clock import SystemClock
from chelu.errors import CannotStartError
from chelu.local.broker import find_mosquitto
from chelu.local.mosquitto import Configuration, program
from chelu.local.packages import Unpacked
from chelu.local.ports import LOOPBACK, free_port
from chelu.local.supervisor import Supervisor

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A mosquitto under a supervisor of its own: after `kill` it comes back on the same port."""

    host: str
    port: int
    supervisor: Supervisor
    log: Path

    @property
    def url(self) -> str:
        """Without an account."""
        return f"mqtt://{self.host}:{self.port}"

    def url_for(self, user: str, password: str) -> str:
        """With an account."""
        return f"mqtt://{user}:{password}@{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id; waits while it is being restarted."""
        return self.supervisor.wait_running("broker", timeout_s=15)

    def kill(self) -> None:
        """``kill -9``, and wait until it is back."""
        pid = self.supervisor.kill("broker")
        self.supervisor.wait_running("broker", timeout_s=15, other_than=pid)

    def stop(self) -> None:
        """End it for good."""
        self.supervisor.stop("broker")


class MakeBroker(Protocol):
    """What the fixture `make_broker` gives; `directory` keeps sessions and retained messages over a restart."""

    def __call__(
        self, *, password_file: Path | None = None, acl_file: Path | None = None, directory: Path | None = None
    ) -> RunningBroker: ...


@pytest.fixture(scope="session")
def mosquitto() -> Unpacked:
    """The mosquitto program: installed, or fetched once into the cache; skipped only where neither is possible."""
    try:
        return find_mosquitto()
    except CannotStartError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def broker(mosquitto: Unpacked) -> Iterator[RunningBroker]:
    """One mosquitto for the session to which anyone may connect: use topics and client ids of your own."""
    with tempfile.TemporaryDirectory(prefix="chelu-") as directory:
        running = _start(mosquitto, Path(directory))
        yield running
        running.supervisor.close()


@pytest.fixture
def make_broker(mosquitto: Unpacked, tmp_path: Path) -> Iterator[MakeBroker]:
    """Starts brokers for one test, with accounts and rights when files are given."""
    started: list[RunningBroker] = []

    def make(*, password_file: Path | None = None, acl_file: Path | None = None, directory: Path | None = None) -> RunningBroker:
        work = tmp_path / f"broker-{next(_numbers)}"
        started.append(_start(mosquitto, work, password_file=password_file, acl_file=acl_file, directory=directory))
        return started[-1]

    yield make
    for running in started:
        running.supervisor.close()


def _start(
    mosquitto: Unpacked,
    work: Path,
    *,
    password_file: Path | None = None,
    acl_file: Path | None = None,
    directory: Path | None = None,
) -> RunningBroker:
    configuration = Configuration(port=free_port(), directory=directory, password_file=password_file, acl_file=acl_file)
    supervisor = Supervisor(SystemClock())
    log = work / "broker.log"
    supervisor.start(
        program(mosquitto.executable, configuration, file=work / "mosquitto.conf", log=log, libraries=mosquitto.environment)
    )
    return RunningBroker(LOOPBACK, configuration.port, supervisor, log)
