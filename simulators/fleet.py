"""The devices of a scene at a site: their names, their ids on the air, and what the register is told of them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.api import NewDevice, Site
from chelu.codec.envelope import Envelope
from chelu.errors import ConfigurationError
from chelu.topics import Kind
from simulators.enrolment import CHILDREN
from simulators.scene import Origin, Role, Scene, vehicle_ids

LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Fleet:
    """Who speaks for a scene.

    obu_ids: per actor, empty for one that is only perceived; vehicle_ids: (actors,) uint64; gateways: (actors,) which of
    `gateway_ids` speaks for each. The roadside unit is the first gateway's.
    """

    site: str
    gateway_ids: tuple[str, ...]
    rsu_id: str
    rsu_number: int
    obu_ids: tuple[str, ...]
    vehicle_ids: npt.NDArray[np.uint64]
    gateways: npt.NDArray[np.int64]

    @property
    def device_ids(self) -> list[str]:
        """Every device that sends, the gateway not among them."""
        return [self.rsu_id, *(name for name in self.obu_ids if name)]

    def children(self, gateway: int) -> list[str]:
        """The devices that a gateway speaks for."""
        unit = [] if gateway else [self.rsu_id]
        return unit + [name for name, own in zip(self.obu_ids, self.gateways.tolist(), strict=True) if name and own == gateway]


def site_of(scene: Scene) -> str:
    """A site's id made of a scene's name, for those who name none."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", scene.name).strip("-")[:24] or "replay"


def fleet_of(scene: Scene, site: str) -> Fleet:
    """The fleet of a scene at a site: the same names and ids in every run. Raises ConfigurationError for a site of no id."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,24}", site):
        raise ConfigurationError("site", site, "1 to 24 letters, digits, dots, underscores or hyphens")
    names = scene.actors["name"]
    is_obu = scene.actors["role"] == Role.OBU
    obus = tuple(f"{site}-obu-{_clean(name)}" if own else "" for name, own in zip(names, is_obu, strict=True))
    present = [name for name in obus if name]
    if len(set(present)) != len(present):
        raise ConfigurationError("actors", scene.name, "two of its actors get the same device id")
    rsu = f"{site}-rsu"
    number = int(vehicle_ids(site, np.array(["the roadside unit"]))[0])
    gateways = np.maximum(np.cumsum(is_obu) - 1, 0) // CHILDREN
    count = int(gateways.max(initial=0)) + 1
    gateway_ids = tuple(f"{site}-replay" if not index else f"{site}-replay-{index + 1}" for index in range(count))
    return Fleet(site, gateway_ids, rsu, number, obus, vehicle_ids(site, names), gateways)


def site_record(fleet: Fleet, origin: Origin) -> Site:
    """The site, as the register is told of it when it has none of that id."""
    return Site(
        site_id=fleet.site,
        name=fleet.site,
        latitude_deg=origin.latitude_deg,
        longitude_deg=origin.longitude_deg,
        elevation_m=origin.elevation_m,
    )


def records(fleet: Fleet, origin: Origin) -> list[NewDevice]:
    """The devices, the gateways first: their children hang on them and speak through their credentials."""
    site = fleet.site
    rsu = NewDevice(
        device_id=fleet.rsu_id,
        kind=Kind.RSU,
        site_id=site,
        name="replayed roadside unit",
        parent=fleet.gateway_ids[0],
        envelope=Envelope.DEPLOYED.value,
        latitude_deg=origin.latitude_deg,
        longitude_deg=origin.longitude_deg,
        elevation_m=origin.elevation_m,
    )
    obus = [
        NewDevice(
            device_id=name,
            kind=Kind.OBU,
            site_id=site,
            parent=fleet.gateway_ids[own],
            vehicle_id=f"{int(number):016x}",
        )
        for name, number, own in zip(fleet.obu_ids, fleet.vehicle_ids, fleet.gateways.tolist(), strict=True)
        if name
    ]
    gateways = [NewDevice(device_id=name, kind=Kind.GATEWAY, site_id=site, name="replay") for name in fleet.gateway_ids]
    return [*gateways, rsu, *obus]


def _clean(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", str(name))[: LONGEST_ID - 30]
