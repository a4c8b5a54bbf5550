"""`chelu site …` and `chelu device …`: the register from the command line, through the registry's API."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from chelu.topics import Kind
from services.registry import (
    cli_alarms,
    cli_assets,
    cli_backup,
    cli_campaigns,
    cli_cases,
    cli_city,
    cli_coop,
    cli_data,
    cli_dead_letters,
    cli_events,
    cli_files,
    cli_firmware,
    cli_health,
    cli_joining,
    cli_keys,
    cli_maps,
    cli_observations,
    cli_orders,
    cli_parameters,
    cli_people,
    cli_roads,
    cli_supervision,
    cli_track,
    cli_warnings,
    cli_watch,
)
from services.registry.cli_shared import AsJson, Set, changes, labels, new_device, open_client, print_one, print_rows, read_json

SITE = typer.Typer(help="Test sites.", no_args_is_help=True)
DEVICE = typer.Typer(help="Devices and their credentials.", no_args_is_help=True)
SITE_COLUMNS = ("site_id", "name", "latitude_deg", "longitude_deg", "elevation_m", "time_zone")
UNCHANGEABLE = frozenset({"device_id", "kind", "lifecycle", "credential", "carries"})  # which have commands of their own, or stay
DEVICE_COLUMNS = ("device_id", "kind", "subtype", "site_id", "parent", "name", "lifecycle", "has_credential")

Latitude = Annotated[float, typer.Option(help="Degrees north, WGS-84.")]
Longitude = Annotated[float, typer.Option(help="Degrees east, WGS-84.")]
Elevation = Annotated[float, typer.Option(help="Metres above the WGS-84 ellipsoid.")]


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.add_typer(SITE, name="site")
    app.add_typer(DEVICE, name="device")
    cli_roads.add(SITE)
    cli_parameters.add(SITE)
    cli_files.add(DEVICE)
    cli_people.add(app)
    cli_keys.add(app)
    cli_joining.add(app, DEVICE)
    cli_orders.add(app)
    cli_health.add(app)
    cli_alarms.add(app)
    cli_campaigns.add(app)
    cli_firmware.add(app)
    cli_track.add(app)
    cli_supervision.add(app)
    cli_data.add(app)
    cli_events.add(app)
    cli_maps.add(app)
    cli_warnings.add(app)
    app.command("audit")(audit)
    app.command("watch")(cli_watch.watch)
    app.command("observations")(cli_observations.observations)
    app.add_typer(cli_coop.COOP, name="coop")
    app.add_typer(cli_city.CITY, name="city")
    app.add_typer(cli_cases.CASES, name="case")
    app.command("dead-letters")(cli_dead_letters.dead_letters)
    app.command("quantities")(cli_observations.list_quantities)
    app.command("backup")(cli_backup.backup)
    app.command("restore")(cli_backup.restore)
    app.add_typer(cli_assets.ORGANISATION, name="organisation")
    app.add_typer(cli_assets.VEHICLE, name="vehicle")


@SITE.command("add")
def add_site(
    site_id: str,
    latitude: Latitude,
    longitude: Longitude,
    elevation: Elevation = 0.0,
    name: str = "",
    time_zone: str = "Asia/Shanghai",
    area: Annotated[Path | None, typer.Option(help="File with its area, a GeoJSON Polygon.")] = None,
    operator: Annotated[str | None, typer.Option(help="Id of the organisation that operates it.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Register a site by the origin of its local frame."""
    with open_client() as client:
        from chelu.api import Site

        origin = {"latitude_deg": latitude, "longitude_deg": longitude, "elevation_m": elevation}
        polygon = None if area is None else read_json(area, "--area")
        site = Site(site_id=site_id, name=name, time_zone=time_zone, area=polygon, operator=operator, **origin)
        added = client.add_site(site)
    print_one(asdict(added), as_json=as_json)


@SITE.command("list")
def list_sites(*, as_json: AsJson = False) -> None:
    """List all sites."""
    with open_client() as client:
        print_rows([asdict(site) for site in client.sites()], SITE_COLUMNS, as_json=as_json)


@SITE.command("show")
def show_site(site_id: str, *, as_json: AsJson = False) -> None:
    """Show one site."""
    with open_client() as client:
        print_one(asdict(client.site(site_id)), as_json=as_json)


