"""A bound on what a request may carry, counted as it arrives."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.registry.problems import answer


class BodyLimit:
    """ASGI middleware: a body of more than `limit` bytes (`larger`: by path) is answered with 413, and not read on."""

    def __init__(self, app: ASGIApp, limit: int, larger: Mapping[str, int]) -> None:
        self._app, self._limit, self._larger = app, limit, larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        count, limit = 0, self._larger.get(scope["path"], self._limit)
        text = f"the body is larger than {limit} bytes"

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > limit:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
            return message

        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)(scope, receive, send)
            return
        await self._app(scope, counted, send)
