"""`chelu warnings` and `chelu past`: a site's stored warnings, and who was where in a stored moment."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from chelu.api_endpoint import path_of
from chelu.errors import ConfigurationError
from chelu.units import US_PER_S
from services.registry.cli_shared import AsJson, instant, open_client, present, print_rows

WARNINGS = typer.Typer(help="Stored warnings of a site.", no_args_is_help=True)
COLUMNS = ("raised", "warning_id", "application", "level", "host", "about", "lead_s", "lasted_s")
STEP_COLUMNS = ("time", "state", "level", "ttc_s", "distance_m", "required_deceleration_mps2")
HOUR_COLUMNS = ("hour", "application", "count", "imminent", "lead_p10_s", "lead_p50_s", "lead_p90_s")
PAST_COLUMNS = ("kind", "key", "reports", "from", "until", "twin")
KINDS = {1: "speaks", 2: "seen"}
Hours = Annotated[float, typer.Option(min=0.01, max=31 * 24, help="Of so many hours until now.")]


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(WARNINGS, name="warnings")
    app.command("past")(past)


@WARNINGS.command("list")
def list_warnings(
    site: str,
    application: Annotated[str | None, typer.Option(help="Only its warnings, such as fcw.")] = None,
    hours: Hours = 24.0,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="At most so many, the newest.")] = 50,
    *,
    with_advice: Annotated[bool, typer.Option("--advice", help="Also what only advises.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the warnings that were raised, the newest first."""
    query = present(from_us=_since_us(hours), application=application, limit=count, with_advice=with_advice or None)
    with open_client() as client:
        rows = client.people("GET", "sites", site, "warnings", params=query)["warnings"]
    print_rows(rows if as_json else [_line(row) for row in rows], COLUMNS, as_json=as_json)


@WARNINGS.command("show")
def show_warning(site: str, warning_id: str, *, as_json: AsJson = False) -> None:
    """Show all that became of one warning."""
    with open_client() as client:
        story = client.people("GET", "sites", site, "warnings", warning_id)
    print_rows(
        story["steps"] if as_json else [{**row, "time": instant(row["time_us"])} for row in story["steps"]],
        STEP_COLUMNS,
        as_json=as_json,
    )


@WARNINGS.command("hours")
def count_warnings(site: str, hours: Hours = 24.0, *, as_json: AsJson = False) -> None:
    """Count warnings by hour and application, with the time that was left until the contact."""
    query = {"from_us": _since_us(hours), "to_us": time.time_ns() // 1000}
    with open_client() as client:
        rows = client.people("GET", "sites", site, "warning-hours", params=query)
    print_rows(rows if as_json else [{**row, "hour": instant(row["hour_us"])} for row in rows], HOUR_COLUMNS, as_json=as_json)


def past(
    site: str,
    at: Annotated[str, typer.Option(help="Where it begins: ISO 8601 with time zone.")],
    seconds: Annotated[float, typer.Option(min=0.001, max=60, help="So long.")] = 2.0,
    output: Annotated[Path | None, typer.Option(help="Keep the answer as it came: docs/formats/columns.md.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show who was there in a stored moment, and how often they were reported."""
    from_us = _instant_us(at)
    query = {"from_us": from_us, "to_us": from_us + round(seconds * US_PER_S)}
    with open_client() as client:
        content = b"".join(client.pieces(path_of("sites", site, "past", "picture"), **query))
    if output is not None:
        output.write_bytes(content)
    print_rows(_tracks(content), PAST_COLUMNS, as_json=as_json)


def _tracks(content: bytes) -> list[dict[str, Any]]:
    from chelu.codec.columns import unpack

    rows, header = unpack(content)
    tracks, found = header["tracks"], []
    for number, (kind, key, twin) in enumerate(zip(tracks["kind"], tracks["key"], tracks["twin"], strict=True)):
        times = header["from_us"] + rows["at_ms"][rows["track"] == number].astype(int) * 1000
        span = {"from": instant(int(times.min())), "until": instant(int(times.max()))}
        lead = tracks["key"][twin] if twin >= 0 else None
        found.append({"kind": KINDS[kind], "key": key, "reports": len(times), **span, "twin": lead})
    return found


def _line(row: dict[str, Any]) -> dict[str, Any]:
    other = row["other"]
    lasted_s = None if row["ended_us"] is None else round((row["ended_us"] - row["raised_us"]) / US_PER_S, 1)
    about = _name(other) if other else f"{row['subject_kind']} {row['subject_id']}"
    return {**row, "raised": instant(row["raised_us"]), "host": _name(row["host"]), "about": about, "lasted_s": lasted_s}


def _name(party: dict[str, Any]) -> str:
    return str(party["vehicle_id"] or f"{party['device_id']} #{party['participant_id']}")


def _since_us(hours: float) -> int:
    return time.time_ns() // 1000 - round(hours * 3600 * US_PER_S)


def _instant_us(text: str) -> int:
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        at = datetime.datetime.min
    if at.tzinfo is None:
        raise ConfigurationError("--at", text, "ISO 8601 with time zone, such as 2027-01-01T00:00:00+08:00")
    return (at - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(microseconds=1)
