"""A bound on what a request may carry, counted as it arrives: little from strangers, more from who is known.

A body is read and parsed before the handler asks who sent it, so no stranger may send one that costs much memory, or never ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chelu.errors import CheluError
from services.registry.problems import refusal

HAVE_BODY = frozenset({b"content-length", b"transfer-encoding"})
STRANGERS_S = 30.0  # in which all of a stranger's body has to come
IsKnown = Callable[[HTTPConnection], Awaitable[bool]]


class BodyLimit:
    """ASGI middleware: a body of more than `limit` bytes (`larger`: by path) is answered with 413, and not read on.

    One of more than `strangers` bytes is answered with 401 unless `is_known` says of its request that it comes from a caller.
    """

    def __init__(self, app: ASGIApp, *, strangers: int, limit: int, larger: Mapping[str, int], is_known: IsKnown) -> None:
        self._app, self._strangers, self._limit, self._larger, self._is_known = app, strangers, limit, larger, is_known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], self._limit)
        body = _Body(scope, receive, self._strangers, most, self._is_known)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            await body.check(int(declared) if declared.isdigit() else 0)
        except HTTPException as error:
            await refusal(error)(scope, receive, send)
            return
        await self._app(scope, body.receive, send)


class _Body:
    """One request's body, counted. Used by the request's own task."""

    def __init__(self, scope: Scope, receive: Receive, strangers: int, most: int, is_known: IsKnown) -> None:
        self._connection, self._receive, self._ask = HTTPConnection(scope), receive, is_known
        self._strangers, self._most = strangers, most
        self._count, self._is_known = 0, False
        self._is_whole = not any(name in HAVE_BODY for name, _ in scope["headers"])
        self._deadline_s = asyncio.get_running_loop().time() + STRANGERS_S

    async def receive(self) -> Message:
        if self._is_whole:  # what comes is the end of the connection
            return await self._receive()
        message = await self._next()
        self._is_whole = not message.get("more_body", False)
        self._count += len(message.get("body", b""))
        await self.check(self._count)
        return message

    async def _next(self) -> Message:
        """The next piece; HTTPException when a stranger takes too long over it."""
        if self._is_known:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline_s):
                return await self._receive()
        except TimeoutError:
            if not await self._asked():
                text = f"a body that takes more than {STRANGERS_S:g} s is taken only with an API key that counts"
                raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, text, headers={"Connection": "close"}) from None
        return await self._receive()

    async def _asked(self) -> bool:
        try:
            self._is_known = await self._ask(self._connection)
        except CheluError as error:  # the database is away
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": "1"}) from None
        return self._is_known

    async def check(self, size: int) -> None:
        """Raise HTTPException when so many bytes are too many, or too many for who sends them."""
        if size > self._most:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {self._most} bytes")
        if size > self._strangers and not self._is_known and not await self._asked():
            text = f"a body of more than {self._strangers} bytes is taken only with an API key that counts"
            raise HTTPException(HTTPStatus.UNAUTHORIZED, text)
