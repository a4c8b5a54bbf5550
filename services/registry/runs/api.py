"""Scenario runs over HTTP: testers keep them, everybody of the site sees them, operators delete them."""

from __future__ import annotations

import zlib
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query, Response

from services.registry.access import ActorOf
from services.registry.models import Name
from services.registry.parts import PartsOf
from services.registry.problems import not_found
from services.registry.routing import Router
from services.registry.runs.models import NewRun, Run, RunPage, Verdict
from services.registry.runs.rows import COLUMNS, keep
from services.registry.sites import SiteId
from services.registry.track.rows import Execute, site

ROUTER = Router(prefix="/api/sites/{site_id}/runs", tags=["scenario runs"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
LAST = 2**63 - 1
PAGE = f"""SELECT {COLUMNS} FROM run.scenario_run WHERE site_id = %(site_id)s AND run_id < %(before)s
        AND (%(scenario)s::text IS NULL OR scenario = %(scenario)s) AND (%(verdict)s::text IS NULL OR verdict = %(verdict)s)
        AND (%(build)s::text IS NULL OR build = %(build)s)
    ORDER BY run_id DESC LIMIT %(limit)s"""  # noqa: S608 - constants only
ONE = f"SELECT {COLUMNS} FROM run.scenario_run WHERE site_id = %s AND run_id = %s"  # noqa: S608 - constants only
CONTENT = "SELECT content FROM run.scenario_run JOIN run.verdict USING (run_id) WHERE site_id = %s AND run_id = %s"
DELETE = "DELETE FROM run.scenario_run WHERE site_id = %s AND run_id = %s RETURNING run_id"


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def keep_run(site_id: SiteId, run: NewRun, parts: PartsOf, actor: ActorOf) -> Run:
    """Keep a run with its verdict document, whose whole must follow from its cases."""
    with parts.register.transaction(actor) as connection:
        site(connection, site_id)
        return Run(**keep(connection, site_id, actor, run))


@ROUTER.get("")
def list_runs(
    site_id: SiteId,
    parts: PartsOf,
    scenario: Name | None = None,
    verdict: Verdict | None = None,
    build: Name | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int, Query(ge=1, le=LAST, description="the run_id before which the page begins")] = LAST,
) -> RunPage:
    """Runs that were kept, the newest first."""
    query = {"site_id": site_id, "scenario": scenario, "verdict": verdict, "build": build, "before": before, "limit": limit + 1}
    with parts.register.transaction() as connection:
        site(connection, site_id)
        found = connection.execute(PAGE.encode(), query).fetchall()
    page = [Run(**row) for row in found[:limit]]
    return RunPage(runs=page, next=page[-1].run_id if len(found) > limit else None)


@ROUTER.get("/{run_id}")
def show_run(site_id: SiteId, run_id: Number, parts: PartsOf) -> Run:
    """One run."""
    with parts.register.transaction() as connection:
        return Run(**_one(connection, ONE, site_id, run_id))


@ROUTER.get("/{run_id}/document", response_class=Response, responses={200: {"content": {"application/json": {}}}})
def read_document(site_id: SiteId, run_id: Number, parts: PartsOf) -> Response:
    """The verdict document of a run: every case with every value, to compare another with."""
    with parts.register.transaction() as connection:
        content = bytes(_one(connection, CONTENT, site_id, run_id)["content"])
    return Response(zlib.decompress(content), media_type="application/json")


@ROUTER.delete("/{run_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_run(site_id: SiteId, run_id: Number, parts: PartsOf, actor: ActorOf) -> None:
    """Keep a run no longer; the audit log still has what was listed of it."""
    with parts.register.transaction(actor) as connection:
        _one(connection, DELETE, site_id, run_id)


def _one(connection: Execute, sql: str, site_id: str, run_id: int) -> dict[str, Any]:
    row = connection.execute(sql.encode(), (site_id, run_id)).fetchone()
    if row is None:
        raise not_found("run", str(run_id))
    return row
