"""Endpoints for brokers that ask by HTTP who may come in and do what, in the form of EMQX 5.

An answer is ``{"result": "allow"}`` or ``"deny"`` with status 200. EMQX takes every other status for "ask somebody else", so its
``no_match`` has to be ``deny``. The broker shows a secret that only it and the registry have.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import BackgroundTasks, Depends
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel, ConfigDict, Field

from chelu.errors import CheluError
from services.registry import rotation_rows
from services.registry.access import BEARER
from services.registry.database import Register, remember
from services.registry.decisions import Admission
from services.registry.hook import Hook
from services.registry.parts import Parts, PartsOf
from services.registry.problems import Fault, ProblemError
from services.registry.routing import Router

LOG = logging.getLogger(__name__)
ROUTER = Router(prefix="/api/broker", tags=["broker"])
KEY_OF = "SELECT device_key FROM register.device WHERE device_id = %s"

Text = Annotated[str, Field(max_length=65_535)]


class Question(BaseModel):
    """What a broker asks; whatever else its template sends is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    username: Text | None = Field(examples=["rsu-1"])
    clientid: Text = Field("", examples=["rsu-1"])


class Authentication(Question):
    """Whether a client may come in."""

    password: Text | None = Field(repr=False)


class Authorisation(Question):
    """Whether a client may publish on a topic, or subscribe to a filter."""

    topic: Text = Field(examples=["rsu/rsu-1/bsm/up"])
    action: Literal["publish", "subscribe"]


class Verdict(BaseModel):
    """The answer. No client is above the rights."""

    result: Literal["allow", "deny"]
    is_superuser: bool = False


async def hook(parts: PartsOf, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> Hook:
    """The hook, for a broker that has its secret; ProblemError 401 for anybody else."""
    if parts.hook is None:
        raise _refusal("no secret is set for a broker that asks: CHELU_REGISTRY_HOOK_SECRET")
    if bearer is None or not parts.hook.is_asked_by(bearer.credentials):
        raise _refusal("the broker's secret is missing or wrong: send the header Authorization: Bearer SECRET")
    return parts.hook


HookOf = Annotated[Hook, Depends(hook)]


@ROUTER.post("/authentication")
async def authenticate(asked: Authentication, found: HookOf, parts: PartsOf, later: BackgroundTasks) -> Verdict:
    """Whether a client with this name and password may come in, under this client id."""
    user = asked.username or ""
    admission = found.decider().admit(user, asked.password or "", asked.clientid)
    if admission is Admission.WITH_NEXT:
        later.add_task(_finish, parts, user)
    return _verdict(is_allowed=admission is not Admission.NO)


@ROUTER.post("/authorization")
async def authorise(asked: Authorisation, found: HookOf) -> Verdict:
    """Whether a client may publish on a topic, or hear all that a filter matches."""
    decider, user = found.decider(), asked.username or ""
    ask = decider.may_publish if asked.action == "publish" else decider.may_subscribe
    return _verdict(is_allowed=asked.clientid in {"", user} and ask(user, asked.topic))


def _finish(parts: Parts, device_id: str) -> None:
    """The new secret was used: the old one no longer counts."""
    try:
        if _end_rotation(parts.register, device_id):
            parts.broker.announce()
    except CheluError as error:
        LOG.warning("%s has used its new secret, but the old one still counts: %s", device_id, error)


def _end_rotation(register: Register, device_id: str) -> bool:
    with register.transaction("registry") as connection:
        row = connection.execute(KEY_OF, (device_id,)).fetchone()
        if row is None or not rotation_rows.finish(connection, row["device_key"]):
            return False
        remember(connection, "registry", "finish rotation", device_id, {"by": "its use"})
        return True


def _verdict(*, is_allowed: bool) -> Verdict:
    return Verdict(result="allow" if is_allowed else "deny")


def _refusal(text: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNAUTHORIZED, text, [Fault("Authorization", "(not shown)", "the broker's secret")])
