"""`chelu event …`: what a site's roadside units tell of the road, given, followed and taken back."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.errors import CheluError, ConfigurationError
from services.registry.cli_shared import AsJson, open_client, present, print_one, print_rows
from services.registry.cli_track import instant

if TYPE_CHECKING:
    from chelu.api import Client

EVENT = typer.Typer(help="Events and signs that the roadside tells vehicles of.", no_args_is_help=True)
LIST_COLUMNS = ("event_id", "sort", "code", "name", "standing", "valid_from", "valid_until", "units", "told")
UNIT_COLUMNS = ("device_id", "number", "state", "frames", "ends", "heard", "differences", "detail")
TELLING_COLUMNS = ("device_id", "should", "tells", "differences")
CATALOGUE_COLUMNS = ("sort", "code", "name", "chinese", "radius_m", "priority")
OPEN = {None, "queued", "sent", "delivered"}
POLL_S = 0.2
LONGEST_HOURS = 20 * 366 * 24  # as the API has it

Site = Annotated[str, typer.Option(help="The site's id.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait until every unit has answered; 0: do not.")]
EventId = Annotated[int, typer.Argument(help="Its number: chelu event list has it.")]


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(EVENT, name="event")


@EVENT.command("catalogue")
def catalogue(
    words: Annotated[str | None, typer.Argument(help="Only what has this in its name, such as water or 积水.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what can be told: events of GB/T 29100 by class and code, signs of GB 5768.2 by number."""
    with open_client() as client:
        found = client.people("GET", "road-event-catalogue")
    named = [row for row in found if words is None or words.lower() in row["name"].lower() or words in row["chinese"]]
    print_rows(named, CATALOGUE_COLUMNS, as_json=as_json)


