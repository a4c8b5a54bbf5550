"""`chelu health`, `chelu profiles`, `chelu webhooks`: how devices do, what is expected of them, and who is told."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import typer

from chelu.errors import ConfigurationError
from chelu.topics import Kind
from services.registry.cli_shared import AsJson, open_client, present, print_one, print_rows

HEALTH = typer.Typer(help="How devices do.", no_args_is_help=True)
PROFILES = typer.Typer(help="What is expected of devices, by the name of their profile.", no_args_is_help=True)
WEBHOOKS = typer.Typer(help="Who is told of alarms.", no_args_is_help=True)
SUMMARY_COLUMNS = ("site_id", "kind", "healthy", "impaired", "offline", "unheard")
HEALTH_COLUMNS = (
    *("device_id", "kind", "status", "problems", "rates_hz", "lost_share", "latency_ms", "skew_s"),
    *("cpu_percent", "memory_percent", "disk_percent"),
)
APPLICATION_COLUMNS = ("site_id", "application", "states", "hosts", "lacking")
PROFILE_COLUMNS = ("name", "heartbeat_s", "rates_hz")
WEBHOOK_COLUMNS = ("name", "url", "site", "least", "kinds", "is_enabled", "waiting", "delivered", "dead", "answer")
DELIVERY_COLUMNS = ("delivery_id", "state", "event", "kind", "subject", "attempts", "created", "due", "answer")

ProfileName = Annotated[str, typer.Argument(help="As a device has it in its field profile.")]


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(HEALTH, name="health")
    app.add_typer(PROFILES, name="profiles")
    app.add_typer(WEBHOOKS, name="webhooks")


@HEALTH.command("summary")
def summary(*, as_json: AsJson = False) -> None:
    """Count devices by site, kind and how they do."""
    with open_client() as client:
        print_rows(client.people("GET", "health", "summary"), SUMMARY_COLUMNS, as_json=as_json)


@HEALTH.command("applications")
def list_applications(
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    seconds: Annotated[int, typer.Option(min=10, max=86_400, help="Of so many seconds until now.")] = 60,
    *,
    as_json: AsJson = False,
) -> None:
    """List what applications could not judge, or only without something, and for want of what."""
    with open_client() as client:
        rows = client.people("GET", "health", "applications", params=present(site=site, seconds=seconds))
    shown = [{**row, "lacking": ", ".join(f"{lack}: {count}" for lack, count in row["lacking"].items())} for row in rows]
    print_rows(rows if as_json else shown, APPLICATION_COLUMNS, as_json=as_json)


@HEALTH.command("list")
def list_health(
    status: Annotated[str | None, typer.Option(help="healthy, impaired, offline or unheard")] = None,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only this kind of device.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List how devices do: problems, what comes a second, loss, latency, clock, and their machines."""
    rows: list[dict[str, Any]] = []
    query = present(status=status, site=site, kind=kind, after="")
    with open_client() as client:
        while query["after"] is not None:
            page = client.people("GET", "health", params=query)
            rows += page["devices"]
            query["after"] = page["next"]
    print_rows(rows if as_json else [_short(row) for row in rows], HEALTH_COLUMNS, as_json=as_json)


@HEALTH.command("show")
def show_health(device_id: str, *, as_json: AsJson = False) -> None:
    """Show all that is known of how one device does."""
    with open_client() as client:
        found = client.people("GET", "devices", device_id, "health")
    print_one(found if as_json else _short(found), as_json=as_json)


@PROFILES.command("list")
def list_profiles(*, as_json: AsJson = False) -> None:
    """List what is expected of devices, by profile."""
    with open_client() as client:
        print_rows(client.people("GET", "profiles"), PROFILE_COLUMNS, as_json=as_json)


