"""Sees to it that a load's site and devices are registered, and gives the accounts with which they connect."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chelu.api import Client, Site
from chelu.bus.messages import Address
from chelu.local.files import read_json, write_json
from chelu.topics import Kind, row
from simulators.enrolment import renewed
from simulators.load.connection import Account
from simulators.load.devices import Devices

RECEIPT = row("{kind}/{id}/receipt/down")
PAGE = 10_000


def enrolled(client: Client, devices: Devices, *, broker_url: str, secrets: Path) -> list[Account]:
    """Register what is missing, in bulk, and return the accounts in the order in which `Load` takes them.

    secrets: the file where they are kept between runs. A device whose secret is not there gets a new one: whoever used the old
    one is cut off. RefusedError when a device of that name belongs to another site.
    """
    settings = devices.settings
    if settings.site not in {site.site_id for site in client.sites()}:
        client.add_site(_site(devices))
    present = {device.device_id for device in client.devices(site=settings.site, limit=PAGE)}
    wanted = [record for record in devices.records() if record.device_id not in present]
    made = {entry.device_id: entry.secret for entry in client.add_devices(wanted)} if wanted else {}
    names = [*(devices.names[index] for index in devices.own), *devices.gateways]
    known = {**_kept(secrets), **{name: secret for name, secret in made.items() if secret is not None}}
    for name in names:
        if name not in known:
            known[name] = renewed(client, name)
    write_json(secrets, known)
    return accounts(devices, broker_url, known)


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


def _kept(file: Path) -> dict[str, str]:
    return {name: secret for name, secret in read_json(file).items() if isinstance(secret, str)}
