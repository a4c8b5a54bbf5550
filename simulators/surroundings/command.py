"""What `chelu surroundings` does: sensors registered, and their readings of a period sent through the broker."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from chelu import topics
from chelu.api import Client, NewDevice, Site
from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.errors import UnreachableError
from chelu.local.files import Layout, home
from chelu.topics import Kind
from simulators.connection import broker_address, with_account
from simulators.enrolment import enrol
from simulators.load.settings import CHONGQING
from simulators.openv2x_run import connect
from simulators.secrets import SecretFile
from simulators.surroundings.period import Period
from simulators.surroundings.scene import Sensor, messages, sensors

SECRETS = "surroundings-secrets.json"
OBSERVATION = topics.row("sensor/{id}/observation/up")
TAKEN_S = 20.0


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options."""

    site: str
    parts: Sequence[str]
    stages: Sequence[str]
    roads: Sequence[str]
    zero_m: float
    hours: float
    step_s: int
    seed: int


def run(request: Request, console: Console, environ: Mapping[str, str] = os.environ) -> int:
    """Send the readings of the hours until now; 1 when something did not leave, 130 when interrupted."""
    clock, layout = SystemClock(), Layout(home(environ))
    steps = max(1, round(request.hours * 3600 / request.step_s))
    period = Period(clock.wall_us() - steps * request.step_s * 1_000_000, steps, request.step_s)
    made = sensors(period, request.seed, parts=request.parts, stages=request.stages, roads=request.roads, zero_m=request.zero_m)
    names = {f"{request.site}-{one.part}": one for one in made}
    with Client.find(environ) as client:
        secrets = _enrolled(client, request.site, names, SecretFile(layout.data / SECRETS))
    address = broker_address(environ, layout)
    sent = 0
    try:
        for name, sensor in names.items():
            session = connect(with_account(address, name, secrets[name]), name, clock)
            try:
                said = speak(session, name, sensor, period)
                console.print(f"{name}: {said:,} samples")
                sent += said
            finally:
                session.stop()
    except KeyboardInterrupt:
        return 130
    console.print(f"{sent:,} samples of {len(names)} sensors, {request.hours:g} h until now")
    return 0


def speak(session: Session, name: str, sensor: Sensor, period: Period) -> int:
    """All that it says, each message when the broker has the one before; how many samples. UnreachableError for one not taken."""
    sent = 0
    for payload, samples in messages(sensor, period):
        publication = session.publish(OBSERVATION.topic(Kind.SENSOR, name), payload, qos=OBSERVATION.qos)
        if not publication.wait(TAKEN_S):
            raise UnreachableError("the MQTT broker", "its session", f"it did not take a message of {name} within {TAKEN_S:g} s")
        sent += samples
    return sent


def _enrolled(client: Client, site_id: str, names: Mapping[str, Sensor], secrets: SecretFile) -> dict[str, str]:
    """Secrets by name; a sensor that is there gets the labels that are wanted now."""
    sites = {one.site_id: one for one in client.sites()}
    here = sites.get(site_id)
    origin: Any = CHONGQING if here is None else here
    place: dict[str, Any] = {axis: getattr(origin, axis) for axis in ("latitude_deg", "longitude_deg", "elevation_m")}
    devices = [
        NewDevice(device_id=name, kind=Kind.SENSOR, site_id=site_id, subtype=one.part, labels=one.labels, **place)
        for name, one in names.items()
    ]
    known = {one.device_id: one for one in client.devices(site=site_id, limit=10_000)} if here is not None else {}
    for name, one in names.items():
        if name in known and dict(known[name].labels) != dict(one.labels):
            client.change_device(name, {"labels": dict(one.labels)})
    return enrol(client, Site(site_id=site_id, name=site_id, **place), devices, list(names), secrets)