@PROFILES.command("set")
def set_profile(
    name: ProfileName,
    rate: Annotated[list[str] | None, typer.Option(help="STREAM=HZ, such as bsm=10; may be given several times.")] = None,
    heartbeat: Annotated[float | None, typer.Option(help="Seconds between heartbeats; by default as the device says.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say what is expected of devices with this profile."""
    body = present(heartbeat_s=heartbeat, rates_hz=_rates(rate or []))
    with open_client() as client:
        print_one(client.people("PUT", "profiles", name, json=body), as_json=as_json)


@PROFILES.command("delete")
def delete_profile(name: ProfileName) -> None:
    """Expect of its devices what is expected of their kind."""
    with open_client() as client:
        client.people("DELETE", "profiles", name)


@WEBHOOKS.command("list")
def list_webhooks(*, as_json: AsJson = False) -> None:
    """List who is told, and how much waits, was delivered, or given up."""
    with open_client() as client:
        print_rows(client.people("GET", "webhooks"), WEBHOOK_COLUMNS, as_json=as_json)


@WEBHOOKS.command("add")
def add_webhook(
    name: str,
    url: str,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    least: Annotated[str, typer.Option(help="Least severity: info, warning, major or critical.")] = "info",
    kind: Annotated[list[str] | None, typer.Option(help="Only this kind of alarm; may be given several times.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell an address of alarms from now on, and print the secret that signs what is sent: it is shown only once."""
    body = present(name=name, url=url, site=site, least=least, kinds=kind)
    with open_client() as client:
        print_one(client.people("POST", "webhooks", json=body), as_json=as_json)


@WEBHOOKS.command("on")
def switch_on(name: str) -> None:
    """Tell it again, also of what waited."""
    _switch(name, is_on=True)


@WEBHOOKS.command("off")
def switch_off(name: str) -> None:
    """Tell it nothing for now; what happens meanwhile is not kept for it."""
    _switch(name, is_on=False)


@WEBHOOKS.command("remove")
def remove_webhook(name: str) -> None:
    """Tell it no more; what waits for it, and the log, are forgotten."""
    with open_client() as client:
        client.people("DELETE", "webhooks", name)


@WEBHOOKS.command("deliveries")
def list_deliveries(
    name: str,
    state: Annotated[str | None, typer.Option(help="waiting, delivered or dead")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the last hundred deliveries, newest first, with the answer to each."""
    with open_client() as client:
        rows = client.people("GET", "webhooks", name, "deliveries", params=present(state=state))
    flat = [{**row, **{key: row["body"].get(key) for key in ("event", "kind", "subject")}} for row in rows]
    print_rows(rows if as_json else flat, DELIVERY_COLUMNS, as_json=as_json)


@WEBHOOKS.command("try")
def try_webhook(name: str) -> None:
    """Send it an event that is about no alarm; `chelu webhooks deliveries` shows what it answered."""
    with open_client() as client:
        client.people("POST", "webhooks", name, "trial")


@WEBHOOKS.command("retry")
def retry_webhook(name: str) -> None:
    """Try at once what waits and what was given up."""
    with open_client() as client:
        typer.echo(f"{client.people('POST', 'webhooks', name, 'retry')['deliveries']} deliveries are tried again")


def _switch(name: str, *, is_on: bool) -> None:
    with open_client() as client:
        client.people("PATCH", "webhooks", name, json={"is_enabled": is_on})


def _rates(pairs: list[str]) -> dict[str, float]:
    rates: dict[str, float] = {}
    for pair in pairs:
        stream, _, text = pair.partition("=")
        try:
            rates[stream] = float(text)
        except ValueError:
            raise ConfigurationError("--rate", pair, "STREAM=HZ, such as bsm=10") from None
    return rates


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Figures and instants as a person reads them."""
    return {name.removesuffix("_us"): _clock(value) if name.endswith("_us") else _figure(value) for name, value in row.items()}


def _clock(time_us: int | None) -> str | None:
    if time_us is None:
        return None
    return datetime.datetime.fromtimestamp(time_us / 1e6, datetime.UTC).isoformat(timespec="milliseconds")


def _figure(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.3g}")
    if isinstance(value, dict):
        return {name: _figure(each) for name, each in value.items()}
    return ", ".join(map(str, value)) if isinstance(value, list) else value
