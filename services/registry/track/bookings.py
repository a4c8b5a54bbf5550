"""Bookings and permits of a site over HTTP. Two that cannot both hold are never both there: the site's claims have one lock."""

from __future__ import annotations

import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AwareDatetime

from services.registry.access import ActorOf
from services.registry.database import remember
from services.registry.lifecycle import SPEAKING
from services.registry.models import Identifier
from services.registry.parts import Parts, PartsOf
from services.registry.problems import not_found
from services.registry.routing import Router
from services.registry.sites import SiteId
from services.registry.track import log_rows, rows, rules
from services.registry.track.chain import Happening
from services.registry.track.models import Booking, NewBooking, NewPermit, Permit
from services.registry.track.rules import Claim

ROUTER = Router(prefix="/api/sites/{site_id}", tags=["track"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Since = Annotated[AwareDatetime | None, Query(description="only what still holds after this instant; null: now")]
Until = Annotated[AwareDatetime | None, Query(description="only what holds before this instant")]


@ROUTER.get("/bookings")
def list_bookings(
    site_id: SiteId, parts: PartsOf, since: Since = None, until: Until = None, area: Identifier | None = None
) -> list[Booking]:
    """Bookings that were not cancelled, by time."""
    with parts.register.transaction() as connection:
        rows.site(connection, site_id)
        found = rows.bookings(connection, site_id, since or _now(parts), until)
    return [Booking(**row) for row in found if area is None or row["area_id"] == area]


@ROUTER.post("/bookings", status_code=HTTPStatus.CREATED)
def add_booking(site_id: SiteId, booking: NewBooking, parts: PartsOf, actor: ActorOf) -> Booking:
    """Book an area by the whole hour; 409 names what stands against it."""
    with parts.register.transaction(actor) as connection:
        site = rows.lock(connection, site_id)
        areas = rows.areas(connection, site_id)
        rows.area_of(areas, booking.area_id)
        if fault := rules.fault_in_hours(booking.starts, booking.ends, site["time_zone"], _now(parts)):
            raise rows.refuse(fault[0], getattr(booking, fault[0]).isoformat(), fault[1])
        if connection.execute(rows.TEAM, (booking.team,)).fetchone() is None:
            raise rows.refuse("team", booking.team, "a registered vehicle team")
        claim = Claim("booking", booking.area_id, booking.team, booking.starts, booking.ends)
        held = rows.booking_claims(rows.bookings(connection, site_id, booking.starts, booking.ends))
        permitted = rows.permit_claims(rows.permits(connection, site_id, booking.starts, booking.ends))
        clashes = rules.against_booking(claim, held, permitted, rows.ground(site, areas))
        rows.refuse_clashes("booking", clashes, site["time_zone"])
        row = connection.execute(
            rows.ADD_BOOKING.encode(), {**booking.model_dump(), "site_id": site_id, "booked_by": actor}
        ).fetchone()
        made = Booking.model_validate(row)
        _note(parts, connection, made.site_id, actor, "booked", f"booking {made.booking_id}", booking.model_dump(mode="json"))
    return made


@ROUTER.delete("/bookings/{booking_id}", status_code=HTTPStatus.NO_CONTENT)
def cancel_booking(site_id: SiteId, booking_id: Number, parts: PartsOf, actor: ActorOf) -> None:
    """Cancel a booking; 404 when there is none that was not cancelled."""
    with parts.register.transaction(actor) as connection:
        rows.lock(connection, site_id)
        query = {"site_id": site_id, "booking_id": booking_id, "actor": actor}
        if connection.execute(rows.CANCEL.encode(), query).fetchone() is None:
            raise not_found("booking", str(booking_id))
        _note(parts, connection, site_id, actor, "booking cancelled", f"booking {booking_id}", {})


@ROUTER.get("/permits")
def list_permits(
    site_id: SiteId, parts: PartsOf, since: Since = None, until: Until = None, vehicle: Identifier | None = None
) -> list[Permit]:
    """Permits that were not revoked, by time."""
    with parts.register.transaction() as connection:
        rows.site(connection, site_id)
        found = rows.permits(connection, site_id, since or _now(parts), until)
    return [Permit(**row) for row in found if vehicle is None or row["vehicle"] == vehicle]


@ROUTER.post("/permits", status_code=HTTPStatus.CREATED)
def give_permit(site_id: SiteId, permit: NewPermit, parts: PartsOf, actor: ActorOf) -> Permit:
    """Let a vehicle be in an area for a time; 409 when another team has it, or what overlaps it, for itself then."""
    with parts.register.transaction(actor) as connection:
        site = rows.lock(connection, site_id)
        areas = rows.areas(connection, site_id)
        rows.area_of(areas, permit.area_id)
        if fault := rules.fault_in_future(permit.ends, _now(parts)):
            raise rows.refuse(fault[0], permit.ends.isoformat(), fault[1])
        vehicle = _vehicle(connection, site_id, permit.vehicle)
        claim = Claim("permit", permit.area_id, vehicle["team"], permit.starts, permit.ends)
        held = rows.booking_claims(rows.bookings(connection, site_id, permit.starts, permit.ends))
        rows.refuse_clashes("permit", rules.against_permit(claim, held, rows.ground(site, areas)), site["time_zone"])
        more = {"site_id": site_id, "vehicle_key": vehicle["device_key"], "team": vehicle["team"], "given_by": actor}
        modes = None if permit.modes is None else [str(mode) for mode in permit.modes]
        row = connection.execute(rows.ADD_PERMIT.encode(), {**permit.model_dump(), "modes": modes, **more}).fetchone()
        made = Permit.model_validate(row)
        detail = {"permit": made.permit_id, **permit.model_dump(mode="json")}
        _note(parts, connection, site_id, actor, "permit given", permit.vehicle, detail)
    _look_again(parts)
    return made


@ROUTER.delete("/permits/{permit_id}", status_code=HTTPStatus.NO_CONTENT)
def revoke_permit(site_id: SiteId, permit_id: Number, parts: PartsOf, actor: ActorOf) -> None:
    """Revoke a permit; whoever is still there is a trespasser from now on. 404 when there is none that was not revoked."""
    with parts.register.transaction(actor) as connection:
        rows.lock(connection, site_id)
        query = {"site_id": site_id, "permit_id": permit_id, "actor": actor}
        row = connection.execute(rows.REVOKE.encode(), query).fetchone()
        if row is None:
            raise not_found("permit", str(permit_id))
        _note(parts, connection, site_id, actor, "permit revoked", row["vehicle"], {"permit": permit_id})
    _look_again(parts)


def _vehicle(connection: rows.Execute, site_id: str, device_id: str) -> dict[str, Any]:
    row = connection.execute(rows.VEHICLE, (device_id,)).fetchone()
    if row is None:
        raise rows.refuse("vehicle", device_id, "a registered vehicle")
    if row["site_id"] != site_id:
        raise rows.refuse("vehicle", device_id, f"a vehicle of this site, not of {row['site_id']}")
    if row["lifecycle"] not in SPEAKING:
        raise rows.refuse("vehicle", device_id, f"a vehicle that is not {row['lifecycle']}", HTTPStatus.CONFLICT)
    return row


def _now(parts: Parts) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(parts.clock.wall_us() / 1e6, datetime.UTC)


def _look_again(parts: Parts) -> None:
    if parts.track is not None:
        parts.track.look_again()


def _note(
    parts: Parts, connection: rows.Execute, site_id: str, actor: str, what: str, subject: str, detail: dict[str, Any]
) -> None:
    remember(connection, actor, what, f"{site_id}/{subject}", detail)
    log_rows.append(connection, site_id, [Happening(actor, what, subject, detail)], parts.clock.wall_us())
