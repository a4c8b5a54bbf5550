"""The HTTP application: routers put together, given their parts."""

from __future__ import annotations

from http import HTTPStatus
from importlib.metadata import version

from fastapi import Depends, FastAPI, Response
from fastapi_offline import FastAPIOffline  # a test site may have no way out: the page brings its own files
from pydantic import Field

from chelu.errors import CheluError
from services.registry import (
    audit,
    backups,
    broker_hook,
    city_state,
    console,
    cooperation,
    device_imports,
    devices,
    inbox,
    live,
    observations,
    openapi,
    organisations,
    people,
    problems,
    provisioning,
    queries,
    rotation,
    sessions,
    sites,
    streams,
    tables,
    traffic,
)
from services.registry.access import authorise, is_known
from services.registry.alarms import api as alarms
from services.registry.alarms import maintenance, thresholds, webhooks
from services.registry.body_limit import BodyLimit
from services.registry.campaigns import campaigns
from services.registry.cases import api as cases
from services.registry.cases import rules_api as case_rules
from services.registry.data import catalogue, exports, retention, zones
from services.registry.entities import api as entities
from services.registry.health import api as devices_health
from services.registry.health import applications as applications_health
from services.registry.maps import api as maps
from services.registry.models import Model
from services.registry.monitors import api as monitors
from services.registry.orders import commands, configuration, dispatches, telling
from services.registry.packages import content, packages
from services.registry.parameters import api as parameters
from services.registry.parts import Parts, PartsOf
from services.registry.past import api as past
from services.registry.past import explaining
from services.registry.road_events import api as road_events
from services.registry.roles import check_complete
from services.registry.routing import Router
from services.registry.runs import api as runs
from services.registry.runs import testing
from services.registry.supervision import api as supervision
from services.registry.surroundings import api as surroundings
from services.registry.track import areas, bookings, looking, stops

STRANGERS_BODY_BYTES, MAX_BODY_BYTES = 2**20, 64 * 2**20
MAX_BACKUP_BYTES = 16 * 2**30  # counted while it goes to a file
LARGER = {"/api/restore": MAX_BACKUP_BYTES, "/api/packages": packages.MAX_PACKAGE_BYTES}
ABOUT = """The register of a Chelu test site: sites, devices and their credentials, and what was stored of their messages.

Every call but `/health` needs an API key: `Authorization: Bearer KEY`. A refusal is a problem document (RFC 9457)
whose `errors` name the field, the value and what is allowed. Times are µs UTC since 1970, units are in the names."""
HEALTH = Router(tags=["health"])


class Health(Model):
    """Whether the registry can do its work."""

    status: str = Field(examples=["ok"])
    database: str = Field(examples=["ok"])
    broker_files: str = Field(examples=["in step"])


def create_app(parts: Parts) -> FastAPI:
    """The application; `parts` must be open, and stay so while it runs."""
    app = FastAPIOffline(
        redoc_url=None,
        title="Chelu registry",
        version=version("chelu"),
        description=ABOUT,
        dependencies=[Depends(queries.refuse_unknown)],
    )
    app.state.parts = parts
    app.add_middleware(BodyLimit, strangers=STRANGERS_BODY_BYTES, limit=MAX_BODY_BYTES, larger=LARGER, is_known=is_known)
    app.include_router(HEALTH)
    app.include_router(sessions.LOGIN)
    app.include_router(broker_hook.ROUTER)
    app.include_router(content.ROUTER)  # for devices, by their orders' tokens
    for module in (
        organisations,
        sites,
        devices,
        rotation,
        provisioning,
        inbox,
        device_imports,
        streams,
        live,
        tables,
        city_state,
        surroundings,
        entities,
        cooperation,
        observations,
        catalogue,
        exports,
        zones,
        retention,
        traffic,
        areas,
        bookings,
        looking,
        stops,
        supervision,
        runs,
        testing,
        devices_health,
        applications_health,
        parameters,
        alarms,
        thresholds,
        maintenance,
        webhooks,
        cases,
        case_rules,
        monitors,
        past,
        explaining,
        audit,
        backups,
        people,
        sessions,
        configuration,
        commands,
        telling,
        road_events,
        maps,
        dispatches,
        packages,
        campaigns,
    ):
        app.include_router(module.ROUTER, dependencies=[Depends(authorise)])
    console.install(app, parts.console)
    app.include_router(live.SOCKETS)  # which refuse by themselves: FastAPI's security is for requests alone
    problems.install(app)
    app.state.queries = queries.queries_of(app.routes)
    check_complete(app.state.queries)
    openapi.describe_when_asked(app)
    return app


@HEALTH.get("/health", responses={503: {"model": Health}})
def health(parts: PartsOf, response: Response) -> Health:
    """Whether the registry can do its work; 503 when it cannot."""
    database = "ok" if _has_database(parts) else "away"
    files = "in step" if parts.broker.is_in_step else "behind"
    is_well = database == "ok" and files == "in step"
    response.status_code = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
    return Health(status="ok" if is_well else "impaired", database=database, broker_files=files)


def _has_database(parts: Parts) -> bool:
    try:
        return bool(parts.register.rows("SELECT 1 AS one"))
    except CheluError:
        return False
