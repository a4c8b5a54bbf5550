"""Query parameters that a route does not have are refused: a misspelt filter would answer as if nothing had been asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import HTTPConnection

from services.registry.openapi import Document, operations
from services.registry.problems import Fault, ProblemError, shown

Queries = Mapping[tuple[str, str], frozenset[str]]


def queries_of(document: Document) -> Queries:
    """The query parameters of every route, by method and path, as the API describes itself."""
    return {(method.upper(), path): frozenset(_names(operation)) for method, path, operation in operations(document)}


async def refuse_unknown(connection: HTTPConnection) -> None:
    """Before every route: ProblemError 422 when something is asked for that it does not know."""
    route = connection.scope["route"]
    check(connection, (connection.scope.get("method", ""), route.path))


def check(connection: HTTPConnection, route: tuple[str, str]) -> None:
    """As `refuse_unknown`, by the parameters of this route; sockets have none of their own in the API's description."""
    queries: Queries = connection.app.state.queries
    allowed = queries.get(route)
    unknown = [name for name in dict.fromkeys(connection.query_params) if allowed is not None and name not in allowed]
    if unknown:
        raise _refusal([(name, connection.query_params[name]) for name in unknown], sorted(allowed or ()))


def _refusal(given: Iterable[tuple[str, str]], allowed: list[str]) -> ProblemError:
    what = f"one of the parameters {', '.join(allowed)}" if allowed else "no parameter: there is none here"
    faults = [Fault(name[:200] or "''", shown(value), what) for name, value in given]
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if faults[1:] else ""
    detail = f"{first.field} = {first.value} is not allowed: {first.allowed}{more}"
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, faults)


def _names(operation: Mapping[str, Any]) -> list[str]:
    return [parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
