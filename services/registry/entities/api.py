"""The city's data over HTTP, by kinds of entities after FIWARE's smart data models."""

from __future__ import annotations

import datetime
from http import HTTPStatus
from typing import Annotated, Any

import psycopg
from fastapi import Path, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from services.registry.entities import days, reading
from services.registry.entities.kinds import DEVICE, ROAD_SEGMENT, EntityKind, kinds
from services.registry.models import Identifier, Model
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, shown
from services.registry.routing import Router
from services.registry.stored_models import Rows
from services.registry.streams import missing
from services.registry.tables import AFTER, EQUAL, RANGE, Page, read_rows

ROUTER = Router(prefix="/api/entities", tags=["what was stored"])
PARQUET = "application/vnd.apache.parquet"
FILE: dict[int | str, dict[str, Any]] = {200: {"content": {PARQUET: {}}}}
AWAY = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName)
OBSERVED = """SELECT * FROM open.{view} WHERE {where} ORDER BY time FETCH FIRST %(limit)s ROWS WITH TIES"""
DEVICES = f"SELECT * FROM open.device WHERE {EQUAL.format(column='site_id', kind='text')} ORDER BY device_id"  # noqa: S608
SITES = "SELECT site_id FROM register.site WHERE %(site_id)s::text IS NULL OR site_id = %(site_id)s ORDER BY site_id"
NAME = r"^[A-Za-z]{1,64}$"
KindName = Annotated[str, Path(pattern=NAME, description="a kind that GET /api/entities lists", examples=["AirQualityObserved"])]
Site = Annotated[Identifier | None, Query(description="only of this site")]
Day = Annotated[datetime.date, Path(description="a day in UTC", examples=["2026-05-01"])]


class EntityProperty(Model):
    """One property of a kind."""

    name: str
    unit: str
    source: str = Field(description="what Chelu calls it: a quantity, or a column of the traffic state")


class Kind(Model):
    """A kind of entity."""

    name: str
    about: str
    view: str = Field(description="in schema open; '' where there is none")
    properties: list[EntityProperty]


@ROUTER.get("")
def list_kinds() -> list[Kind]:
    """What there is: kinds with their properties and units."""
    return [_kind(one) for one in kinds().values()]


@ROUTER.get("/{kind}")
def list_entities(kind: KindName, parts: PartsOf, page: Page, site: Site = None) -> Rows:
    """Entities of a kind, oldest first; of `Device` and `RoadSegment` what there is now, whatever the period, on one page."""
    found = _known(kind, list(kinds()))
    if kind == ROAD_SEGMENT:
        with parts.register.transaction() as connection:
            sites = [row["site_id"] for row in connection.execute(SITES, {"site_id": site}).fetchall()]
            return Rows(rows=[one for each in sites for one in reading.segments(connection, each)], next=None)
    if kind == DEVICE:
        rows = read_rows(parts, "open.device", DEVICES, {"site_id": site})
        return Rows(rows=[reading.document(found, row, None) for row in rows], next=None)
    where = " AND ".join([RANGE.format(time="time"), AFTER.format(time="time"), EQUAL.format(column="site_id", kind="text")])
    sql = OBSERVED.format(view=found.view, where=where)
    rows = read_rows(parts, f"open.{found.view}", sql, {**page, "site_id": site})
    documents = [reading.document(found, row, row["time_us"]) for row in rows]
    return Rows(rows=documents, next=rows[-1]["time_us"] if len(rows) >= (page["limit"] or 0) else None)


@ROUTER.get("/{kind}/days/{day}", response_class=StreamingResponse, responses=FILE)
def export_day(kind: KindName, day: Day, parts: PartsOf, site: Site = None) -> StreamingResponse:
    """A day of what was observed, as a Parquet file; empty where nothing was."""
    found = _known(kind, [one.name for one in kinds().values() if one.view and one.name != DEVICE])
    begin = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
    query = {"begin": begin, "site_id": site}
    try:
        with parts.register.transaction() as connection:
            file = days.written(connection, found, query)
    except AWAY as error:
        raise missing(f"open.{found.view}", error) from None
    headers = {"Content-Disposition": f'attachment; filename="{kind}-{day}.parquet"'}
    return StreamingResponse(days.pieces(file), headers=headers, media_type=PARQUET)


def _known(name: str, allowed: list[str]) -> EntityKind:
    """A kind of these; ProblemError 404 for any other."""
    if name not in allowed:
        fault = Fault("kind", shown(name), ", ".join(allowed))
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no kind of entity {name!r} here", [fault])
    return kinds()[name]


def _kind(one: EntityKind) -> Kind:
    properties = [EntityProperty(name=each.name, unit=each.unit, source=each.source) for each in one.properties]
    return Kind(name=one.name, about=one.about, view=f"open.{one.view}" if one.view else "", properties=properties)
