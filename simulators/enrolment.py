"""Sees to it that a scene's site and devices are registered, and that the gateway's secret is at hand."""

from __future__ import annotations

from typing import Protocol

from chelu.api import Client
from chelu.errors import RefusedError
from simulators.fleet import Fleet, records, site_record
from simulators.scene import Origin


class Secrets(Protocol):
    """Where a gateway's secret is kept from run to run."""

    def load(self, device_id: str) -> str | None:
        """The secret, or None when there is none."""

    def save(self, device_id: str, secret: str) -> None:
        """Keep it, readable by this user only."""


def enrol(client: Client, fleet: Fleet, origin: Origin, secrets: Secrets) -> dict[str, str]:
    """Register what is missing and return each gateway's secret.

    A gateway that is registered but whose secret is not here gets a new one: whoever used the old one is cut off. RefusedError
    when a device of that name belongs to another site.
    """
    if fleet.site not in {site.site_id for site in client.sites()}:
        client.add_site(site_record(fleet, origin))
    present = {device.device_id: device.parent for device in client.devices(site=fleet.site, limit=10_000)}
    ours = records(fleet, origin)
    wanted = [record for record in ours if record.device_id not in present]
    made = {entry.device_id: entry.secret for entry in client.add_devices(wanted)} if wanted else {}
    for record in ours:  # the vehicles of another recording may have stood under another gateway
        if present.get(record.device_id, record.parent) != record.parent:
            client.change_device(record.device_id, {"parent": record.parent})
    found = {name: made.get(name) or secrets.load(name) or renewed(client, name) for name in fleet.gateway_ids}
    for name, secret in found.items():
        secrets.save(name, secret)
    return found


def renewed(client: Client, gateway: str) -> str:
    """A new secret of a gateway; the old one is no longer taken."""
    secret = client.new_credential(gateway).secret
    if secret is None:
        raise RefusedError("the registry", f"a secret for {gateway}", "it gave none")
    return secret
