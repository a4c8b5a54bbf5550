"""Backup and restore of the register over HTTP."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from http import HTTPStatus
from typing import IO, Annotated

from fastapi import Query, Request
from fastapi.responses import StreamingResponse
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from chelu.clock import Clock
from services.registry import archive_sql, revisions
from services.registry.access import CallerOf
from services.registry.archive import CHUNK, Archive, ArchiveError
from services.registry.database import remember
from services.registry.models import Model
from services.registry.parts import Parts, PartsOf
from services.registry.problems import Fault, ProblemError
from services.registry.routing import Router
from services.registry.track import stop_rows, stopped
from services.registry.track.recall import send

ROUTER = Router(prefix="/api", tags=["backup"])
TAR = "application/x-tar"
IN_MEMORY = 16 << 20
PATIENCE_S, PAUSE_S = 20.0, 0.1
BODY = {"requestBody": {"required": True, "content": {TAR: {"schema": {"type": "string", "format": "binary"}}}}}


class Restored(Model):
    """What a backup brought back."""

    made: str = Field(description="when the backup was made")
    chelu: str = Field(description="by which version")
    rows: dict[str, int] = Field(description="by table")
    unreleased: list[str] = Field(
        description="devices that had not heard after an emergency stop that they may go on, and that the backup does not know"
    )


@ROUTER.get("/backup", response_class=StreamingResponse, responses={200: {"content": {TAR: {}}}})
def backup(parts: PartsOf) -> StreamingResponse:
    """The register as one consistent archive: devices, people, hashes of credentials and keys, roads, audit log.

    A tar of NDJSON tables with a manifest that has every part's SHA-256. Stored messages are not in it.
    """
    target = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed when it has been sent
    try:
        with parts.register.transaction() as connection:
            manifest = archive_sql.save(connection, target)
    except BaseException:
        target.close()
        raise
    size, _ = target.tell(), target.seek(0)
    name = f"register-{manifest.made[:10]}.tar"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(size)}
    return StreamingResponse(_chunks(target), media_type=TAR, headers=headers)


@ROUTER.post("/restore", openapi_extra=BODY)
async def restore(
    request: Request,
    parts: PartsOf,
    who: CallerOf,
    *,
    replace: Annotated[
        bool, Query(description="also where sites, organisations or devices are registered: they are replaced")
    ] = False,
) -> Restored:
    """Let the register be what a backup says, in one transaction; the broker's files follow.

    409 where something is registered, unless it is to be replaced, and while an emergency stop is in force; 422 for a file that
    is damaged or of a newer version, with the name of its part; 503 when somebody has the register in hand all the time.
    """
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as source:
        async for chunk in request.stream():
            source.write(chunk)
        return await run_in_threadpool(_restore, parts, who.name, source, replace=replace)


def _restore(parts: Parts, actor: str, source: IO[bytes], *, replace: bool) -> Restored:
    try:
        archive = Archive(source)
        with parts.register.transaction(actor) as connection:
            _lock(connection, parts.clock)
            stopped.keep_register(connection)
            unreleased = stop_rows.unreleased(connection)
            if (found := archive_sql.occupied(connection)) and not replace:
                raise _occupied(found)
            rows = archive_sql.restore(connection, archive)
            letters = stopped.tell_anew(connection, unreleased, actor, parts.clock.wall_us())
            gone = stop_rows.unknown(connection, unreleased)
            revisions.note_replaced(connection, actor)
            made = archive.manifest.made
            detail = {"made": made, "rows": rows, "unreleased": gone}
            remember(connection, actor, "restore", "register", detail)
    except ArchiveError as error:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), [Fault(error.part, error.found, error.allowed)]) from None
    if parts.doorkeeper is not None and parts.clerk is not None:
        send(parts.doorkeeper.publish, parts.clerk, letters)
    parts.broker.announce()
    return Restored(made=archive.manifest.made, chelu=archive.manifest.chelu, rows=rows, unreleased=gone)


def _lock(connection: Connection[DictRow], clock: Clock) -> None:
    """Nobody changes anything from now on. ProblemError 503 when others do all the time."""
    until_s = clock.monotonic_s() + PATIENCE_S
    while not archive_sql.lock(connection):
        if clock.monotonic_s() > until_s:
            detail = f"others have had the register in hand for {PATIENCE_S:g} s without a pause: nothing is restored, try again"
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail)
        connection.execute("SELECT pg_sleep(%s)", (PAUSE_S,))


def _occupied(found: dict[str, int]) -> ProblemError:
    faults = [Fault(name, str(count), "none, or replace=true") for name, count in found.items()]
    listed = ", ".join(f"{name}: {count}" for name, count in found.items())
    return ProblemError(
        HTTPStatus.CONFLICT, f"this register is not empty ({listed}): with replace=true they are replaced by the backup's", faults
    )


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    with source:
        while chunk := source.read(CHUNK):
            yield chunk
