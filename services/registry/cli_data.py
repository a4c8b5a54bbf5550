"""`chelu data …`: stored rows as files for teams, and what was handed out."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from chelu.errors import ConfigurationError
from chelu.units import US_PER_S
from services.registry.cli_shared import AsJson, open_client, present, print_one, print_rows, read_json

DATA = typer.Typer(help="Data for teams: stored rows as files.", no_args_is_help=True)
ZONES = typer.Typer(help="Places in which exports show nothing of others' vehicles.", no_args_is_help=True)
STREAM_COLUMNS = ("stream", "site", "owner", "rate_hz", "devices", "first", "last", "hours", "kept", "quality")
RETENTION_COLUMNS = ("stream", "set", "in force")
ZONE_COLUMNS = ("zone_id", "reason", "polygon")
EXPORT_COLUMNS = ("export_id", "created", "actor", "recipient", "purpose", "format", "streams", "rows", "bytes", "complete")


def add(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.add_typer(DATA, name="data")
    DATA.add_typer(ZONES, name="zone")


@DATA.command("export")
def export(
    directory: Annotated[Path, typer.Argument(help="Where the files go, one a stream; the same command again goes on there.")],
    stream: Annotated[list[str], typer.Option(help="bsm, participant, spat …; may be given several times.")],
    purpose: Annotated[str, typer.Option(help="What for; it is kept.")],
    format_name: Annotated[str, typer.Option("--format", help="parquet, csv, ndjson, mcap.")] = "parquet",
    recipient: Annotated[str | None, typer.Option(help="The organisation that gets it; default: your own team.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="Only what came from it; may be given several times.")] = None,
    site: Annotated[str | None, typer.Option(help="Only what came from this site's devices.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First instant, ISO 8601 with time zone.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Instant before which it ends, ISO 8601 with time zone.")] = None,
    box: Annotated[str | None, typer.Option(help="SOUTH,WEST,NORTH,EAST in degrees.")] = None,
    around: Annotated[str | None, typer.Option(help="LATITUDE,LONGITUDE,METRES.")] = None,
    polygon: Annotated[Path | None, typer.Option(help="File with a GeoJSON Polygon.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Fetch stored rows as files; what was interrupted goes on where it stopped, and ends as the same bytes."""
    area = _area(box, around, polygon)
    times = present(from_us=_instant_us("--from", start), to_us=_instant_us("--to", end))
    chosen = present(devices=device or None, site=site, area=area, recipient=recipient)
    wanted = {"streams": stream, "format": format_name, "purpose": purpose, **chosen, **times}
    with open_client() as client:
        from chelu import api_exports

        found = api_exports.begin(client, directory, wanted)
        _fetch(client, found, directory)
        found = client.people("GET", "exports", str(found["export_id"]))
    print_one(found if as_json else _shown(found), as_json=as_json)


