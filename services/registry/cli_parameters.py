"""`chelu site parameters`: what a site's applications go by, changed, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.errors import ConfigurationError
from services.registry.cli_shared import AsJson, open_client, present, print_one, print_rows

if TYPE_CHECKING:
    from chelu.api import Client

COLUMNS = ("application", "parameter", "value", "unit", "default", "allowed", "own", "in_force")
HISTORY_COLUMNS = ("at", "actor", "version", "application", "parameter", "former", "latter", "note")

Application = Annotated[str | None, typer.Option(help="Only of this one, such as fcw, or life, which all have in common.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="APPLICATION.PARAMETER=VALUE; VALUE null: the default again. May be given several times."),
]
Note = Annotated[str | None, typer.Option(help="Why: it is kept with what --set changes.")]


def add(app: typer.Typer) -> None:
    """Add this command."""
    app.command("parameters")(parameters)


def parameters(
    site_id: str,
    application: Application = None,
    settings: Settings = None,
    note: Note = None,
    *,
    history: Annotated[bool, typer.Option("--history", help="Show who changed what, newest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what a site's applications go by, after changing what is named with --set; or, with --history, its changes."""
    changes = wanted(settings or [])
    if changes and not note:
        raise ConfigurationError("--note", None, "why: a change is kept with its reason")
    with open_client() as client:
        found = client.people("GET", "sites", site_id, "parameters")
        if changes:
            body = {"values": changes, "note": note}
            headers = {"If-Match": f'"{found["version"]}"'}
            found = client.people("PATCH", "sites", site_id, "parameters", json=body, headers=headers)
        if history:
            print_rows(list(_history(client, site_id, application)), HISTORY_COLUMNS, as_json=as_json)
            return
    chosen = [row for row in found["parameters"] if application in {None, row["application"]}]
    if as_json:
        print_one({**found, "parameters": chosen}, as_json=True)
        return
    print_rows([_row(row) for row in chosen], COLUMNS, as_json=False)
    typer.echo(in_words(found))


def wanted(pairs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``APPLICATION.PARAMETER=VALUE`` texts as the API takes them; ConfigurationError for any other."""
    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        application, _, parameter = name.partition(".")
        try:
            found.setdefault(application, {})[parameter] = json.loads(text)
        except ValueError:
            parameter = ""
        if not (application and parameter):
            raise ConfigurationError("--set", pair, "APPLICATION.PARAMETER=NUMBER, such as fcw.warn_mps2=4.2, or =null")
    return found


def in_words(found: Mapping[str, Any]) -> str:
    """Which version there is, and which inference goes by."""
    told = found["in_force"]
    if told is None:
        return f"version {found['version']}; inference has told nothing of this site in the last hour"
    refused = f"; refused: {told['refused']}" if told["refused"] else ""
    return f"version {found['version']}; inference goes by version {told['version']}{refused}"


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "allowed": f"{row['lowest']:g}–{row['highest']:g}"}


def _history(client: Client, site_id: str, application: str | None) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while True:
        query = present(application=application, before=before)
        page = client.people("GET", "sites", site_id, "parameters", "history", params=query)
        yield from page["changes"]
        before = page["next"]
        if before is None:
            return
