"""Bodies that are JSON: nested no deeper than what the database and devices take, and without a name twice in one object.

Of two values of one name the framework would take the last, and say nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Iterable
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from chelu.codec.documents import DEEPEST, is_deeper, is_nested_deeply, named_twice
from services.registry.problems import Fault, ProblemError

HALF = re.compile(rb"\\u[dD][89abcdefABCDEF]|\xed[\xa0-\xbf]")  # of a surrogate pair, perhaps: escaped, or as no text has it


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
    """A document; the errors of `json.loads`.

    ProblemError 422 when it is nested too deep, names something twice, or holds half of a surrogate pair, which is no text.
    """
    document = json.loads(body, object_pairs_hook=_object)
    if is_nested_deeply(document, body):
        found = f"lists and objects nested more than {DEEPEST} deep"
        raise _refusal(_deepest_field(document), found, f"at most {DEEPEST}, which nothing here needs")
    if HALF.search(body) and not _is_text(document):
        raise _half(document, "")
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if (twice := named_twice(pairs)) is not None:
        name, count = twice
        raise _refusal(name, f"{count} values in one object", "each name once")
    return dict(pairs)


def _deepest_field(document: Any) -> str:
    """The first of the document's own fields that is nested too deep."""
    name = next(name for name, each in _fields(document) if is_deeper(each, DEEPEST - 1))
    return name if isinstance(document, dict) else f"[{name}]"


def _fields(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _half(value: Any, path: str) -> ProblemError:
    """What says where a text has half of a surrogate pair."""
    for name, each in _fields(value):
        if not _is_text(name):
            return _refusal(path or "(document)", ascii(name)[:80], "names without half of a surrogate pair")
        if not _is_text(each):
            step = f"[{name}]" if isinstance(value, list) else f".{name}" if path else name
            return _half(each, path + step)
    return _refusal(path or "(document)", ascii(value)[:80], "text without half of a surrogate pair")


def _is_text(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refusal(name: str, found: str, allowed: str) -> ProblemError:
    field = repr(name[:200])[1:-1] or "''"  # it may have halves of surrogate pairs
    detail = f"{field} = {found} is not allowed: {allowed}"
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [Fault(field, found, allowed)])
