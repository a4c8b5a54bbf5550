"""`chelu organisation …` and `chelu vehicle …`: who is on the site, and what they drive."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from chelu.topics import Kind
from services.registry.cli_shared import AsJson, Set, changes, new_device, open_client, print_one, print_rows

ORGANISATION = typer.Typer(help="Operators, vehicle teams and vendors.", no_args_is_help=True)
VEHICLE = typer.Typer(help="Vehicles; `chelu device` shows, changes and deletes them too.", no_args_is_help=True)
ORGANISATION_COLUMNS = ("organisation_id", "role", "name", "contact")
VEHICLE_COLUMNS = ("device_id", "vehicle_kind", "vin", "plate", "automation_level", "team", "site_id", "lifecycle")


@ORGANISATION.command("add")
def add_organisation(
    organisation_id: str,
    role: Annotated[str, typer.Argument(help="operator, vehicle team or vendor")],
    name: str = "",
    contact: str = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Register an organisation."""
    with open_client() as client:
        from chelu.api import Organisation

        organisation = Organisation(organisation_id=organisation_id, role=role, name=name, contact=contact)
        print_one(asdict(client.add_organisation(organisation)), as_json=as_json)


@ORGANISATION.command("list")
def list_organisations(
    role: Annotated[str | None, typer.Option(help="operator, vehicle team or vendor")] = None, *, as_json: AsJson = False
) -> None:
    """List organisations by id."""
    with open_client() as client:
        print_rows([asdict(each) for each in client.organisations(role=role)], ORGANISATION_COLUMNS, as_json=as_json)


@ORGANISATION.command("show")
def show_organisation(organisation_id: str, *, as_json: AsJson = False) -> None:
    """Show one organisation."""
    with open_client() as client:
        print_one(asdict(client.organisation(organisation_id)), as_json=as_json)


@ORGANISATION.command("change")
def change_organisation(organisation_id: str, fields: Set = None, *, as_json: AsJson = False) -> None:
    """Change fields of an organisation, such as --set contact=…."""
    with open_client() as client:
        from chelu.api import Organisation

        changed = client.change_organisation(organisation_id, changes(fields or [], Organisation))
    print_one(asdict(changed), as_json=as_json)


@ORGANISATION.command("delete")
def delete_organisation(organisation_id: str) -> None:
    """Delete an organisation that no site and no device names."""
    with open_client() as client:
        client.delete_organisation(organisation_id)


@VEHICLE.command("add")
def add_vehicle(
    vehicle_id: str,
    site: Annotated[str, typer.Option(help="The site's id.")],
    vehicle_kind: Annotated[str | None, typer.Option("--kind", help="car, bus, truck, delivery robot …")] = None,
    vin: Annotated[str | None, typer.Option(help="ISO 3779, with its check digit.")] = None,
    plate: str | None = None,
    length: Annotated[float | None, typer.Option(help="Metres.")] = None,
    width: Annotated[float | None, typer.Option(help="Metres.")] = None,
    height: Annotated[float | None, typer.Option(help="Metres.")] = None,
    level: Annotated[int | None, typer.Option(help="Automation level, 0 to 5.")] = None,
    team: Annotated[str | None, typer.Option(help="Id of the vehicle team that brings it.")] = None,
    obu: Annotated[list[str] | None, typer.Option(help="A registered OBU on it; may be given several times.")] = None,
    fields: Set = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Register a vehicle, and print its secret: it is shown only once."""
    with open_client() as client:
        vehicle = new_device(
            fields,
            device_id=vehicle_id,
            kind=Kind.VEHICLE,
            site_id=site,
            vehicle_kind=vehicle_kind,
            vin=vin,
            plate=plate,
            length_m=length,
            width_m=width,
            height_m=height,
            automation_level=level,
            team=team,
            carries=tuple(obu or ()),
        )
        added = client.add_devices([vehicle])[0]
    print_one(asdict(added), as_json=as_json)


@VEHICLE.command("list")
def list_vehicles(
    words: Annotated[str | None, typer.Argument(help="Words of its id, name, VIN, plate, team …")] = None,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    team: Annotated[str | None, typer.Option(help="Only of this team.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List vehicles by id."""
    with open_client() as client:
        vehicles = client.devices(kind=Kind.VEHICLE, site=site, q=words, team=team)
        print_rows([asdict(vehicle) for vehicle in vehicles], VEHICLE_COLUMNS, as_json=as_json)


@VEHICLE.command("show")
def show_vehicle(vehicle_id: str, *, as_json: AsJson = False) -> None:
    """Show one vehicle, and what is on it."""
    with open_client() as client:
        vehicle = asdict(client.device(vehicle_id))
        carried = [device.device_id for device in client.devices(on_vehicle=vehicle_id)]
    print_one({**vehicle, "devices": carried}, as_json=as_json)
