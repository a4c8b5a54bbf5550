"""Live streams and pictures over WebSocket; the same addresses asked by plain HTTP say what they are for."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

import numpy as np
from fastapi import Path, Query, Response, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from chelu.codec import columns
from chelu.errors import CheluError, MalformedError
from chelu.messages import concatenate
from chelu.topics import Kind, Payload
from services.registry import access, callers, live_rows, problems, queries
from services.registry.alarms import news
from services.registry.credentials import key_hash
from services.registry.live_changes import Changes, Pace
from services.registry.live_reader import End, Reader, Taken
from services.registry.live_rights import Ticket
from services.registry.live_rows import Item, Source
from services.registry.models import Identifier, Model
from services.registry.parts import Parts, PartsOf
from services.registry.pieces import joined
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import NEEDS
from services.registry.routing import Router
from services.registry.sites import SiteId

ROUTER = Router(prefix="/api/live", tags=["live"])
SOCKETS = Router(prefix="/api/live")
STREAM, PICTURE, ALARMS = "/streams/{stream}", "/sites/{site_id}/picture", "/sites/{site_id}/alarms"
CHANGES = "/sites/{site_id}/changes"
PROTOCOL, BEARER = "chelu.live", "bearer."  # for browsers, which cannot send the header Authorization
MOST_DEVICES = 100
MOST_READERS = 500
REASON_BYTES = 123  # that a close frame has room for (RFC 6455, 5.5)
SEND_S = 60.0  # a socket that takes nothing for so long is dropped


class LiveFormat(StrEnum):
    """How rows are written."""

    NDJSON = "ndjson"
    COLUMNS = "columns"


class StreamQuery(Model):
    """What of a stream is watched."""

    device: Annotated[list[Identifier], Query(min_length=1, max_length=MOST_DEVICES, description="several may be named")]
    format: LiveFormat = LiveFormat.NDJSON


StreamName = Annotated[str, Path(description="one of " + ", ".join(live_rows.topics_by_stream()), examples=["bsm"])]


@ROUTER.get(STREAM, status_code=HTTPStatus.UPGRADE_REQUIRED, response_class=Response)
def about_stream(stream: StreamName, query: Annotated[StreamQuery, Query()], parts: PartsOf) -> Response:
    """Over WebSocket, what devices say from now on: JSON lines in text frames, or columns in binary frames.

    The first frame is `{"watching": …}`. A reader that is too slow gets a sample, and `{"thinned": …}` with how many rows are
    missing. The socket is closed with 4401 when the key ends, with 4403 when its owner may no longer.
    """
    _sources(parts, stream, query)
    raise _upgrade()


@ROUTER.get(PICTURE, status_code=HTTPStatus.UPGRADE_REQUIRED, response_class=Response)
def about_picture(site_id: SiteId, parts: PartsOf) -> Response:
    """Over WebSocket, the site's live picture as columns, ten times a second; a slow reader gets the newest."""
    _check_site(parts, site_id)
    raise _upgrade()


@ROUTER.get(CHANGES, status_code=HTTPStatus.UPGRADE_REQUIRED, response_class=Response)
def about_changes(site_id: SiteId, parts: PartsOf) -> Response:
    """Over WebSocket, the site's live picture for pages: at first whole, then what has changed since the one sent before.

    The reader sends a binary frame of any content for every picture that it has taken; two are on their way at most, and of
    those that cannot be sent meanwhile only the newest counts.
    """
    _check_site(parts, site_id)
    raise _upgrade()


@ROUTER.get(ALARMS, status_code=HTTPStatus.UPGRADE_REQUIRED, response_class=Response)
def about_alarms(site_id: SiteId, parts: PartsOf) -> Response:
    """Over WebSocket, what becomes of the site's alarms from now on, as JSON lines: raised, acknowledged, cleared."""
    _check_site(parts, site_id)
    raise _upgrade()


@SOCKETS.websocket(STREAM)
async def watch_stream(socket: WebSocket, stream: str) -> None:
    """See `about_stream`."""

    def open_(parts: Parts) -> tuple[list[Source], Ticket, dict[str, Any]]:
        ticket = _ticket(socket, parts, ("GET", ROUTER.prefix + STREAM))
        query = _query(socket)
        sources = _sources(parts, stream, query)
        watching = {"stream": stream, "devices": query.device, "format": query.format}
        return sources, Ticket(ticket.key_hash, ticket.need, tuple(query.device)), watching

    is_columns = socket.query_params.get("format") == LiveFormat.COLUMNS
    await _serve(socket, open_, (lambda items: _packed(stream, items)) if is_columns else _lines)


