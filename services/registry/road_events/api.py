"""Road events over HTTP: what can be told, what is to be told where, and what each unit tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import chain
from typing import Annotated, Any

from fastapi import Path, Query

from chelu.road_events.catalogue import CLASSES, EVENTS, SIGNS, Entry, find
from chelu.topics import Kind
from services.registry.access import ActorOf
from services.registry.database import remember
from services.registry.orders.issuing import clerk_of, now_of
from services.registry.orders.machine import Moment
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError
from services.registry.road_events import adding, giving, heard, perceived, rows
from services.registry.road_events.models import (
    CatalogueEntry,
    NewRoadEvent,
    Renewal,
    RoadEvent,
    RoadEventPage,
    RoadEventWithUnits,
    Standing,
    Told,
    Unit,
    UnitTelling,
)
from services.registry.routing import Router
from services.registry.sites import SiteId
from services.registry.track.rows import site

ROUTER = Router(prefix="/api", tags=["road events"])
EventId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@ROUTER.get("/road-event-catalogue")
def list_catalogue() -> list[CatalogueEntry]:
    """What can be told: events of GB/T 29100 by class and by code, and signs of GB 5768.2 by number."""
    classes = [
        CatalogueEntry(
            sort="event",
            code=f"{number}xx",
            name=kind.english,
            chinese=kind.chinese,
            radius_m=kind.radius_m,
            priority=kind.priority,
        )
        for number, kind in CLASSES.items()
    ]
    return [*classes, *(_entry(one) for one in (*EVENTS, *SIGNS))]


@ROUTER.get("/sites/{site_id}/road-events")
def list_road_events(
    site_id: SiteId,
    parts: PartsOf,
    standing: Standing | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="the event_id after which the page begins")] = 0,
) -> RoadEventPage:
    """The site's events and signs, in the order in which they were given."""
    query = {"site_id": site_id, "standing": standing, "limit": limit + 1, "after": after, "now": now_of(parts)}
    with parts.register.transaction() as connection:
        site(connection, site_id)
        found = [rows.shown(row) for row in connection.execute(rows.LIST.encode(), query)]
    return RoadEventPage(events=found[:limit], next=found[limit - 1].event_id if len(found) > limit else None)


@ROUTER.post("/sites/{site_id}/road-events", status_code=HTTPStatus.CREATED)
def add_road_event(site_id: SiteId, wanted: NewRoadEvent, parts: PartsOf, actor: ActorOf) -> RoadEventWithUnits:
    """Let units tell of an event or a sign, from its beginning until its end, or until it is withdrawn.

    Each is sent an RSI at QoS 1, again until it has answered, anew before what it was told ends, and when it has started anew.
    """
    clerk, now = clerk_of(parts), now_of(parts)
    with parts.register.transaction(actor) as connection:
        event_id = adding.add(connection, site_id, wanted, now, actor)
        made = _with_units(connection, rows.one(connection, site_id, event_id, now), now)
    clerk.wake()
    return made


@ROUTER.get("/sites/{site_id}/road-events/{event_id}")
def show_road_event(site_id: SiteId, event_id: EventId, parts: PartsOf) -> RoadEventWithUnits:
    """One event, with what each unit was sent and what it is heard to tell."""
    now = now_of(parts)
    with parts.register.transaction() as connection:
        return _with_units(connection, rows.one(connection, site_id, event_id, now), now)


@ROUTER.post("/sites/{site_id}/road-events/{event_id}/renew")
def renew_road_event(site_id: SiteId, event_id: EventId, renewal: Renewal, parts: PartsOf, actor: ActorOf) -> RoadEventWithUnits:
    """Let it hold until another time; 409 for one that is over or withdrawn, whose units may have forgotten it."""
    clerk, now = clerk_of(parts), now_of(parts)
    with parts.register.transaction(actor) as connection:
        rows.lock(connection, site_id)
        event = _open(rows.one(connection, site_id, event_id, now))
        _, until = giving.period(event.valid_from, renewal.valid_until, now)
        connection.execute(rows.CHANGE, {"event_id": event_id, "until": until})
        made = _woken(connection, site_id, event_id, now)
        remember(connection, actor, "renew road event", site_id, {"event_id": event_id, **renewal.model_dump(mode="json")})
    clerk.wake()
    return made


@ROUTER.post("/sites/{site_id}/road-events/{event_id}/withdraw")
def withdraw_road_event(site_id: SiteId, event_id: EventId, parts: PartsOf, actor: ActorOf) -> RoadEventWithUnits:
    """Let it hold no longer: units that were told are told so; 409 for one that is over or withdrawn."""
    clerk, now = clerk_of(parts), now_of(parts)
    with parts.register.transaction(actor) as connection:
        rows.lock(connection, site_id)
        _open(rows.one(connection, site_id, event_id, now))
        adding.withdraw(connection, site_id, event_id, now, actor)
        made = _with_units(connection, rows.one(connection, site_id, event_id, now), now)
    clerk.wake()
    return made


