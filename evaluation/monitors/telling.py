"""What the commands print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from chelu.quality.monitors.assessments import Hours, Tally, days
from chelu.quality.monitors.catalogue import BY_NAME, MONITORS, named
from chelu.quality.monitors.events import Event
from chelu.quality.monitors.notifications import Notification
from chelu.quality.monitors.run import Report
from chelu.units import US_PER_S

SHOWN_EVENTS = 20


def tell_catalogue(*, as_json: bool) -> None:
    """All monitors in a table."""
    if as_json:
        typer.echo(json.dumps([_entry(name) for name in BY_NAME], ensure_ascii=False, indent=2))
        return
    table = Table("monitor", "tells that", "unit", "parameters")
    for one in MONITORS:
        table.add_row(
            one.name, one.about, one.unit, " ".join(f"{key}={value:g}" for key, value in asdict(one.parameters()).items())
        )
    Console().print(table)


def tell_report(report: Report, names: Mapping[int, str], *, as_json: bool) -> None:
    """What a run found."""
    if as_json:
        typer.echo(json.dumps(_document(report, names), ensure_ascii=False, indent=2))
        return
    console = Console()
    console.print(_totals(report))
    for event in report.events[:SHOWN_EVENTS]:
        console.print(_sentence(event, names), highlight=False)
    if hidden := len(report.events) + report.unkept - SHOWN_EVENTS:
        console.print(
            f"… and {hidden} more events; --json has {len(report.events)}" if hidden > 0 else "", end="\n" * (hidden > 0)
        )
    for told in report.notifications():
        console.print(f"[red]{_told(told, names)}[/red]", highlight=False)


def _totals(report: Report) -> Table:
    table = Table("monitor", "subjects", "judged", "bad", "not judged")
    for name in report.hours:
        whole = report.of_monitor(name)
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in whole.passed.items())
        table.add_row(name, f"{len(report.subjects(name)):,}", f"{whole.judged:,}", f"{whole.bad:,}", reasons)
    return table


def _sentence(event: Event, names: Mapping[int, str]) -> str:
    monitor = BY_NAME[event.monitor]
    lasted = f" for {(event.until_us - event.time_us) / US_PER_S:.1f} s" if event.items > 1 else ""
    who = f", vehicle {event.who:016x}" if event.who else ""
    whom = named(monitor, event.subject, names)
    return f"{_time(event.time_us)} {event.monitor}: {whom}{who}{lasted}, {event.value:.3g} {monitor.unit}"


def _told(told: Notification, names: Mapping[int, str]) -> str:
    monitor, tally = BY_NAME[told.monitor], told.tally
    share = f"{tally.bad:,} of {tally.judged:,} bad ({100 * tally.share:.1f} %)"
    return f"{_time(told.hour_us)} {told.monitor}: {named(monitor, told.subject, names)}: {share}. {monitor.action}"


def _document(report: Report, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "events": [
            {**asdict(one), "subject": named(BY_NAME[one.monitor], one.subject, names), "time": _time(one.time_us)}
            for one in report.events
        ],
        "assessments": _assessments(report, report.hours, "hour", names),
        "days": _assessments(report, {name: days(tallies) for name, tallies in report.hours.items()}, "day", names),
        "notifications": [_told(one, names) for one in report.notifications()],
        "events_not_kept": report.unkept,
    }


def _assessments(report: Report, found: Mapping[str, Hours], period: str, names: Mapping[int, str]) -> list[dict[str, Any]]:
    return [
        {"monitor": name, "subject": named(BY_NAME[name], subject, names), period: _time(begin_us), **_tally(report, name, tally)}
        for name, tallies in found.items()
        for (subject, begin_us), tally in sorted(tallies.items())
    ]


def _tally(report: Report, name: str, tally: Tally) -> dict[str, Any]:
    return {**asdict(tally), "share": tally.share, "verdict": tally.verdict(report.parameters[name]).value}


def _entry(name: str) -> dict[str, Any]:
    one = BY_NAME[name]
    texts = {key: getattr(one, key) for key in ("name", "title", "about", "formula", "source", "action", "unit")}
    return {**texts, "part": one.part.value, "parameters": asdict(one.parameters())}


def _time(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / US_PER_S, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
