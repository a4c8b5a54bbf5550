"""Sees to it that a simulation's site and devices are registered, and that the secrets with which they speak are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from chelu.api import Client, NewDevice, Site
from chelu.errors import RefusedError

CHILDREN = 100  # devices a gateway speaks for: mosquitto tries the rights of all of its children, one by one, for each message
PAGE = 10_000


class Secrets(Protocol):
    """Where secrets are kept from run to run."""

    def known(self) -> Mapping[str, str]:
        """By device id, those that are here."""

    def keep(self, secrets: Mapping[str, str]) -> None:
        """Keep these too, readable by this user only."""


def enrol(client: Client, site: Site, devices: Sequence[NewDevice], speakers: Sequence[str], secrets: Secrets) -> dict[str, str]:
    """Register what is missing, parents before children, and return the secrets of those that open a session themselves.

    A child that stood under another parent changes over. A speaker that is registered but whose secret is not here gets a new
    one: whoever used the old one is cut off. RefusedError when a device of that name belongs to another site.
    """
    if site.site_id not in {one.site_id for one in client.sites()}:
        client.add_site(site)
    present = {device.device_id: device.parent for device in client.devices(site=site.site_id, limit=PAGE)}
    wanted = [device for device in devices if device.device_id not in present]
    made = {entry.device_id: entry.secret for entry in client.add_devices(wanted)} if wanted else {}
    for device in devices:
        if present.get(device.device_id, device.parent) != device.parent:
            client.change_device(device.device_id, {"parent": device.parent})
    known = secrets.known()
    found = {name: made.get(name) or known.get(name) or renewed(client, name) for name in speakers}
    secrets.keep(found)
    return found


def renewed(client: Client, device_id: str) -> str:
    """A new secret of a device; the old one is no longer taken."""
    secret = client.new_credential(device_id).secret
    if secret is None:
        raise RefusedError("the registry", f"a secret for {device_id}", "it gave none")
    return secret