@SOCKETS.websocket(PICTURE)
async def watch_picture(socket: WebSocket, site_id: str) -> None:
    """See `about_picture`."""
    await _serve(
        socket, partial(_picture_of, socket, site_id, PICTURE, "picture"), lambda items: (item.payload for item in items)
    )


@SOCKETS.websocket(CHANGES)
async def watch_changes(socket: WebSocket, site_id: str) -> None:
    """See `about_changes`."""
    changes = Changes()
    opened = partial(_picture_of, socket, site_id, CHANGES, "changes")
    await _serve(socket, opened, lambda items: _changes(changes, items), pace=Pace())


def _picture_of(
    socket: WebSocket, site_id: str, path: str, name: str, parts: Parts
) -> tuple[list[Source], Ticket, dict[str, Any]]:
    """A site's picture, for who may see what the route at `path` gives."""
    ticket = _ticket(socket, parts, ("GET", ROUTER.prefix + path))
    _check_site(parts, site_id)
    watching = {"stream": name, "site": site_id, "format": LiveFormat.COLUMNS}
    return [live_rows.picture_source(site_id)], Ticket(ticket.key_hash, ticket.need, site_id=site_id), watching


@SOCKETS.websocket(ALARMS)
async def watch_alarms(socket: WebSocket, site_id: str) -> None:
    """See `about_alarms`."""

    def open_(parts: Parts) -> tuple[list[Source], Ticket, dict[str, Any]]:
        ticket = _ticket(socket, parts, ("GET", ROUTER.prefix + ALARMS))
        _check_site(parts, site_id)
        watching = {"stream": "alarms", "site": site_id, "format": LiveFormat.NDJSON}
        return [news.source(site_id)], Ticket(ticket.key_hash, ticket.need, site_id=site_id), watching

    await _serve(socket, open_, _lines, _news)


Frames = Callable[[list[Item]], Iterator[str | bytes]]
Opening = Callable[[Parts], tuple[list[Source], Ticket, dict[str, Any]]]


async def _serve(
    socket: WebSocket,
    open_: Opening,
    frames: Frames,
    hub: Callable[[Parts], Any] | None = None,
    pace: Pace | None = None,
) -> None:
    """Admit or refuse; then hand over until either side ends.

    hub: what is watched there; None: what the broker brings. pace: of a reader that says when it has taken something; None: of
    one that is sent whatever comes.
    """
    hub = hub or _hub
    parts: Parts = socket.app.state.parts
    try:
        sources, ticket, watching = await run_in_threadpool(open_, parts)
        await run_in_threadpool(hub(parts).connect)
    except (CheluError, RequestValidationError) as error:
        await socket.send_denial_response(problems.response(error))
        return
    loop, ready = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(ready.set)

    reader = Reader(wake)
    offered = socket.scope.get("subprotocols", ())
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    await socket.send_text(json.dumps({"watching": watching}) + "\n")
    parts.tickets.add(reader, ticket)
    hub(parts).add(reader, sources)
    try:
        await _until_either(_hand_over(socket, reader, ready, frames, pace), _until_gone(socket, ready, pace))
    finally:
        hub(parts).remove(reader)
        parts.tickets.remove(reader)


async def _hand_over(socket: WebSocket, reader: Reader, ready: asyncio.Event, frames: Frames, pace: Pace | None) -> None:
    while True:
        await ready.wait()
        ready.clear()
        if pace is not None and pace.is_full and not reader.has_ended:
            continue  # what waits, or what takes its place, is sent when the reader has taken something
        taken = reader.take()
        if notice := _notice(taken):
            await asyncio.wait_for(socket.send_text(notice), SEND_S)
        for frame in frames(list(taken.items)):
            sending = socket.send_text(frame) if isinstance(frame, str) else socket.send_bytes(frame)
            await asyncio.wait_for(sending, SEND_S)
            if pace is not None:
                pace.send()
        if taken.end:
            await _close(socket, taken.end)
            return


async def _close(socket: WebSocket, end: End) -> None:
    reason = end.reason.encode()[:REASON_BYTES].decode(errors="ignore")
    await asyncio.wait_for(socket.close(end.code, reason), SEND_S)


async def _until_gone(socket: WebSocket, ready: asyncio.Event, pace: Pace | None) -> None:
    """What a reader says is not looked at; that it says something is, where it has a pace."""
    with contextlib.suppress(WebSocketDisconnect, KeyError):
        while True:
            await socket.receive_bytes()
            if pace is not None:
                pace.take()
                ready.set()


async def _until_either(*works: Any) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception) and not isinstance(ended, WebSocketDisconnect | TimeoutError):
            raise ended


