"""Maps over HTTP: versions and their files, when each is valid, what units are sent of them, and what they send."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import zlib
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Body, Path, Query, Response
from psycopg.types.json import Jsonb

from chelu.roads.opening import Opened
from services.registry.access import ActorOf
from services.registry.database import remember
from services.registry.maps import reading, rows, units
from services.registry.maps.models import Activation, Change, Format, MapDetail, MapVersion, Pushed, Pushing, UnitMap
from services.registry.models import Name
from services.registry.orders.issuing import clerk_of, now_of
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError
from services.registry.routing import Router
from services.registry.sites import SiteId
from services.registry.track.rows import frame_of, site

ROUTER = Router(prefix="/api/sites/{site_id}", tags=["maps"])
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
ANY = "application/octet-stream"
MAGIC, MOST_BYTES = b"\x1f\x8b", 64 * 2**20  # unpacked
FILE: dict[int | str, dict[str, Any]] = {200: {"content": {ANY: {}}}}
EXPORT: dict[int | str, dict[str, Any]] = {200: {"content": {media: {} for media in reading.MEDIA.values()}}}


@ROUTER.post("/maps", status_code=HTTPStatus.CREATED)
def add_map(
    site_id: SiteId,
    content: Annotated[bytes, Body(media_type=ANY, description="OpenDRIVE, lanelet2, SUMO, MAP or GeoJSON; gzip or not")],
    parts: PartsOf,
    actor: ActorOf,
    file: Annotated[Name, Query(min_length=1, description="its name where it came from")] = "map",
    note: Annotated[Name, Query(description="why there is a new one")] = "",
) -> MapDetail:
    """Keep a file as the site's newest map, which is valid when it is activated.

    422 for a file that cannot be read, 409 for one that is there already.
    """
    now, plain, digest = now_of(parts), _unpacked(content), hashlib.sha256(content).hexdigest()
    with parts.register.transaction() as connection:
        frame = frame_of(site(connection, site_id))
    found = reading.opened(plain, file, frame)
    values = {"site_id": site_id, "file": file, "format": found.format, "sha256": digest, "bytes": len(content), "note": note}
    said = reading.said_of(found)
    with parts.register.transaction(actor) as connection:
        site(connection, site_id)
        rows.lock(connection, site_id)
        if (same := connection.execute(rows.SAME, values).fetchone()) is not None:
            raise _conflict("content", file, f"a file that is not there yet: version {same['version']} is the same")
        row = connection.execute(rows.ADD, {**values, "said": Jsonb(said), "actor": actor}).fetchone() or {}
        connection.execute(rows.ADD_FILE, {"site_id": site_id, "version": row["version"], "content": content})
        remember(connection, actor, "add map", site_id, {**values, "version": row["version"]})
        return rows.one(connection, site_id, row["version"], now)


@ROUTER.get("/maps")
def list_maps(site_id: SiteId, parts: PartsOf) -> list[MapVersion]:
    """The site's maps, the oldest first, and which is valid now."""
    with parts.register.transaction() as connection:
        site(connection, site_id)
        query = {"site_id": site_id, "now": now_of(parts)}
        return [rows.shown(row) for row in connection.execute(rows.LIST.encode(), query)]


@ROUTER.get("/maps/{version}")
def show_map(site_id: SiteId, version: Version, parts: PartsOf) -> MapDetail:
    """One version: what is in it, what of its file is not read, what is doubtful."""
    with parts.register.transaction() as connection:
        return rows.one(connection, site_id, version, now_of(parts))


@ROUTER.get("/maps/{version}/file", response_class=Response, responses=FILE)
def get_map_file(site_id: SiteId, version: Version, parts: PartsOf) -> Response:
    """The file that a version came from, as it was given."""
    with parts.register.transaction() as connection:
        return Response(rows.content(connection, site_id, version), media_type=ANY)


@ROUTER.get("/maps/{version}/export", response_class=Response, responses=EXPORT)
def export_map(
    site_id: SiteId,
    version: Version,
    parts: PartsOf,
    form: Annotated[Format, Query(alias="format", description="uper, hex, json: MAP; sumo: plain XML in a zip file")] = "geojson",
) -> Response:
    """A version in another format."""
    with parts.register.transaction() as connection:
        opened = _opened(connection, site_id, version)
        frame = frame_of(site(connection, site_id))
    return Response(reading.exported(opened.network, frame, form), media_type=reading.MEDIA[form])


