"""`chelu scenario track`: leads a run on the track, and writes down what happened when."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from chelu.api import Client
from chelu.clock import Clock, SystemClock
from chelu.errors import ConfigurationError
from chelu.local.files import environment, write_json
from simulators.connection import adopting
from simulators.scenario.description import Description
from simulators.scenario.library import source_of
from simulators.scenario.recorded.judged import names_given
from simulators.scenario.track.conducting import Conductor
from simulators.scenario.track.hub import BrokerHub, filters
from simulators.scenario.track.record import FILE, FORMAT
from simulators.scenario.track.states import Limits, Session, State, told

EXIT_CODES = {State.DONE: 0, State.ABORTED: 3}


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options. participants: ACTOR=DEVICE."""

    what: str
    participants: Sequence[str]
    output: Path
    site: str
    silent_s: float = 2.0
    arm_s: float = 60.0
    ready_s: float = 600.0
    is_at_once: bool = False
    data: Path | None = None


def command(request: Request, console: Console) -> int:
    """Lead it; 0 when it is done, 3 when it was aborted."""
    description = source_of(request.what).description
    devices = _devices(request, description)
    environ = environment(request.data)
    clock = SystemClock()
    with Client.find(environ) as client:
        records = [client.device(device) for device in devices.values()]
        kinds = {one.device_id: one.kind for one in records}
        there = client.site(request.site)
        with adopting(client, there, f"{request.site}-track", records, clock, environ, filters(kinds)) as session:
            document = _conduct(request, description, devices, BrokerHub(session, kinds), clock, console)
    request.output.mkdir(parents=True, exist_ok=True)
    write_json(request.output / FILE, document, mode=0o644)
    console.print(
        f"written down in {request.output / FILE}; judge the truth with --replay and --track", markup=False, soft_wrap=True
    )
    return EXIT_CODES[State(str(document["state"]))]


def _devices(request: Request, description: Description) -> Mapping[str, str]:
    devices = names_given(request.participants, description, option="--participant")
    if not devices or len(set(devices.values())) < len(devices):
        raise ConfigurationError("--participant", list(request.participants), "ACTOR=DEVICE, each device once, at least one")
    for name, value in (("--silent", request.silent_s), ("--arm", request.arm_s), ("--ready", request.ready_s)):
        if not 1.0 <= value <= 86_400.0:
            raise ConfigurationError(name, value, "1 to 86400 seconds")
    return devices


def _conduct(
    request: Request, description: Description, devices: Mapping[str, str], hub: BrokerHub, clock: Clock, console: Console
) -> Mapping[str, object]:
    limits = Limits(request.silent_s, request.arm_s, request.ready_s, description.end.after_s)
    session = Session(tuple(devices), limits, clock.monotonic_s())
    conductor = Conductor(
        session,
        hub,
        clock,
        devices=devices,
        about={"scenario": description.scenario},
        wants_start=(lambda: True) if request.is_at_once else Enter(console),
        tell=lambda text: console.print(text, markup=False, soft_wrap=True),
    )
    state = conductor.run()
    return {
        "format": FORMAT,
        "scenario": description.scenario,
        "state": str(state),
        "started_us": conductor.started_us,
        "participants": dict(devices),
        "log": told(session.log, session.begun_s),
    }


class Enter:
    """True once somebody has pressed Enter; asks for it when it is first called."""

    def __init__(self, console: Console) -> None:
        self._console, self._pressed = console, threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self) -> bool:
        if self._thread is None:
            self._console.print("everybody is ready: Enter starts, Ctrl-C aborts")
            self._thread = threading.Thread(target=self._read, name="start", daemon=True)
            self._thread.start()
        return self._pressed.is_set()

    def _read(self) -> None:
        if sys.stdin.readline():
            self._pressed.set()
