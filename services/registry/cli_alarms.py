"""`chelu alarms`, `chelu thresholds`, `chelu maintenance`: what is wrong, what counts as wrong, and when nobody is told."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any

import typer

from chelu.errors import ConfigurationError
from chelu.topics import Kind
from services.registry.cli_shared import AsJson, open_client, present, print_one, print_rows

ALARMS = typer.Typer(help="Alarms: what is wrong on the site.", no_args_is_help=True)
THRESHOLDS = typer.Typer(help="What counts as an alarm, for whom.", no_args_is_help=True)
MAINTENANCE = typer.Typer(help="Times in which a device or a site may be wrong without an alarm.", no_args_is_help=True)
ALARM_COLUMNS = (
    *("alarm_id", "severity", "kind", "subject", "part", "site_id", "state", "since", "value", "bound", "detail"),
    *("acknowledged_by", "comment"),
)
KIND_COLUMNS = ("name", "severity", "bound", "clear_bound", "unit", "raise_after_s", "clear_after_s", "about")
THRESHOLD_COLUMNS = (
    *("threshold_id", "kind", "site", "device_kind", "device", "bound", "clear_bound"),
    *("raise_after_s", "clear_after_s", "severity", "is_enabled"),
)
LIMIT_COLUMNS = ("kind", "severity", "bound", "clear_bound", "raise_after_s", "clear_after_s", "is_enabled")
WINDOW_COLUMNS = ("maintenance_id", "site", "device", "kinds", "starts", "ends", "reason", "created_by")
SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|min|h|d)")
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}

Site = Annotated[str | None, typer.Option(help="Only of this site.")]
AlarmKind = Annotated[str | None, typer.Option(help="Only of this kind; `chelu alarms kinds` has them.")]
Comment = Annotated[str, typer.Option(help="Why, or who cares.")]


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(ALARMS, name="alarms")
    app.add_typer(THRESHOLDS, name="thresholds")
    app.add_typer(MAINTENANCE, name="maintenance")


@ALARMS.command("list")
def list_alarms(
    site: Site = None,
    kind: AlarmKind = None,
    subject: Annotated[str | None, typer.Option(help="Only of this device, vehicle, area …")] = None,
    severity: Annotated[str | None, typer.Option(help="At least info, warning, major or critical.")] = None,
    state: Annotated[str, typer.Option(help="open, pending, raised, clearing or cleared")] = "open",
    *,
    as_json: AsJson = False,
) -> None:
    """List alarms, by default those that are open, oldest first."""
    rows: list[dict[str, Any]] = []
    query = present(site=site, kind=kind, subject=subject, severity=severity, state=state, after=0)
    with open_client() as client:
        while query["after"] is not None:
            page = client.people("GET", "alarms", params=query)
            rows += page["alarms"]
            query["after"] = page["next"]
    print_rows(rows, ALARM_COLUMNS, as_json=as_json)


@ALARMS.command("show")
def show_alarm(alarm_id: int, *, as_json: AsJson = False) -> None:
    """Show one alarm, with who did what when."""
    with open_client() as client:
        _print_alarm(client.people("GET", "alarms", str(alarm_id)), as_json=as_json)


@ALARMS.command("ack")
def acknowledge(alarm_ids: list[int], comment: Comment = "") -> None:
    """Acknowledge alarms: somebody has seen them and cares."""
    _do("acknowledge", alarm_ids, comment)


@ALARMS.command("clear")
def clear(alarm_ids: list[int], comment: Comment = "") -> None:
    """Let alarms be over; what is still so is raised anew."""
    _do("clear", alarm_ids, comment)


@ALARMS.command("kinds")
def list_kinds(*, as_json: AsJson = False) -> None:
    """List the kinds of alarms and the limits that count unless a threshold says otherwise."""
    with open_client() as client:
        print_rows(client.people("GET", "alarm-kinds"), KIND_COLUMNS, as_json=as_json)


@THRESHOLDS.command("list")
def list_thresholds(kind: AlarmKind = None, *, as_json: AsJson = False) -> None:
    """List what was set, the widest first."""
    with open_client() as client:
        print_rows(client.people("GET", "thresholds", params=present(kind=kind)), THRESHOLD_COLUMNS, as_json=as_json)


@THRESHOLDS.command("show")
def show_limits(device_id: str, *, as_json: AsJson = False) -> None:
    """Show what counts for one device, the most specific of all that was set."""
    with open_client() as client:
        print_rows(client.people("GET", "devices", device_id, "thresholds"), LIMIT_COLUMNS, as_json=as_json)


@THRESHOLDS.command("set")
def set_threshold(
    kind: Annotated[str, typer.Argument(help="Kind of alarm, such as offline.")],
    site: Annotated[str | None, typer.Option(help="For this site.")] = None,
    device_kind: Annotated[Kind | None, typer.Option(help="For devices of this kind.")] = None,
    device: Annotated[str | None, typer.Option(help="For this device alone.")] = None,
    bound: Annotated[float | None, typer.Option(help="In the kind's unit.")] = None,
    clear_bound: Annotated[
        float | None, typer.Option(help="It has to come back to this; by default as wider ones say, at most the bound.")
    ] = None,
    raise_after: Annotated[float | None, typer.Option(help="Seconds it has to be so.")] = None,
    clear_after: Annotated[float | None, typer.Option(help="Seconds it has to be no longer so.")] = None,
    severity: Annotated[str | None, typer.Option(help="info, warning, major or critical")] = None,
    *,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Whether there is such an alarm at all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set limits for a device, a site, a device kind, or all; what is not given, the next wider ones say."""
    limits = present(bound=bound, clear_bound=clear_bound, raise_after_s=raise_after, clear_after_s=clear_after)
    body = {**limits, **present(kind=kind, site=site, device_kind=device_kind, device=device, severity=severity, is_enabled=on)}
    with open_client() as client:
        print_one(client.people("PUT", "thresholds", json=body), as_json=as_json)


