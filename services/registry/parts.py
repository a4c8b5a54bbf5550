"""What the handlers are given: the register, the broker's files, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.registry.broker_files import Follower
from services.registry.credentials import key_hash
from services.registry.database import Register
from services.registry.problems import ProblemError

BEARER = HTTPBearer(auto_error=False, description="an API key: `Authorization: Bearer KEY`")
ACTOR = "SELECT name FROM register.api_key WHERE hash = %(hash)s"


@dataclass(frozen=True, slots=True)
class Parts:
    """The application's parts; they outlive it."""

    register: Register
    broker: Follower


def parts(request: Request) -> Parts:
    """The parts of the application that handles this request."""
    return cast("Parts", request.app.state.parts)


def actor(
    found: Annotated[Parts, Depends(parts)], bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
) -> str:
    """The name of the API key with which the request came; ProblemError 401 when there is none."""
    if bearer is None:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "the request has no API key: send the header Authorization: Bearer KEY")
    names = found.register.rows(ACTOR, {"hash": key_hash(bearer.credentials)})
    if not names:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "the API key is not known")
    return str(names[0]["name"])


PartsOf = Annotated[Parts, Depends(parts)]
ActorOf = Annotated[str, Depends(actor)]
