"""Sites and their road networks over HTTP."""

from __future__ import annotations

import gzip
import io
import zlib
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Body, Header, Path, Request, Response
from psycopg import Connection, errors
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from chelu.errors import MalformedError
from services.registry import changes, roads_in_force
from services.registry.access import ActorOf, CallerOf
from services.registry.changes import IfMatch
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.packed import accepts_gzip
from services.registry.parts import Parts, PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roads_in_force import InForce
from services.registry.roles import Role
from services.registry.routing import Router
from services.registry.site_drawing import Drawing, drawing
from services.registry.site_models import NewSite, RoadVersion, Site, SiteChange
from services.registry.track import stopped

ROUTER = Router(prefix="/api/sites", tags=["sites"])
MAX_ROADS_BYTES = 512 * 2**20  # unpacked
CHUNK = 2**20
GZIP = "application/gzip"

COLUMNS = "site_id, name, latitude_deg, longitude_deg, elevation_m, time_zone, area, operator, version"
ADD = f"""INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg, elevation_m, time_zone, area, operator)
    VALUES (%(site_id)s, %(name)s, %(latitude_deg)s, %(longitude_deg)s, %(elevation_m)s, %(time_zone)s, %(area)s, %(operator)s)
    RETURNING {COLUMNS}"""  # noqa: S608 - constants only
ALL = f"SELECT {COLUMNS} FROM register.site ORDER BY site_id"  # noqa: S608 - constants only
ONE = f"SELECT {COLUMNS} FROM register.site WHERE site_id = %(site_id)s"  # noqa: S608 - constants only
CHANGE = f"""UPDATE register.site SET name = %(name)s, latitude_deg = %(latitude_deg)s, longitude_deg = %(longitude_deg)s,
    elevation_m = %(elevation_m)s, time_zone = %(time_zone)s, area = %(area)s, operator = %(operator)s, version = version + 1
    WHERE site_id = %(site_id)s RETURNING {COLUMNS}"""  # noqa: S608 - constants only
OPERATOR = "SELECT 1 FROM register.organisation WHERE organisation_id = %s AND role = 'operator'"
DEVICES = "SELECT device_id FROM register.device WHERE site_id = %s ORDER BY device_id LIMIT %s"
DELETE_ROADS = "DELETE FROM register.road_network WHERE site_id = %s"
DELETE = "DELETE FROM register.site WHERE site_id = %s"
SHOWN = 10
LOCK_SITE = "SELECT site_id FROM register.site WHERE site_id = %s FOR UPDATE"
ADD_ROADS = """INSERT INTO register.road_network (site_id, version, format, content)
    SELECT %(site_id)s, coalesce(max(version), 0) + 1, 'sumo', %(content)s FROM register.road_network WHERE site_id = %(site_id)s
    RETURNING site_id, version, format, length(content) AS bytes"""

ROADS_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {GZIP: {}}},
    304: {"description": "If-None-Match has the present version"},
}
DRAWING_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"model": Drawing}, 304: ROADS_ANSWERS[304]}

SiteId = Annotated[Identifier, Path()]


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def add_site(site: NewSite, parts: PartsOf, actor: ActorOf) -> Site:
    """Register a site; 409 when its id is taken."""
    try:
        with parts.register.transaction(actor) as connection:
            row = connection.execute(ADD, _row(connection, site)).fetchone()
            remember(connection, actor, "add site", site.site_id, site.model_dump(mode="json"))
    except errors.UniqueViolation:
        fault = Fault("site_id", repr(site.site_id), "one that is not registered yet")
        raise ProblemError(HTTPStatus.CONFLICT, f"site_id = {site.site_id!r} is not allowed: {fault.allowed}", [fault]) from None
    return Site.model_validate(row)


@ROUTER.get("")
def list_sites(parts: PartsOf, who: CallerOf) -> list[Site]:
    """The sites that one may see, by id."""
    return [Site(**row) for row in parts.register.rows(ALL) if who.has(Role.VIEWER, row["site_id"])]


@ROUTER.get("/{site_id}")
def show_site(site_id: SiteId, parts: PartsOf, response: Response) -> Site:
    """One site; its version is the ETag."""
    with parts.register.reading() as connection:
        site = _find(connection, site_id)
    changes.set_version(response, site.version)
    return site


@ROUTER.patch("/{site_id}")
def change_site(
    site_id: SiteId, change: SiteChange, parts: PartsOf, actor: ActorOf, response: Response, if_match: IfMatch = None
) -> Site:
    """Change what the request names and leave the rest; null takes a value away. Needs If-Match with the version meant."""
    with parts.register.transaction(actor) as connection:
        after = present = _find(connection, site_id, for_update=True)
        changes.check_version(if_match, present.version, site_id)
        new = changes.changed(NewSite, present.model_dump(include=set(NewSite.model_fields)), change)
        if changes.differs(new, present):
            after = Site.model_validate(connection.execute(CHANGE, _row(connection, new)).fetchone())
            remember(connection, actor, "change site", site_id, change.model_dump(mode="json", exclude_unset=True))
    changes.set_version(response, after.version)
    return after


