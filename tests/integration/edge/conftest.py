"""Agents, gateways and who hears them, stopped after the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chelu.clock import SystemClock
from chelu.codec.gbt32960_frame import Answer, Command
from edge.agent import Agent
from edge.settings import EdgeSettings
from simulators.vehicle_names import vin_of
from tests.fix_broker import RunningBroker
from tests.integration.edge.agents import MakePlatform, Platform, StartAgent, numbers
from tests.integration.edge.cars import LOGIN, Car, Cars
from tests.integration.edge.gateways import Ears, Running, Start


@pytest.fixture
def start(broker: RunningBroker, tmp_path: Path) -> Iterator[Start]:
    """Starts gateways."""
    made: list[Running] = []

    def make(*, url: str = broker.url, directory: Path = tmp_path, **values: Any) -> Running:
        made.append(Running(url, directory, **values))
        return made[-1]

    yield make
    for running in made:
        running.stop()


@pytest.fixture
def ears(broker: RunningBroker) -> Iterator[Ears]:
    """On the session's broker."""
    made = Ears(broker.url)
    yield made
    made.stop()


@pytest.fixture
def device() -> str:
    return f"dev-{next(numbers)}"


@pytest.fixture
def start_agent(tmp_path: Path, device: str) -> Iterator[StartAgent]:
    """Starts agents of one device, and stops them."""
    agents: list[Agent] = []

    def make(url: str, *, kind: str = "rsu", wait: bool = True, **values: Any) -> Agent:
        values.setdefault("spool", {"directory": tmp_path / "spool"})
        settings = EdgeSettings.check({"kind": kind, "id": device, "broker": url, **values}, source="test")
        agent = Agent(settings, SystemClock())
        agents.append(agent)
        agent.start()
        if wait:
            agent.wait_connected(10)
        return agent

    yield make
    for agent in agents:
        agent.stop()


@pytest.fixture
def platform(broker: RunningBroker, device: str) -> Iterator[MakePlatform]:
    made: list[Platform] = []

    def make(url: str = "", kind: str = "rsu") -> Platform:
        made.append(Platform(url or broker.url, device, kind))
        return made[-1]

    yield make
    for item in made:
        item.session.stop()


@pytest.fixture
def cars() -> Iterator[Cars]:
    """Connects cars, and hangs up afterwards."""
    made: list[Car] = []

    def make(running: Running, *, is_logged_in: bool = False, number: int = 0) -> Car:
        made.append(Car(running.gateway.port))
        if is_logged_in:
            assert made[-1].ask(Command.LOGIN, LOGIN, vin=vin_of(number).encode())[1] == Answer.OK
        return made[-1]

    yield make
    for car in made:
        car.sock.close()
