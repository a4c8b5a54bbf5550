"""A vehicles' gateway in this process or in one of its own, and what it takes to talk to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.local.ports import free_port
from edge.agent import Agent
from edge.settings import EdgeSettings
from edge.vehicles.server import VehicleGateway
from simulators.vehicle_names import device_list
from tests.waiting import until

CLOCK = SystemClock()
LISTED = 20  # vehicles


class Running:
    """A gateway in this process."""

    def __init__(
        self,
        broker: str,
        directory: Path,
        *,
        protocol: str = "gbt32960",
        agent: Mapping[str, object] | None = None,
        **values: object,
    ) -> None:
        self.name, self.protocol = str((agent or {}).get("id", f"gw-{free_port()}")), protocol
        self.vehicles = directory / "vehicles.csv"
        self.vehicles.write_text(device_list(LISTED, site="s", gateway=self.name))
        source = {"type": protocol, "listen": "127.0.0.1:0", "vehicles": self.vehicles, **values}
        self.settings = EdgeSettings.check(
            {
                "kind": "gateway",
                "id": self.name,
                "broker": broker,
                "spool": {"directory": directory / "spool"},
                "delivery": {"resend_s": 1},
                "heartbeat_s": 0.5,
                **(agent or {}),
                "sources": [source],
            },
            source="test",
        )
        self.agent = Agent(self.settings, CLOCK)
        assert self.agent.children is not None
        (listen,) = self.settings.vehicle_sources
        self.gateway = VehicleGateway(listen, self.agent.children, self.agent.tally, CLOCK)
        self.agent.start()
        self.gateway.start()

    def counted(self, reason: str) -> int:
        return self.agent.tally.by_place().get(self.protocol, {}).get(reason, 0)

    def status(self) -> Mapping[str, object]:
        """What the heartbeat says of it; empty before it was first told."""
        assert self.agent.children is not None
        return self.agent.children.status.get(self.protocol, {})

    def allow(self, vehicles: int) -> None:
        """Give it a longer list, and wait until it has it."""
        self.vehicles.write_text(device_list(vehicles, site="s", gateway=self.name))
        until(lambda: self.status().get("listed") == vehicles, 10, "the longer list")

    def stop(self) -> None:
        self.gateway.stop()
        self.agent.stop()


class Ears:
    """Hears what goes up on vehicles' topics; frames by device, as they come."""

    def __init__(self, broker: str) -> None:
        self._session = Session(
            broker, client_id=f"ears-{free_port()}", clock=CLOCK, subscriptions=[("vehicle/+/telemetry/up", 1)]
        )
        self._session.start()
        self._session.wait_connected(10)
        self._got: list[tuple[str, bytes]] = []

    def frames(self, device: str) -> list[bytes]:
        """Those of a vehicle so far."""
        taken = self._session.drain(10_000, 0.05)
        self._session.acknowledge(taken)
        self._got.extend((message.topic.split("/")[1], message.payload) for message in taken)
        return [payload for name, payload in self._got if name == device]

    def all(self) -> list[tuple[str, bytes]]:
        """Device and frame of all so far."""
        self.frames("")
        return self._got

    def stop(self) -> None:
        self._session.stop()


Start = Callable[..., Running]


def run_gateway(config: Path, work: Path) -> subprocess.Popen[bytes]:
    """The agent as a process, ready; its log is ``gateway.log``."""
    ready = work / f"ready-{len(list(work.glob('ready-*')))}"
    environ = {**os.environ, "CHELU_READY_FILE": str(ready)}
    with (work / "gateway.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "edge", "--config", str(config)], env=environ, stderr=log)
    until(lambda: ready.exists() or process.poll() is not None, 30, "the gateway to be ready")
    assert process.poll() is None, (work / "gateway.log").read_text()
    return process
