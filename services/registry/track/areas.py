"""Areas and lanes of a site over HTTP."""

from __future__ import annotations

import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Path, Response
from psycopg import errors
from psycopg.types.json import Jsonb

from services.registry import changes
from services.registry.access import ActorOf
from services.registry.changes import IfMatch
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.routing import Router
from services.registry.sites import SiteId
from services.registry.track import log_rows, rows
from services.registry.track.chain import Happening
from services.registry.track.models import Area, AreaChange, NewArea

ROUTER = Router(prefix="/api/sites/{site_id}/areas", tags=["track"])
AreaId = Annotated[Identifier, Path()]
SHAPE = {"polygon", "floor_m", "ceiling_m", "shares"}
FIELDS = set(NewArea.model_fields)


@ROUTER.get("")
def list_areas(site_id: SiteId, parts: PartsOf) -> list[Area]:
    """A site's areas and lanes, by id."""
    with parts.register.transaction() as connection:
        rows.site(connection, site_id)
        return [Area(**row) for row in rows.areas(connection, site_id)]


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def add_area(site_id: SiteId, area: NewArea, parts: PartsOf, actor: ActorOf) -> Area:
    """Mark out an area or a lane; 409 when its id is taken. Those with a permit for an area may be in all that lies in it."""
    try:
        with parts.register.transaction(actor) as connection:
            rows.lock(connection, site_id)
            row = connection.execute(rows.ADD_AREA.encode(), _row(site_id, area)).fetchone()
            _note(parts, connection, site_id, actor, "area added", area.area_id, area.model_dump(mode="json"))
    except errors.UniqueViolation:
        raise rows.refuse("area_id", area.area_id, "one that the site does not have yet", HTTPStatus.CONFLICT) from None
    return Area.model_validate(row)


@ROUTER.get("/{area_id}")
def show_area(site_id: SiteId, area_id: AreaId, parts: PartsOf, response: Response) -> Area:
    """One area; its version is the ETag."""
    with parts.register.transaction() as connection:
        rows.site(connection, site_id)
        found = Area(**rows.area_of(rows.areas(connection, site_id), area_id))
    changes.set_version(response, found.version)
    return found


@ROUTER.patch("/{area_id}")
def change_area(
    site_id: SiteId,
    area_id: AreaId,
    change: AreaChange,
    parts: PartsOf,
    actor: ActorOf,
    response: Response,
    if_match: IfMatch = None,
) -> Area:
    """Change what the request names. Its shape and its shares stay while somebody has booked it or may be in it."""
    with parts.register.transaction(actor) as connection:
        rows.lock(connection, site_id)
        after = present = Area(**rows.area_of(rows.areas(connection, site_id), area_id))
        changes.check_version(if_match, present.version, area_id)
        new = changes.changed(NewArea, present.model_dump(include=FIELDS), change)
        if any(getattr(new, name) != getattr(present, name) for name in SHAPE):
            _refuse_while_claimed(connection, site_id, area_id)
        if changes.differs(new, present):
            after = Area.model_validate(connection.execute(rows.CHANGE_AREA.encode(), _row(site_id, new)).fetchone())
            detail = change.model_dump(mode="json", exclude_unset=True)
            _note(parts, connection, site_id, actor, "area changed", area_id, detail)
    changes.set_version(response, after.version)
    return after


@ROUTER.delete("/{area_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_area(
    site_id: SiteId,
    area_id: AreaId,
    parts: PartsOf,
    actor: ActorOf,
    if_match: Annotated[str, Header(description="as for a change")] = "*",
) -> None:
    """Delete an area that nobody has booked or may be in from now on; what was booked is in the log."""
    with parts.register.transaction(actor) as connection:
        rows.lock(connection, site_id)
        present = rows.area_of(rows.areas(connection, site_id), area_id)
        changes.check_version(if_match, present["version"], area_id)
        _refuse_while_claimed(connection, site_id, area_id)
        connection.execute(rows.DELETE_AREA, (site_id, area_id))
        _note(parts, connection, site_id, actor, "area deleted", area_id, {})


def _refuse_while_claimed(connection: rows.Execute, site_id: str, area_id: str) -> None:
    now = datetime.datetime.now(datetime.UTC)
    booked = rows.booking_claims(rows.bookings(connection, site_id, now))
    permitted = rows.permit_claims(rows.permits(connection, site_id, now))
    found = {
        what: [one.name for one in claims if one.area_id == area_id][: changes.SHOWN_FAULTS]
        for what, claims in (("bookings", booked), ("permits", permitted))
    }
    changes.dependants("area", area_id, found)


def _row(site_id: str, area: NewArea) -> dict[str, Any]:
    row = area.model_dump(mode="json")
    return {**row, "polygon": Jsonb(row["polygon"]), "site_id": site_id}


def _note(
    parts: PartsOf, connection: rows.Execute, site_id: str, actor: str, what: str, area_id: str, detail: dict[str, Any]
) -> None:
    remember(connection, actor, what, f"{site_id}/{area_id}", detail)
    log_rows.append(connection, site_id, [Happening(actor, what, area_id, detail)], parts.clock.wall_us())
