"""A map with which a site's stages fail costs that site its map: it goes on without, others as ever, until another is valid."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from chelu.bus import Received, messages_of, no_messages
from chelu.clock import VirtualClock
from chelu.codec import cv2x
from chelu.codec.envelope import Envelope
from chelu.geo import LocalFrame
from chelu.messages import BSM, Batch
from chelu.roads import sumo
from chelu.roads.network import RoadNetwork
from chelu.topics import Kind
from services.inference import register as registers
from services.inference.network import NetworkRoads
from services.inference.register import Device, Register, SiteEntry
from services.inference.reports import Participant
from services.inference.service import Service
from services.inference.settings import load as settings
from services.inference.ways import ways_of
from tests.unit.inference.scenes import Car, drive, site
from tests.unit.inference.small_roads import crossing, crossing_file

NOW_US = 1_777_622_400_000_000
FRAME = LocalFrame(29.55, 106.57, 250.0)
SITES = ("north", "south")


class Session:
    """What was published."""

    inbox_dropped = 0

    def __init__(self) -> None:
        self.said: list[str] = []

    def publish(self, topic: str, _payload: bytes, **_more: Any) -> Any:
        self.said.append(topic)
        return SimpleNamespace(is_accepted=True)

    def acknowledge(self, _messages: object) -> None:
        """Nobody waits for it."""


class Stored:
    """What was stored."""

    stored = dropped = 0

    def put(self, _item: object) -> None:
        """Nobody looks at it."""


class Told:
    """Registers to come."""

    def __init__(self) -> None:
        self.next: Register | None = None

    def newer(self) -> Register | None:
        found, self.next = self.next, None
        return found


def register(**roads: NetworkRoads | None) -> Register:
    devices = [Device(key, f"obu-{key}", Kind.OBU, name, Envelope.AUTO, 0) for key, name in enumerate(SITES, 1)]
    sites = {name: SiteEntry(name, FRAME, one, 7, is_map=True) for name, one in roads.items()}
    return Register({one.device_id: one for one in devices}, {one.key: one for one in devices}, sites, {})


def good() -> NetworkRoads:
    return NetworkRoads(crossing())


def service(first: Register, told: Told, clock: VirtualClock) -> Service:
    return Service(
        settings({}), session=Session(), storage=Stored(), watch=told, register=first,  # type: ignore[arg-type]
        model=None, clock=clock, new_id=lambda: "id",
    )  # fmt: skip


def broken() -> NetworkRoads:
    """On which placing somebody fails: its index names lanes that are not there."""
    roads, network = good(), crossing()
    roads._network = replace(network, pieces=replace(network.pieces, lane=network.pieces.lane + 1000))
    return roads


def unloadable() -> NetworkRoads:
    """Of which no stages can be made: its ways on have no directions."""
    roads, network = good(), crossing()
    roads._network = replace(network, connections=replace(network.connections, direction=network.connections.direction[:1]))
    return roads


def bsm(clock: VirtualClock, key: int) -> Received:
    """A car that drives south on the northern arm."""
    latitude, longitude, up = (float(one[0]) for one in FRAME.to_geodetic(np.array([[-1.75, 100.0, 0.0]])))
    base = {name: np.full(1, np.nan) if dtype.kind == "f" else np.zeros(1, dtype) for name, dtype in BSM.dtypes().items()}
    values = {
        "latitude_deg": latitude, "longitude_deg": longitude, "elevation_m": up, "speed_mps": 12.0, "heading_deg": 180.0,
        "length_m": 4.6, "width_m": 1.8, "yaw_rate_dps": 0.0,
        **dict.fromkeys(("acceleration_longitudinal_mps2", "acceleration_lateral_mps2", "acceleration_vertical_mps2"), 0.0),
    }  # fmt: skip
    now_us = clock.wall_us()
    batch = Batch(base).with_columns(
        time_us=np.array([now_us]), sec_mark_ms=np.array([now_us // 1000 % 60000], np.uint16),
        vehicle_id=np.array([key], np.uint64), vehicle_class=np.array([10], np.uint8),
        vehicle_class_valid=np.array([True]), transmission_valid=np.array([True]),
        **{name: np.array([value]) for name, value in values.items()},
    )  # fmt: skip
    return Received(f"obu/obu-{key}/bsm/up", cv2x.encode_bsm(batch).frame(0), 0, now_us, 0, None, retained=False)


def turn(one: Service, clock: VirtualClock) -> None:
    clock.sleep(0.1)
    one.turn(messages_of([bsm(clock, 1), bsm(clock, 2)]))


def lanes(one: Service) -> dict[str, list[int]]:
    return {name: place.placement.lane[place.picture.live()].tolist() for name, place in one._sites.items()}


@pytest.mark.parametrize("bad", [broken, unloadable])
def test_a_site_goes_on_without_a_map_that_fails_and_tries_the_next(bad, caplog: pytest.LogCaptureFixture) -> None:
    clock, told = VirtualClock(NOW_US), Told()
    first = register(north=bad(), south=good())
    with caplog.at_level(logging.ERROR, "services.inference"):
        one = service(first, told, clock)
        for _ in range(3):
            turn(one, clock)
        on = crossing().lane_of["1to5_0"]
        assert lanes(one) == {"north": [-1], "south": [on]}
        said = [record.message for record in caplog.records]
        assert said == ["map 7 of site north cannot be used, going on without until another is in force"]
        told.next = replace(first, devices=dict(first.devices))  # something else changed
        turn(one, clock)
        assert lanes(one) == {"north": [-1], "south": [on]}
        assert len(caplog.records) == 1, "it is not tried again"
        told.next = replace(first, sites={**first.sites, "north": register(north=good()).sites["north"]})
        for _ in range(2):
            turn(one, clock)
        assert lanes(one) == {"north": [on], "south": [on]}
        assert len(caplog.records) == 1


def test_what_is_wrong_without_a_map_is_no_maps_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock(NOW_US)
    one = service(register(north=None, south=good()), Told(), clock)
    turn(one, clock)

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(one._sites["north"], "step", fails)
    with pytest.raises(ZeroDivisionError):
        one.turn(no_messages())


def test_a_map_that_cannot_be_made_roads_of_is_said_and_the_register_is_loaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row = SimpleNamespace(fetchone=lambda: ("town.net.xml", crossing_file()))
    connection: Any = SimpleNamespace(execute=lambda *_: row)
    entry = SiteEntry("north", FRAME, None, 3, is_map=True)
    assert registers._with_roads(connection, entry, None).roads is not None

    def fails(_: RoadNetwork) -> NetworkRoads:
        raise IndexError("index 1 is out of bounds")

    monkeypatch.setattr(registers, "NetworkRoads", fails)
    with caplog.at_level(logging.ERROR):
        assert registers._with_roads(connection, entry, None).roads is None
    assert [one.message for one in caplog.records] == [
        "map 3 of site north cannot be used, going on without until another is in force"
    ]


@pytest.mark.parametrize("shape", ["0,0 0,0", "0,0 100,0 100,0 100,0", "0,0 0,0 100,0"])
def test_points_that_coincide_are_driven_over(shape: str) -> None:
    """As netconvert writes what is shorter than its rounding."""
    network = sumo.read(
        f'<net><edge id="e"><lane id="e_0" index="0" speed="13.9" length="1" shape="{shape}"/></edge></net>'.encode()
    )
    ways = ways_of(network)
    assert np.isfinite(ways.points).all()
    place = site(roads=NetworkRoads(network))
    drive([Car(1, (-20, 0, 0), 90, 13), Car(2, (2, 30, 0), 180, 1.5, kind=Participant.PEDESTRIAN)], 3.0, place)
    assert np.isfinite(place.futures.xy[place.picture.live()]).all()
