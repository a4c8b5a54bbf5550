"""Whom an emergency stop reaches, by which way, and who is named because nothing does. On a real registry and broker."""

from __future__ import annotations

from typing import Any

import pytest

from chelu.api import Client, NewDevice, Site
from chelu.clock import SystemClock
from chelu.errors import RefusedError
from chelu.local.ports import LOOPBACK
from chelu.topics import Kind
from simulators.swarm import Member, Swarm
from tests.integration.registry.conftest import SITE
from tests.integration.registry.fix_at_broker import registry_account
from tests.waiting import until

__all__ = ["registry_account"]


def test_who_no_order_reaches_is_named_apart_and_a_vehicle_counts_with_the_obu_that_speaks_for_it(
    client: Client, mosquitto_port: int
) -> None:
    site, broker = "depot", f"mqtt://{LOOPBACK}:{mosquitto_port}"
    client.add_site(Site(site_id=site, latitude_deg=29.6, longitude_deg=106.6))
    wanted = [
        NewDevice(device_id="depot-gateway", kind=Kind.GATEWAY, site_id=site),
        *(
            NewDevice(device_id=f"bus-{n}", kind=Kind.VEHICLE, site_id=site, parent="depot-gateway", credential=True)
            for n in range(4)
        ),
        *(NewDevice(device_id=f"car-{n}", kind=Kind.VEHICLE, site_id=site) for n in range(3)),
        *(NewDevice(device_id=f"unit-{n}", kind=Kind.OBU, site_id=site, on_vehicle=f"car-{n}") for n in range(2)),
        *(NewDevice(device_id=f"mute-{n}", kind=Kind.VEHICLE, site_id=site, credential=False) for n in range(3)),
        NewDevice(device_id="unit-elsewhere", kind=Kind.OBU, site_id=SITE, on_vehicle="mute-0"),
        NewDevice(device_id="unit-unheard", kind=Kind.OBU, site_id=site, on_vehicle="mute-1", credential=False),
        NewDevice(device_id="unit-loose", kind=Kind.OBU, site_id=site, credential=False),
        NewDevice(device_id="lights", kind=Kind.SIGNAL, site_id=site, credential=False),
        NewDevice(device_id="unit-here", kind=Kind.OBU, site_id=site, on_vehicle="mute-2"),
    ]
    secrets = {one.device_id: one.secret or "" for one in client.add_devices(wanted)}
    there = [Member(Kind.OBU, "unit-0", secrets["unit-0"]), Member(Kind.VEHICLE, "bus-3", secrets["bus-3"])]
    with Swarm(broker, there, SystemClock()):
        number = client.people("POST", "sites", site, "stop", json={})["stop_id"]

        def shown() -> dict[str, Any]:
            found: dict[str, Any] = client.people("GET", "sites", site, "stops", str(number))
            return found

        until(lambda: shown()["answered"] == 2, 10, "the answers")
    names = {part: [row["device_id"] for row in shown()[part]] for part in ("silent", "stopped")}
    assert names["stopped"] == ["bus-3", "unit-0"], "a vehicle below a gateway with a session of its own answers for itself"
    assert names["silent"] == ["car-2", "unit-1", "unit-here"], "car-2 has no OBU: nobody but itself could say so"
    beyond = ["bus-0", "bus-1", "bus-2", "lights", "mute-0", "mute-1", "unit-loose"]
    assert shown()["unreachable"] == beyond, "what is on a vehicle reaches it only if it is told to stop itself"
    assert shown()["devices"] == 5
    with pytest.raises(RefusedError, match="allowed is the device to end with the stop"):
        client.delete_device("unit-1")
    with Swarm(broker, [Member(Kind.VEHICLE, "car-1", secrets["car-1"], is_silent=True)], SystemClock()):
        until(lambda: "car-1" in [row["device_id"] for row in shown()["silent"]], 10, "one that is heard to speak for itself")
    client.people("POST", "sites", site, "stop", "release", json={"note": "clear"})
    (entry,) = client.people("GET", "sites", site, "track", "log", params={"what": "stop released"})["entries"]
    assert entry["detail"]["unreachable"] == beyond
    client.delete_device("unit-1")
