"""Routers that see at a glance whether an address can be theirs: of fifty, only one or two look at their routes one by one.

Their routes read JSON as `bodies` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import cached_property

from fastapi import APIRouter
from starlette.routing import Match
from starlette.types import Scope

from services.registry.bodies import StrictRoute

ANY = "*"


class Router(APIRouter):
    """As FastAPI's, whose includes would else try every pattern before that of a request, twice."""

    def __init__(self, *, prefix: str = "", tags: Sequence[str | Enum] = ()) -> None:
        super().__init__(prefix=prefix, tags=list(tags) or None, route_class=StrictRoute)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """How well a route of this router fits a request, and what its path says."""
        what, part = _sign(scope["path"])
        if (what, part) in self._signs or (what, ANY) in self._signs:
            return super().matches(scope)
        return Match.NONE, {}

    @cached_property
    def _signs(self) -> frozenset[tuple[str, str]]:
        """Of all routes; they are made when their module is loaded, and all requests come later."""
        return frozenset(_sign_of_pattern(getattr(route, "path", "")) for route in self.routes)


def _sign(path: str) -> tuple[str, str]:
    """What a path is about and of which part of it: of ``/api/sites/NAME/areas/1`` (sites, areas)."""
    parts = [*path.split("/", 5), "", "", "", ""]
    return parts[2], parts[4]


def _sign_of_pattern(path: str) -> tuple[str, str]:
    """As of a path; any part where the pattern leaves it open."""
    what, part = _sign(path)
    return what, ANY if part.startswith("{") or ":path}" in path else part