@ROUTER.delete("/{site_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_site(
    site_id: SiteId, parts: PartsOf, actor: ActorOf, if_match: Annotated[str, Header(description="as for a change")] = "*"
) -> None:
    """Delete a site that has no devices and no stop in force, with its road networks and provisioning keys."""
    with parts.register.transaction(actor) as connection:
        site = _find(connection, site_id, for_update=True)
        changes.check_version(if_match, site.version, site_id)
        devices = [row["device_id"] for row in connection.execute(DEVICES, (site_id, SHOWN))]
        changes.dependants("site", site_id, {"devices": devices})
        stopped.keep_site(connection, site_id)
        connection.execute(DELETE_ROADS, (site_id,))
        connection.execute(DELETE, (site_id,))
        remember(connection, actor, "delete site", site_id, {})
    parts.broker.announce()


@ROUTER.put("/{site_id}/roads", status_code=HTTPStatus.CREATED)
def put_roads(
    site_id: SiteId,
    content: Annotated[bytes, Body(media_type=GZIP, description="a SUMO network (net.xml), packed with gzip")],
    parts: PartsOf,
    actor: ActorOf,
) -> RoadVersion:
    """Store a road network as the site's newest version; 409 where a map is valid, on which the site drives instead."""
    check_roads(content)
    with parts.register.transaction(actor) as connection:
        if connection.execute(LOCK_SITE, (site_id,)).fetchone() is None:
            raise not_found("site", site_id)
        roads_in_force.refuse_beside_map(connection, site_id)
        row = connection.execute(ADD_ROADS, {"site_id": site_id, "content": content}).fetchone()
        version = RoadVersion.model_validate(row)
        remember(connection, actor, "put roads", site_id, version.model_dump())
    return version


@ROUTER.get("/{site_id}/roads", response_class=Response, responses=ROADS_ANSWERS)
def get_roads(site_id: SiteId, parts: PartsOf, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """The road network in force, a SUMO net.xml packed with gzip; 409 where that is a map of another format."""
    with parts.register.reading() as connection:
        roads = _roads(connection, site_id)
        if if_none_match == roads.tag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": roads.tag})
        return Response(roads_in_force.packed(connection, roads), media_type=GZIP, headers={"ETag": roads.tag})


@ROUTER.get("/{site_id}/roads/drawing", response_class=Response, responses=DRAWING_ANSWERS)
def draw_roads(
    site_id: SiteId, parts: PartsOf, request: Request, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The roads in force as a page draws them: lanes as lines in the site's local metres, and its signals' stop lines."""
    with parts.register.reading() as connection:
        roads = _roads(connection, site_id)
    headers = {"ETag": roads.tag, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if if_none_match == headers["ETag"]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    try:
        told = parts.drawings.find((site_id, roads.tag), lambda: _drawn(parts, roads))
    except MalformedError as error:
        text = f"version {roads.version} of the roads cannot be drawn: {error}"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, text) from None
    if accepts_gzip(request):
        return Response(told.packed, media_type="application/json", headers={**headers, "Content-Encoding": "gzip"})
    return Response(told.plain, media_type="application/json", headers=headers)


def _roads(connection: Connection[DictRow], site_id: str) -> InForce:
    roads = roads_in_force.find(connection, site_id)
    if roads is None:
        raise not_found("road network of site", site_id)
    return roads


def _drawn(parts: Parts, roads: InForce) -> Drawing:
    with parts.register.reading() as connection:
        network = roads_in_force.network(connection, roads)
    return drawing(roads.site_id, roads.version, network, is_map=roads.is_map)


def _find(connection: Connection[DictRow], site_id: str, *, for_update: bool = False) -> Site:
    row = connection.execute(f"{ONE} FOR UPDATE" if for_update else ONE, {"site_id": site_id}).fetchone()
    if row is None:
        raise not_found("site", site_id)
    return Site(**row)


def _row(connection: Connection[DictRow], site: NewSite) -> dict[str, Any]:
    """A site as its row holds it; ProblemError 422 when its operator is none."""
    if site.operator is not None and connection.execute(OPERATOR, (site.operator,)).fetchone() is None:
        fault = Fault("operator", repr(site.operator), "a registered operator")
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"operator = {site.operator!r} is not allowed: {fault.allowed}", [fault]
        )
    row = site.model_dump(mode="json")
    return {**row, "area": None if site.area is None else Jsonb(row["area"])}


def check_roads(content: bytes, limit: int = MAX_ROADS_BYTES) -> None:
    """Raise ProblemError 422 unless this is a gzip file of at most `limit` bytes unpacked that holds a SUMO network."""
    head, size = b"", 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            while chunk := file.read(CHUNK):
                head, size = head or chunk[:65536], size + len(chunk)
                if size > limit:
                    raise _bad_roads(f"over {limit} bytes unpacked", f"at most {limit} bytes unpacked")
    except (OSError, EOFError, zlib.error) as error:
        raise _bad_roads(f"{len(content)} bytes ({error})", "a whole gzip file") from None
    if b"<net " not in head:
        raise _bad_roads(repr(head[:40]), "a SUMO network, whose root element is <net>")


def _bad_roads(value: str, allowed: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"content = {value} is not allowed: {allowed}", [Fault("content", value, allowed)]
    )
