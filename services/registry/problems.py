"""Refusals over HTTP: problem documents (RFC 9457) that name each field, the value found and what is allowed."""

from __future__ import annotations

import enum
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, cast

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from chelu.errors import CheluError, plainly

MEDIA_TYPE = "application/problem+json"
SHOWN_CHARACTERS = 80
SECRET_FIELDS = frozenset({"password", "old", "new"})  # what is in them is not sent back
HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.UPGRADE_REQUIRED: {"Upgrade": "websocket", "Connection": "Upgrade"},
}
KEY_IN_DETAIL = re.compile(r"Key \(([^)]*)\)=\((.*?)\) ")  # as PostgreSQL says it
LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request: where (in a file, on which line), what was found, what is allowed."""

    field: str
    value: str
    allowed: str
    line: int | None = None

    def document(self) -> dict[str, Any]:
        """As a problem document has it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class ProblemError(CheluError):
    """A request that is refused with this status; `faults` say why, field by field."""

    def __init__(self, status: HTTPStatus, detail: str, faults: Sequence[Fault] = ()) -> None:
        self.status, self.detail, self.faults = status, detail, tuple(faults)
        super().__init__(detail)


def not_found(what: str, name: str) -> ProblemError:
    """404 for a thing that the register does not have."""
    return ProblemError(HTTPStatus.NOT_FOUND, f"there is no {what} {name!r}", [Fault(what, name, "one that is registered")])


def shown(value: object) -> str:
    """A value as text that fits into a sentence."""
    text = repr(str(value) if isinstance(value, enum.StrEnum) else value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}… ({len(text)} characters)"


def install(app: FastAPI) -> None:
    """Let every error of `app` leave as a problem document."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(psycopg.errors.IntegrityError, _collision)
    app.add_exception_handler(CheluError, _unavailable)
    app.add_exception_handler(Exception, _unexpected)


def response(error: Exception) -> Response:
    """The problem document of an expected error, for where no handler reaches."""
    if isinstance(error, ProblemError):
        return _problem(None, error)
    return _invalid(None, error) if isinstance(error, RequestValidationError) else _unavailable(None, error)


def answer(status: HTTPStatus, detail: str, faults: Sequence[Fault] = (), headers: dict[str, str] | None = None) -> Response:
    """A problem document."""
    body: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    if faults:
        body["errors"] = [fault.document() for fault in faults]
    return JSONResponse(body, int(status), media_type=MEDIA_TYPE, headers=headers)


def _problem(_: Request | None, error: Exception) -> Response:
    error = cast("ProblemError", error)
    return answer(error.status, error.detail, error.faults, HEADERS.get(error.status))


def _invalid(request: Request | None, error: Exception) -> Response:
    error = cast("RequestValidationError", error)
    first = error.errors()[0]
    if request is not None and tuple(first["loc"]) == ("body",) and isinstance(first.get("input"), bytes):  # not read as JSON
        return _one(HTTPStatus.UNPROCESSABLE_ENTITY, "Content-Type", shown(_media_type(request)), "application/json")
    faults = [fault_of(fault) for fault in error.errors()[:100]]
    first = faults[0]
    detail = f"{first.field} = {first.value} is not allowed: {first.allowed}"
    more = len(error.errors()) - 1
    return answer(HTTPStatus.UNPROCESSABLE_ENTITY, f"{detail} (and {more} more)" if more else detail, faults)


def fault_of(fault: Mapping[str, Any]) -> Fault:
    """One of pydantic's errors."""
    if fault["type"] == "json_invalid":
        return Fault("(document)", f"character {fault['loc'][-1]}", f"JSON ({fault['ctx']['error']})")
    where = [part for part in fault["loc"] if part not in {"body", "query", "path"}]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
    usual = plainly(str(fault["msg"]))
    allowed = {"missing": "it is required", "extra_forbidden": "there is no field of that name"}.get(fault["type"], usual)
    value = "nothing" if fault["type"] == "missing" else shown(fault.get("input"))
    if where and where[-1] in SECRET_FIELDS:
        value = "(not shown)"
    return Fault(field[:200] or "(document)", value, allowed)


def refusal(error: HTTPException) -> Response:
    """The problem document of one of the framework's refusals."""
    status = HTTPStatus(error.status_code)
    return answer(status, str(error.detail), headers={**HEADERS.get(status, {}), **(error.headers or {})})


def _http(request: Request, error: Exception) -> Response:
    error = cast("HTTPException", error)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _one(HTTPStatus.NOT_FOUND, "path", shown(request.url.path), "one that /docs lists")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = _methods(request) or dict(error.headers or {}).get("Allow", "")
        return _one(HTTPStatus.METHOD_NOT_ALLOWED, "method", request.method, allowed, {"Allow": allowed})
    if error.status_code == HTTPStatus.BAD_REQUEST:  # the framework's word for a body that it could not read
        if isinstance(error.__cause__, ProblemError):
            return _problem(request, error.__cause__)
        is_deep = isinstance(error.__cause__, RecursionError)
        found = "nested deeper than can be read" if is_deep else "bytes that are not UTF-8"
        allowed = "JSON in UTF-8, without nesting that nothing here has"
        return _one(HTTPStatus.UNPROCESSABLE_ENTITY, "(document)", found, allowed)
    return refusal(error)


def _one(status: HTTPStatus, field: str, value: str, allowed: str, headers: dict[str, str] | None = None) -> Response:
    """The problem document of one fault."""
    return answer(status, f"{field} = {value} is not allowed: {allowed}", [Fault(field, value, allowed)], headers)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "")


def _methods(request: Request) -> str:
    """The methods of the route whose path was asked for; each is a route of its own to the framework."""
    path = getattr(request.scope.get("route"), "path", None)
    return ", ".join(sorted(method for method, known in request.app.state.queries if known == path))


def _collision(_: Request | None, error: Exception) -> Response:
    """409: what the request names was deleted, or what it deletes was named, by another one at the same time."""
    words = cast("psycopg.Error", error).diag.message_detail or ""
    found = KEY_IN_DETAIL.match(words)
    field, value = found.groups() if found else ("(document)", words)
    allowed = "what no other request changes at the same time: read it again"
    return answer(
        HTTPStatus.CONFLICT, f"{field} = {value!r} was changed meanwhile by another request", [Fault(field, repr(value), allowed)]
    )


def _unavailable(_: Request | None, error: Exception) -> Response:
    return answer(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": "1"})


def _unexpected(request: Request, error: Exception) -> Response:
    LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of the registry's own; its log has more")