@ROUTER.get("/sites/{site_id}/rsi")
def list_tellings(site_id: SiteId, parts: PartsOf) -> list[UnitTelling]:
    """What each roadside unit of the site is heard to tell now, beside what it should, and where the two differ.

    Roadside computers stand there, too, with what they perceive.
    """
    now = now_of(parts)
    with parts.register.transaction() as connection:
        site(connection, site_id)
        units, computers = (rows.units(connection, site_id, kinds=[kind]) for kind in (Kind.RSU, Kind.RSCU))
        should = connection.execute(rows.SHOULD.encode(), {"site_id": site_id}).fetchall()
        told = heard.latest(connection, _keys(units), now)
        seen = perceived.latest(connection, _keys(computers), now)
    telling = [_telling(unit, should, told.get(unit["device_key"], {}), now) for unit in units]
    return telling + [_perceiving(each, should, seen.get(each["device_key"], ()), now) for each in computers]


def _with_units(connection: rows.Execute, event: RoadEvent, now: Moment) -> RoadEventWithUnits:
    at_units = connection.execute(rows.AT_UNITS, (event.event_id,)).fetchall()
    told = heard.latest(connection, _keys(at_units), now)
    row = (
        connection.execute(rows.ONE.encode(), {"site_id": event.site_id, "event_id": event.event_id, "now": now}).fetchone() or {}
    )
    is_sign, said = row["is_sign"], rows.told_of(row)
    shown = []
    for unit in at_units:
        item = told.get(unit["device_key"], {}).get((is_sign, unit["number"]))
        is_told = event.standing == "holds" and unit["state"] == "applied" and unit["kind"] == Kind.RSU
        should = {(is_sign, unit["number"]): (event.event_id, said)} if is_told else {}
        only = {item.name: item} if item and (is_told or event.standing != "holds") else {}
        found = heard.differences(now, should, only)
        fields = {name: unit[name] for name in Unit.model_fields if name in unit}
        shown.append(Unit(**fields, heard=item.heard if item else None, differences=list(chain.from_iterable(found.values()))))
    return RoadEventWithUnits(**event.model_dump(), at_units=shown)


def _woken(connection: rows.Execute, site_id: str, event_id: int, now: Moment) -> RoadEventWithUnits:
    connection.execute(rows.WAKE, {"event_id": event_id, "now": now})
    return _with_units(connection, rows.one(connection, site_id, event_id, now), now)


def _open(event: RoadEvent) -> RoadEvent:
    if event.standing in {"over", "withdrawn"}:
        fault = Fault("event_id", str(event.event_id), "an event that is planned or holds")
        raise ProblemError(HTTPStatus.CONFLICT, f"event {event.event_id} is {event.standing}: add it anew", [fault])
    return event


def _telling(unit: dict[str, Any], should: list[dict[str, Any]], tells: dict[heard.Name, heard.Item], now: Moment) -> UnitTelling:
    mine = [row for row in should if row["device_key"] == unit["device_key"]]
    wanted = {(row["is_sign"], row["number"]): (row["event_id"], rows.told_of(row)) for row in mine if _is_told(row, now)}
    known = {(row["is_sign"], row["number"]): row["event_id"] for row in mine}
    holding = [item for item in tells.values() if item.holds(now)]
    found = heard.differences(now, wanted, tells)
    return UnitTelling(
        device_id=unit["device_id"],
        should=[event_id for event_id, _ in wanted.values()],
        tells=[_told(item, known.get(item.name)) for item in holding],
        differences=list(chain.from_iterable(found.values())),
    )


def _perceiving(
    computer: Mapping[str, Any], should: Sequence[dict[str, Any]], seen: Sequence[perceived.Perceived], now: Moment
) -> UnitTelling:
    mine = [row for row in should if row["device_key"] == computer["device_key"]]
    return UnitTelling(
        device_id=computer["device_id"],
        should=[row["event_id"] for row in mine if _is_told(row, now)],
        tells=[_seen(one) for one in seen],
        differences=[],
    )


def _is_told(row: Mapping[str, Any], now: Moment) -> bool:
    """Whether a unit should tell of an event now."""
    is_open = row["withdrawn"] is None and not _is_past(row["valid_until"], now)
    return is_open and row["valid_from"] <= now and bool(row["frames"])


def _seen(one: perceived.Perceived) -> Told:
    entry = find(one.code, is_sign=False)
    return Told(
        sort="event",
        number=one.number,
        code=one.code,
        name=entry.english if entry else "",
        event_id=None,
        heard=one.heard,
        latitude_deg=one.place[0],
        longitude_deg=one.place[1],
    )


def _told(item: heard.Item, event_id: int | None) -> Told:
    entry = find(item.code, is_sign=item.is_sign)
    latitude, longitude = item.place or (None, None)
    return Told(
        sort="sign" if item.is_sign else "event",
        number=item.number,
        code=item.code,
        name=entry.english if entry else "",
        event_id=event_id,
        heard=item.heard,
        latitude_deg=latitude,
        longitude_deg=longitude,
    )


def _keys(devices: Iterable[Mapping[str, Any]]) -> list[int]:
    return [device["device_key"] for device in devices]


def _is_past(until: Moment | None, now: Moment) -> bool:
    return until is not None and until <= now


def _entry(one: Entry) -> CatalogueEntry:
    return CatalogueEntry(
        sort="sign" if one.is_sign else "event",
        code=str(one.code),
        name=one.english,
        chinese=one.chinese,
        radius_m=one.radius_m,
        priority=one.priority,
    )
