"""The devices of a load: their names, their ids on the air, and what the register is told of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chelu.api import NewDevice
from chelu.codec.envelope import Envelope
from chelu.topics import Kind
from simulators.enrolment import CHILDREN
from simulators.load.settings import LoadSettings
from simulators.scene import vehicle_ids


@dataclass(frozen=True)
class Devices:
    """Vehicles first, roadside units behind them: a message's `device` is the index in `names`."""

    settings: LoadSettings

    @cached_property
    def gateways(self) -> tuple[str, ...]:
        """The devices that have for children all that have no session of their own."""
        children = self.settings.speakers - self.settings.connections
        count = self.settings.gateways or -(-children // CHILDREN)
        return tuple(f"{self.settings.site}-load-{number:03d}" for number in range(1, count + 1)) if children else ()

    def gateway_of(self, gateways: int) -> dict[int, int]:
        """Child, as an index in `names` → which of so many gateways it has: neighbours have the same."""
        children = self.speakers[self.settings.connections :]
        return {child: rank * gateways // len(children) for rank, child in enumerate(children)}

    @cached_property
    def obus(self) -> tuple[str, ...]:
        """On-board units, one a vehicle."""
        return tuple(self._name("obu", number) for number in range(self.settings.vehicles))

    @cached_property
    def rsus(self) -> tuple[str, ...]:
        """Roadside units."""
        return tuple(self._name("rsu", number) for number in range(self.settings.roadside_units))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every device that may speak, the gateway not among them."""
        return self.obus + self.rsus

    @cached_property
    def speakers(self) -> tuple[int, ...]:
        """Who does speak, as indices: vehicles that a roadside unit hears say nothing themselves."""
        return tuple(range(len(self.names) - self.settings.speakers, len(self.names)))

    @property
    def own(self) -> tuple[int, ...]:
        """Speakers with a session of their own."""
        return self.speakers[: self.settings.connections]

    def kind(self, device: int) -> Kind:
        """What a device is."""
        return Kind.OBU if device < len(self.obus) else Kind.RSU

    @cached_property
    def rsu_numbers(self) -> tuple[int, ...]:
        """The roadside units' 8-byte ids."""
        names = np.array([f"unit-{number}" for number in range(len(self.rsus))])
        return tuple(int(number) for number in vehicle_ids(self.settings.site, names)) if len(names) else ()

    def records(self) -> list[NewDevice]:
        """What the register must hold: gateways first, then their children and devices with credentials of their own."""
        site, parent = self.settings.site, self.gateway_of(len(self.gateways))
        gateways = [NewDevice(device_id=name, kind=Kind.GATEWAY, site_id=site, name="load generator") for name in self.gateways]
        return [*gateways, *(self._record(index, parent.get(index)) for index in self.speakers)]

    def _record(self, index: int, gateway: int | None) -> NewDevice:
        is_vehicle, place = self.kind(index) is Kind.OBU, self.settings.origin
        return NewDevice(
            device_id=self.names[index],
            kind=self.kind(index),
            site_id=self.settings.site,
            parent=None if gateway is None else self.gateways[gateway],
            envelope=(Envelope.BARE if is_vehicle else Envelope.DEPLOYED).value,
            latitude_deg=None if is_vehicle else place.latitude_deg,
            longitude_deg=None if is_vehicle else place.longitude_deg,
        )

    def _name(self, kind: str, number: int) -> str:
        """Another name for a device with a credential of its own, which a gateway's child has not."""
        rank = (
            number if kind == "obu" or self.settings.speakers == self.settings.roadside_units else number + self.settings.vehicles
        )
        way = "own-" if rank < self.settings.connections else ""
        return f"{self.settings.site}-{way}{kind}-{number + 1:05d}"
