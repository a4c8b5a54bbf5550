"""A site's past over HTTP: stored moments as columns for a map, and its warnings. Testers of the site read it."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Annotated, Any

import psycopg
from fastapi import Path, Query, Response

from chelu.codec import columns
from chelu.geo import LocalFrame
from chelu.units import US_PER_S
from services.registry.models import InstantUs, Name
from services.registry.parts import Parts, PartsOf
from services.registry.past import rows, warning_rows
from services.registry.past.lights import lights
from services.registry.past.models import Order, WarningHour, WarningPage, WarningStory
from services.registry.past.tracks import columns_of, header_of, reports
from services.registry.past.twins import twins
from services.registry.past.warnings import on_map, step, stored_warning
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.routing import Router
from services.registry.sites import SiteId
from services.registry.streams import COLUMNS, END_OF_TIME_US, From, To, missing

ROUTER = Router(prefix="/api/sites/{site_id}", tags=["the past"])
MOST_SECONDS = 60
MOST_DAYS = 31
MOST_CHANGES = 20_000  # of warnings in one picture: 30 that are up, for a minute and more
SITE = "SELECT latitude_deg, longitude_deg, elevation_m FROM register.site WHERE site_id = %(site_id)s"
AWAY = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName)
PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {COLUMNS: {}}}}

WarningId = Annotated[uuid.UUID, Path(examples=["3f2a9c01-5f0e-4c1e-8a55-0d3f6f1f2b7a"])]
Begin = Annotated[InstantUs, Query(description="where it begins, event time in µs UTC since 1970")]
End = Annotated[InstantUs, Query(description=f"where it ends at the latest, at most {MOST_SECONDS} s later")]


@ROUTER.get("/past/picture", response_class=Response, responses=PICTURE)
def read_past_picture(site_id: SiteId, parts: PartsOf, from_us: Begin, to_us: End) -> Response:
    """Who was where in a short time, what signals showed and which warnings were up (docs/formats/columns.md).

    The header's `until_us` says up to when it goes: `to_us`, or sooner where there is more than one answer holds.
    """
    _check_span(from_us, to_us, MOST_SECONDS * US_PER_S, f"after from_us, and at most {MOST_SECONDS} s later")
    place = _site(parts, site_id)
    frame = LocalFrame(**place)
    try:
        with parts.register.reading() as connection:
            found = rows.read(connection, site_id, from_us, to_us)
    except AWAY as error:
        raise missing("schema stream", error) from None
    seen = reports(found.streams["bsm"], found.streams["participant"], frame)
    header = {
        "table": "past",
        "site": site_id,
        "from_us": from_us,
        "until_us": found.until_us,
        "origin": place,
        "tracks": header_of(seen, twins(seen)),
        "signals": lights(found.streams["spat"], from_us),
        "warnings": _warnings(parts, site_id, frame, from_us, found.until_us),
    }
    return Response(columns.pack(columns_of(seen, from_us), header), media_type=COLUMNS)


@ROUTER.get("/warnings")
def list_warnings(
    site_id: SiteId,
    parts: PartsOf,
    from_us: From = 0,
    to_us: To = END_OF_TIME_US,
    application: Annotated[Name | None, Query(description="only its warnings", examples=["fcw"])] = None,
    order: Order = Order.NEWEST,
    limit: Annotated[int, Query(ge=1, le=1000, description="about; a page ends with all of its last instant")] = 100,
    after: Annotated[int | None, Query(ge=0, le=END_OF_TIME_US, description="the last page's `next`")] = None,
    *,
    with_advice: Annotated[bool, Query(description="also what only advises")] = False,
) -> WarningPage:
    """Warnings raised in a period, each with what became of it."""
    _site(parts, site_id)
    query = {
        "site_id": site_id,
        "from_us": from_us,
        "to_us": to_us,
        "application": application,
        "with_advice": with_advice,
        "limit": limit,
        "after": after,
    }
    found = warning_rows.raised(parts, query, newest_first=order is Order.NEWEST)
    page = [stored_warning(row, row["became"]) for row in found]
    return WarningPage(warnings=page, next=page[-1].raised_us if len(page) >= limit else None)


@ROUTER.get("/warnings/{warning_id}")
def show_warning(site_id: SiteId, warning_id: WarningId, parts: PartsOf) -> WarningStory:
    """One warning and all that became of it."""
    found = story(parts, site_id, str(warning_id))
    newest = {**found[-1], "highest": max(row["level"] for row in found)}
    return WarningStory(warning=stored_warning(found[0], newest), steps=[step(row) for row in found])


@ROUTER.get("/warning-hours")
def count_warnings(site_id: SiteId, parts: PartsOf, from_us: Begin, to_us: End) -> list[WarningHour]:
    """Warnings by hour and application, with their lead times; of at most 31 days."""
    _check_span(from_us, to_us, MOST_DAYS * 86_400 * US_PER_S, f"after from_us, and at most {MOST_DAYS} days later")
    _site(parts, site_id)
    found = []
    for row in warning_rows.hours(parts, site_id, from_us, to_us):
        leads = dict(zip(("lead_p10_s", "lead_p50_s", "lead_p90_s"), row["leads"] or (None, None, None), strict=True))
        figures = {name: row[name] for name in ("hour_us", "application", "count", "imminent")}
        found.append(WarningHour(**figures, **leads))
    return found


def story(parts: Parts, site_id: str, warning_id: str) -> list[dict[str, Any]]:
    """A warning's rows; ProblemError 404 where the site has none of this id."""
    _site(parts, site_id)
    found = warning_rows.life(parts, site_id, warning_id)
    if not found:
        raise not_found("warning", warning_id)
    return found


def _warnings(parts: Parts, site_id: str, frame: LocalFrame, from_us: int, until_us: int) -> list[dict[str, Any]]:
    """Those that were up; none where inference has never been."""
    try:
        found, raised_us = warning_rows.changes(parts, site_id, from_us, until_us, MOST_CHANGES)
    except ProblemError as error:
        if error.status is HTTPStatus.SERVICE_UNAVAILABLE:
            return []
        raise
    return on_map(found, raised_us, frame, from_us)


def _site(parts: Parts, site_id: str) -> dict[str, float]:
    """The origin of its local frame; ProblemError 404."""
    found = parts.register.rows(SITE, {"site_id": site_id})
    if not found:
        raise not_found("site", site_id)
    return {name: float(value) for name, value in found[0].items()}


def _check_span(from_us: int, to_us: int, most_us: int, allowed: str) -> None:
    if not from_us < to_us <= from_us + most_us:
        fault = Fault("to_us", str(to_us), allowed)
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"to_us = {to_us} is not allowed: {allowed}", [fault])
