"""Traffic state over HTTP: of places and periods, where vehicles turned and went, what is foreseen, and what was found."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import Query

from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.routing import Router
from services.registry.stored_models import Rows
from services.registry.tables import Page, page_of

ROUTER = Router(prefix="/api/city", tags=["what was stored"])
STATE_FILTERS = {"site_id": "text", "scope": "text", "place": "text", "period_s": "integer"}
FORECAST_FILTERS = {"site_id": "text", "place": "text", "ahead_s": "integer"}
SITE_FILTER = {"site_id": "text"}
FINDING_FILTERS = {"site_id": "text", "kind": "text"}
TURN_FILTERS = {"site_id": "text", "kind": "text", "from_segment": "text"}


class StateScope(StrEnum):
    """Of what a row is."""

    LANE_GROUP = "lane_group"
    SEGMENT = "segment"
    JUNCTION = "junction"
    NETWORK = "network"


class TurnKind(StrEnum):
    """Over one junction, or from where a vehicle was first seen to where last."""

    TURN = "turn"
    TRIP = "trip"


Place = Annotated[str | None, Query(max_length=128, description="only of this segment, junction or lane group")]


@ROUTER.get("/state")
def state(
    parts: PartsOf,
    page: Page,
    site: Annotated[Identifier | None, Query(description="only of this site")] = None,
    scope: Annotated[StateScope | None, Query(description="only of this kind of place")] = None,
    place: Place = None,
    period: Annotated[int | None, Query(ge=60, le=900, description="only of so many seconds: 60, 300 or 900")] = None,
) -> Rows:
    """Flow, speed, density, queues, delay, emissions and indices by place and period, with what each row rests on."""
    query = {**page, "site_id": site, "scope": scope, "place": place, "period_s": period}
    return page_of(parts, "city.state", "time", query, STATE_FILTERS)


@ROUTER.get("/turns")
def turns(
    parts: PartsOf,
    page: Page,
    site: Annotated[Identifier | None, Query(description="only of this site")] = None,
    kind: Annotated[TurnKind | None, Query(description="only turns, or only trips")] = None,
    segment: Annotated[str | None, Query(max_length=128, description="only from this segment")] = None,
) -> Rows:
    """Turns over junctions and trips through the site, as seen of vehicles, by quarter of an hour."""
    query = {**page, "site_id": site, "kind": kind, "from_segment": segment}
    return page_of(parts, "city.state_turn", "time", query, TURN_FILTERS)


@ROUTER.get("/forecast")
def forecast(
    parts: PartsOf,
    page: Page,
    site: Annotated[Identifier | None, Query(description="only of this site")] = None,
    place: Place = None,
    ahead: Annotated[int | None, Query(ge=300, le=3600, description="only so many seconds ahead: 300, 900, 1800 …")] = None,
) -> Rows:
    """Speeds of segments in the next hour, by the time of the newest reading; with 10 % and 90 % where the method has them."""
    query = {**page, "site_id": site, "place": place, "ahead_s": ahead}
    return page_of(parts, "city.forecast", "time", query, FORECAST_FILTERS)


@ROUTER.get("/forecast-watch")
def forecast_watch(
    parts: PartsOf, page: Page, site: Annotated[Identifier | None, Query(description="only of this site")] = None
) -> Rows:
    """Which method serves, and the mean error of each over the day before, every five minutes."""
    return page_of(parts, "city.forecast_watch", "time", {**page, "site_id": site}, SITE_FILTER)


@ROUTER.get("/findings")
def findings(
    parts: PartsOf,
    page: Page,
    site: Annotated[Identifier | None, Query(description="only of this site")] = None,
    kind: Annotated[str | None, Query(max_length=64, description="only of this kind, such as stopped_vehicle")] = None,
) -> Rows:
    """Incidents, sensors that are wrong and jams to come, when they began and when they were over."""
    return page_of(parts, "city.finding", "time", {**page, "site_id": site, "kind": kind}, FINDING_FILTERS)
