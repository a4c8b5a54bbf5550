"""`chelu map …`: a site's maps, kept, made valid, sent to roadside units, and compared with what these send."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.errors import ConfigurationError
from services.registry.cli_shared import AsJson, open_client, present, print_one, print_rows
from services.registry.cli_track import instant

if TYPE_CHECKING:
    from chelu.api import Client

MAP = typer.Typer(help="A site's maps: versions, when each is valid, what roadside units send of them.", no_args_is_help=True)
LIST_COLUMNS = (
    "version",
    "is_valid",
    "file",
    "format",
    "lanes",
    "links",
    "ways",
    "signals",
    "doubtful",
    "added",
    "added_by",
    "note",
)
PLAN_COLUMNS = ("since", "version", "actor")
PUSH_COLUMNS = ("device_id", "is_sent", "nodes", "beyond", "bytes", "why", "e_tag")
UNIT_COLUMNS = ("device_id", "version", "heard", "nodes", "differences")
FORMATS = {".uper": "uper", ".hex": "hex", ".json": "json", ".geojson": "geojson", ".zip": "sumo"}

Site = Annotated[str, typer.Option(help="The site's id.")]
Version = Annotated[int, typer.Argument(help="Its number: chelu map list has it.", min=1)]


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(MAP, name="map")


@MAP.command("add")
def add_map(
    file: Annotated[Path, typer.Argument(help="OpenDRIVE, lanelet2, SUMO, MAP or GeoJSON; packed with gzip or not.")],
    site: Site,
    note: Annotated[str, typer.Option(help="Why there is a new one.")] = "",
    *,
    activate: Annotated[bool, typer.Option("--activate", help="Let it be valid from now on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep a file as the site's newest map; say what is in it and what is doubtful."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError("FILE", str(file), f"it cannot be read ({error.strerror})") from None
    if not content:
        raise ConfigurationError("FILE", str(file), "a file that is not empty")
    with open_client() as client:
        query = present(file=file.name, note=note or None)
        headers = {"Content-Type": "application/octet-stream"}
        made = client.people("POST", "sites", site, "maps", content=content, headers=headers, params=query)
        if activate:
            client.people("POST", "sites", site, "maps", str(made["version"]), "activate", json={})
            made = _shown(client, site, made["version"])
    _print(made, as_json=as_json)


@MAP.command("list")
def list_maps(
    site: Site,
    *,
    plan: Annotated[bool, typer.Option("--plan", help="From when on which version is valid, instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """List a site's maps, and which is valid now."""
    with open_client() as client:
        found = client.people("GET", "sites", site, "map-plan" if plan else "maps")
    print_rows(found, PLAN_COLUMNS if plan else LIST_COLUMNS, as_json=as_json)


@MAP.command("show")
def show_map(version: Version, site: Site, *, as_json: AsJson = False) -> None:
    """Show a version: what is in it, what of its file is not read, what is doubtful."""
    with open_client() as client:
        _print(_shown(client, site, version), as_json=as_json)


