"""`chelu case`: what happens in the city, what rules propose about it, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.errors import ConfigurationError
from services.registry.cli_shared import AsJson, open_client, present, print_one, print_rows, read_json

if TYPE_CHECKING:
    from chelu.api import Client

CASES = typer.Typer(help="The event board: cases, and what rules propose about them.", no_args_is_help=True)
RULES = typer.Typer(help="Rules: when a case is so, then propose this.", no_args_is_help=True)
CASES.add_typer(RULES, name="rules")
COLUMNS = (
    "case_id",
    "state",
    "severity",
    "kind",
    "title",
    "spot",
    "duty",
    "opened",
    "last_sign",
    "signs",
    "going_on",
    "proposals",
)
SIGN_COLUMNS = ("source", "kind", "severity", "at", "ended", "spot", "text")
PROPOSAL_COLUMNS = ("proposal_id", "case_id", "rule_id", "action", "state", "made", "settled_by", "held", "answer", "has_helped")
HISTORY_COLUMNS = ("at", "actor", "event", "detail", "comment")
RULE_COLUMNS = (
    "rule_id",
    "enabled",
    "by_itself",
    "when",
    "then",
    "waiting",
    "done",
    "rejected",
    "failed",
    "success",
    "with_s",
    "without_s",
)
KIND_COLUMNS = ("name", "severity", "radius_m", "joining_s", "over_s", "signs", "about")

SiteId = Annotated[str, typer.Option("--site", help="The site's id.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER")]
Comment = Annotated[str, typer.Option(help="What there is to say.")]
Text = Annotated[str, typer.Option(help="What is seen.")]
Latitude = Annotated[float | None, typer.Option(help="° north, WGS-84.")]
Longitude = Annotated[float | None, typer.Option(help="° east, WGS-84.")]
Elevation = Annotated[float | None, typer.Option(help="Metres above the ellipsoid: on which deck.")]
SpotName = Annotated[str, typer.Option(help="A road, lane, device … of the site.")]


class Which(StrEnum):
    """Which cases."""

    OPEN = "open"
    UNATTENDED = "unattended"
    OVER = "over"
    ALL = "all"


@CASES.command("list")
def list_cases(
    site: SiteId,
    which: Annotated[Which, typer.Option(help="By default those that are not over.")] = Which.OPEN,
    kind: Annotated[str | None, typer.Option(help="Only of this kind; `chelu case kinds` has them.")] = None,
    severity: Annotated[str | None, typer.Option(help="At least info, warning, major or critical.")] = None,
    duty: Annotated[str | None, typer.Option(help="Only those that these have to do with.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List cases, newest first."""
    with open_client() as client:
        rows = list(_pages(client, site, "cases", present(which=which.value, kind=kind, severity=severity, duty=duty)))
    print_rows(rows, COLUMNS, as_json=as_json)


@CASES.command("show")
def show_case(case_id: Number, site: SiteId, *, as_json: AsJson = False) -> None:
    """Show a case: what it is made of, what is proposed, and who did what when."""
    with open_client() as client:
        _print_case(client.people("GET", "sites", site, "cases", str(case_id)), as_json=as_json)


@CASES.command("kinds")
def list_kinds(*, as_json: AsJson = False) -> None:
    """List the kinds of cases, of which signs they are made, and when signs belong together."""
    with open_client() as client:
        rows = client.people("GET", "case-kinds")
    shown = rows if as_json else [{**row, "signs": ", ".join(row["signs"])} for row in rows]
    print_rows(shown, KIND_COLUMNS, as_json=as_json)


