"""Sites' parameters of the applications over HTTP: listed with what inference goes by, changed, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import Query, Response
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from chelu.applications import catalogue
from chelu.units import US_PER_S
from services.registry import changes
from services.registry.access import ActorOf
from services.registry.changes import IfMatch, RowFault
from services.registry.database import remember
from services.registry.models import Word
from services.registry.parameters.models import (
    InForce,
    ParameterChange,
    ParameterChanges,
    ParameterHistory,
    SiteParameter,
    SiteParameters,
)
from services.registry.parts import Parts, PartsOf
from services.registry.problems import Fault, ProblemError, not_found, shown
from services.registry.routing import Router
from services.registry.sites import LOCK_SITE, SiteId
from services.registry.tables import read_rows
from services.registry.track.rows import site

ROUTER = Router(prefix="/api/sites/{site_id}/parameters", tags=["applications"])
LAST = 2**63 - 1
TOLD_S = 3600  # what inference told longer ago is no word on what is in force
ONE = "SELECT version, own FROM register.site_parameters WHERE site_id = %s"
SET = """INSERT INTO register.site_parameters (site_id, version, own) VALUES (%(site_id)s, %(version)s, %(own)s)
    ON CONFLICT (site_id) DO UPDATE SET version = excluded.version, own = excluded.own"""
NOTE = """INSERT INTO register.parameter_change (site_id, version, actor, application, parameter, former, latter, note)
    VALUES (%(site_id)s, %(version)s, %(actor)s, %(application)s, %(parameter)s, %(former)s, %(latter)s, %(note)s)"""
PAGE = """SELECT change_id, version, at, actor, application, parameter, former, latter, note FROM register.parameter_change
    WHERE site_id = %(site_id)s AND change_id < %(before)s
        AND (%(application)s::text IS NULL OR application = %(application)s)
        AND (%(parameter)s::text IS NULL OR parameter = %(parameter)s)
    ORDER BY change_id DESC LIMIT %(limit)s"""
TOLD = """SELECT time, parameters_version, parameters_refused, parameters FROM city.judging
    WHERE site_id = %(site_id)s AND time > 'epoch'::timestamptz + %(from_us)s::bigint * interval '1 microsecond'
        AND parameters_version IS NOT NULL
    ORDER BY time DESC LIMIT 1"""

Own = Mapping[str, Mapping[str, float]]


@ROUTER.get("")
def show_parameters(site_id: SiteId, parts: PartsOf, response: Response) -> SiteParameters:
    """Every parameter with unit, default and source, the site's own value, and what inference goes by."""
    with parts.register.transaction() as connection:
        site(connection, site_id)
        version, own = _present(connection, site_id)
    changes.set_version(response, version)
    return _shown(parts, site_id, version, own)


@ROUTER.patch("")
def change_parameters(
    site_id: SiteId,
    wanted: ParameterChanges,
    parts: PartsOf,
    actor: ActorOf,
    response: Response,
    if_match: IfMatch = None,
) -> SiteParameters:
    """Change what the request names; inference goes by it from its next evaluation on. Needs If-Match with the version meant."""
    with parts.register.transaction(actor) as connection:
        if connection.execute(LOCK_SITE, (site_id,)).fetchone() is None:
            raise not_found("site", site_id)
        version, own = _present(connection, site_id)
        changes.check_version(if_match, version, f"the parameters of {site_id}")
        changes.refuse(list(_faults(wanted.values, own)), is_list=False)
        new = changed(own, wanted.values)
        if found := list(_steps(own, new)):
            version += 1
            connection.execute(SET, {"site_id": site_id, "version": version, "own": Jsonb(new)})
            for step in found:
                row = {"site_id": site_id, "version": version, "actor": actor, "note": wanted.note}
                connection.execute(NOTE.encode(), {**row, **step})
            remember(connection, actor, "change parameters", site_id, wanted.model_dump(mode="json"))
    changes.set_version(response, version)
    return _shown(parts, site_id, version, new)


