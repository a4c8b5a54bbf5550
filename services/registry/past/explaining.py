"""Why a warning was raised, over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from services.registry.parts import PartsOf
from services.registry.past.api import WarningId, story
from services.registry.problems import ProblemError
from services.registry.routing import Router
from services.registry.sites import SiteId

ROUTER = Router(prefix="/api/sites/{site_id}", tags=["the past"])


@ROUTER.get("/warnings/{warning_id}/explanation")
def explain_warning(site_id: SiteId, warning_id: WarningId, parts: PartsOf) -> dict[str, Any]:
    """Why a warning was raised, from a replay of what is stored: who knew what, which limits decided, whether it is raised again.

    It takes some seconds. 409 when the messages are not stored any more.
    """
    story(parts, site_id, str(warning_id))
    if parts.explainer is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "this registry explains no warnings")
    return parts.explainer.explain(site_id, str(warning_id))
