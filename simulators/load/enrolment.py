"""Sees to it that a load's site and devices are registered, and gives the accounts with which they connect."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chelu.api import Client, Site
from chelu.bus.messages import Address
from chelu.topics import Kind, row
from simulators.enrolment import enrol
from simulators.load.connection import Account
from simulators.load.devices import Devices
from simulators.secrets import SecretFile

RECEIPT = row("{kind}/{id}/receipt/down")


def enrolled(client: Client, devices: Devices, *, broker_url: str, secrets: Path) -> list[Account]:
    """Register what is missing, in bulk, and return the accounts in the order in which `Load` takes them (`enrol`).

    secrets: the file where they are kept between runs.
    """
    speakers = [*(devices.names[index] for index in devices.own), *devices.gateways]
    return accounts(devices, broker_url, enrol(client, _site(devices), devices.records(), speakers, SecretFile(secrets)))


def accounts(devices: Devices, broker_url: str, secrets: Mapping[str, str]) -> list[Account]:
    """The accounts of a load's sessions at a broker, to be given to `Load`."""
    address, is_sure = Address.read(broker_url), devices.settings.qos > 0
    own = [
        Account(address, name, name, secrets[name], (RECEIPT.topic(devices.kind(index), name),) if is_sure else ())
        for index, name in ((index, devices.names[index]) for index in devices.own)
    ]
    filters = tuple(RECEIPT.topic(kind, "+") for kind in (Kind.OBU, Kind.RSU)) if is_sure else ()
    return [*own, *(Account(address, name, name, secrets[name], filters) for name in devices.gateways)]


def _site(devices: Devices) -> Site:
    settings = devices.settings
    return Site(
        site_id=settings.site,
        name=settings.site,
        latitude_deg=settings.origin.latitude_deg,
        longitude_deg=settings.origin.longitude_deg,
        elevation_m=settings.origin.elevation_m,
    )
