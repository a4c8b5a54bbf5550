"""Scenario tests over HTTP: what can be run, having it run, how far it is, and the evidence of what was run so."""

from __future__ import annotations

import mimetypes
import zlib
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Body, Path, Query, Response

from services.registry.access import ActorOf
from services.registry.database import remember
from services.registry.parts import Parts, PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.routing import Router
from services.registry.runs import test_rows
from services.registry.runs.api import LAST, Number
from services.registry.runs.rows import MOST_EVIDENCE_BYTES, keep_evidence
from services.registry.runs.runner import REPORT, Runner
from services.registry.runs.test_models import Catalogue, EvidenceFile, EvidenceList, Scenario, Test, TestPage, Wanted
from services.registry.sites import SiteId
from services.registry.streams import COLUMNS
from services.registry.track.rows import refuse, site

ROUTER = Router(tags=["scenario runs"])
TESTS = "/api/sites/{site_id}/tests"
EVIDENCE = "/api/sites/{site_id}/runs/{run_id}/evidence"
MOST_OPEN = 50  # of a site: each may take minutes
TestNumber = Annotated[int, Path(ge=1, le=LAST, examples=[1])]
FileName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", examples=[REPORT])]
RUN = "SELECT 1 FROM run.scenario_run WHERE site_id = %s AND run_id = %s"
LOCK_RUN = RUN + " FOR UPDATE"
BESIDE = "SELECT coalesce(sum(bytes), 0)::bigint AS bytes FROM run.evidence WHERE run_id = %s AND name <> %s"
FILES = "SELECT name, bytes FROM run.evidence WHERE run_id = %s ORDER BY name <> 'report.html', name"
FILE = "SELECT content FROM run.evidence JOIN run.scenario_run USING (run_id) WHERE site_id = %s AND run_id = %s AND name = %s"
MOTION: dict[int | str, dict[str, Any]] = {200: {"content": {COLUMNS: {}}}}
BINARY = "application/octet-stream"
DOWNLOAD: dict[str, Any] = {"content": {BINARY: {}, "text/html": {}}}


@ROUTER.get("/api/scenarios")
def list_scenarios(parts: PartsOf) -> Catalogue:
    """The scenarios that can be run here, what varies in each, and what can be tested with them."""
    return _runner(parts).catalogue()


@ROUTER.post(TESTS, status_code=HTTPStatus.CREATED)
def add_test(site_id: SiteId, wanted: Wanted, parts: PartsOf, actor: ActorOf) -> Test:
    """Have a scenario run, in memory, in a process of its own that has five minutes. One is run at a time, the others wait.

    What comes of it is kept as a run of the site with its report and the worst cases' recordings.
    """
    runner = _runner(parts)
    _check(wanted, runner.catalogue())
    with parts.register.transaction(actor) as connection:
        site(connection, site_id)
        waiting = connection.execute(test_rows.WAITING.encode(), (site_id,)).fetchone() or {}
        if waiting["waiting"] >= MOST_OPEN:
            text = f"{MOST_OPEN} tests of {site_id} are waiting already: try again when some of them are done"
            raise ProblemError(HTTPStatus.CONFLICT, text, [Fault("tests", str(waiting["waiting"]), f"less than {MOST_OPEN}")])
        row = test_rows.add(connection, site_id, actor, wanted.model_dump(mode="json"))
    runner.wake()
    return Test(**row)


@ROUTER.get(TESTS)
def list_tests(
    site_id: SiteId,
    parts: PartsOf,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int, Query(ge=1, le=LAST, description="the test_id before which the page begins")] = LAST,
) -> TestPage:
    """Tests that were asked for, the newest first, with how far those are that run."""
    with parts.register.transaction() as connection:
        site(connection, site_id)
        query = {"site_id": site_id, "before": before, "limit": limit + 1}
        found = connection.execute(test_rows.PAGE.encode(), query).fetchall()
    page = [_told(parts, row) for row in found[:limit]]
    return TestPage(tests=page, next=page[-1].test_id if len(found) > limit else None)


@ROUTER.get(TESTS + "/{test_id}")
def show_test(site_id: SiteId, test_id: TestNumber, parts: PartsOf) -> Test:
    """One test, and how far it is."""
    with parts.register.transaction() as connection:
        row = connection.execute(test_rows.ONE.encode(), (site_id, test_id)).fetchone()
    if row is None:
        raise not_found("test", str(test_id))
    return _told(parts, row)


