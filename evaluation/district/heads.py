"""The signals of the town: an edge agent of its own for each, and what it has shown, as its heads would hear it."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from chelu.clock import Clock
from edge.agent import Agent
from edge.settings import EdgeSettings
from evaluation.signals.programme import Limits, Programme

TURN_S = 0.005  # of the machine's time: simulated time runs faster
LATE_S = 3600.0  # simulated time passes in steps, as fast as it goes: lights count from when they were due
CONNECT_S = 20.0


@dataclass(frozen=True, slots=True)
class Change:
    """What stands at the heads since an instant."""

    since_us: int
    stage: int
    light: str
    following: int


class Turning(Protocol):
    """Of a signal's agent: up to which instant it has gone on, and said what changed."""

    @property
    def turned_us(self) -> int | None: ...


@dataclass(slots=True)
class Head:
    """One signal. late: changes that were heard when the heads had passed their instant."""

    name: str
    programme: Programme
    ear: socket.socket
    agent: Turning
    shown: Change = Change(0, 0, "green", 0)
    late: int = 0
    _coming: list[Change] = field(default_factory=list)
    _passed_us: int = 0

    def has_come_to(self, time_us: int) -> bool:
        """Whether all that changes up to an instant was said."""
        return (self.agent.turned_us or 0) >= time_us

    def at(self, time_us: int) -> str:
        """What the heads show at an instant, as SUMO writes it; instants must not go back."""
        self._hear()
        while self._coming and self._coming[0].since_us <= time_us:
            self.shown = self._coming.pop(0)
        self._passed_us = time_us
        return self.programme.shown(self.shown.stage, self.shown.light, self.shown.following)

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                said = json.loads(self.ear.recv(65_536)).get("signal")
                if said is not None:
                    change = Change(said["since_us"], said["stage"], said["light"], said["following"])
                    self.late += change.since_us <= self._passed_us
                    self._coming.append(change)


def settings_of(programme: Programme, limits: Limits, intersection: int) -> dict[str, Any]:
    """The table [signal] of an agent: phases as the platform numbers them, from 1; people on foot have their own heads."""
    stages = [
        {
            "phases": [row + 1 for row, sign in enumerate(state) if sign in "gG" and row not in programme.on_foot],
            "permissive": [row + 1 for row, sign in enumerate(state) if sign == "g" and row not in programme.on_foot],
            "green_s": stage.green_s, "least_green_s": stage.least_green_s, "most_green_s": stage.most_green_s,
            "clearance_s": stage.clearance_s, "yellow_s": stage.yellow_s, "all_red_s": stage.all_red_s,
        }
        for stage, state in zip(programme.stages, programme.states, strict=True)
    ]  # fmt: skip
    turns = {"turn_s": TURN_S, "late_s": LATE_S}
    return {"stages": stages, "longest_red_s": limits.longest_red_s, "intersection": intersection, **turns}


@contextmanager
def signals(
    programmes: Mapping[str, tuple[str, Programme, int]],
    limits: Limits,
    broker: str,
    secrets: Mapping[str, str],
    directory: Path,
    clock: Clock,
) -> Iterator[dict[str, Head]]:
    """The heads by light, their agents connected; programmes: by light the device, its programme and its number on the air."""
    with contextlib.ExitStack() as stack:
        heads, agents = dict[str, Head](), list[Agent]()
        for light, (device, programme, number) in programmes.items():
            ear = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            ear.bind(("127.0.0.1", 0))
            ear.settimeout(0)
            credential = directory / f"{device}.secret"
            credential.touch(mode=0o600)
            credential.write_text(secrets[device], encoding="utf-8")
            about = {
                "kind": "signal", "id": device, "broker": broker, "credential_file": credential,
                "warning_sink": f"127.0.0.1:{ear.getsockname()[1]}", "spool": {"directory": directory / device, "max_mb": 8},
                "signal": settings_of(programme, limits, number),
            }  # fmt: skip
            agent = Agent(EdgeSettings.check(about, source=f"signal {light}"), clock)
            agent.start()
            stack.callback(agent.stop)
            heads[light] = Head(device, programme, ear, agent)
            agents.append(agent)
        for agent in agents:
            agent.wait_connected(CONNECT_S)
        yield heads