@MAP.command("activate")
def activate_map(
    version: Version,
    site: Site,
    begin: Annotated[str | None, typer.Option("--from", help="Since when; now. By the site's clocks, or with an offset.")] = None,
    until: Annotated[str | None, typer.Option(help="Until when, likewise; then what would be valid without it is again.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Let a version be valid, until the next change that is planned or --until; print the plan."""
    with open_client() as client:
        zone = client.site(site).time_zone
        times = {"valid_from": (begin, "--from"), "valid_until": (until, "--until")}
        body = {name: instant(text, zone, option).isoformat() for name, (text, option) in times.items() if text is not None}
        found = client.people("POST", "sites", site, "maps", str(version), "activate", json=body)
    print_rows(found, PLAN_COLUMNS, as_json=as_json)


@MAP.command("push")
def push_map(
    version: Version,
    site: Site,
    unit: Annotated[list[str] | None, typer.Option(help="Only to this roadside unit; may be given several times.")] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Also to units that are known to have it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a version to roadside units, each the nodes within its coverage; chelu orders follows what becomes of it."""
    with open_client() as client:
        body = {"is_forced": force, **present(units=unit)}
        found = client.people("POST", "sites", site, "maps", str(version), "push", json=body)
    if as_json:
        print_one(found, as_json=True)
        return
    if not found["units"]:
        raise ConfigurationError("--site", site, "a site with roadside units that may speak: there is nobody to send it to")
    print_rows([{**one, "nodes": len(one["nodes"])} for one in found["units"]], PUSH_COLUMNS, as_json=False)
    if found["dispatch"] is not None:
        typer.echo(f"dispatch {found['dispatch']['dispatch_id']}: chelu orders show {found['dispatch']['dispatch_id']}")


@MAP.command("diff")
def diff_map(
    unit: Annotated[str | None, typer.Argument(help="Only this roadside unit.")] = None,
    *,
    site: Site,
    as_json: AsJson = False,
) -> None:
    """Show what roadside units are heard to send otherwise than the valid map has it. Exit code 1 when something differs."""
    with open_client() as client:
        found = client.people("GET", "sites", site, "map-units")
    found = [one for one in found if unit in {None, one["device_id"]}]
    if unit is not None and not found:
        raise ConfigurationError("UNIT", unit, f"a roadside unit of {site}")
    if as_json:
        print_rows(found, UNIT_COLUMNS, as_json=True)
    else:
        print_rows([_in_words(one) for one in found], UNIT_COLUMNS, as_json=False)
        for one in found:
            for sentence in one["differences"]:
                typer.echo(f"{one['device_id']}: {sentence}")
    raise typer.Exit(int(any(one["differences"] for one in found)))


@MAP.command("export")
def export_map(
    version: Version,
    file: Annotated[Path, typer.Argument(help=".uper .hex .json: MAP; .geojson; .zip: SUMO's plain XML; any other: the source.")],
    site: Site,
) -> None:
    """Write a version into a file, in the format of the file's name, or as it was given; several MAP frames into several."""
    with open_client() as client:
        base = f"/api/sites/{site}/maps/{version}"
        form, how = FORMATS.get(file.suffix), ""
        if file.suffix == ".uper":
            contents = _frames(b"".join(client.pieces(f"{base}/export", format="hex")), file)
        else:
            if form is None:
                how = f", the file as it was given ({file.suffix or 'no ending'} is none of {' '.join(FORMATS)})"
            pieces = client.pieces(f"{base}/file") if form is None else client.pieces(f"{base}/export", format=form)
            contents = {file: b"".join(pieces)}
    for path, content in contents.items():
        _write(path, content)
        typer.echo(f"{path}: {len(content)} bytes{how}")


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing: what was there before stays where there is no room for it. ConfigurationError says why."""
    from chelu.api_exports import PARTIAL

    is_device = path.exists() and not path.is_file()
    partial = path if is_device else path.with_name(path.name + PARTIAL)
    try:
        partial.write_bytes(content)
        if not is_device:
            partial.replace(path.resolve())
    except OSError as error:
        if not is_device:
            partial.unlink(missing_ok=True)
        raise ConfigurationError("FILE", str(path), f"it cannot be written ({error.strerror})") from None


def _frames(lines: bytes, file: Path) -> dict[Path, bytes]:
    """Each frame with its file: NAME.uper where there is one, else NAME.1.uper and so on, as `chelu roads convert` names them."""
    frames = [bytes.fromhex(line.decode()) for line in lines.split()]
    if len(frames) == 1:
        return {file: frames[0]}
    return {file.with_suffix(f".{number}{file.suffix}"): frame for number, frame in enumerate(frames, 1)}


def _shown(client: Client, site: str, version: int) -> dict[str, Any]:
    return dict(client.people("GET", "sites", site, "maps", str(version)))


def _in_words(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "nodes": ", ".join(map(str, row["nodes"])), "differences": len(row["differences"])}


def _print(version: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_one(dict(version), as_json=True)
        return
    lists = ("left_out_elements", "notes", "findings", "counts")
    print_one({name: value for name, value in version.items() if name not in lists}, as_json=False)
    for name, title in (("left_out_elements", "left out"), ("notes", "doubtful")):
        for one in version[name]:
            typer.echo(f"  {title}: {one}")
    for kind, count in version["counts"].items():
        typer.echo(f"  {kind}: {count}")
        for one in version["findings"]:
            if one["kind"] == kind:
                typer.echo(f"    {one['element']}: {one['what']}")