@SITE.command("change")
def change_site(site_id: str, fields: Set = None, *, as_json: AsJson = False) -> None:
    """Change fields of a site, such as --set name=Hillside or --set 'area={"type": "Polygon", …}'."""
    with open_client() as client:
        from chelu.api import Site

        print_one(asdict(client.change_site(site_id, changes(fields or [], Site))), as_json=as_json)


@SITE.command("delete")
def delete_site(site_id: str) -> None:
    """Delete a site that has no devices, with its road networks."""
    with open_client() as client:
        client.delete_site(site_id)


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
    fields: Set = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Register a device, and print its secret: it is shown only once."""
    with open_client() as client:
        device = new_device(
            fields,
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
    print_one(asdict(added), as_json=as_json)


@DEVICE.command("list")
def list_devices(
    words: Annotated[str | None, typer.Argument(help="Words of its id, name, model, serial, VIN, plate …")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only this kind.")] = None,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    lifecycle: Annotated[str | None, typer.Option(help="Only in this state.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Only of this vendor.")] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    serial: Annotated[str | None, typer.Option(help="Only with this serial number, or ESN.")] = None,
    subtype: Annotated[str | None, typer.Option(help="Only of this subtype: camera, radar …")] = None,
    parent: Annotated[str | None, typer.Option(help="Only those that belong to this device.")] = None,
    on_vehicle: Annotated[str | None, typer.Option(help="Only those on this vehicle.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="KEY=VALUE; may be given several times.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List devices by id, those that fit all that is asked."""
    filters: dict[str, Any] = {"lifecycle": lifecycle, "vendor": vendor, "model": model, "parent": parent}
    filters |= {"serial": serial, "subtype": subtype}
    with open_client() as client:
        devices = client.devices(kind=kind, site=site, q=words, label=label, on_vehicle=on_vehicle, **filters)
        print_rows([asdict(device) for device in devices], DEVICE_COLUMNS, as_json=as_json)


@DEVICE.command("show")
def show_device(device_id: str, *, as_json: AsJson = False) -> None:
    """Show one device."""
    with open_client() as client:
        print_one(asdict(client.device(device_id)), as_json=as_json)


@DEVICE.command("credential")
def credential(
    device_id: str,
    *,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it away, and give none.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a device a new secret and print it; the old one no longer counts."""
    with open_client() as client:
        if revoke:
            client.revoke_credential(device_id)
            return
        print_one(asdict(client.new_credential(device_id)), as_json=as_json)


@DEVICE.command("change")
def change_device(device_id: str, fields: Set = None, *, as_json: AsJson = False) -> None:
    """Change fields of a device, such as --set heading_deg=90 or --set 'mounting={"on": "gantry", "height_m": 6}'."""
    with open_client() as client:
        from chelu.api import NewDevice

        changed = client.change_device(device_id, changes(fields or [], NewDevice, but=UNCHANGEABLE))
    print_one(asdict(changed), as_json=as_json)


@DEVICE.command("delete")
def delete_device(device_id: str) -> None:
    """Delete a device that nothing depends on; one that has said something can be retired."""
    with open_client() as client:
        client.delete_device(device_id)


@DEVICE.command("lifecycle")
def lifecycle(
    device_id: str,
    to: Annotated[str | None, typer.Option(help="Let it go into this state.")] = None,
    note: Annotated[str, typer.Option(help="Why.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show the states a device came into, after letting it go into the next if one is named."""
    with open_client() as client:
        if to is not None:
            client.step_device(device_id, to, note=note)
        entries = [asdict(entry) for entry in client.lifecycle(device_id)]
    print_rows(entries, ("at", "former", "state", "actor", "note"), as_json=as_json)


def audit(
    subject: Annotated[str | None, typer.Argument(help="Id of a device, site or organisation.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only changes made by this one.")] = None,
    what: Annotated[str | None, typer.Option(help="Only changes of this table: device, site, credential …")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show who changed what in the register, and when; with --json what was before and after."""
    with open_client() as client:
        entries = list(client.audit(subject=subject, actor=actor, what=what))
    print_rows(entries, ("at", "actor", "action", "what", "subject"), as_json=as_json)