@ROUTER.get("/history")
def list_parameter_changes(
    site_id: SiteId,
    parts: PartsOf,
    application: Annotated[Word | None, Query(examples=["fcw"])] = None,
    parameter: Annotated[Word | None, Query(examples=["warn_mps2"])] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int, Query(ge=1, le=LAST, description="the change_id before which the page begins")] = LAST,
) -> ParameterHistory:
    """Who changed what, from what to what, when and why; newest first."""
    query = {"site_id": site_id, "application": application, "parameter": parameter, "before": before, "limit": limit + 1}
    with parts.register.transaction() as connection:
        site(connection, site_id)
        found = connection.execute(PAGE.encode(), query).fetchall()
    page = [ParameterChange(**row) for row in found[:limit]]
    return ParameterHistory(changes=page, next=page[-1].change_id if len(found) > limit else None)


def changed(own: Own, values: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, float]]:
    """What the site has of its own after a change: null takes a value away, and so does the default itself."""
    both = {name: {**own.get(name, {}), **values.get(name, {})} for name in {**own, **values}}
    given = {name: {one: float(value) for one, value in of.items() if value is not None} for name, of in both.items()}
    return catalogue.differing(given)


def _faults(values: Mapping[str, Mapping[str, Any]], own: Own) -> Iterator[RowFault]:
    """What may not be set so. Any value may be taken away, also one of a name that an earlier version had."""
    known = {(application, one.name) for application, one in catalogue.every()}
    known |= {(application, name) for application, of in own.items() for name in of}
    set_anew = {
        application: {name: value for name, value in of.items() if value is not None or (application, name) not in known}
        for application, of in values.items()
    }
    for where, value, text in catalogue.faults({application: of for application, of in set_anew.items() if of}):
        yield RowFault(0, Fault(f"values.{where}"[:200], shown(value), text))


def _steps(former: Own, latter: Own) -> Iterator[dict[str, Any]]:
    """What differs, parameter by parameter."""
    for application in sorted({*former, *latter}):
        was, becomes = former.get(application, {}), latter.get(application, {})
        for name in sorted({*was, *becomes}):
            if was.get(name) != becomes.get(name):
                step = {"former": was.get(name), "latter": becomes.get(name)}
                yield {"application": application, "parameter": name, **step}


def _present(connection: Connection[DictRow], site_id: str) -> tuple[int, Own]:
    row = connection.execute(ONE, (site_id,)).fetchone()
    return (row["version"], row["own"]) if row else (0, {})


def _shown(parts: Parts, site_id: str, version: int, own: Own) -> SiteParameters:
    told = _told(parts, site_id)
    listed = [_parameter(application, one, own, told) for application, one in catalogue.every()]
    in_force = None
    if told is not None:
        refused = told["parameters_refused"] or ""
        in_force = InForce(version=told["parameters_version"], heard_us=told["time_us"], refused=refused)
    return SiteParameters(site_id=site_id, version=version, in_force=in_force, parameters=listed)


def _parameter(application: str, one: Any, own: Own, told: Mapping[str, Any] | None) -> SiteParameter:
    mine = own.get(application, {}).get(one.name)
    return SiteParameter(
        application=application,
        parameter=one.name,
        unit=one.metadata["unit"],
        default=one.default,
        lowest=one.metadata["low"],
        highest=one.metadata["high"],
        source=one.metadata["source"],
        own=mine,
        value=one.default if mine is None else mine,
        in_force=None if told is None else (told["parameters"] or {}).get(application, {}).get(one.name, one.default),
    )


def _told(parts: Parts, site_id: str) -> Mapping[str, Any] | None:
    """Inference's last word on what it goes by here; None for none of late."""
    query = {"site_id": site_id, "from_us": parts.clock.wall_us() - TOLD_S * US_PER_S}
    try:
        found = read_rows(parts, "city.judging", TOLD, query)
    except ProblemError:  # inference has not made its tables yet
        return None
    return found[0] if found else None
