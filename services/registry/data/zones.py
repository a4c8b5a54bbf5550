"""Private zones of sites over HTTP: places in which exports show nothing of vehicles that are not the recipient's."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from psycopg.types.json import Jsonb

from services.registry.access import ActorOf
from services.registry.data.models import SiteZone, Zone
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.problems import not_found
from services.registry.routing import Router

ROUTER = Router(prefix="/api/sites/{site_id}/private-zones", tags=["data for teams"])
SELECT = "SELECT site_id, zone_id, reason, polygon FROM register.private_zone WHERE site_id = %(site_id)s ORDER BY zone_id"
PUT = """INSERT INTO register.private_zone (site_id, zone_id, reason, polygon)
    SELECT site_id, %(zone_id)s, %(reason)s, %(polygon)s FROM register.site WHERE site_id = %(site_id)s
    ON CONFLICT (site_id, zone_id) DO UPDATE SET reason = excluded.reason, polygon = excluded.polygon
    RETURNING site_id, zone_id, reason, polygon"""
DELETE = "DELETE FROM register.private_zone WHERE site_id = %s AND zone_id = %s"
SiteId = Annotated[Identifier, Path(description="the site's id")]
ZoneId = Annotated[Identifier, Path(description="the zone's id on its site", examples=["depot"])]


@ROUTER.get("")
def list_zones(site_id: SiteId, parts: PartsOf) -> list[SiteZone]:
    """A site's private zones."""
    return [SiteZone(**row) for row in parts.register.rows(SELECT, {"site_id": site_id})]


@ROUTER.put("/{zone_id}")
def put_zone(site_id: SiteId, zone_id: ZoneId, wanted: Zone, parts: PartsOf, actor: ActorOf) -> SiteZone:
    """Let a zone be so, for exports that are asked for from now on."""
    row = {"site_id": site_id, "zone_id": zone_id, "reason": wanted.reason, "polygon": Jsonb(wanted.polygon.model_dump())}
    with parts.register.transaction(actor) as connection:
        found = connection.execute(PUT, row).fetchone()
        if found is None:
            raise not_found("site", site_id)
        remember(connection, actor, "put private zone", zone_id, {"site_id": site_id, "reason": wanted.reason})
    return SiteZone(**found)


@ROUTER.delete("/{zone_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_zone(site_id: SiteId, zone_id: ZoneId, parts: PartsOf, actor: ActorOf) -> None:
    """Give a zone up; exports that were asked for before keep it."""
    with parts.register.transaction(actor) as connection:
        if connection.execute(DELETE, (site_id, zone_id)).rowcount == 0:
            raise not_found("private zone", zone_id)
        remember(connection, actor, "delete private zone", zone_id, {"site_id": site_id})
