"""The town's site on a running platform: registered with its roads, roadside units and signals, each with what it may do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from chelu import topics
from chelu.api import Client, NewDevice, Site
from chelu.bus import Session
from chelu.bus.swift import SwiftSession
from chelu.clock import Clock
from chelu.errors import RefusedError
from chelu.geo import LocalFrame
from chelu.local import site as local
from chelu.signal_control import CONTROL
from chelu.topics import SIGNALS, Kind
from simulators.connection import with_account
from simulators.enrolment import enrol
from simulators.secrets import SecretFile

CONNECT_S, PAUSE_S = 20.0, 0.05
HEARTBEAT = topics.row("{kind}/{id}/heartbeat/up")


@dataclass(frozen=True, slots=True)
class Names:
    """What the town's devices are called. lights: in the order of their numbers on the air, from 1."""

    site: str
    lights: tuple[str, ...]

    @property
    def gateway(self) -> str:
        """Through which the roadside units speak."""
        return f"{self.site}-roadside"

    def rsu(self, light: str) -> str:
        """The roadside unit at a light."""
        return f"{self.site}-rsu-{light}"

    def signal(self, light: str) -> str:
        """The signal's own device."""
        return f"{self.site}-signal-{light}"


def register(
    client: Client,
    names: Names,
    places: Mapping[str, Sequence[float]],
    frame: LocalFrame,
    net: Path,
    controller: str,
    secrets: Path,
) -> dict[str, str]:
    """Register what is missing, with these roads; secrets of the gateway and of every signal. places: by light, local metres."""
    site = Site(
        site_id=names.site, name=names.site, latitude_deg=frame.latitude_deg, longitude_deg=frame.longitude_deg,
        elevation_m=frame.elevation_m,
    )  # fmt: skip
    devices = [NewDevice(device_id=names.gateway, kind=Kind.GATEWAY, site_id=names.site)]
    for light in names.lights:
        latitude, longitude, elevation = (float(one[0]) for one in frame.to_geodetic(np.array([places[light]])))
        signal = NewDevice(
            device_id=names.signal(light), kind=Kind.SIGNAL, site_id=names.site, envelope="deployed",
            labels={CONTROL: controller}, latitude_deg=latitude, longitude_deg=longitude, elevation_m=elevation,
        )  # fmt: skip
        devices += [replace(signal, device_id=names.rsu(light), kind=Kind.RSU, parent=names.gateway, labels={}), signal]
    speakers = [names.gateway, *map(names.signal, names.lights)]
    found = enrol(client, site, devices, speakers, SecretFile(secrets))
    client.put_roads(names.site, packed(net))
    return found


def packed(net: Path) -> bytes:
    """A network's bytes in gzip, as the register takes them."""
    import gzip

    data = net.read_bytes()
    return data if data[:2] == b"\x1f\x8b" else gzip.compress(data)


def roadside(address: str, names: Names, secret: str, clock: Clock) -> SwiftSession:
    """The session through which the roadside units speak, once the broker lets it; stop it. RefusedError when it does not."""
    session = SwiftSession(with_account(address, names.gateway, secret), client_id=names.gateway, clock=clock)
    session.start()
    session.wait_connected(CONNECT_S)
    child, until_s = names.rsu(names.lights[-1]), clock.monotonic_s() + CONNECT_S
    payload = json.dumps({"id": child, "time_us": clock.wall_us(), "sent": {}}).encode()
    while clock.monotonic_s() < until_s:
        if session.publish(HEARTBEAT.topic(Kind.RSU, child), payload, qos=1).wait(CONNECT_S):
            return session
        clock.sleep(PAUSE_S)
    session.stop()
    raise RefusedError("the MQTT broker", f"to let {names.gateway} speak for {child}", "not authorised")


def onlooker(running: local.Site, names: Names, clock: Clock) -> Session:
    """A session that hears what is said of the site's signals; stop it."""
    secret = json.loads(running.layout.accounts.read_text())["console"]
    address = with_account(running.endpoints.mqtt_url, "console", secret)
    session = Session(address, client_id="console", clock=clock, subscriptions=[(SIGNALS.format(site=names.site), 0)])
    session.start()
    session.wait_connected(CONNECT_S)
    return session
