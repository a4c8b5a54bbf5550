"""Query parameters that a route does not have are refused: a misspelt filter would answer as if nothing had been asked for.

So are control characters in any parameter: nothing here has one in its name, and the database cannot be asked for a NUL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Cookie, Header, Path
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from services.registry.problems import Fault, ProblemError, shown

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
Queries = Mapping[tuple[str, str], frozenset[str]]


def queries_of(routes: Sequence[BaseRoute]) -> Queries:
    """The query parameters of every route that the API describes, by method and path, those of its dependencies among them."""
    return {
        (method, str(route.path_format)): _names(route)
        for route in iter_route_contexts(routes)
        if getattr(route, "include_in_schema", False) and getattr(route, "dependant", None)
        for method in route.methods or ()
    }


async def refuse_unknown(connection: HTTPConnection) -> None:
    """Before every route: ProblemError 422 when something is asked for that it does not know, or that nothing is called."""
    route = connection.scope["route"]
    check(connection, (connection.scope.get("method", ""), route.path))


def check(connection: HTTPConnection, route: tuple[str, str]) -> None:
    """As `refuse_unknown`, by the parameters of this route; sockets have none of their own in the API's description."""
    queries: Queries = connection.app.state.queries
    allowed = queries.get(route)
    unknown = [name for name in dict.fromkeys(connection.query_params) if allowed is not None and name not in allowed]
    if unknown:
        names = ", ".join(sorted(allowed or ()))
        what = f"one of the parameters {names}" if names else "no parameter: there is none here"
        raise _refusal([(name, connection.query_params[name]) for name in unknown], what)
    given = [*connection.path_params.items(), *connection.query_params.multi_items()]
    if broken := [(name, value) for name, value in given if isinstance(value, str) and CONTROL.search(value)]:
        raise _refusal(broken, "text without control characters")


def _refusal(given: Iterable[tuple[str, str]], what: str) -> ProblemError:
    faults = [Fault(name[:200] or "''", shown(value), what) for name, value in given]
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if faults[1:] else ""
    detail = f"{first.field} = {first.value} is not allowed: {first.allowed}{more}"
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, faults)


def _names(route: RouteContext) -> frozenset[str]:
    parameters = get_flat_params(route.dependant)  # of a model of several, its fields
    return frozenset(field.alias for field in parameters if not isinstance(field.field_info, (Path, Header, Cookie)))
