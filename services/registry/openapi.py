"""The API's description made complete: every refusal that an operation can answer, and an example of everything.

FastAPI describes what the code says. What follows from rules (a path with an id may name nothing, a change needs If-Match) is
added here by the same rules, so that no operation can forget it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from threading import Lock
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.registry.openapi_examples import FILES, example
from services.registry.problems import MEDIA_TYPE

Document = dict[str, Any]
METHODS = frozenset({"get", "put", "post", "delete", "patch"})
FAULT: Document = {
    "type": "object",
    "required": ["field", "value", "allowed"],
    "properties": {
        "field": {"type": "string", "description": "where, as the request names it"},
        "value": {"type": "string", "description": "what was found"},
        "allowed": {"type": "string"},
        "line": {"type": "integer", "description": "of a file"},
    },
}
PROBLEM: Document = {
    "type": "object",
    "description": "a refusal (RFC 9457)",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
}
# status: when, an example's detail, its fault
REFUSALS: Mapping[str, tuple[str, str, tuple[str, str, str] | None]] = {
    "401": (
        "no API key or token, or one that is not known or has expired",
        "the API key is not known, or has expired",
        None,
    ),
    "403": (
        "the key's scopes, or its owner's roles, do not allow it",
        "wang may not do this: role = viewer on hillside, needed is operator on site 'hillside'",
        ("role", "viewer on hillside", "operator on site 'hillside'"),
    ),
    "404": ("not registered", "there is no device 'rsu-9'", ("device", "rsu-9", "one that is registered")),
    "409": (
        "taken already, or something depends on it, or its state does not allow it",
        "[0].device_id = 'rsu-1' is not allowed: one that is not registered yet",
        ("[0].device_id", "'rsu-1'", "one that is not registered yet"),
    ),
    "412": (
        "If-Match means another version than the present",
        'If-Match = "2" is not allowed: "3", the present version of rsu-1, or *',
        ("If-Match", '"2"', '"3", the present version of rsu-1, or *'),
    ),
    "413": ("the body is larger than is taken", "the body is larger than 67108864 bytes", None),
    "415": (
        "a file of another type",
        "Content-Type = 'text/plain' is not allowed: text/csv or application/geo+json",
        ("Content-Type", "'text/plain'", "text/csv or application/geo+json"),
    ),
    "416": (
        "a range outside the package, or of a form that is not understood",
        "Range = 'bytes=9-' is not allowed: bytes=FIRST-LAST within 0 … 5",
        ("Range", "'bytes=9-'", "bytes=FIRST-LAST within 0 … 5"),
    ),
    "422": (
        "a field is not allowed as it is",
        "[0].latitude_deg = 91 is not allowed: Input should be less than or equal to 90",
        ("[0].latitude_deg", "91", "Input should be less than or equal to 90"),
    ),
    "426": (
        "this address speaks WebSocket",
        "this address speaks WebSocket (RFC 6455): connect to it with wss:// or ws://",
        ("Upgrade", "nothing", "websocket"),
    ),
    "428": (
        "a change without If-Match",
        'a change needs the header If-Match: "3", the present version of rsu-1, or *',
        ("If-Match", "nothing", '"3", the present version of rsu-1, or *'),
    ),
    "429": (
        "too many attempts to log in",
        "too many attempts: try again in 41 s",
        ("user_name", "'wang'", "another attempt in 41 s"),
    ),
    "503": (
        "the database, the broker, or the table asked for, is not there; try again",
        "the database at 127.0.0.1:54329 cannot be reached: connection refused",
        None,
    ),
}
THROTTLED = frozenset({("post", "/api/login"), ("put", "/api/me/password")})
NAMING = frozenset(  # their bodies name an owner, a site, or devices
    {("post", f"/api/{name}") for name in ("keys", "provisioning-keys", "commands", "config", "tellings", "campaigns", "exports")}
)
OPEN = frozenset({("get", "/health")})
EXPLAINED = "/api/sites/{site_id}/warnings/{warning_id}/explanation"
EXPORTED = "/api/exports/{export_id}/content/{stream}"
CONTENT = "/api/packages/{package_id}/content"


def describe_when_asked(app: FastAPI) -> None:
    """Make the complete description when it is first wanted, on a thread beside the requests: it takes longer than the start."""
    framework, making = app.openapi, Lock()

    @cache
    def made() -> Document:
        return complete(framework())

    def described() -> Document:
        with making:
            return made()

    def answer(_: Request) -> JSONResponse:
        return JSONResponse(described())

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI wants it done
    app.router.routes.insert(
        0, Route(app.openapi_url or "", answer, include_in_schema=False)
    )  # before the framework's, which blocks


def complete(document: Document) -> Document:
    """The description with every refusal and every example; it is changed in place."""
    schemas = document["components"]["schemas"]
    schemas |= {"Fault": FAULT, "Problem": PROBLEM}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for method, path, operation in operations(document):
        for status in refusals(method, path, operation):
            operation["responses"][status] = problem(status)
        _add_examples(operation, schemas)
    return document


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Every operation with its method and path."""
    for path, item in document["paths"].items():
        yield from ((method, path, operation) for method, operation in item.items() if method in METHODS)


def refusals(method: str, path: str, operation: Document) -> list[str]:
    """The statuses with which this operation may refuse."""
    if (method, path) in OPEN:
        return ["422"]  # a parameter that it does not have
    parameters = {parameter["name"].lower() for parameter in operation.get("parameters", ())}
    has_body = "requestBody" in operation
    found = {
        "401": True,
        "403": path != "/api/login",
        "404": "{" in path or "device" in parameters or (method, path) in NAMING,
        "416": path == CONTENT,
        "409": method in {"post", "delete", "patch", "put"} or path in {EXPORTED, EXPLAINED},
        "412": "if-match" in parameters,
        "413": has_body,
        "415": path == "/api/import/devices",
        "422": True,  # a field, or a header that the framework cannot read
        "426": path.startswith("/api/live/"),
        "428": "if-match" in parameters,
        "429": (method, path) in THROTTLED,
        "503": True,
    }
    return [status for status, is_possible in found.items() if is_possible]


def problem(status: str) -> Document:
    """A refusal as a response."""
    when, detail, fault = REFUSALS[status]
    shown: Document = {"type": "about:blank", "title": HTTPStatus(int(status)).phrase, "status": int(status), "detail": detail}
    if fault is not None:
        shown["errors"] = [dict(zip(("field", "value", "allowed"), fault, strict=True))]
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": shown}
    return {"description": when, "content": {MEDIA_TYPE: content}}


def described(operation: Document) -> Iterator[tuple[str, str, Document]]:
    """What an operation takes and gives: where ("parameter", "request" or a status), name or media type, and its description."""
    yield from (("parameter", parameter["name"].lower(), parameter) for parameter in operation.get("parameters", ()))
    for where, holder in {"request": operation.get("requestBody", {}), **operation["responses"]}.items():
        yield from ((where, media_type, content) for media_type, content in holder.get("content", {}).items())


def has_example(found: Document) -> bool:
    """Whether a description of a parameter or a body shows one."""
    return "example" in found or "examples" in found


def _add_examples(operation: Document, schemas: Mapping[str, Document]) -> None:
    for _, name, found in described(operation):
        if not has_example(found):
            found["example"] = FILES.get(name) or example(found.get("schema", {}), schemas, name)
