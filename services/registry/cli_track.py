"""`chelu track …`, `chelu permits …` and `chelu stop …`: areas, bookings, who may be where, who is there, stopping everybody."""

from __future__ import annotations

import datetime
import json
import textwrap
import time
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.errors import CheluError, ConfigurationError
from services.registry.cli_shared import AsJson, open_client, print_one, print_rows, printable, read_json

if TYPE_CHECKING:
    from chelu.api import Client

TRACK = typer.Typer(help="Areas and lanes, bookings, who is on the track now, and its log.", no_args_is_help=True)
PERMITS = typer.Typer(help="Which vehicle may be where, and when.", no_args_is_help=True)
STOP = typer.Typer(help="The emergency stop of a whole site.", no_args_is_help=True)
POLL_S = 0.1
SHOWN_SILENT = 50

Site = Annotated[str, typer.Option(help="The site's id.")]
From = Annotated[str, typer.Option("--from", help="2026-05-01T08:00 by the site's clocks, or with an offset such as +08:00.")]
Until = Annotated[str | None, typer.Option(help="Likewise; or give --hours.")]
Hours = Annotated[float | None, typer.Option(help="How long, in place of --until.")]


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(TRACK, name="track")
    app.add_typer(PERMITS, name="permits")
    app.add_typer(STOP, name="stop")


def instant(text: str, zone: str, option: str) -> datetime.datetime:
    """A time as it is typed; without an offset it is that of the zone's clocks, which must have shown it exactly once."""
    try:
        typed = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(option, text, "a time such as 2026-05-01T08:00") from None
    if typed.tzinfo is not None:
        return typed
    first, second = (typed.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold) for fold in (0, 1))
    is_shown = first.astimezone(datetime.UTC).astimezone(first.tzinfo).replace(tzinfo=None) == typed
    if first.utcoffset() == second.utcoffset():
        return first
    if not is_shown:
        raise ConfigurationError(option, text, f"a time that there is: clocks in {zone} are put forward over it")
    offsets = " or ".join(f"{each:%z}" for each in (first, second))
    raise ConfigurationError(option, text, f"with its offset, {offsets}: clocks in {zone} show it twice")


def _period(client: Client, site: str, begin: str, until: str | None, hours: float | None) -> dict[str, str]:
    if (until is None) == (hours is None):
        raise ConfigurationError("--until, --hours", until if until is not None else hours, "one of the two")
    zone = client.site(site).time_zone
    starts = instant(begin, zone, "--from")
    if hours is None:
        ends = instant(until or "", zone, "--until")
    else:
        ends = (starts.astimezone(datetime.UTC) + datetime.timedelta(hours=hours)).astimezone(starts.tzinfo)
    return {"starts": starts.isoformat(), "ends": ends.isoformat()}


@TRACK.command("areas")
def list_areas(site: Site, *, as_json: AsJson = False) -> None:
    """List a site's areas and lanes."""
    with open_client() as client:
        rows = client.people("GET", "sites", site, "areas")
    print_rows(rows, ("area_id", "kind", "name", "needs_permit", "shares", "floor_m", "ceiling_m"), as_json=as_json)


