"""`chelu inbox …` and `chelu device rotate`: how devices join, and how their secrets change."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from chelu.errors import RefusedError, UnreachableError
from chelu.topics import Kind
from services.registry.cli_shared import AsJson, Set, Until, changes, open_client, present, print_one, print_rows, printable

if TYPE_CHECKING:
    from chelu.api import Client

INBOX = typer.Typer(help="Devices that want to join.", no_args_is_help=True)
INBOX_COLUMNS = ("serial", "fingerprint", "key", "address", "site_id", "said", "last_heard", "kept")
POLL_S = 0.2

Fingerprint = Annotated[str | None, typer.Option(help="Needed when several claim the serial.")]


def add(app: typer.Typer, device: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(INBOX, name="inbox")
    device.command("rotate")(rotate)


@INBOX.command("list")
def list_inbox(
    state: Annotated[str, typer.Option(help="waiting, registered, joined or refused")] = "waiting", *, as_json: AsJson = False
) -> None:
    """List devices that want to join: who they say they are, with which key they came, when they were heard."""
    with open_client() as client:
        print_rows(client.people("GET", "inbox", params={"state": state}), INBOX_COLUMNS, as_json=as_json)


@INBOX.command("show")
def show_waiting(serial: str, fingerprint: Fingerprint = None, *, as_json: AsJson = False) -> None:
    """Show one device that wants to join, with what it said meanwhile."""
    with open_client() as client:
        found = client.people("GET", "inbox", serial, params=present(fingerprint=fingerprint))
    print_one(found if as_json else {**found, "data": f"{len(found['data'])} messages"}, as_json=as_json)
    for kept in () if as_json else found["data"]:
        typer.echo(f"  {kept['heard']} {printable(kept['topic'])} {printable(_text(kept['payload']))}")


@INBOX.command("register")
def register_waiting(
    serial: str,
    device_id: Annotated[str | None, typer.Option("--id", help="By default what the device asks for, else its serial.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="By default what the device says.")] = None,
    site: Annotated[str | None, typer.Option(help="By default the key's.")] = None,
    replaces: Annotated[str | None, typer.Option(help="A registered device that lost its secret, and gets this one.")] = None,
    fingerprint: Fingerprint = None,
    fields: Set = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Register a device that waits; it goes on under its own id at once."""
    given = {"device_id": device_id, "kind": kind, "site_id": site, "replaces": replaces, "fingerprint": fingerprint}
    with open_client() as client:
        from chelu.api import NewDevice

        body = {**present(**given), **changes(fields or [], NewDevice)}
        registered = client.people("POST", "inbox", serial, "register", json=body)
    print_one({name: registered[name] for name in ("device_id", "device_key")}, as_json=as_json)


@INBOX.command("refuse")
def refuse_waiting(serial: str, fingerprint: Fingerprint = None) -> None:
    """Refuse a device: it is listed no more, however often it asks."""
    with open_client() as client:
        client.people("DELETE", "inbox", serial, params=present(fingerprint=fingerprint))


def rotate(
    device_id: str,
    until: Until = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the device.")] = 10.0,
    *,
    by_hand: Annotated[bool, typer.Option("--by-hand", help="Print the new secret, for somebody to put in.")] = False,
    finish: Annotated[bool, typer.Option("--finish", help="By hand: the new secret counts from now on.")] = False,
    give_up: Annotated[bool, typer.Option("--give-up", help="Let the old secret stay.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change a device's secret without locking it out: it makes a new one itself, or somebody puts in what is printed."""
    with open_client() as client:
        if finish or give_up:
            client.people(*(("POST", "devices", device_id, "rotation", "finish") if finish else _rotation("DELETE", device_id)))
            return
        body = {"by": "hand" if by_hand else "device", "until": until}
        begun = client.people(*_rotation("POST", device_id), json=body)
        if by_hand:
            print_one(begun, as_json=as_json)
        else:
            _await(client, device_id, wait, begun["until"])


def _await(client: Client, device_id: str, wait_s: float, until: str) -> None:
    """Return when the device has changed its secret; UnreachableError when it has not in time, which is no failure yet."""
    deadline_s = time.monotonic() + wait_s
    while time.monotonic() < deadline_s:
        if _is_over(client, device_id):
            typer.echo(f"{device_id} has a new secret")
            return
        time.sleep(POLL_S)
    detail = (
        f"it has not answered within {wait_s:g} s; it is asked again whenever it comes, until {until}, and keeps its old secret"
    )
    raise UnreachableError("the device", device_id, detail)


def _is_over(client: Client, device_id: str) -> bool:
    try:
        client.people(*_rotation("GET", device_id))
    except RefusedError:
        return True
    return False


def _rotation(method: str, device_id: str) -> tuple[str, str, str, str]:
    return method, "devices", device_id, "rotation"


def _text(payload: str) -> str:
    """A payload as a person reads it: text if it is one, else hexadecimal."""
    try:
        text = bytes.fromhex(payload).decode()
    except UnicodeDecodeError:
        text = payload
    return json.dumps(text, ensure_ascii=False)[1:201]