@CASES.command("open")
def open_case(
    site: SiteId,
    kind: Annotated[str, typer.Option(help="What is seen, such as accident, debris, jam, flood, other.")],
    text: Text = "",
    spot: SpotName = "",
    latitude: Latitude = None,
    longitude: Longitude = None,
    elevation: Elevation = None,
    severity: Annotated[str | None, typer.Option(help="info, warning, major or critical; by default as the kind has it.")] = None,
    duty: Annotated[str | None, typer.Option(help="Who acts.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Open a case by hand, or join what is known of the same kind at the same place."""
    more = present(place=_place(latitude, longitude, elevation), severity=severity, duty=duty)
    with open_client() as client:
        found = client.people("POST", "sites", site, "cases", json={"kind": kind, "text": text, "spot": spot, **more})
        _print_case(found, as_json=as_json)


@CASES.command("report")
def report(
    site: SiteId,
    kind: Annotated[str, typer.Option(help="What was seen, such as accident, debris, jam, flood, other.")],
    text: Text = "",
    spot: SpotName = "",
    latitude: Latitude = None,
    longitude: Longitude = None,
    elevation: Elevation = None,
    reference: Annotated[str, typer.Option(help="The hotline's own number, so that none comes twice.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Hand in what a citizen told."""
    more = present(place=_place(latitude, longitude, elevation))
    body = {"kind": kind, "text": text, "spot": spot, "reference": reference, **more}
    with open_client() as client:
        _print_case(client.people("POST", "sites", site, "citizen-reports", json=body), as_json=as_json)


@CASES.command("change")
def change_case(
    case_id: Number,
    site: SiteId,
    state: Annotated[str | None, typer.Option(help="open, acting, resolved, closed or dismissed")] = None,
    duty: Annotated[str | None, typer.Option(help="Who acts from now on.")] = None,
    severity: Annotated[str | None, typer.Option(help="info, warning, major or critical")] = None,
    comment: Comment = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Say who acts, how grave it is, or what has become of it."""
    body = {**present(state=state, duty=duty, severity=severity), "comment": comment}
    with open_client() as client:
        _print_case(client.people("PATCH", "sites", site, "cases", str(case_id), json=body), as_json=as_json)


@CASES.command("proposals")
def list_proposals(
    site: SiteId,
    state: Annotated[str | None, typer.Option(help="proposed, done, failed, rejected, expired or withdrawn")] = None,
    rule: Annotated[str | None, typer.Option(help="Only of this rule.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what rules proposed, newest first, and what came of it."""
    with open_client() as client:
        rows = list(_pages(client, site, "proposals", present(state=state, rule=rule)))
    print_rows(rows, PROPOSAL_COLUMNS, as_json=as_json)


@CASES.command("approve")
def approve(proposal_id: Number, site: SiteId, comment: Comment = "", *, as_json: AsJson = False) -> None:
    """Carry a proposal out."""
    _decide("approve", proposal_id, site, comment, as_json=as_json)


@CASES.command("reject")
def reject(proposal_id: Number, site: SiteId, comment: Comment = "", *, as_json: AsJson = False) -> None:
    """Do not do what is proposed."""
    _decide("reject", proposal_id, site, comment, as_json=as_json)


@RULES.command("list")
def list_rules(site: SiteId, *, as_json: AsJson = False) -> None:
    """List rules, with how often what they proposed was done, and how often it helped."""
    with open_client() as client:
        rows = client.people("GET", "sites", site, "rules")
    print_rows(rows if as_json else [_rule_row(row) for row in rows], RULE_COLUMNS, as_json=as_json)


@RULES.command("show")
def show_rule(rule_id: str, site: SiteId) -> None:
    """Show a rule as JSON: what `chelu case rules set` takes, with its record."""
    with open_client() as client:
        print_one(client.people("GET", "sites", site, "rules", rule_id), as_json=True)


@RULES.command("set")
def set_rule(
    rule_id: str,
    site: SiteId,
    file: Annotated[Path, typer.Option(help="The rule as JSON (docs/city/board.md).")],
    *,
    as_json: AsJson = False,
) -> None:
    """Set a rule, or a new version of it."""
    body = read_json(file, "--file")
    with open_client() as client:
        row = client.people("PUT", "sites", site, "rules", rule_id, json=body)
    print_rows([row] if as_json else [_rule_row(row)], RULE_COLUMNS, as_json=as_json)


@RULES.command("remove")
def remove_rule(rule_id: str, site: SiteId) -> None:
    """Take a rule away that never proposed anything."""
    with open_client() as client:
        client.people("DELETE", "sites", site, "rules", rule_id)


def _decide(what: str, proposal_id: int, site: str, comment: str, *, as_json: bool) -> None:
    with open_client() as client:
        row = client.people("POST", "sites", site, "proposals", str(proposal_id), what, json={"comment": comment})
    print_one(row, as_json=as_json)


def _pages(client: Client, site: str, what: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while True:
        page = client.people("GET", "sites", site, what, params={**query, **present(before=before)})
        yield from page[what]
        before = page["next"]
        if before is None:
            return


def _place(latitude: float | None, longitude: float | None, elevation: float | None) -> dict[str, float] | None:
    if (latitude is None) != (longitude is None):
        raise ConfigurationError("--latitude", latitude, "both --latitude and --longitude, or neither")
    return None if latitude is None else present(latitude_deg=latitude, longitude_deg=longitude, elevation_m=elevation)


def _print_case(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_one(found, as_json=True)
        return
    lists = (("made_of", SIGN_COLUMNS), ("proposed", PROPOSAL_COLUMNS), ("history", HISTORY_COLUMNS))
    names = {name for name, _ in lists}
    print_one({name: value for name, value in found.items() if name not in names}, as_json=False)
    for name, columns in lists:
        typer.echo(f"\n{name.replace('_', ' ')}:")
        print_rows(found[name], columns, as_json=False)


def _rule_row(row: Mapping[str, Any]) -> dict[str, Any]:
    record = row["record"]
    when = f"{', '.join(row['when']['kinds'])} from {row['when']['least']} on"
    medians = {f"{name}_s": record[f"over_s_{name}"] for name in ("with", "without")}
    return {
        "rule_id": row["rule_id"],
        "enabled": row["is_enabled"],
        "by_itself": row["runs_by_itself"],
        "when": when,
        "then": ", ".join(each["do"] for each in row["then"]),
        **{name: record[name] for name in ("waiting", "done", "rejected", "failed")},
        "success": None if record["success"] is None else f"{record['success']:.0%}",
        **{name: None if value is None else f"{value:.0f}" for name, value in medians.items()},
    }
