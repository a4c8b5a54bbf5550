"""Who is asking, and whether they may: the key is looked up, the route's need compared with its owner's roles."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from services.registry.callers import Callers, devices, sites_of
from services.registry.credentials import key_hash
from services.registry.database import Register
from services.registry.parts import Parts, parts
from services.registry.problems import Fault, ProblemError
from services.registry.roles import NEEDS, Caller, Need, Role, Where

BEARER = HTTPBearer(auto_error=False, description="an API key or a session's token: `Authorization: Bearer KEY`")
ANYWHERE = frozenset({Where.SOMEWHERE, Where.SOMEWHERE_OR_TEAM})
OF_DEVICES = frozenset({Where.DEVICE, Where.DEVICE_ASKED})


async def caller(
    found: Annotated[Parts, Depends(parts)], bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
) -> Caller:
    """Whose key came with the request; ProblemError 401 when there is none that counts."""
    if bearer is None:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "the request has no API key: send the header Authorization: Bearer KEY")
    if who := found.callers.remembered(key_hash(bearer.credentials)):
        return who
    return await run_in_threadpool(caller_of, found.callers, bearer.credentials)


def caller_of(callers: Callers, key: str) -> Caller:
    """Whose key this is; ProblemError 401 when it is nobody's."""
    who = callers.find(key_hash(key))
    if who is None:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "the API key is not known, or has expired")
    return who


async def is_known(connection: HTTPConnection) -> bool:
    """Whether the key that came with a request, or a socket, counts."""
    bearer, found = await BEARER(connection), cast("Parts", connection.app.state.parts)
    with suppress(ProblemError):
        return bool(await caller(found, bearer))
    return False


CallerOf = Annotated[Caller, Depends(caller)]


async def authorise(request: Request, found: Annotated[Parts, Depends(parts)], who: CallerOf) -> None:
    """Let the request through, or raise ProblemError 403 saying which scope or role it needs."""
    need = NEEDS[request.method, request.scope["route"].path]
    if need.where in OF_DEVICES and not who.has(need.role, None):
        await run_in_threadpool(admit, request, found.register, who, need)
    else:  # which asks the register nothing: not worth a change of threads
        admit(request, found.register, who, need)


def admit(request: HTTPConnection, register: Register, who: Caller, need: Need) -> None:
    """As `authorise`, of a request or a socket; raises ProblemError 403."""
    if not who.has_scope(need.scope):
        mine = ", ".join(sorted(who.scopes or ())) or "none"
        raise _forbidden(who, Fault("scope", mine, str(need.scope)))
    if need.where is Where.ONESELF or who.has(need.role, None):
        return
    if need.where is Where.SOMEWHERE_OR_TEAM and who.team is not None:
        return
    if need.where in ANYWHERE:
        if not who.sites(need.role):
            raise _forbidden(who, Fault("role", _roles(who, who.roles), f"{need.role} on a site"))
        return
    require(who, need.role, _sites(request, register, who, need.where))


def require(who: Caller, role: Role, sites: Iterable[str | None]) -> None:
    """Raise ProblemError 403 unless the caller has this role on each of the sites; None stands for all sites."""
    for site in sites:
        if not who.has(role, site):
            place = "all sites" if site is None else f"site {site!r}"
            raise _forbidden(who, Fault("role", _roles(who, {None, site}), f"{role} on {place}"))


def require_reached(who: Caller, role: Role, sites: Collection[str]) -> None:
    """As `require`, for what went to devices of these sites: to read it, the role on one of them; to change it, on all.

    What has no device left is nobody's but theirs who have the role on all sites.
    """
    if role is Role.VIEWER and any(who.has(role, site) for site in sites):
        return
    require(who, role, sites or [None])


async def actor(who: CallerOf) -> str:
    """The name under which the caller's changes are remembered."""
    return who.name


ActorOf = Annotated[str, Depends(actor)]


def _sites(request: HTTPConnection, register: Register, who: Caller, where: Where) -> list[str | None]:
    if where is Where.SITE:
        return [request.path_params["site_id"]]
    is_path = where is Where.DEVICE
    device_ids = [request.path_params["device_id"]] if is_path else request.query_params.getlist("device")
    if where is Where.EVERYWHERE or not device_ids or "\0" in "".join(device_ids):
        return [None]
    return sites_of(devices(register, device_ids), device_ids, None if is_path else who.team)


def _roles(who: Caller, sites: Iterable[str | None]) -> str:
    held = [f"{who.roles[site]} on {site or 'all sites'}" for site in sites if site in who.roles]
    return ", ".join(held) or "none"


def _forbidden(who: Caller, fault: Fault) -> ProblemError:
    detail = f"{who.name} may not do this: {fault.field} = {fault.value}, needed is {fault.allowed}"
    return ProblemError(HTTPStatus.FORBIDDEN, detail, [fault])
