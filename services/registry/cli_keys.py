"""`chelu key …` and `chelu provisioning …`: keys that act for people, and keys for devices that are not registered yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from chelu.errors import ConfigurationError
from services.registry.cli_shared import AsJson, Until, open_client, print_one, print_rows

KEY = typer.Typer(help="Keys that act for people.", no_args_is_help=True)
KEY_COLUMNS = ("name", "scopes", "expires", "is_session", "created")
KEYS = "keys"

PROVISIONING = typer.Typer(help="Keys for devices that are not registered yet.", no_args_is_help=True)
PROVISIONING_COLUMNS = ("name", "site_id", "joins", "max_joins", "places", "expires", "revoked", "is_live")
PROVISIONING_KEYS = "provisioning-keys"


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(KEY, name="key")
    app.add_typer(PROVISIONING, name="provisioning")


@KEY.command("add")
def add_key(
    name: str,
    owner: Annotated[str | None, typer.Option(help="The person it acts for; by default oneself.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="register:read, register:write, credentials, data:read …")] = None,
    expires: Until = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it: it is shown only once."""
    _add(KEYS, {"name": name, "owner": owner, "scopes": scope, "expires": expires}, as_json=as_json)


@KEY.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List one's keys and sessions; an administrator of all sites sees everyone's."""
    _list(KEYS, KEY_COLUMNS, as_json=as_json)


@KEY.command("delete")
def delete_key(name: Annotated[str, typer.Argument(help="OWNER/NAME")]) -> None:
    """Delete a key, or end a session."""
    owner, separator, rest = name.partition("/")
    if not separator:
        raise ConfigurationError("NAME", name, "it has the form OWNER/NAME")
    _end(KEYS, owner, rest)


@PROVISIONING.command("add")
def add_provisioning_key(
    name: str,
    site: Annotated[str, typer.Option(help="The site's id.")],
    joins: Annotated[int, typer.Option(help="Devices that may be registered with it.")] = 1,
    expires: Until = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a provisioning key and print it: it is shown only once. It expires in a week unless told otherwise."""
    _add(PROVISIONING_KEYS, {"name": name, "site_id": site, "max_joins": joins, "expires": expires}, as_json=as_json)


@PROVISIONING.command("list")
def list_provisioning_keys(*, as_json: AsJson = False) -> None:
    """List provisioning keys, also those that no longer count."""
    _list(PROVISIONING_KEYS, PROVISIONING_COLUMNS, as_json=as_json)


@PROVISIONING.command("revoke")
def revoke_provisioning_key(name: str) -> None:
    """Revoke a key: who waits with it is cut off, who joined with it stays."""
    _end(PROVISIONING_KEYS, name)


def _add(keys: str, wanted: Mapping[str, object], *, as_json: bool) -> None:
    with open_client() as client:
        print_one(client.people("POST", keys, json=wanted), as_json=as_json)


def _list(keys: str, columns: Sequence[str], *, as_json: bool) -> None:
    with open_client() as client:
        print_rows(client.people("GET", keys), columns, as_json=as_json)


def _end(keys: str, *name: str) -> None:
    with open_client() as client:
        client.people("DELETE", keys, *name)