@ROUTER.get("/map-plan")
def list_map_plan(site_id: SiteId, parts: PartsOf) -> list[Change]:
    """From when on which version is valid; at every instant one is, or none."""
    with parts.register.transaction() as connection:
        site(connection, site_id)
        return rows.changes(connection, site_id)


@ROUTER.post("/maps/{version}/activate")
def activate_map(site_id: SiteId, version: Version, wanted: Activation, parts: PartsOf, actor: ActorOf) -> list[Change]:
    """Let a version be valid from an instant on, which is not past; the plan as it is then."""
    now = now_of(parts)
    since = wanted.valid_from or now
    if since < now - datetime.timedelta(minutes=1) or (wanted.valid_until is not None and wanted.valid_until <= max(since, now)):
        allowed = "an instant to come: what was valid is history"
        name, value = (
            ("valid_from", since) if since < now - datetime.timedelta(minutes=1) else ("valid_until", wanted.valid_until)
        )
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} = {value} is not allowed: {allowed}", [Fault(name, str(value), allowed)]
        )
    with parts.register.transaction(actor) as connection:
        rows.lock(connection, site_id)
        rows.one(connection, site_id, version, now)
        rows.activate(connection, site_id, version, since, wanted.valid_until, actor)
        detail = {"version": version, "valid_from": since.isoformat(), **wanted.model_dump(mode="json", include={"valid_until"})}
        remember(connection, actor, "activate map", site_id, detail)
        return rows.changes(connection, site_id)


@ROUTER.post("/maps/{version}/push", status_code=HTTPStatus.ACCEPTED)
def push_map(site_id: SiteId, version: Version, wanted: Pushing, parts: PartsOf, actor: ActorOf) -> Pushed:
    """Send a version to roadside units at QoS 1, each the nodes within its coverage, again until it has answered.

    A unit that says that it has the same tag, or is heard to send the same, is left in peace (T/ITS 0117).
    """
    clerk, now = clerk_of(parts), now_of(parts)
    with parts.register.transaction(actor) as connection:
        frame = frame_of(site(connection, site_id))
        opened = _opened(connection, site_id, version)
        rows.lock(connection, site_id)  # of two pushes at once the later one has to see the other's orders
        pushed = units.push(connection, site_id, units.Wanted(version, opened.network, frame, wanted, actor), now)
        remember(connection, actor, "push map", site_id, {"version": version, "units": len(pushed.units)})
    clerk.wake()
    return pushed


@ROUTER.get("/map-units")
def list_map_units(site_id: SiteId, parts: PartsOf) -> list[UnitMap]:
    """Of each roadside unit what it should send of the valid map, says that it has and is heard to send, and what differs."""
    now = now_of(parts)
    with parts.register.transaction() as connection:
        frame = frame_of(site(connection, site_id))
        version = rows.valid_at(connection, site_id, now)
        network = None if version is None else _opened(connection, site_id, version).network
        return units.compared(connection, site_id, (version, network, frame), now)


def _opened(connection: rows.Execute, site_id: str, version: int) -> Opened:
    plain = _unpacked(rows.content(connection, site_id, version))
    file = rows.one(connection, site_id, version, datetime.datetime.now(datetime.UTC)).file
    return reading.opened(plain, file, frame_of(site(connection, site_id)))


def _unpacked(content: bytes) -> bytes:
    """A file without its packing; ProblemError 422 for one that unpacks to too much, or is broken."""
    if not content.startswith(MAGIC):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            plain = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _bad(f"{len(content)} bytes ({error})", "a whole gzip file, or one that is not packed") from None
    if len(plain) > MOST_BYTES:
        raise _bad(f"over {MOST_BYTES} bytes unpacked", f"at most {MOST_BYTES} bytes unpacked")
    return plain


def _bad(value: str, allowed: str) -> ProblemError:
    fault = Fault("content", value, allowed)
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"content = {value} is not allowed: {allowed}", [fault])


def _conflict(field: str, value: str, allowed: str) -> ProblemError:
    return ProblemError(HTTPStatus.CONFLICT, f"{field} = {value!r} is not allowed: {allowed}", [Fault(field, value, allowed)])
