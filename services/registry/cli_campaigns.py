"""`chelu campaigns …`: a configuration or a package for many devices, in waves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from chelu.errors import ConfigurationError
from services.registry.cli_orders import Devices, Labels, ModelOf, OfKind, Site, Vendor, pairs, selection
from services.registry.cli_shared import AsJson, open_client, print_one, print_rows

CAMPAIGNS = typer.Typer(help="A configuration or a package for many devices, in waves.", no_args_is_help=True)
COLUMNS = ("campaign_id", "topic", "phase", "devices", "good", "bad", "open", "waiting", "reason")
WAVE_COLUMNS = ("wave", "devices", "waiting", "open", "good", "bad", "overtaken", "skipped")
DEVICE_COLUMNS = ("device_id", "wave", "state", "detail", "back", "back_skipped")
LIVE = {"running", "rolling back"}
POLL_S = 0.5
PAGE = 1000
SUMS = ("waiting", "open", "good", "bad")

Waves = Annotated[str, typer.Option(help="Shares of the devices by the end of each wave, the last 1.")]
AtOnce = Annotated[int, typer.Option(help="Most devices at it at the same time.")]
Failed = Annotated[float, typer.Option(help="Share of the devices that have ended which may have failed.")]
RollBack = Annotated[bool, typer.Option("--roll-back", help="When too many fail, take all back, in place of stopping.")]
Lasting = Annotated[float, typer.Option(help="Seconds that a device has.")]
Follow = Annotated[bool, typer.Option("--follow", help="Show how it goes on until it ends.")]


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(CAMPAIGNS, name="campaigns")


@CAMPAIGNS.command("add")
def add_campaign(
    name: str,
    change: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE …: what is configured; or --package.")] = None,
    package: Annotated[int | None, typer.Option(help="The package to install.")] = None,
    device: Devices = None,
    site: Site = None,
    kind: OfKind = None,
    vendor: Vendor = None,
    model: ModelOf = None,
    label: Labels = None,
    waves: Waves = "0.05,0.25,1",
    at_once: AtOnce = 100,
    most_failed: Failed = 0.1,
    lasting: Lasting = 3600.0,
    *,
    roll_back: RollBack = False,
    follow: Follow = False,
    as_json: AsJson = False,
) -> None:
    """Begin a campaign: of a configuration, or of a package."""
    body = {
        "campaign_id": name,
        "selection": selection(device, site=site, kind=kind, vendor=vendor, model=model, label=label),
        "change": pairs(change) if change else None,
        "package_id": package,
        "waves": _shares(waves),
        "most_at_once": at_once,
        "most_failed": most_failed,
        "on_failure": "roll back" if roll_back else "stop",
        "lasting_s": lasting,
    }
    with open_client() as client:
        added = client.people("POST", "campaigns", json=body)
    if added["left_out"]:
        typer.echo(f"{added['left_out']} left out: no rule lets them have the package, or they have it", err=True)
    _show(added["campaign"], as_json=as_json)
    if follow:
        follow_campaign(name)


@CAMPAIGNS.command("list")
def list_campaigns(*, as_json: AsJson = False) -> None:
    """List campaigns, the newest first."""
    with open_client() as client:
        found = client.people("GET", "campaigns")
    print_rows(found if as_json else [{**each, **_sums(each)} for each in found], COLUMNS, as_json=as_json)


@CAMPAIGNS.command("show")
def show_campaign(name: str, *, as_json: AsJson = False) -> None:
    """Show one campaign by wave."""
    with open_client() as client:
        _show(client.people("GET", "campaigns", name), as_json=as_json)


@CAMPAIGNS.command("devices")
def list_devices(
    name: str, state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None, *, as_json: AsJson = False
) -> None:
    """List the devices of a campaign, and why they failed."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    with open_client() as client:
        while after is not None:
            query = {"after": after, "limit": PAGE, **({"state": state} if state else {})}
            page = client.people("GET", "campaigns", name, "devices", params=query)
            found += page["devices"]
            after = page["next"]
    print_rows(found, DEVICE_COLUMNS, as_json=as_json)


@CAMPAIGNS.command("follow")
def follow_campaign(name: str) -> None:
    """Show how a campaign goes on, a line whenever something has changed, until it ends."""
    last = ""
    with open_client() as client:
        while True:
            found = client.people("GET", "campaigns", name)
            line = f"{found['phase']}: " + ", ".join(f"{count} {what}" for what, count in _sums(found).items())
            if found["phase"] in {"rolling back", "rolled back"}:
                line += "; back: " + ", ".join(f"{count} {what}" for what, count in found["back"].items())
            if line != last:
                typer.echo(line + (f" ({found['reason']})" if found["reason"] else ""))
            last = line
            if found["phase"] not in LIVE:
                return
            time.sleep(POLL_S)


@CAMPAIGNS.command("pause")
def pause(name: str, *, as_json: AsJson = False) -> None:
    """Begin nothing new; devices that are at it go on."""
    with open_client() as client:
        _show(client.people("POST", "campaigns", name, "pause"), as_json=as_json)


@CAMPAIGNS.command("resume")
def resume(
    name: str,
    most_failed: Annotated[float | None, typer.Option(help="Another share that may have failed.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Go on with what was paused or stopped."""
    with open_client() as client:
        _show(client.people("POST", "campaigns", name, "resume", json={"most_failed": most_failed}), as_json=as_json)


@CAMPAIGNS.command("roll-back")
def roll_back(name: str, *, follow: Follow = False, as_json: AsJson = False) -> None:
    """Take every device back to what it had before, except for what has been changed since."""
    with open_client() as client:
        _show(client.people("POST", "campaigns", name, "roll-back"), as_json=as_json)
    if follow:
        follow_campaign(name)


def _shares(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigurationError("--waves", text, "shares with commas between them, such as 0.05,0.25,1") from None


def _sums(campaign: Mapping[str, Any]) -> dict[str, int]:
    return {name: sum(wave[name] for wave in campaign["waves"]) for name in SUMS}


def _show(campaign: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_one(campaign, as_json=True)
        return
    names = ("campaign_id", "topic", "phase", "reason", "devices", "most_at_once", "most_failed", "on_failure", "back")
    print_one({name: campaign[name] for name in names}, as_json=False)
    print_rows([{"wave": number, **wave} for number, wave in enumerate(campaign["waves"], 1)], WAVE_COLUMNS, as_json=False)