@DATA.command("exports")
def list_exports(
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="At most so many, the newest.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """List your exports, the newest first: who got what, and what for. Administrators of all sites see everybody's."""
    with open_client() as client:
        found = client.people("GET", "exports", params={"limit": count})["exports"]
    print_rows(found if as_json else [_shown(one) for one in found], EXPORT_COLUMNS, as_json=as_json)


@DATA.command("streams")
def list_streams(*, as_json: AsJson = False) -> None:
    """List the streams that are stored, by site: whose they are, their rate, what there is of them, and how good it is."""
    with open_client() as client:
        found = client.people("GET", "streams")
    print_rows(found if as_json else [row for one in found for row in _covered(one)], STREAM_COLUMNS, as_json=as_json)


@DATA.command("retention")
def retention(
    stream: Annotated[str | None, typer.Argument(help="What to change; without it all are shown.")] = None,
    hours: Annotated[int | None, typer.Option(min=1, help="Keep its rows so long; what is older is gone within minutes.")] = None,
    *,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="Keep its rows for ever.")] = False,
    unset: Annotated[bool, typer.Option("--unset", help="Let ingest's own setting count.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how long rows are kept by stream, or change it for one."""
    if stream is not None and (hours is not None) + for_ever + unset != 1:
        raise ConfigurationError("retention", stream, "one of --hours, --for-ever and --unset")
    with open_client() as client:
        if stream is not None and unset:
            client.people("DELETE", "retention", stream)
        elif stream is not None:
            client.people("PUT", "retention", stream, json={"keep_hours": hours})
        rows = client.people("GET", "retention")
    print_rows(rows if as_json else list(map(_kept, rows)), RETENTION_COLUMNS, as_json=as_json)


def _covered(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A stream's lines, one a site."""
    nothing = {
        "site": "not looked for",
        "owner": None,
        "rate_hz": None,
        "devices": None,
        "first": None,
        "last": None,
        "hours": None,
    }
    lines = one["sites"] if one["sites"] is not None else [nothing]
    kept = "for ever" if one["keep_hours"] is None else f"{one['keep_hours']} h"
    return [{**line, "stream": one["stream"], "kept": kept, "quality": _score(line.get("quality"))} for line in lines]


def _score(quality: Any) -> str:
    return "not assessed" if quality is None else f"{quality:.3f}"


def _kept(row: Mapping[str, Any]) -> dict[str, Any]:
    wished = _hours(row["keep_hours"]) if row["is_set"] else "as ingest's settings"
    return {"stream": row["stream"], "set": wished, "in force": _hours(row["in_force_hours"]) if row["is_known"] else "not known"}


def _hours(hours: int | None) -> str:
    return "for ever" if hours is None else f"{hours} h"


@ZONES.command("list")
def list_zones(site: str, *, as_json: AsJson = False) -> None:
    """List a site's private zones."""
    with open_client() as client:
        rows = client.people("GET", "sites", site, "private-zones")
    print_rows(
        rows if as_json else [{**row, "polygon": row["polygon"]["coordinates"][0]} for row in rows], ZONE_COLUMNS, as_json=as_json
    )


@ZONES.command("put")
def put_zone(
    site: str,
    zone: str,
    polygon: Annotated[Path, typer.Option(help="File with a GeoJSON Polygon.")],
    reason: Annotated[str, typer.Option(help="Why nothing is shown there: a depot, a home.")],
) -> None:
    """Let exports show nothing of others' vehicles in a place, from now on."""
    with open_client() as client:
        body = {"reason": reason, "polygon": read_json(polygon, "--polygon")}
        client.people("PUT", "sites", site, "private-zones", zone, json=body)
    typer.echo(f"{zone}: exports that are asked for from now on show nothing of others' vehicles there")


@ZONES.command("delete")
def delete_zone(site: str, zone: str) -> None:
    """Give a private zone up."""
    with open_client() as client:
        client.people("DELETE", "sites", site, "private-zones", zone)
    typer.echo(f"{zone}: given up; exports that were asked for before keep it")


def _fetch(client: Any, found: Mapping[str, Any], directory: Path) -> None:
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

    from chelu import api_exports

    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks = {name: progress.add_task(name, total=None) for name in found["selection"]["streams"]}
        api_exports.fetch(client, found, directory, lambda name, size: progress.advance(tasks[name], size))


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    sums = {name: sum(file[name] for file in one["files"]) for name in ("rows", "trimmed", "bytes")}
    is_complete = all(file["is_complete"] for file in one["files"])
    names = {name: one[name] for name in ("export_id", "created", "actor", "recipient", "purpose", "format")}
    return {**names, "streams": " ".join(one["selection"]["streams"]), **sums, "complete": is_complete}


def _area(box: str | None, around: str | None, polygon: Path | None) -> dict[str, Any] | None:
    given = present(
        box=box and _numbers("--box", box, ("south", "west", "north", "east")),
        around=around and _numbers("--around", around, ("latitude_deg", "longitude_deg", "radius_m")),
        polygon=polygon and read_json(polygon, "--polygon"),
    )
    return given or None


def _numbers(option: str, text: str, names: tuple[str, ...]) -> dict[str, float]:
    try:
        return dict(zip(names, map(float, text.split(",")), strict=True))
    except ValueError:
        raise ConfigurationError(option, text, f"{len(names)} numbers: {','.join(names)}") from None


def _instant_us(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        instant = datetime.datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ConfigurationError(option, text, "ISO 8601 with time zone, such as 2026-05-01T08:00:00+08:00")
    return round(instant.timestamp() * US_PER_S)
