"""`chelu supervision …`: how vehicles drive, what happened to them, what was kept of it, and what a month came to."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from services.registry.cli_shared import AsJson, open_client, print_one, print_rows
from services.registry.cli_track import Site

SUPERVISION = typer.Typer(help="Vehicles under supervision: modes, events, captures, months.", no_args_is_help=True)
Team = Annotated[str | None, typer.Option(help="Only of this team.")]
MODES = ("automated", "assisted", "manual", "remote", "unknown")
COUNTED = ("disengagement", "take-over", "left its ODD", "fault", "left its area", "trespass")


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(SUPERVISION, name="supervision")


@SUPERVISION.command("list")
def list_vehicles(
    site: Site,
    team: Team = None,
    kind: Annotated[str | None, typer.Option(help="Only these: car, bus, delivery robot …")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show how vehicles drive now."""
    with open_client() as client:
        rows = client.people("GET", "sites", site, "vehicles", params=_given(team=team, kind=kind))
    shown = rows if as_json else [{**row, **_in_words(row)} for row in rows]
    names = ("vehicle", "vehicle_kind", "team", "mode", "since", "cause", "reason", "in_odd", "faults", "heard")
    print_rows(shown, names, as_json=as_json)


@SUPERVISION.command("events")
def list_events(
    site: Site,
    vehicle: Annotated[str | None, typer.Option(help="Only of this vehicle.")] = None,
    team: Team = None,
    what: Annotated[str | None, typer.Option(help="Only these: disengagement, take-over, fault …")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what happened, oldest first."""
    events: list[dict[str, Any]] = []
    after: int | None = 0
    with open_client() as client:
        while after is not None:
            query = {**_given(vehicle=vehicle, team=team, what=what), "limit": 10_000, "after": after}
            page = client.people("GET", "sites", site, "events", params=query)
            events += page["events"]
            after = page["next"]
    names = ("event_id", "time", "vehicle", "team", "what", "former_mode", "mode", "cause", "reason", "capture")
    print_rows(events, names, as_json=as_json)


@SUPERVISION.command("mark")
def mark(vehicle: str, site: Site, reason: str = "", *, as_json: AsJson = False) -> None:
    """Mark this instant: the streams around it are kept, from 30 s before to 30 s after."""
    with open_client() as client:
        event = client.people("POST", "sites", site, "events", json={"vehicle": vehicle, "reason": reason})
    print_one(event, as_json=as_json)


@SUPERVISION.command("capture")
def capture(
    event: int,
    site: Site,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; else SITE-EVENT.mcap here.")] = None,
) -> None:
    """Write what was kept of the streams around an event as an MCAP file, which Foxglove opens."""
    with open_client() as client:
        content = client.capture(site, event)
    target = output or Path(f"{site}-{event}.mcap")
    target.write_bytes(content)
    typer.echo(f"{target}: {len(content)} bytes")


@SUPERVISION.command("month")
def month(
    month: Annotated[str, typer.Argument(help="YYYY-MM, by the site's clocks.")],
    site: Site,
    team: Team = None,
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Report hours and kilometres by mode, and what happened, by team and vehicle."""
    with open_client() as client:
        report = client.people("GET", "sites", site, "months", month, params=_given(team=team))
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    rows = [_line(vehicle, vehicle["vehicle"]) for part in report["teams"] for vehicle in part["vehicles"]]
    rows += [_line({**part, "vehicle_kind": None}, "all of the team") for part in report["teams"]]
    names = list(rows[0]) if rows else ["team", "vehicle"]
    if as_csv:
        target = io.StringIO()
        writer = csv.DictWriter(target, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        typer.echo(target.getvalue(), nl=False)
        return
    used = [name for name in names if name in {"team", "vehicle"} or any(row[name] for row in rows)]
    print_rows(rows, used, as_json=False)


def _in_words(row: Mapping[str, Any]) -> dict[str, str]:
    """What a table cannot show as it is: outside its ODD is not the same as not said."""
    in_odd = {None: "not said", True: "inside", False: "OUTSIDE"}[row["in_odd"]]
    return {"in_odd": in_odd, "faults": ", ".join(fault["code"] for fault in row["faults"])}


def _line(part: Mapping[str, Any], vehicle: str) -> dict[str, Any]:
    hours = {f"{mode} h": round(part["hours"].get(mode, 0), 2) for mode in MODES}
    kilometres = {f"{mode} km": round(part["kilometres"].get(mode, 0), 2) for mode in MODES}
    counts = {what: part["events"].get(what, 0) for what in COUNTED}
    per = part.get("automated_km_per_disengagement")
    line = {"team": part["team"], "vehicle": vehicle, "kind": part["vehicle_kind"], **hours, **kilometres, **counts}
    return {**line, "automated km per disengagement": "" if per is None else per}


def _given(**query: str | None) -> dict[str, str]:
    return {name: value for name, value in query.items() if value is not None}
