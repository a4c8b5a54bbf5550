"""A package's bytes over HTTP, for the device whose order names it: by ranges (RFC 9110, 14), counted as they leave."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from services.registry.access import BEARER
from services.registry.packages import rows
from services.registry.packages.files import Files
from services.registry.packages.tokens import number_of
from services.registry.parts import Parts, PartsOf
from services.registry.patience import has_left
from services.registry.problems import Fault, ProblemError
from services.registry.routing import Router

ROUTER = Router(prefix="/api/packages", tags=["packages"])
BYTES = "application/octet-stream"
SHORTEST_S, LONGEST_S = 0.001, 0.02  # between two looks whether a piece has left
RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {BYTES: {}}},
    206: {"description": "a range", "content": {BYTES: {}}},
}


def order_number(parts: PartsOf, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> int:
    """The order that a token came with; ProblemError 401, before anything else of a request is looked at."""
    number = number_of(parts.token_key, bearer.credentials if bearer else "")
    if number is None:
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED, "the token is missing or wrong: it comes with the order to install the package"
        )
    return number


@ROUTER.get("/{package_id}/content", response_class=StreamingResponse, responses=ANSWERS)
def read_content(
    package_id: Annotated[int, Path(ge=0, le=2**63 - 1)],
    request: Request,
    parts: PartsOf,
    number: Annotated[int, Depends(order_number)],
    wanted: Annotated[str | None, Header(alias="range", max_length=100, description="bytes=FIRST-LAST or bytes=FIRST-")] = None,
) -> StreamingResponse:
    """The whole package, or a range of it. The key is the token that came with the order, while that is open."""
    order, files = _order(parts, package_id, number)
    size, sha256 = order["bytes"], order["sha256"]
    start, stop = _range(wanted, size)
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(stop - start), "ETag": f'"{sha256}"'}
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    status = HTTPStatus.OK if wanted is None else HTTPStatus.PARTIAL_CONTENT
    pieces = _counted(parts, files, order, start, stop, has_left(request.scope))
    return StreamingResponse(pieces, int(status), headers, BYTES)


def _order(parts: Parts, package_id: int, number: int) -> tuple[dict[str, Any], Files]:
    with parts.register.transaction() as connection:
        order = rows.ordered(connection, number, package_id)
        why = None if order else rows.ended(connection, number)
    if order is None or parts.packages is None or not parts.packages.path(order["sha256"]).exists():
        fault = Fault("package", str(package_id), f"the package of order {number}, while that is open and the file is there")
        raise ProblemError(HTTPStatus.NOT_FOUND, why or f"package {package_id} is not to be had: {fault.allowed}", [fault])
    return order, parts.packages


def _range(wanted: str | None, size: int) -> tuple[int, int]:
    """[start, stop); ProblemError 416 for a range outside, or of a form that is not understood."""
    if wanted is None:
        return 0, size
    found = RANGE.fullmatch(wanted)
    start = int(found[1]) if found else size
    stop = min(int(found[2]) + 1, size) if found and found[2] else size
    if start >= stop:
        fault = Fault("Range", repr(wanted), f"bytes=FIRST-LAST within 0 … {size - 1}")
        raise ProblemError(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, f"Range = {wanted!r} is not allowed: {fault.allowed}", [fault]
        )
    return start, stop


async def _counted(
    parts: Parts, files: Files, order: Mapping[str, Any], start: int, stop: int, has_left: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """The bytes, each piece noted before it goes: a device that has the last one may say so at once.

    None goes before the one before it has left this machine, so that who takes nothing is given no more than a piece.
    """
    async for piece in iterate_in_threadpool(files.pieces(order["sha256"], start, stop)):
        pause_s = SHORTEST_S
        while not has_left():
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_S)
        await run_in_threadpool(_note, parts, order, start, start + len(piece))
        yield piece
        start += len(piece)


def _note(parts: Parts, order: Mapping[str, Any], start: int, stop: int) -> None:
    with parts.register.transaction() as connection:
        rows.note_fetched(connection, order["device_key"], order["package_id"], start=start, stop=stop)
