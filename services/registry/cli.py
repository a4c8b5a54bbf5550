"""`chelu site …` and `chelu device …`: the register from the command line, through the registry's API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError
from chelu.topics import Kind

if TYPE_CHECKING:
    from chelu.api import Client

EXTRA = "registry"
SITE = typer.Typer(help="Test sites.", no_args_is_help=True)
DEVICE = typer.Typer(help="Devices and their credentials.", no_args_is_help=True)
SITE_COLUMNS = ("site_id", "name", "latitude_deg", "longitude_deg", "elevation_m", "time_zone")
DEVICE_COLUMNS = ("device_id", "kind", "subtype", "site_id", "parent", "name", "has_credential")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Latitude = Annotated[float, typer.Option(help="Degrees north, WGS-84.")]
Longitude = Annotated[float, typer.Option(help="Degrees east, WGS-84.")]
Elevation = Annotated[float, typer.Option(help="Metres above the WGS-84 ellipsoid.")]


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.add_typer(SITE, name="site")
    app.add_typer(DEVICE, name="device")


@SITE.command("add")
def add_site(
    site_id: str,
    latitude: Latitude,
    longitude: Longitude,
    elevation: Elevation = 0.0,
    name: str = "",
    time_zone: str = "Asia/Shanghai",
    *,
    as_json: AsJson = False,
) -> None:
    """Register a site by the origin of its local frame."""
    with _client() as client:
        from chelu.api import Site

        origin = {"latitude_deg": latitude, "longitude_deg": longitude, "elevation_m": elevation}
        added = client.add_site(Site(site_id=site_id, name=name, time_zone=time_zone, **origin))
    _print_one(asdict(added), as_json=as_json)


@SITE.command("list")
def list_sites(*, as_json: AsJson = False) -> None:
    """List all sites."""
    with _client() as client:
        _print([asdict(site) for site in client.sites()], SITE_COLUMNS, as_json=as_json)


@SITE.command("show")
def show_site(site_id: str, *, as_json: AsJson = False) -> None:
    """Show one site."""
    with _client() as client:
        _print_one(asdict(client.site(site_id)), as_json=as_json)


@DEVICE.command("add")
def add_device(
    device_id: str,
    kind: Kind,
    site: Annotated[str, typer.Option(help="The site's id.")],
    subtype: Annotated[str | None, typer.Option(help="Of a sensor: camera, radar, lidar, loop, weather …")] = None,
    name: str = "",
    parent: Annotated[str | None, typer.Option(help="Device it hangs on; a gateway may speak for its children.")] = None,
    standard: Annotated[str, typer.Option(help="Message standard and version it speaks.")] = "YD/T 3709-2020",
    envelope: Annotated[str, typer.Option(help="How its frames are wrapped.")] = "auto",
    vehicle_id: Annotated[str | None, typer.Option(help="Its BSMs' id: 16 hexadecimal digits.")] = None,
    latitude: Annotated[float | None, typer.Option(help="Degrees north, WGS-84.")] = None,
    longitude: Annotated[float | None, typer.Option(help="Degrees east, WGS-84.")] = None,
    elevation: Annotated[float | None, typer.Option(help="Metres above the WGS-84 ellipsoid.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="KEY=VALUE; may be given several times.")] = None,
    credential: Annotated[bool | None, typer.Option(help="A secret of its own; by default when it has no parent.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Register a device, and print its secret: it is shown only once."""
    with _client() as client:
        from chelu.api import NewDevice

        device = NewDevice(
            device_id=device_id,
            kind=kind,
            site_id=site,
            subtype=subtype,
            name=name,
            parent=parent,
            standard=standard,
            envelope=envelope,
            vehicle_id=vehicle_id,
            latitude_deg=latitude,
            longitude_deg=longitude,
            elevation_m=elevation,
            labels=labels(label or []),
            credential=credential,
        )
        added = client.add_devices([device])[0]
    _print_one(asdict(added), as_json=as_json)


@DEVICE.command("list")
def list_devices(
    kind: Annotated[Kind | None, typer.Option(help="Only this kind.")] = None,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List devices by id."""
    with _client() as client:
        _print([asdict(device) for device in client.devices(kind=kind, site=site)], DEVICE_COLUMNS, as_json=as_json)


@DEVICE.command("show")
def show_device(device_id: str, *, as_json: AsJson = False) -> None:
    """Show one device."""
    with _client() as client:
        _print_one(asdict(client.device(device_id)), as_json=as_json)


@DEVICE.command("credential")
def credential(
    device_id: str,
    *,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it away, and give none.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a device a new secret and print it; the old one no longer counts."""
    with _client() as client:
        if revoke:
            client.revoke_credential(device_id)
            return
        _print_one(asdict(client.new_credential(device_id)), as_json=as_json)


def labels(pairs: Sequence[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping; ConfigurationError for one without ``=``."""
    for pair in pairs:
        if "=" not in pair:
            raise ConfigurationError("--label", pair, "it has the form KEY=VALUE")
    return dict(pair.split("=", 1) for pair in pairs)


def _client() -> Client:
    with extra(EXTRA):
        from chelu.api import Client

        return Client.find()


def _print(rows: Sequence[dict[str, Any]], names: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    from rich.cells import cell_len, set_cell_size

    lines = [list(names), *([_text(row[name]) for name in names] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(map(set_cell_size, line, widths)).rstrip())


def _print_one(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(row, ensure_ascii=False, indent=2))
        return
    width = max(map(len, row))
    for name, value in row.items():
        typer.echo(f"{name:<{width}}  {_text(value)}")


def _text(value: object) -> str:
    """A value as a person reads it: a dash for nothing, while a zero is a number."""
    if isinstance(value, dict):
        value = ", ".join(f"{key}={its}" for key, its in value.items())
    if value is None or value is False or value == "":
        return "–"
    return "yes" if value is True else str(value)
