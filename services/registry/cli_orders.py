"""`chelu config …`, `chelu command …` and `chelu orders …`: what devices are told, and what became of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.errors import CheluError, ConfigurationError
from chelu.topics import Kind
from services.registry.cli_shared import AsJson, labels, open_client, print_one, print_rows

if TYPE_CHECKING:
    from chelu.api import Client

CONFIG = typer.Typer(help="What devices are configured with: desired, reported, and where they differ.", no_args_is_help=True)
COMMAND = typer.Typer(help="Commands to devices: ping, reboot, log_level, capture.", no_args_is_help=True)
ORDERS = typer.Typer(help="What devices were told, and what became of it.", no_args_is_help=True)
DISPATCH_COLUMNS = ("dispatch_id", "at", "actor", "topic", "body", "devices", "states")
ORDER_COLUMNS = ("number", "device_id", "state", "attempts", "settled", "code", "detail", "answers", "is_late")
CONFIG_COLUMNS = ("device_id", "kind", "version", "state", "differences", "strays")
OPEN = {"queued", "sent", "delivered"}
POLL_S = 0.2
PAGE = 1000
SHOWN_CHARACTERS = 60  # of what was asked for, in a table

Devices = Annotated[list[str] | None, typer.Option("--device", help="This device; may be given several times.")]
Site = Annotated[str | None, typer.Option(help="All of this site.")]
OfKind = Annotated[Kind | None, typer.Option(help="All of this kind.")]
Vendor = Annotated[str | None, typer.Option(help="All of this vendor.")]
ModelOf = Annotated[str | None, typer.Option("--model", help="All of this model.")]
Labels = Annotated[list[str] | None, typer.Option("--label", help="All with this label, KEY=VALUE; may be given several times.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait until every device has answered; 0: do not.")]


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(CONFIG, name="config")
    app.add_typer(COMMAND, name="command")
    app.add_typer(ORDERS, name="orders")


def selection(
    devices: Sequence[str] | None,
    *,
    site: str | None = None,
    kind: Kind | None = None,
    vendor: str | None = None,
    model: str | None = None,
    label: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Which devices, as the API takes it."""
    given: dict[str, Any] = {
        "devices": list(devices) if devices else None,
        "site": site,
        "kind": kind,
        "vendor": vendor,
        "model": model,
    }
    found = {name: value for name, value in given.items() if value is not None}
    found |= {"labels": labels(label)} if label else {}
    if not found:
        raise ConfigurationError("--device", None, "say which devices: --device, --site, --kind, --vendor, --model or --label")
    return found


def pairs(given: Sequence[str]) -> dict[str, Any]:
    """``NAME=VALUE`` texts; a value is JSON if it can be read so, else text, and null takes the name away."""
    found: dict[str, Any] = {}
    for pair in given:
        name, separator, text = pair.partition("=")
        if not separator:
            raise ConfigurationError("NAME=VALUE", pair, "it has the form NAME=VALUE")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


@CONFIG.command("schema")
def show_schema(kind: Kind) -> None:
    """Print the JSON schema of what a device of this kind can be configured with."""
    with open_client() as client:
        typer.echo(json.dumps(client.people("GET", "config", "schemas", kind.value), indent=2, ensure_ascii=False))


@CONFIG.command("show")
def show_config(device_id: str, *, as_json: AsJson = False) -> None:
    """Show what a device is to be configured with, what it reports, and where they differ."""
    with open_client() as client:
        found = client.people("GET", "devices", device_id, "config")
    print_one(found if as_json else {**found, "differences": _differences(found)}, as_json=as_json)


@CONFIG.command("list")
def list_configs(
    kind: OfKind = None,
    site: Site = None,
    label: Labels = None,
    *,
    differing: Annotated[bool, typer.Option("--differing", help="Only those that report otherwise than is desired.")] = False,
    as_json: AsJson = False,
) -> None:
    """List devices with the state of their newest configuration and where they differ from what is desired."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    with open_client() as client:
        while after is not None:
            query = {"kind": kind, "site": site, "label": label, "differing": differing, "after": after, "limit": PAGE}
            page = client.people("GET", "config", params={name: value for name, value in query.items() if value is not None})
            found += page["configurations"]
            after = page["next"]
    print_rows(
        found if as_json else [{**row, "differences": _differences(row)} for row in found], CONFIG_COLUMNS, as_json=as_json
    )


@CONFIG.command("set")
def configure(
    change: Annotated[list[str], typer.Argument(help="NAME=VALUE …; VALUE null takes a name away.")],
    device: Devices = None,
    site: Site = None,
    kind: OfKind = None,
    vendor: Vendor = None,
    model: ModelOf = None,
    label: Labels = None,
    wait: Wait = 10.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Change what devices are to be configured with, and send it; `chelu campaigns add config` does so in waves."""
    body = {
        "selection": selection(device, site=site, kind=kind, vendor=vendor, model=model, label=label),
        "change": pairs(change),
    }
    with open_client() as client:
        _tell(client, client.people("POST", "config", json=body), wait, as_json=as_json)


@COMMAND.command("list")
def list_commands(*, as_json: AsJson = False) -> None:
    """List the commands there are, with their parameters."""
    with open_client() as client:
        found = client.people("GET", "commands")
    rows = [{"command": name, **each, "parameters": ", ".join(each["parameters"]["properties"])} for name, each in found.items()]
    print_rows(rows, ("command", "about", "parameters", "lasting_s"), as_json=as_json)


