"""Exports over HTTP: asked for once, then fetched file by file from any byte on, with a record of who got what and what for."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from http import HTTPStatus
from typing import Annotated, Any

import anyio
import psycopg
from fastapi import Path, Query
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from chelu.messages import STREAMS
from services.registry.access import CallerOf
from services.registry.data import asking, rows
from services.registry.data.formats import FORMATS
from services.registry.data.models import Export, Exports, NewExport, Selection
from services.registry.data.pseudonyms import mark_of
from services.registry.data.writing import BeyondError, ChangedError, File
from services.registry.database import remember
from services.registry.parts import MOST_EXPORTS, Parts, PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Caller, Role
from services.registry.routing import Router
from services.registry.streams import Name, missing

ROUTER = Router(prefix="/api/exports", tags=["data for teams"])
MOST = 2**63 - 1
Number = Annotated[int, Path(ge=1, le=MOST)]
CONTENT: dict[str, Any] = {written.media_type: {} for written in FORMATS.values()}
GONE = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName)


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def add_export(wanted: NewExport, parts: PartsOf, who: CallerOf) -> Export:
    """Ask for data: which rows there are, whose the vehicles are and what is hidden is fixed now; then fetch its files.

    A team's people get their own vehicles' data, a site's testers that of its devices. Ids of vehicles that are not the
    recipient's are replaced, and their rows in private zones left out.
    """
    wanted = asking.of_team(parts.register, who, wanted)
    asking.check_rights(parts.register, who, wanted)
    with parts.register.transaction(who.name) as connection:
        recipient = asking.recipient_of(connection, who, wanted)
        plan = asking.planned(parts.register, connection, wanted, recipient)
        record = {
            "actor": _name(who),
            "recipient": recipient,
            "purpose": wanted.purpose,
            "format": wanted.format,
            "selection": wanted.model_dump(mode="json", include=set(Selection.model_fields)),
        }
        number = rows.add(connection, record, wanted.streams, plan)
        remember(connection, who.name, "export", str(number), record)
        return _find(connection, number, who)


@ROUTER.get("")
def list_exports(
    parts: PartsOf,
    who: CallerOf,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int, Query(ge=1, le=MOST, description="the last page's `next`")] = MOST,
) -> Exports:
    """One's own exports, the newest first; an administrator of all sites sees everybody's."""
    actor = None if who.has(Role.ADMINISTRATOR, None) else _name(who)
    found = parts.register.rows(rows.LIST, {"actor": actor, "limit": limit + 1, "before": before})
    page = [Export(**row) for row in found[:limit]]
    return Exports(exports=page, next=page[-1].export_id if len(found) > limit else None)


@ROUTER.get("/{export_id}")
def get_export(export_id: Number, parts: PartsOf, who: CallerOf) -> Export:
    """One export, and how much of it was handed out."""
    with parts.register.reading() as connection:
        return _find(connection, export_id, who)


@ROUTER.get("/{export_id}/content/{stream}", response_class=StreamingResponse, responses={200: {"content": CONTENT}})
def fetch_content(
    export_id: Number,
    stream: Name,
    parts: PartsOf,
    who: CallerOf,
    offset: Annotated[int, Query(ge=0, le=MOST, description="the first byte that is wanted: as many as one has")] = 0,
) -> StreamingResponse:
    """The file of a stream, from a byte on. Whoever was interrupted goes on there, and gets the same file byte for byte.

    409 when rows were dropped since it was begun, or the key for pseudonyms is another one.
    """
    with parts.register.reading() as connection:
        export = _find(connection, export_id, who)
        plan = rows.plan_of(connection, export_id)
    if stream not in export.selection.streams:
        raise not_found("stream of this export", stream)
    asking.check_rights(parts.register, who, export.selection)
    if who.team is not None and export.recipient != who.team:
        raise not_found("export of your team", str(export_id))
    if plan is None:
        raise not_found("plan, which backups do not have: ask anew; export", str(export_id))
    key = rows.pseudonym_key(parts.register)
    if mark_of(key) != plan.key_mark:
        raise ProblemError(HTTPStatus.CONFLICT, "the key for pseudonyms is another one since this export was asked for: ask anew")
    _begin(parts, who, export, stream, offset)
    file = File(parts.register, export_id, STREAMS[stream], plan, export.format, key)
    return Sent(_sent(parts, who, file, offset), FORMATS[export.format].media_type, f"{stream}.{export.format}")


class Sent(StreamingResponse):
    """Pieces on their way. Whoever goes away ends the work on the next one, whatever holds the answer still."""

    def __init__(self, pieces: Generator[bytes], media_type: str, file_name: str) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._pieces.close)


def _begin(parts: Parts, who: Caller, export: Export, stream: str, offset: int) -> None:
    """Note that somebody fetches it; ProblemError 422 for a byte behind the end, where that is known already."""
    with parts.register.transaction(who.name) as connection:
        row = connection.execute(rows.BEGIN, (export.export_id, stream)).fetchone()
        if row and row["is_complete"] and offset > row["bytes"]:
            raise _beyond(BeyondError(offset, row["bytes"]))


def _beyond(error: BeyondError) -> ProblemError:
    fault = Fault("offset", str(error.offset), f"0 … {error.size}, the file's bytes")
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), [fault])


def _sent(parts: Parts, who: Caller, file: File, offset: int) -> Generator[bytes]:
    """The pieces, the first made before the answer begins, so that what is wrong is said; at the end the record is written."""
    if not parts.exports.acquire(blocking=False):
        text = f"{MOST_EXPORTS} exports are being fetched already: try again"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, text)
    pieces = file.content(offset)
    try:
        first = next(pieces, b"")
    except BaseException as error:
        _end(parts, who, file)
        if isinstance(error, ChangedError):
            raise ProblemError(HTTPStatus.CONFLICT, str(error)) from None
        if isinstance(error, BeyondError):
            raise _beyond(error) from None
        if isinstance(error, GONE):
            raise missing(f"stream.{file.stream.name}", error) from None
        raise
    rest = _rest(parts, who, file, first, pieces)
    next(rest)  # begun, so that closing it ends what it holds
    return rest


def _rest(parts: Parts, who: Caller, file: File, first: bytes, pieces: Generator[bytes]) -> Generator[bytes]:
    with contextlib.ExitStack() as stack:
        stack.callback(_end, parts, who, file)
        stack.enter_context(contextlib.closing(pieces))
        yield b""
        yield first
        yield from pieces


def _end(parts: Parts, who: Caller, file: File) -> None:
    parts.exports.release()
    sums = {"rows": file.rows, "trimmed": file.trimmed, "bytes": file.at, "is_complete": file.is_complete}
    with parts.register.transaction(who.name) as connection:
        connection.execute(rows.END, {**sums, "export_id": file.export_id, "stream": file.stream.name})


def _find(connection: rows.Execute, export_id: int, who: Caller) -> Export:
    row = connection.execute(rows.ONE, (export_id,)).fetchone()
    if row is None or (row["actor"] != _name(who) and not who.has(Role.ADMINISTRATOR, None)):
        raise not_found("export of yours", str(export_id))
    return Export(**row)


def _name(who: Caller) -> str:
    """Whose export it is: a person's, with whichever key; else the installation's own key's."""
    return who.user or who.name
