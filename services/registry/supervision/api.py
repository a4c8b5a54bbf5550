"""Vehicles under supervision over HTTP: how they drive, what happened, what was kept of it, and what a month came to."""

from __future__ import annotations

import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Response
from psycopg.rows import DictRow

from services.registry.access import ActorOf
from services.registry.database import remember
from services.registry.models import Identifier, Name
from services.registry.parts import PartsOf
from services.registry.problems import not_found
from services.registry.routing import Router
from services.registry.sites import SiteId
from services.registry.streams import END_OF_TIME_US, From, To
from services.registry.supervision import captures, mcap_file, month_rows, months, rows
from services.registry.supervision.models import Event, EventPage, Mark, MonthReport, VehicleState
from services.registry.supervision.rows import Owner
from services.registry.supervision.states import Event as Happened
from services.registry.supervision.states import What
from services.registry.track import log_rows
from services.registry.track.bookings import Number
from services.registry.track.chain import Happening
from services.registry.track.rows import Execute, frame_of, refuse, site

ROUTER = Router(prefix="/api/sites/{site_id}", tags=["vehicles under supervision"])
MCAP = "application/x-mcap"
OLDEST_MARK = datetime.timedelta(hours=1)
STATES = """SELECT device.device_id AS vehicle, vehicle_kind, team, automation_level, state.* FROM register.vehicle_state AS state
    JOIN register.device USING (device_key) WHERE site_id = %(site_id)s AND lifecycle <> 'retired'
        AND (%(team)s::text IS NULL OR team = %(team)s) AND (%(kind)s::text IS NULL OR vehicle_kind = %(kind)s) ORDER BY 1"""
COLUMNS = "event_id, vehicle, team, time, what, former_mode, mode, cause, reason, detail, capture"
EVENTS = f"""SELECT {COLUMNS} FROM register.vehicle_event WHERE site_id = %(site_id)s AND event_id > %(after)s
        AND time >= %(from)s AND time < %(to)s AND (%(vehicle)s::text IS NULL OR vehicle = %(vehicle)s)
        AND (%(what)s::text IS NULL OR what = %(what)s) AND (%(team)s::text IS NULL OR team = %(team)s)
    ORDER BY event_id LIMIT %(limit)s"""  # noqa: S608 - constants only
ONE = f"SELECT {COLUMNS} FROM register.vehicle_event WHERE site_id = %s AND event_id = %s"  # noqa: S608 - constants only
VEHICLE = """SELECT device_key, device_id AS vehicle, team, site_id FROM register.device
    WHERE device_id = %s AND site_id = %s AND kind IN ('vehicle', 'obu')"""


@ROUTER.get("/vehicles")
def list_vehicles(
    site_id: SiteId, parts: PartsOf, team: Identifier | None = None, kind: Name | None = None
) -> list[VehicleState]:
    """How the site's vehicles drive, by their last words, but for retired ones; kind: such as delivery robot."""
    with parts.register.transaction() as connection:
        site(connection, site_id)
        found = connection.execute(STATES, {"site_id": site_id, "team": team, "kind": kind}).fetchall()
    names = VehicleState.model_fields
    return [VehicleState(**{name: row[name] for name in names}) for row in found]


@ROUTER.get("/events")
def list_events(
    site_id: SiteId,
    parts: PartsOf,
    vehicle: Identifier | None = None,
    team: Identifier | None = None,
    what: Annotated[Name | None, Query(min_length=1, description="disengagement, take-over, fault …")] = None,
    from_us: From = 0,
    to_us: To = END_OF_TIME_US,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="the event_id after which the page begins")] = 0,
) -> EventPage:
    """What happened to vehicles, in the order in which it became known."""
    query = {"site_id": site_id, "vehicle": vehicle, "team": team, "what": what, "limit": limit + 1, "after": after}
    with parts.register.transaction() as connection:
        site(connection, site_id)
        found = connection.execute(EVENTS.encode(), {**query, "from": rows.at(from_us), "to": rows.at(to_us)}).fetchall()
    page = [Event(**row) for row in found[:limit]]
    return EventPage(events=page, next=page[-1].event_id if len(found) > limit else None)


@ROUTER.post("/events", status_code=HTTPStatus.CREATED)
def mark_event(site_id: SiteId, mark: Mark, parts: PartsOf, actor: ActorOf) -> Event:
    """Mark an instant by hand, so that the streams around it are kept."""
    now = datetime.datetime.fromtimestamp(parts.clock.wall_us() / 1e6, datetime.UTC)
    time = mark.time or now
    if time.tzinfo is None or not now - OLDEST_MARK <= time <= now:
        raise refuse(
            "time", time.isoformat(), f"an instant with its offset from UTC, from {(now - OLDEST_MARK).isoformat()} to now"
        )
    with parts.register.transaction(actor) as connection:
        site(connection, site_id)
        row = connection.execute(VEHICLE, (mark.vehicle, site_id)).fetchone()
        if row is None:
            raise refuse("vehicle", mark.vehicle, f"a vehicle, or an OBU, of site {site_id}")
        time_us = round(time.timestamp() * 1_000_000)
        happened = Happened(What.MARK, time_us, None, None, None, mark.reason, {"by": actor})
        new = rows.add_events(connection, [(Owner(**row), happened)])
        if not new:
            raise refuse("time", time.isoformat(), "an instant that is not marked yet", HTTPStatus.CONFLICT)
        remember(connection, actor, "mark event", mark.vehicle, mark.model_dump(mode="json"))
        happening = Happening(actor, str(What.MARK), mark.vehicle, {"time_us": time_us, "reason": mark.reason})
        log_rows.append(connection, site_id, [happening], parts.clock.wall_us())
        return Event(**_event(connection, site_id, new[0]))


@ROUTER.get("/events/{event_id}")
def show_event(site_id: SiteId, event_id: Number, parts: PartsOf) -> Event:
    """One event."""
    with parts.register.transaction() as connection:
        return Event(**_event(connection, site_id, event_id))


@ROUTER.get("/events/{event_id}/capture", response_class=Response, responses={200: {"content": {MCAP: {}}}})
def read_capture(site_id: SiteId, event_id: Number, parts: PartsOf) -> Response:
    """What was kept of the streams around an event, as an MCAP file that Foxglove opens; 404 while it is not kept yet."""
    with parts.register.transaction() as connection:
        event = _event(connection, site_id, event_id)
        capture = captures.kept(connection, event_id)
        if capture is None:
            raise not_found("capture of event", f"{event_id} ({event['capture']})")
        frame = frame_of(site(connection, site_id))
    time_us = round(event["time"].timestamp() * 1_000_000)
    content = mcap_file.written(capture, {**event, "time_us": time_us}, frame)
    name = f"{site_id}-{event_id}-{event['vehicle']}.mcap"
    return Response(content, media_type=MCAP, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@ROUTER.get("/months/{month}")
def report_month(site_id: SiteId, month: str, parts: PartsOf, team: Identifier | None = None) -> MonthReport:
    """Hours and kilometres of each vehicle by mode, and what happened, of a month (YYYY-MM) in the site's time zone, by team."""
    with parts.register.transaction() as connection:
        there = site(connection, site_id)
        try:
            period = months.bounds(month, there["time_zone"])
        except ValueError as error:
            raise refuse("month", repr(month[:20]), str(error)) from None
        return month_rows.report(connection, there, month, period, team)


def _event(connection: Execute, site_id: str, event_id: int) -> dict[str, Any]:
    row: DictRow | None = connection.execute(ONE.encode(), (site_id, event_id)).fetchone()
    if row is None:
        raise not_found("event", str(event_id))
    return row
