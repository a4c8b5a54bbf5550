"""All seven exchanges from end to end: real agents ask, inference keeps the order, the database has each session."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.inference.coop.exchanges import EXCHANGES
from simulators.coop.participant import Participant
from tests.e2e.coop_site import CoopSite
from tests.e2e.test_coop import ended, seen
from tests.e2e.test_coop_driving import course, told
from tests.fix_broker import RunningBroker
from tests.unit.inference.coop_stage import SIZE, lane
from tests.unit.inference.small_roads import ramp_file
from tests.unit.inference.test_coop_driving import LEFT, RIGHT
from tests.waiting import until

LABELS = {"car_park": "p1", "slots": "1", "toll_station": "exit", "merchant": "p1", "price": "1250"}
GATE = {"latitude_deg": 29.55, "longitude_deg": 106.57, "elevation_m": 250.0}
CORRECTION = {"type": "correction.data", "station": 12, "message": 1124, "data": "0wATPtABA0P8D4GEgIA="}


@pytest.fixture
def site(database_url: str, broker: RunningBroker, tmp_path: Path) -> Iterator[CoopSite]:
    """Two vehicles, and a roadside unit that is car park, toll station and merchant."""
    made = CoopSite(database_url, broker, tmp_path)
    made.prepare(ramp_file())
    for name in ("obu-1", "obu-2"):
        made.register(name, "obu")
    made.register("rsu-1", "rsu", labels=json.dumps(LABELS), **GATE)
    yield made
    made.close()


def answered(vehicle: Participant, kind: str, number: int, **what: Any) -> None:
    until(partial(told, vehicle, kind, answers=number, **what), 30, f"{kind} for {number}")


def pays(vehicle: Participant, kind: str, **opens: Any) -> int:
    """A request, the charge, and the receipt for it."""
    number = vehicle.ask(f"{kind}.request", transaction=f"{kind}-1", **opens)
    answered(vehicle, f"{kind}.charge", number, amount=1250)
    vehicle.ask(f"{kind}.receipt", transaction=f"{kind}-1", amount=1250, state="paid")
    return number


def parks(vehicle: Participant, other: Participant) -> int:
    """The only place, which nobody else gets meanwhile, until it is left."""
    wanted = {"area": "p1", "want": "slot", "size": SIZE}
    number = vehicle.ask("parking.request", motion=vehicle.motion(), **wanted)
    answered(vehicle, "parking.guidance", number, decision="granted", gate="rsu-1")
    refused = other.ask("parking.request", motion=other.motion(), **wanted)
    answered(other, "parking.guidance", refused, decision="refused")
    for state in ("entered", "parked", "leaving", "left"):
        vehicle.ask("parking.state", answers=number, state=state)
    return number


def drives_in_a_platoon(leader: Participant, follower: Participant) -> int:
    """Created, joined, and dissolved, which its member is told."""
    number = leader.ask("platoon.create", platoon="hill", motion=leader.motion(), gap_s=0.9, speed_mps=20.0)
    answered(leader, "platoon.answer", number, decision="granted", position=1)
    joins = follower.ask("platoon.join", platoon="hill", motion=follower.motion(), size=SIZE)
    answered(follower, "platoon.answer", joins, position=2)
    leader.ask("platoon.dissolve", platoon="hill", why="arrived")
    until(partial(told, follower, "platoon.dissolve", platoon="hill"), 30, "the follower to be told")
    return number


def test_every_exchange_goes_its_way_and_is_stored_as_a_session(site: CoopSite) -> None:
    with site.inference():
        one = site.vehicle("obu-1", course(RIGHT, 60.0, 1.0), obeys=False)
        two = site.vehicle("obu-2", course(LEFT, 70.0, 1.0), obeys=False)
        station, _ = site.unit("rsu-1", "rsu")
        seen(one, two)
        corrected = one.ask("correction.request", motion=one.motion(), constellations=["gps"], duration_s=60.0)
        closed = one.ask("lane_management.state", lanes=[{"lane": lane(1, 2, 1), "use": "closed"}])
        until(partial(_is_in, site, "granted", corrected), 30, "corrections to be granted")
        until(partial(_is_in, site, "granted", closed), 30, "the closed lane to be known")
        station.report("coop", {**CORRECTION, "seqNum": 1, "time_us": time.time_ns() // 1000})
        done = {
            "tolling": pays(one, "tolling", station="exit", vehicle_class=1),
            "payment": pays(one, "payment", merchant="p1", service="charging"),
            "parking": parks(one, two),
            "platoon": drives_in_a_platoon(one, two),
            "probe": one.ask("probe.data", samples=[{"time_us": time.time_ns() // 1000, "place": one.motion()["place"]}]),
            "lane_management": closed,
        }
        opened = one.ask("lane_management.state", lanes=[{"lane": lane(1, 2, 1), "use": "open"}])
        until(partial(told, one, "correction.data", data=CORRECTION["data"]), 30, "the correction to be passed on")
        for name, number in done.items():
            until(partial(ended, site, "done", number), 30, f"{name} to be done")
        for number in (corrected, opened):
            one.ask("coop.cancel", answers=number)
            until(partial(ended, site, "cancelled", number), 30, "it to be cancelled")
        assert not two.heard("correction.data")
    found = dict(site.rows("SELECT application, count(*) FROM city.coop_session WHERE state = 'done' GROUP BY application"))
    assert found == dict.fromkeys(done, 1)
    assert {*found, "correction"} == {one.name for one in EXCHANGES}
    refused = site.rows("SELECT application, reason FROM city.coop_session WHERE state = 'refused'")
    assert refused == [("parking", "all 1 places of p1 are taken")]


def _is_in(site: CoopSite, state: str, number: int) -> bool:
    return bool(site.rows("SELECT 1 FROM city.coop WHERE number = %s AND state = %s", number, state))
