"""What vehicles and roadside units asked of one another through the platform: sessions, and every message of one."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.routing import Router
from services.registry.stored_models import Rows
from services.registry.tables import Page, page_of

ROUTER = Router(prefix="/api/coop", tags=["what was stored"])
SESSION_FILTERS = {"site_id": "text", "application": "text", "state": "text"}


@ROUTER.get("/sessions")
def sessions(
    parts: PartsOf,
    page: Page,
    site: Annotated[Identifier | None, Query(description="only of this site")] = None,
    application: Annotated[str | None, Query(description="only of this application, such as merge")] = None,
    state: Annotated[str | None, Query(description="only those that are in it now, such as granted")] = None,
) -> Rows:
    """Requests by when they began: who asked for what, what became of it, and how many messages that took."""
    query = {**page, "site_id": site, "application": application, "state": state}
    return page_of(parts, "city.coop_session", "began", query, SESSION_FILTERS)


@ROUTER.get("/messages")
def messages(
    parts: PartsOf, page: Page, session: Annotated[UUID | None, Query(description="only of this session")] = None
) -> Rows:
    """Messages heard and told, and changes of state, as they came."""
    return page_of(parts, "city.coop", "time", {**page, "session_id": session}, {"session_id": "uuid"})
