"""Reads every file that a configuration names, as the agent will: what cannot be used is said before it matters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from chelu import tls
from chelu.errors import ConfigurationError
from chelu.provisioning import ProvisioningKey
from edge import joining
from edge.credential import CredentialFile
from edge.settings import EdgeSettings, JoinSettings, TerminalSource, UpgradeSettings, VehicleSource
from edge.upgrade.order import read_keys as read_makers
from edge.vehicles.directory import Directory
from edge.vehicles.gbt32960 import read_platforms
from edge.vehicles.keys import read_keys
from edge.vehicles.languages import naming_of
from edge.vehicles.limits import allow_connections


def read_files(settings: EdgeSettings) -> Iterator[str]:
    """A line for each file that was read; ConfigurationError for the first that cannot be used."""
    if settings.join is not None and joining.is_waiting(settings):
        yield _provisioning_key(settings.join)
    elif settings.credential_file is not None:
        CredentialFile(settings.credential_file).secret()
        yield f"{settings.credential_file}: a secret"
    ca_file = tls.without_authority(settings.broker)[1]
    if ca_file is not None:
        yield _authority(ca_file)
    for source in settings.vehicle_sources:
        yield from _vehicles(source, settings.id)
    allow_connections(sum(source.max_connections for source in settings.vehicle_sources))
    if settings.upgrade is not None:
        yield from _upgrade(settings.upgrade)


def _provisioning_key(wanted: JoinSettings) -> str:
    key = ProvisioningKey.read(joining.read_key(wanted.key_file))
    return f"{wanted.key_file}: the provisioning key {key.name} of {key.places} places"


def _vehicles(source: VehicleSource | TerminalSource, gateway: str) -> Iterator[str]:
    naming = naming_of(source)
    yield f"{source.vehicles}: {len(Directory(source.vehicles, naming=naming, gateway=gateway))} vehicles"
    if source.keys_file is not None:
        yield f"{source.keys_file}: {len(read_keys(source.keys_file, naming))} keys"
    if isinstance(source, VehicleSource) and source.platforms_file is not None:
        yield f"{source.platforms_file}: {len(read_platforms(source.platforms_file))} platforms"


def _upgrade(settings: UpgradeSettings) -> Iterator[str]:
    if settings.keys_file is not None:
        yield f"{settings.keys_file}: the keys of {len(_makers(settings.keys_file))} makers"
    if settings.ca_file is not None:
        yield _authority(settings.ca_file)


def _makers(file: Path) -> dict[str, str]:
    try:
        makers = read_makers(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("upgrade.keys_file", str(file), f"it cannot be read ({error})") from None
    if not makers:
        raise ConfigurationError("upgrade.keys_file", str(file), "a line NAME PUBLIC-KEY for each maker who is trusted")
    return makers


def _authority(file: Path) -> str:
    tls.client_context(file)
    return f"{file}: an authority's certificate"
