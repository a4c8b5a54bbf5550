"""`chelu city corridor`: lead an emergency vehicle to a place, green ahead of it, and let it go again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.errors import ConfigurationError
from chelu.signal_control import CORRIDOR
from services.registry.cli_shared import AsJson, open_client, print_rows

if TYPE_CHECKING:
    from chelu.api import Device

CORRIDORS = typer.Typer(help="Corridors of emergency vehicles.", no_args_is_help=True)
COLUMNS = ("device_id", "site_id", "to")


@CORRIDORS.command("start")
def start(
    unit: Annotated[str, typer.Argument(help="The on-board unit of a vehicle with the right of an emergency vehicle.")],
    to: Annotated[str, typer.Option(help="The link of the site's roads that it is to be led to.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Lead a vehicle to a link: the quickest way over the live state, and green ahead of it."""
    with open_client() as client:
        device = client.device(unit)
        if device.kind != "obu":
            raise ConfigurationError("UNIT", unit, f"a device of kind obu; this is of kind {device.kind}")
        changed = client.change_device(unit, {"labels": {**device.labels, CORRIDOR: to}})
    print_rows([_row(changed)], COLUMNS, as_json=as_json)


@CORRIDORS.command("stop")
def stop(unit: str, *, as_json: AsJson = False) -> None:
    """Let go: its signals go back to what is usual."""
    with open_client() as client:
        device = client.device(unit)
        kept = {name: value for name, value in device.labels.items() if name != CORRIDOR}
        changed = client.change_device(unit, {"labels": kept})
    print_rows([_row(changed)], COLUMNS, as_json=as_json)


@CORRIDORS.command("list")
def list_corridors(
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None, *, as_json: AsJson = False
) -> None:
    """List the units that are being led, and where to."""
    with open_client() as client:
        from chelu.topics import Kind

        found = [one for one in client.devices(kind=Kind.OBU, site=site) if CORRIDOR in one.labels]
    print_rows([_row(one) for one in found], COLUMNS, as_json=as_json)


def _row(one: Device) -> dict[str, Any]:
    return {"device_id": one.device_id, "site_id": one.site_id, "to": one.labels.get(CORRIDOR)}