@TRACK.command("mark-out")
def mark_out(
    area_id: str,
    site: Site,
    polygon: Annotated[Path, typer.Option(help="File with a GeoJSON Polygon.")],
    name: str = "",
    floor: Annotated[float | None, typer.Option(help="Its lowest height, metres above the ellipsoid.")] = None,
    ceiling: Annotated[float | None, typer.Option(help="Its highest.")] = None,
    shares: Annotated[int, typer.Option(help="Bookings at a time; 1: whoever books has it alone.")] = 1,
    *,
    lane: Annotated[bool, typer.Option("--lane", help="It is a lane.")] = False,
    free: Annotated[bool, typer.Option("--free", help="Nobody needs a permit to be there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Mark out an area or a lane."""
    body = {"area_id": area_id, "name": name, "floor_m": floor, "ceiling_m": ceiling, "shares": shares, "needs_permit": not free}
    body |= {"kind": "lane" if lane else "area", "polygon": read_json(polygon, "--polygon")}
    with open_client() as client:
        print_one(_without_shape(client.people("POST", "sites", site, "areas", json=body)), as_json=as_json)


@TRACK.command("give-up")
def give_up(area_id: str, site: Site) -> None:
    """Delete an area that nobody has booked or may be in."""
    with open_client() as client:
        client.people("DELETE", "sites", site, "areas", area_id)


@TRACK.command("book")
def book(
    area_id: str,
    team: str,
    site: Site,
    begin: From,
    until: Until = None,
    hours: Hours = None,
    purpose: str = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Book an area for a team, by the whole hour."""
    with open_client() as client:
        body = {"area_id": area_id, "team": team, "purpose": purpose, **_period(client, site, begin, until, hours)}
        made = client.people("POST", "sites", site, "bookings", json=body)
        print_one(made if as_json else _by_clocks([made], client.site(site).time_zone)[0], as_json=as_json)


@TRACK.command("bookings")
def list_bookings(site: Site, area: str | None = None, *, as_json: AsJson = False) -> None:
    """List bookings that are not over."""
    with open_client() as client:
        rows = client.people("GET", "sites", site, "bookings", params={"area": area} if area else {})
        rows = rows if as_json else _by_clocks(rows, client.site(site).time_zone)
    print_rows(rows, ("booking_id", "area_id", "team", "starts", "ends", "purpose", "booked_by"), as_json=as_json)


@TRACK.command("cancel")
def cancel(booking: int, site: Site) -> None:
    """Cancel a booking."""
    with open_client() as client:
        client.people("DELETE", "sites", site, "bookings", str(booking))


@TRACK.command("now")
def now(site: Site, *, as_json: AsJson = False) -> None:
    """Show who is on the track now, and what is wrong about it."""
    with open_client() as client:
        found = client.people("GET", "sites", site, "track")
        stop = client.people("GET", "sites", site, "stop")["in_force"]
    if as_json:
        typer.echo(json.dumps({**found, "stop": stop}, ensure_ascii=False, indent=2))
        return
    if stop:
        typer.echo(f"EMERGENCY STOP since {stop['pressed']} by {stop['pressed_by']}: {stop['reason'] or 'no reason given'}")
    if found["is_blind"]:
        typer.echo(
            f"no picture of {site} comes: who is there is not known" + (f" since {found['seen']}" if found["seen"] else "")
        )
    rows = [
        {**row, **{name: ", ".join(map(str, row[name])) for name in ("areas", "permits", "problems")}} for row in found["present"]
    ]
    if not rows:
        typer.echo(f"nobody is in an area of {site}")
        return
    print_rows(rows, ("subject", "team", "areas", "permits", "mode", "speed_mps", "problems"), as_json=False)


@TRACK.command("log")
def show_log(
    site: Site,
    what: Annotated[str | None, typer.Option(help="Only of this: trespass, permit given, emergency stop …")] = None,
    subject: Annotated[str | None, typer.Option(help="Only of this vehicle, area …")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what happened on the track, oldest first."""
    entries: list[dict[str, Any]] = []
    query: dict[str, Any] = {name: value for name, value in (("what", what), ("subject", subject)) if value}
    after: int | None = 0
    with open_client() as client:
        while after is not None:
            page = client.people("GET", "sites", site, "track", "log", params={**query, "limit": 10_000, "after": after})
            entries += page["entries"]
            after = page["next"]
    rows = (
        entries if as_json else [{**entry, "at": _at(entry["at_us"]), "detail": _shortened(entry["detail"])} for entry in entries]
    )
    print_rows(rows, ("number", "at", "actor", "what", "subject", "detail"), as_json=as_json)


@TRACK.command("check")
def check_log(
    site: Site,
    head: Annotated[str | None, typer.Option(help="The head that was noted elsewhere: it must still be in the log.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Read the whole log and say whether it is as it was written; exit code 1 when it is not."""
    with open_client() as client:
        found = client.people("GET", "sites", site, "track", "log", "check", params={"head": head} if head else {})
    print_one(found, as_json=as_json)
    if not found["is_whole"]:
        raise typer.Exit(1)


@PERMITS.command("list")
def list_permits(site: Site, vehicle: str | None = None, *, as_json: AsJson = False) -> None:
    """List permits that are not over."""
    with open_client() as client:
        rows = client.people("GET", "sites", site, "permits", params={"vehicle": vehicle} if vehicle else {})
        rows = rows if as_json else _by_clocks(rows, client.site(site).time_zone)
    rows = rows if as_json else list(map(_with_modes, rows))
    names = ("permit_id", "vehicle", "team", "area_id", "starts", "ends", "max_speed_mps", "modes", "conditions")
    print_rows(rows, names, as_json=as_json)


@PERMITS.command("give")
def give_permit(
    vehicle: str,
    area_id: str,
    site: Site,
    begin: From,
    until: Until = None,
    hours: Hours = None,
    max_speed: Annotated[float | None, typer.Option(help="Metres a second.")] = None,
    mode: Annotated[
        list[str] | None, typer.Option(help="manual, assisted, automated, remote; may be given several times.")
    ] = None,
    conditions: Annotated[str, typer.Option(help="For people.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Let a vehicle be in an area, and in what lies in it, for a time."""
    with open_client() as client:
        body = {"vehicle": vehicle, "area_id": area_id, **_period(client, site, begin, until, hours)}
        more = {"max_speed_mps": max_speed, "modes": mode or None, "conditions": conditions}
        made = client.people("POST", "sites", site, "permits", json={**body, **more})
        print_one(made if as_json else _with_modes(_by_clocks([made], client.site(site).time_zone)[0]), as_json=as_json)


@PERMITS.command("revoke")
def revoke_permit(permit: int, site: Site) -> None:
    """Revoke a permit: whoever is still there is a trespasser."""
    with open_client() as client:
        client.people("DELETE", "sites", site, "permits", str(permit))


@STOP.command("press")
def press(
    site: Site,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    wait: Annotated[
        float, typer.Option(min=0, max=60, help="Seconds to wait for answers before those without are listed.")
    ] = 2.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Order every vehicle, OBU and signal of the site to stop; exit code 1 while one of them has not said that it has."""
    with open_client() as client:
        stop = client.people("POST", "sites", site, "stop", json={"reason": reason})
        typer.echo(f"stop {stop['stop_id']}: {stop['devices']} devices are told", err=True)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and stop["answered"] < stop["devices"]:
            time.sleep(POLL_S)
            stop = client.people("GET", "sites", site, "stops", str(stop["stop_id"]))
        _show(client.people("GET", "sites", site, "stops", str(stop["stop_id"])), as_json=as_json)


@STOP.command("show")
def show(
    site: Site,
    stop: Annotated[int | None, typer.Argument(help="Its number; the one in force.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a stop, and who has not answered; exit code 1 while one of them has not said that it has stopped."""
    with open_client() as client:
        if stop is None:
            present = client.people("GET", "sites", site, "stop")["in_force"]
            if present is None:
                typer.echo(f"{site} is not stopped")
                return
            stop = present["stop_id"]
        _show(client.people("GET", "sites", site, "stops", str(stop)), as_json=as_json)


@STOP.command("release")
def release(site: Site, note: Annotated[str, typer.Option(help="Why the site may go on.")], *, as_json: AsJson = False) -> None:
    """Let everybody go on."""
    with open_client() as client:
        print_one(client.people("POST", "sites", site, "stop", "release", json={"note": note}), as_json=as_json)


@STOP.command("list")
def list_stops(site: Site, *, as_json: AsJson = False) -> None:
    """List the site's stops, the newest first."""
    with open_client() as client:
        rows = client.people("GET", "sites", site, "stops")
    names = ("stop_id", "pressed", "pressed_by", "reason", "devices", "answered", "released", "released_by", "release_note")
    print_rows(rows, names, as_json=as_json)


def _show(stop: Mapping[str, Any], *, as_json: bool) -> None:
    """The stop, then who has not answered; a failure while it is in force and somebody has not."""
    if as_json:
        typer.echo(json.dumps(stop, ensure_ascii=False, indent=2))
    else:
        shown = {name: value for name, value in stop.items() if name not in {"silent", "stopped", "unreachable"}}
        print_one({name: value for name, value in shown.items() if value not in (None, "", [])}, as_json=False)
        _show_silent(stop["silent"])
        _show_unreachable(stop.get("unreachable", []))
    if stop["silent"] and stop["released"] is None:
        raise CheluError(f"{len(stop['silent'])} of {stop['devices']} devices have not said that they have stopped: go and look")


def _show_silent(silent: list[dict[str, Any]]) -> None:
    if silent:
        typer.echo()
        print_rows(silent[:SHOWN_SILENT], ("device_id", "kind", "vehicle", "state", "told", "attempts", "detail"), as_json=False)
    if len(silent) > SHOWN_SILENT:
        typer.echo(f"… and {len(silent) - SHOWN_SILENT} more: --json has all")


def _show_unreachable(vehicles: list[str]) -> None:
    """Apart from the others: that they are silent says nothing."""
    if vehicles:
        typer.echo(f"\nunreachable: no order reaches these {len(vehicles)}, behind a gateway or without a device: go and look")
        typer.echo(textwrap.fill(", ".join(map(printable, vehicles)), 120, break_long_words=False, break_on_hyphens=False))


def _by_clocks(rows: list[dict[str, Any]], zone: str) -> list[dict[str, Any]]:
    """Rows with their times as the site's clocks show them, with the offset."""
    place = zoneinfo.ZoneInfo(zone)
    return [
        {**row, **{name: datetime.datetime.fromisoformat(row[name]).astimezone(place).isoformat() for name in ("starts", "ends")}}
        for row in rows
    ]


def _with_modes(permit: dict[str, Any]) -> dict[str, Any]:
    """A permit that names no mode is for all."""
    return {**permit, "modes": permit["modes"] or ["all"]}


def _without_shape(area: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in area.items() if name != "polygon"}


def _shortened(detail: Mapping[str, Any]) -> str:
    text = json.dumps(detail, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:99]}…"


def _at(time_us: int) -> str:
    return datetime.datetime.fromtimestamp(time_us / 1e6, datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