def _notice(taken: Taken) -> str:
    told = {"thinned": {"rows": taken.dropped}} if taken.dropped else {}
    refused = {"unreadable": {"messages": taken.refused}} if taken.refused else {}
    return json.dumps({**told, **refused}) + "\n" if told or refused else ""


def _lines(items: list[Item]) -> Iterator[str]:
    """Text frames of whole lines."""
    return joined(item.text() for item in items)


def _packed(stream: str, items: list[Item]) -> Iterator[bytes]:
    """One binary frame of all rows."""
    batches = [
        item.batch.with_columns(device_id=np.full(item.rows, item.source.device_id)) for item in items if item.batch is not None
    ]
    if batches:
        yield columns.pack(concatenate(batches), {"stream": stream})


def _changes(changes: Changes, items: list[Item]) -> Iterator[bytes]:
    """Binary frames of what has changed; a picture that cannot be read is passed over, and the next one has it all."""
    for item in items:
        with contextlib.suppress(MalformedError):
            yield changes.frame(item.payload)


def _ticket(socket: WebSocket, parts: Parts, route: tuple[str, str]) -> Ticket:
    """Who asks, and that they may; ProblemError 401 or 403."""
    scheme, _, key = socket.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        offered = [each.removeprefix(BEARER) for each in socket.scope.get("subprotocols", ()) if each.startswith(BEARER)]
        if not offered:
            text = f"no API key: send Authorization: Bearer KEY, or offer the subprotocols {PROTOCOL} and {BEARER}KEY"
            raise ProblemError(HTTPStatus.UNAUTHORIZED, text)
        key = offered[0]
    queries.check(socket, route)
    need = NEEDS[route]
    access.admit(socket, parts.register, access.caller_of(parts.callers, key), need)
    return Ticket(key_hash(key), need)


def _query(socket: WebSocket) -> StreamQuery:
    given: dict[str, Any] = {name: socket.query_params.get(name) for name in socket.query_params}
    if "device" in given:
        given["device"] = socket.query_params.getlist("device")
    try:
        return StreamQuery.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def _sources(parts: Parts, stream: str, query: StreamQuery) -> list[Source]:
    """The topics of a stream of these devices; ProblemError 404 or 422 with what is allowed."""
    allowed = live_rows.topics_by_stream()
    if stream not in allowed:
        raise _refused("stream", stream, "one of " + ", ".join(allowed), HTTPStatus.NOT_FOUND)
    known = callers.devices(parts.register, query.device)
    found: list[Source] = []
    for device_id in query.device:
        if device_id not in known:
            raise not_found("device", device_id)
        device, kind = known[device_id], Kind(known[device_id]["kind"])
        if kind not in {each for row in allowed[stream] for each in row.kinds}:
            can = ", ".join(live_rows.streams_of(kind))
            raise _refused("device", device_id, f"one that says {stream}; of {device_id}, which is of kind {kind}: {can}")
        mine = live_rows.sources(stream, kind, device)
        is_framed = all(source.payload is Payload.FRAMES for source in mine)
        if is_framed and device["standard"] != live_rows.STANDARD:
            raise _refused("device", device_id, f"one that speaks {live_rows.STANDARD}, not {device['standard']}")
        if query.format is LiveFormat.COLUMNS and not is_framed:
            raise _refused("format", query.format, f"ndjson, since {device_id}'s {stream} is JSON documents")
        found += mine
    return found


def _check_site(parts: Parts, site_id: str) -> None:
    if not parts.register.rows("SELECT 1 AS one FROM register.site WHERE site_id = %(site_id)s", {"site_id": site_id}):
        raise not_found("site", site_id)


def _hub(parts: Parts) -> Any:
    if parts.live is None:
        text = "the registry has no account 'live' at the broker: give it one in CHELU_REGISTRY_ACCOUNTS_FILE"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, text)
    if len(parts.tickets) >= MOST_READERS:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_READERS} watch already: try again later")
    return parts.live


def _news(parts: Parts) -> Any:
    if parts.news is None or len(parts.tickets) >= MOST_READERS:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_READERS} watch already: try again later")
    return parts.news


def _upgrade() -> ProblemError:
    fault = Fault("Upgrade", "nothing", "websocket")
    return ProblemError(
        HTTPStatus.UPGRADE_REQUIRED, "this address speaks WebSocket (RFC 6455): connect to it with wss:// or ws://", [fault]
    )


def _refused(field: str, value: str, allowed: str, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY) -> ProblemError:
    return ProblemError(status, f"{field} = {value!r} is not allowed: {allowed}", [Fault(field, repr(value), allowed)])