@EVENT.command("add")
def add_event(
    code: Annotated[int, typer.Argument(help="407, 505 …: GB/T 29100; with --sign the number in the index of GB 5768.2.")],
    site: Site,
    at: Annotated[str | None, typer.Option(help="Its place: LATITUDE,LONGITUDE or LATITUDE,LONGITUDE,ELEVATION.")] = None,
    point: Annotated[
        list[str] | None, typer.Option(help="A point of its path, likewise, in driving direction; several times.")
    ] = None,
    lane: Annotated[str | None, typer.Option(help="Its path: this lane of the site's network.")] = None,
    road: Annotated[str | None, typer.Option(help="Its path: this road of the site's network.")] = None,
    from_m: Annotated[float | None, typer.Option(help="From so far along the lane or road.")] = None,
    to_m: Annotated[float | None, typer.Option(help="To so far along it.")] = None,
    at_m: Annotated[float | None, typer.Option(help="Its place: so far along the lane or road.")] = None,
    radius_m: Annotated[float | None, typer.Option(help="Around its place; as the catalogue has it.")] = None,
    path_radius_m: Annotated[float | None, typer.Option(help="To both sides of its path; 5, or half the lanes' width.")] = None,
    priority: Annotated[int | None, typer.Option(help="0 to 7, the highest; as the catalogue has it.")] = None,
    text: Annotated[str, typer.Option(help="Words for people; on a sign, its number, such as 40 km/h.")] = "",
    source: Annotated[str, typer.Option(help="unknown, police, government, meteorological, internet or detection")] = "unknown",
    begin: Annotated[str | None, typer.Option("--from", help="Since when; now. By the site's clocks, or with an offset.")] = None,
    until: Annotated[str | None, typer.Option(help="Until when, likewise; without it until it is withdrawn.")] = None,
    hours: Annotated[float | None, typer.Option(help="How long, in place of --until.")] = None,
    unit: Annotated[list[str] | None, typer.Option(help="A unit that tells of it; those whose coverage it touches.")] = None,
    wait: Wait = 10.0,
    *,
    sign: Annotated[bool, typer.Option("--sign", help="It is a sign, not an event.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let the roadside tell of an event or a sign; say which units do."""
    with open_client() as client:
        zone = client.site(site).time_zone
        given = present(
            place=_place(at, "--at"),
            path=[_place(each, "--point") for each in point] if point else None,
            lane=lane,
            road=road,
            from_m=from_m,
            to_m=to_m,
            at_m=at_m,
            radius_m=radius_m,
            path_radius_m=path_radius_m,
            priority=priority,
            valid_from=_instant(begin, zone, "--from"),
            valid_until=_end(begin, until, hours, zone),
            units=unit,
        )
        body = {"sort": "sign" if sign else "event", "code": code, "text": text, "source": source, **given}
        _follow(client, client.people("POST", "sites", site, "road-events", json=body), wait, as_json=as_json)


@EVENT.command("adopt")
def adopt_event(
    computer: Annotated[str, typer.Argument(help="The roadside computer that perceives it: chelu event units says what.")],
    site: Site,
    code: Annotated[int | None, typer.Option(help="Its type, where the computer perceives several.")] = None,
    number: Annotated[int | None, typer.Option(help="The computer's number for it, likewise.")] = None,
    text: Annotated[str, typer.Option(help="Words for people.")] = "",
    until: Annotated[str | None, typer.Option(help="Until when; without it until it is withdrawn.")] = None,
    hours: Annotated[float | None, typer.Option(help="How long, in place of --until.")] = None,
    unit: Annotated[list[str] | None, typer.Option(help="A unit that tells of it; those whose coverage it touches.")] = None,
    wait: Wait = 10.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Let units tell of what a roadside computer perceives, where it perceives it now."""
    with open_client() as client:
        seen = _perceived(client.people("GET", "sites", site, "rsi"), computer, code, number)
        place = {name: seen[name] for name in ("latitude_deg", "longitude_deg")}
        given = present(valid_until=_end(None, until, hours, client.site(site).time_zone), units=unit)
        body = {"code": seen["code"], "text": text, "source": "detection", "place": place, **given}
        _follow(client, client.people("POST", "sites", site, "road-events", json=body), wait, as_json=as_json)


@EVENT.command("list")
def list_events(
    site: Site,
    standing: Annotated[str | None, typer.Option(help="Only those that are planned, hold, are over or withdrawn.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List a site's events and signs: how they stand, and how many units tell of them."""
    found: list[dict[str, Any]] = []
    after: int | None = 0
    with open_client() as client:
        while after is not None:
            page = client.people("GET", "sites", site, "road-events", params=present(standing=standing, after=after, limit=1000))
            found += page["events"]
            after = page["next"]
    print_rows(found, LIST_COLUMNS, as_json=as_json)


@EVENT.command("show")
def show_event(event_id: EventId, site: Site, *, as_json: AsJson = False) -> None:
    """Show an event, what each unit was sent of it, and what it is heard to tell."""
    with open_client() as client:
        _print(client.people("GET", "sites", site, "road-events", str(event_id)), as_json=as_json)


@EVENT.command("renew")
def renew_event(
    event_id: EventId,
    site: Site,
    until: Annotated[str | None, typer.Option(help="Until when; without it and --hours until it is withdrawn.")] = None,
    hours: Annotated[float | None, typer.Option(help="How long from now on, in place of --until.")] = None,
    wait: Wait = 10.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Let an event hold longer, or shorter, than it was to."""
    with open_client() as client:
        body = {"valid_until": _end(None, until, hours, client.site(site).time_zone)}
        _follow(
            client, client.people("POST", "sites", site, "road-events", str(event_id), "renew", json=body), wait, as_json=as_json
        )


@EVENT.command("withdraw")
def withdraw_event(event_id: EventId, site: Site, wait: Wait = 10.0, *, as_json: AsJson = False) -> None:
    """Let an event hold no longer."""
    with open_client() as client:
        _follow(client, client.people("POST", "sites", site, "road-events", str(event_id), "withdraw"), wait, as_json=as_json)


@EVENT.command("units")
def list_units(site: Site, *, as_json: AsJson = False) -> None:
    """Show what each roadside unit is heard to tell now, beside what it should, and what each computer perceives."""
    with open_client() as client:
        found = client.people("GET", "sites", site, "rsi")
    print_rows(found if as_json else [_in_words(row) for row in found], TELLING_COLUMNS, as_json=as_json)


def _perceived(tellings: Sequence[Mapping[str, Any]], computer: str, code: int | None, number: int | None) -> Mapping[str, Any]:
    """The one event that a computer perceives and that is meant; ConfigurationError for none, and for several."""
    seen: list[Mapping[str, Any]] = [one for unit in tellings if unit["device_id"] == computer for one in unit["tells"]]
    meant = [one for one in seen if code in {None, one["code"]} and number in {None, one["number"]} and one["sort"] == "event"]
    if len(meant) == 1:
        return meant[0]
    there = ", ".join(f"{one['code']} (number {one['number']})" for one in seen) or "nothing"
    raise ConfigurationError("event", computer, f"one that it perceives now, by --code and --number; it perceives {there}")


def _follow(client: Client, event: Mapping[str, Any], wait_s: float, *, as_json: bool) -> None:
    """Wait for the units' answers and print them; CheluError when some have not come in time, which is no failure yet."""
    began, site, number = time.monotonic(), event["site_id"], event["event_id"]
    orders = {unit["device_id"]: unit["order"] for unit in event["at_units"]}

    def waiting() -> list[str]:
        return [unit["device_id"] for unit in event["at_units"] if _is_waiting(unit, event, orders)]

    while wait_s and waiting() and time.monotonic() < began + wait_s:
        time.sleep(POLL_S)
        event = client.people("GET", "sites", site, "road-events", str(number))
    _print(event, as_json=as_json)
    if wait_s and (left := waiting()):
        who = f"{len(left)} of {event['units']} units have not answered event {number} within {wait_s:g} s"
        raise CheluError(f"{who}; it goes on, and chelu event show {number} follows it")


def _is_waiting(unit: Mapping[str, Any], event: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a unit has still to say of what it is sent now, which of a withdrawn or planned event may be nothing."""
    if event["standing"] == "planned" or (event["standing"] == "withdrawn" and not unit["frames"]):
        return False
    return unit["order"] == before[unit["device_id"]] or unit["state"] in OPEN


def _print(event: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_one(dict(event), as_json=True)
        return
    whole = {name: value for name, value in event.items() if name not in {"at_units", "place", "path"}}
    where = {"place": _point(event["place"]), "path": " → ".join(filter(None, map(_point, event["path"])))}
    print_one({**whole, **where}, as_json=False)
    typer.echo("")
    units = [{**unit, "differences": "; ".join(unit["differences"])} for unit in event["at_units"]]
    print_rows(units, UNIT_COLUMNS, as_json=False)


def _in_words(row: Mapping[str, Any]) -> dict[str, Any]:
    tells = [f"{it['sort']} {it['code']}" + (f" (event {it['event_id']})" if it["event_id"] else "") for it in row["tells"]]
    return {
        "device_id": row["device_id"],
        "should": ", ".join(f"event {number}" for number in row["should"]),
        "tells": ", ".join(tells),
        "differences": "; ".join(row["differences"]),
    }


def _point(place: Mapping[str, Any] | None) -> str | None:
    if place is None:
        return None
    height = "" if place["elevation_m"] is None else f",{place['elevation_m']:g}"
    return f"{place['latitude_deg']:.7f},{place['longitude_deg']:.7f}{height}"


def _place(text: str | None, option: str) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        values: Sequence[float] = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) not in {2, 3}:
        raise ConfigurationError(option, text, "LATITUDE,LONGITUDE or LATITUDE,LONGITUDE,ELEVATION")
    return dict(zip(("latitude_deg", "longitude_deg", "elevation_m"), values, strict=False))


def _instant(text: str | None, zone: str, option: str) -> str | None:
    return None if text is None else instant(text, zone, option).isoformat()


def _end(begin: str | None, until: str | None, hours: float | None, zone: str) -> str | None:
    if until is not None and hours is not None:
        raise ConfigurationError("--until, --hours", until, "one of the two")
    if hours is None:
        return _instant(until, zone, "--until")
    if not 0 < hours <= LONGEST_HOURS:
        raise ConfigurationError("--hours", hours, f"more than 0, at most {LONGEST_HOURS}")
    starts = datetime.datetime.now(datetime.UTC) if begin is None else instant(begin, zone, "--from").astimezone(datetime.UTC)
    return (starts + datetime.timedelta(hours=hours)).isoformat()
