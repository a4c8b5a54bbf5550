"""A simulated OpenV2X RSU at the broker: registered as one, with a new secret, on time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress

from chelu.api import Client, Device
from chelu.bus import Session
from chelu.clock import Clock, SystemClock
from chelu.errors import ConfigurationError, RefusedError
from chelu.local.files import Layout, home
from chelu.topics import OPENV2X_PROFILE, Kind
from simulators.connection import PAUSE_S, RELOAD_S, broker_address, with_account
from simulators.enrolment import renewed
from simulators.openv2x import HEARTBEAT, INFO, PERIOD_S, RSM, Roadside, passing
from simulators.scene import Origin

CONNECT_S = 15.0
HEARTBEAT_S = 10.0


@dataclass(slots=True)
class Said:
    """How many messages left, and how many did not."""

    rsm: int = 0
    heartbeats: int = 0
    failed: int = 0


def drive(device_id: str, cars: int, seconds: float, console: Console, environ: Mapping[str, str] = os.environ) -> int:
    """Speak for so long; 1 when something did not leave."""
    clock = SystemClock()
    with Client.find(environ) as client:
        roadside = roadside_of(client, client.device(device_id))
        secret = renewed(client, device_id)
    address = with_account(broker_address(environ, Layout(home(environ))), device_id, secret)
    session = connect(address, device_id, clock)
    try:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(f"speaking as {roadside.esn}", total=seconds)
            said = speak(session, roadside, cars, seconds, clock, lambda done_s: progress.update(task, completed=done_s))
    except KeyboardInterrupt:
        return 130
    finally:
        session.stop()
    console.print(
        f"{roadside.esn} said {said.rsm} RSMs of {cars} cars and {said.heartbeats} heartbeats; {said.failed} did not leave"
    )
    return 1 if said.failed else 0


def roadside_of(client: Client, device: Device) -> Roadside:
    """The RSU as the register has it; it stands where the register says, else at the site's origin."""
    if device.kind is not Kind.RSU or device.profile != OPENV2X_PROFILE or not device.serial:
        found = f"{device.kind} with profile {device.profile}"
        raise ConfigurationError("DEVICE", found, f"an rsu with profile {OPENV2X_PROFILE} and its ESN as serial")
    place = client.site(device.site_id) if device.latitude_deg is None or device.longitude_deg is None else device
    origin = Origin(place.latitude_deg or 0.0, place.longitude_deg or 0.0, place.elevation_m or 0.0)
    return Roadside(device.serial, origin, device.name or device.device_id)


def connect(address: str, device_id: str, clock: Clock, filters: Sequence[tuple[str, int]] = ()) -> Session:
    """A session; a refusal counts only when it stands for longer than a broker needs to hear of a new credential."""
    until_s = clock.monotonic_s() + RELOAD_S
    while True:
        session = Session(address, client_id=device_id, clock=clock, subscriptions=filters)
        session.start()
        try:
            session.wait_connected(CONNECT_S)
        except RefusedError:
            session.stop()
            if clock.monotonic_s() > until_s:
                raise
            clock.sleep(PAUSE_S)
        except BaseException:
            session.stop()
            raise
        else:
            return session


def speak(
    session: Session, roadside: Roadside, cars: int, seconds: float, clock: Clock, progress: Callable[[float], None]
) -> Said:
    """Info at the start, then an RSM each `PERIOD_S` and a heartbeat each `HEARTBEAT_S`, by absolute deadlines."""
    said, began_s, rounds = Said(), clock.monotonic_s(), max(1, round(seconds / PERIOD_S))
    each = round(HEARTBEAT_S / PERIOD_S)
    _say(session, said, roadside.topic(INFO), roadside.info())
    for number in range(rounds):
        clock.sleep(max(0.0, began_s + number * PERIOD_S - clock.monotonic_s()))
        now_us, at_s = clock.wall_us(), clock.monotonic_s() - began_s
        _say(session, said, roadside.topic(RSM), roadside.rsm(passing(roadside.origin, cars, now_us, at_s)))
        said.rsm += 1
        if number % each == 0:
            _say(session, said, roadside.topic(HEARTBEAT), roadside.heartbeat(number // each, now_us))
            said.heartbeats += 1
        progress(at_s)
    return said


def _say(session: Session, said: Said, topic: str, payload: bytes) -> None:
    """At QoS 0, as such RSUs do."""
    publication = session.publish(topic, payload, qos=0)
    if publication.failure is not None:
        said.failed += 1
