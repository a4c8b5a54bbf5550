"""Bodies that are JSON: nested no deeper than what the database and devices take, and without a name twice in one object.

Of two values of one name the framework would take the last, and say nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from chelu.codec.documents import DEEPEST, is_deeper, is_nested_deeply
from services.registry.problems import Fault, ProblemError


class StrictRoute(APIRoute):
    """A route whose handler's JSON is read by `read`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As the framework's, with a request of ours."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return strictly


class _StrictRequest(Request):
    async def json(self) -> Any:
        return read(await self.body())


def read(body: bytes) -> Any:
    """A document. ProblemError 422 when it is nested too deep or names something twice; else the errors of `json.loads`."""
    document = json.loads(body, object_pairs_hook=_object)
    if is_nested_deeply(document, body):
        found = f"lists and objects nested more than {DEEPEST} deep"
        raise _refusal(_deepest_field(document), found, f"at most {DEEPEST}, which nothing here needs")
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _refusal(twice, f"{names.count(twice)} values in one object", "each name once")
    return found


def _deepest_field(document: Any) -> str:
    """The first of the document's own fields that is nested too deep."""
    fields = document.items() if isinstance(document, dict) else ((f"[{index}]", each) for index, each in enumerate(document))
    return next(name for name, each in fields if is_deeper(each, DEEPEST - 1))


def _refusal(name: str, found: str, allowed: str) -> ProblemError:
    field = repr(name[:200])[1:-1] or "''"  # it may have halves of surrogate pairs
    detail = f"{field} = {found} is not allowed: {allowed}"
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [Fault(field, found, allowed)])