@THRESHOLDS.command("remove")
def remove_threshold(threshold_id: int) -> None:
    """Let what is wider count again."""
    with open_client() as client:
        client.people("DELETE", "thresholds", str(threshold_id))


@MAINTENANCE.command("list")
def list_maintenance(
    site: Site = None,
    *,
    over: Annotated[bool, typer.Option("--over", help="Those that are over, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the windows that last or are to come."""
    with open_client() as client:
        rows = client.people("GET", "maintenance", params=present(site=site, is_over=over))
    print_rows(rows, WINDOW_COLUMNS, as_json=as_json)


@MAINTENANCE.command("add")
def add_maintenance(
    site: Annotated[str, typer.Option(help="The site's id.")],
    lasting: Annotated[str, typer.Option("--for", help="How long, such as 30min, 2h or 1d.")],
    device: Annotated[str | None, typer.Option(help="Only this device; by default the whole site.")] = None,
    start: Annotated[str | None, typer.Option(help="ISO 8601 with time zone; by default now.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only this kind of alarm; may be given several times.")] = None,
    reason: str = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Keep alarms from being raised for a time; what is still so at its end is raised then."""
    begins = datetime.datetime.now(datetime.UTC) if start is None else _instant(start)
    ends = (begins + _span(lasting)).isoformat()
    body = present(site=site, device=device, kinds=kind, starts=start, ends=ends, reason=reason)
    with open_client() as client:
        print_one(client.people("POST", "maintenance", json=body), as_json=as_json)


@MAINTENANCE.command("end")
def end_maintenance(maintenance_id: int) -> None:
    """End a window now."""
    with open_client() as client:
        client.people("DELETE", "maintenance", str(maintenance_id))


def _do(action: str, alarm_ids: list[int], comment: str) -> None:
    with open_client() as client:
        for alarm_id in alarm_ids:
            found = client.people("POST", "alarms", str(alarm_id), action, json={"comment": comment})
            seen = f", acknowledged by {found['acknowledged_by']}" if action == "acknowledge" else ""
            typer.echo(f"{alarm_id} {found['kind']} {found['subject']}: {found['state']}{seen}")


def _print_alarm(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_one(found, as_json=True)
        return
    print_one({name: value for name, value in found.items() if name != "events"}, as_json=False)
    typer.echo()
    print_rows(found["events"], ("at", "event", "actor", "comment"), as_json=False)


def _instant(text: str) -> datetime.datetime:
    try:
        instant = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError("--start", text, "ISO 8601, such as 2027-01-01T08:00:00+08:00") from None
    if instant.tzinfo is None:
        raise ConfigurationError("--start", text, "with a time zone, such as 2027-01-01T08:00:00+08:00")
    return instant


def _span(text: str) -> datetime.timedelta:
    found = SPAN.fullmatch(text)
    if found is None:
        raise ConfigurationError("--for", text, "a number with s, min, h or d, such as 90min")
    return datetime.timedelta(seconds=float(found[1]) * SECONDS[found[2]])