@ROUTER.get(TESTS + "/{test_id}/motion", response_class=Response, responses=MOTION)
def read_motion(
    site_id: SiteId,
    test_id: TestNumber,
    parts: PartsOf,
    after: Annotated[int, Query(ge=0, le=LAST, description="rows that are known: the last answer's `next`")] = 0,
) -> Response:
    """Who is where in a paced test while it runs, and what has come so far (docs/formats/columns.md); of others no row.

    Of many instants since `after` some are left out, never the newest.
    """
    show_test(site_id, test_id, parts)
    return Response(_runner(parts).watched(test_id).table(after), media_type=COLUMNS)


@ROUTER.post(TESTS + "/{test_id}/stop")
def stop_test(site_id: SiteId, test_id: TestNumber, parts: PartsOf, actor: ActorOf) -> Test:
    """End a test that waits or runs; nothing of it is kept. 409 when it is over."""
    with parts.register.transaction(actor) as connection:
        row = connection.execute(test_rows.ONE.encode(), (site_id, test_id)).fetchone()
        if row is None:
            raise not_found("test", str(test_id))
        ended = test_rows.end(connection, test_id, "stopped", f"by {actor}")
        if ended is None:
            raise refuse("state", row["state"], "waiting or running: it is over", HTTPStatus.CONFLICT)
    _runner(parts).end(test_id, f"by {actor}")
    return Test(**ended)


@ROUTER.get(EVIDENCE)
def list_evidence(site_id: SiteId, run_id: Number, parts: PartsOf) -> EvidenceList:
    """The files that are kept beside a run, by the registry that ran it, or by whoever handed it over."""
    with parts.register.transaction() as connection:
        if connection.execute(RUN, (site_id, run_id)).fetchone() is None:
            raise not_found("run", str(run_id))
        files = connection.execute(FILES, (run_id,)).fetchall()
    return EvidenceList(files=[EvidenceFile(**row) for row in files])


@ROUTER.get(EVIDENCE + "/{name}", response_class=Response, responses={200: DOWNLOAD})
def read_evidence(site_id: SiteId, run_id: Number, name: FileName, parts: PartsOf) -> Response:
    """One of them: the report as a page that needs nothing else, a recording as MCAP."""
    with parts.register.transaction() as connection:
        row = connection.execute(FILE, (site_id, run_id, name)).fetchone()
    if row is None:
        raise not_found("file of this run", name)
    headers = {"Content-Disposition": f'attachment; filename="run-{run_id}-{name}"', "X-Content-Type-Options": "nosniff"}
    media_type = "text/html" if mimetypes.guess_type(name)[0] == "text/html" else BINARY
    return Response(zlib.decompress(bytes(row["content"])), media_type=media_type, headers=headers)


@ROUTER.put(EVIDENCE + "/{name}", status_code=HTTPStatus.NO_CONTENT)
def put_evidence(
    site_id: SiteId,
    run_id: Number,
    name: FileName,
    content: Annotated[bytes, Body(media_type=BINARY, description="a report, a recording, the truth that was judged")],
    parts: PartsOf,
    actor: ActorOf,
) -> None:
    """Keep a file beside a run, in the place of one of the same name; all of a run's have at most 32 MiB."""
    with parts.register.transaction(actor) as connection:
        if connection.execute(LOCK_RUN, (site_id, run_id)).fetchone() is None:
            raise not_found("run", str(run_id))
        beside = (connection.execute(BESIDE, (run_id, name)).fetchone() or {"bytes": 0})["bytes"]
        if beside + len(content) > MOST_EVIDENCE_BYTES:
            allowed = f"at most {MOST_EVIDENCE_BYTES - beside:,}, {beside:,} being kept beside it"
            raise refuse("content", f"{len(content):,} bytes", allowed, HTTPStatus.CONFLICT)
        keep_evidence(connection, run_id, {name: content})
        remember(connection, actor, "put evidence", f"{site_id} run {run_id}", {"name": name, "bytes": len(content)})


def _runner(parts: Parts) -> Runner:
    if parts.tests is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "this registry runs no scenarios")
    return parts.tests


def _told(parts: Parts, row: dict[str, Any]) -> Test:
    progress = parts.tests.progress(row["test_id"]) if parts.tests else {}
    return Test(**{**row, **progress})


def _check(wanted: Wanted, known: Catalogue) -> None:
    """ProblemError 422 for what can be said before it runs; what only the scenario knows ends it as refused."""
    scenarios: dict[str, Scenario] = {one.scenario: one for one in known.scenarios}
    if wanted.scenario not in scenarios:
        raise refuse("scenario", wanted.scenario, "one of " + ", ".join(scenarios))
    if wanted.device not in known.devices:
        raise refuse("device", wanted.device, "one of " + ", ".join(known.devices))
    names = [one.name for one in scenarios[wanted.scenario].parameters]
    for name in wanted.set:
        if name not in names:
            raise refuse(f"set.{name}", wanted.set[name], "a parameter of the scenario: " + (", ".join(names) or "it has none"))