@COMMAND.command("send")
def command(
    name: Annotated[str, typer.Argument(help="ping, reboot, log_level, capture …")],
    parameter: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE …, such as seconds=10")] = None,
    device: Devices = None,
    site: Site = None,
    kind: OfKind = None,
    vendor: Vendor = None,
    model: ModelOf = None,
    label: Labels = None,
    lasting: Annotated[float | None, typer.Option(help="Seconds in which an answer has to come.")] = None,
    wait: Wait = 10.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Give devices a command, and say what they answered."""
    body = {
        "selection": selection(device, site=site, kind=kind, vendor=vendor, model=model, label=label),
        "command": name,
        "parameters": pairs(parameter or []),
        "lasting_s": lasting,
    }
    with open_client() as client:
        _tell(client, client.people("POST", "commands", json=body), wait, as_json=as_json)


@ORDERS.command("tell")
def tell(
    about: Annotated[str, typer.Argument(help="event, traffic or om-config")],
    file: Annotated[typer.FileText, typer.Argument(help="A document of T/ITS 0180.1, as JSON; - is standard input.")],
    device: Devices = None,
    site: Site = None,
    label: Labels = None,
    lasting: Annotated[float | None, typer.Option(help="Seconds in which an answer has to come.")] = None,
    wait: Wait = 10.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell roadside computers of events or traffic, or set them in their standard's words, and say what they answered."""
    try:
        document = json.load(file)
    except ValueError as error:
        raise ConfigurationError("FILE", file.name, f"a JSON document ({error})") from None
    chosen = selection(device, site=site, kind=None if device else Kind.RSCU, label=label)
    body = {"selection": chosen, "about": about, "document": document, "lasting_s": lasting}
    with open_client() as client:
        _tell(client, client.people("POST", "tellings", json=body), wait, as_json=as_json)


@ORDERS.command("list")
def list_dispatches(
    topic: Annotated[str | None, typer.Option(help="config, command, upgrade, event, traffic, om-config, map or rsi")] = None,
    device: Annotated[str | None, typer.Option(help="The orders of this device, in place of all dispatches.")] = None,
    limit: int = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """List what was asked of devices, newest first, with the orders by state."""
    with open_client() as client:
        if device is not None:
            print_rows(client.people("GET", "devices", device, "orders", params={"limit": limit}), ORDER_COLUMNS, as_json=as_json)
            return
        query = {"limit": limit, **({"topic": topic} if topic else {})}
        rows = client.people("GET", "dispatches", params=query)["dispatches"]
    print_rows(rows if as_json else [{**row, "body": _in_short(row["body"])} for row in rows], DISPATCH_COLUMNS, as_json=as_json)


@ORDERS.command("show")
def show_dispatch(
    dispatch: int,
    state: Annotated[str | None, typer.Option(help="Only orders in this state.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the orders of one dispatch."""
    with open_client() as client:
        print_rows(_orders(client, dispatch, state), ORDER_COLUMNS, as_json=as_json)


@ORDERS.command("take-back")
def take_back(dispatch: int, *, as_json: AsJson = False) -> None:
    """Take back what of a dispatch is still open."""
    with open_client() as client:
        _print_dispatch(client.people("DELETE", "dispatches", str(dispatch)), as_json=as_json)


def _tell(client: Client, dispatch: Mapping[str, Any], wait_s: float, *, as_json: bool) -> None:
    """Wait for the answers and print them; CheluError when some have not come in time, which is no failure yet, or say no."""
    number, deadline_s = dispatch["dispatch_id"], time.monotonic() + wait_s
    while wait_s and OPEN & dispatch["states"].keys() and time.monotonic() < deadline_s:
        time.sleep(POLL_S)
        dispatch = client.people("GET", "dispatches", str(number))
    if dispatch["devices"] == 1:
        print_one(_orders(client, number, None)[0], as_json=as_json)
    else:
        _print_dispatch(dispatch, as_json=as_json)
    waiting = sum(count for state, count in dispatch["states"].items() if state in OPEN)
    if wait_s and waiting:
        who = f"{waiting} of {dispatch['devices']} devices have not answered dispatch {number} within {wait_s:g} s"
        raise CheluError(f"{who}; it goes on, and chelu orders show {number} follows it")
    if wait_s and (undone := {state: count for state, count in dispatch["states"].items() if state != "applied"}):
        told = ", ".join(f"{count} {state}" for state, count in undone.items())
        raise CheluError(f"not all of {dispatch['devices']} devices have done what dispatch {number} says: {told}")


def _print_dispatch(dispatch: Mapping[str, Any], *, as_json: bool) -> None:
    """As a table without who was chosen: a campaign names each of thousands."""
    print_one({name: value for name, value in dispatch.items() if as_json or name != "selection"}, as_json=as_json)


def _orders(client: Client, dispatch: int, state: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        query = {"after": after, "limit": PAGE, **({"state": state} if state else {})}
        page = client.people("GET", "dispatches", str(dispatch), "orders", params=query)
        found += page["orders"]
        after = page["next"]
    return found


def _in_short(body: Mapping[str, Any]) -> str:
    """What was asked for, for a line of a table: `--json` has the whole of a document of some thousand characters."""
    text = ", ".join(f"{name}={'null' if value is None else value}" for name, value in body.items())
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"


def _differences(found: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{it['field']}: {_said(it['reported'])} where {_said(it['desired'])} is desired" for it in found["differences"]
    )


def _said(value: Any) -> str:
    return "nothing" if value is None else str(value)
