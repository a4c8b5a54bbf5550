"""Who is asking, and whether they may: the key is looked up, the route's need compared with its owner's roles."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.registry.credentials import key_hash
from services.registry.parts import Parts, parts
from services.registry.problems import Fault, ProblemError
from services.registry.roles import NEEDS, Caller, Role, Scope, Where

BEARER = HTTPBearer(auto_error=False, description="an API key or a session's token: `Authorization: Bearer KEY`")
KEY = """SELECT api_key.name, api_key.owner, api_key.scopes, api_key.is_session, site_role.site_id, site_role.role
    FROM register.api_key LEFT JOIN register.person ON person.user_name = api_key.owner
        LEFT JOIN register.site_role ON site_role.user_name = api_key.owner
    WHERE api_key.hash = %(hash)s AND (api_key.expires IS NULL OR api_key.expires > now())
        AND (api_key.owner IS NULL OR person.is_active)"""
SITE_OF = "SELECT site_id FROM register.device WHERE device_id = %(device_id)s"
EVERYTHING: dict[str | None, Role] = {None: Role.ADMINISTRATOR}


def caller(
    found: Annotated[Parts, Depends(parts)], bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
) -> Caller:
    """Whose key came with the request; ProblemError 401 when there is none that counts."""
    if bearer is None:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "the request has no API key: send the header Authorization: Bearer KEY")
    rows = found.register.rows(KEY, {"hash": key_hash(bearer.credentials)})
    if not rows:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "the API key is not known, or has expired")
    first = rows[0]
    if first["owner"] is None:
        return Caller(first["name"], None, EVERYTHING)
    scopes = None if first["scopes"] is None else frozenset(Scope(scope) for scope in first["scopes"])
    roles = {row["site_id"]: Role(row["role"]) for row in rows if row["role"]}
    return Caller(first["owner"] if first["is_session"] else first["name"], first["owner"], roles, scopes)


CallerOf = Annotated[Caller, Depends(caller)]


def authorise(request: Request, found: Annotated[Parts, Depends(parts)], who: CallerOf) -> None:
    """Let the request through, or raise ProblemError 403 saying which scope or role it needs."""
    need = NEEDS[request.method, request.scope["route"].path]
    if not who.has_scope(need.scope):
        mine = ", ".join(sorted(who.scopes or ())) or "none"
        raise _forbidden(who, Fault("scope", mine, str(need.scope)))
    if need.where is Where.ONESELF:
        return
    if need.where is Where.SOMEWHERE:
        if who.sites(need.role) == []:
            raise _forbidden(who, Fault("role", _roles(who, who.roles), f"{need.role} on a site"))
        return
    require(who, need.role, _sites(request, found, need.where))


def require(who: Caller, role: Role, sites: Iterable[str | None]) -> None:
    """Raise ProblemError 403 unless the caller has this role on each of the sites; None stands for all sites."""
    for site in sites:
        if not who.has(role, site):
            place = "all sites" if site is None else f"site {site!r}"
            raise _forbidden(who, Fault("role", _roles(who, {None, site}), f"{role} on {place}"))


def actor(who: CallerOf) -> str:
    """The name under which the caller's changes are remembered."""
    return who.name


ActorOf = Annotated[str, Depends(actor)]


def _sites(request: Request, found: Parts, where: Where) -> list[str | None]:
    if where is Where.SITE:
        return [request.path_params["site_id"]]
    names = request.path_params if where is Where.DEVICE else request.query_params
    device_id = names.get("device_id" if where is Where.DEVICE else "device")
    if where is Where.EVERYWHERE or device_id is None or "\0" in device_id:
        return [None]
    rows = found.register.rows(SITE_OF, {"device_id": device_id})
    return [rows[0]["site_id"] if rows else None]


def _roles(who: Caller, sites: Iterable[str | None]) -> str:
    held = [f"{who.roles[site]} on {site or 'all sites'}" for site in sites if site in who.roles]
    return ", ".join(held) or "none"


def _forbidden(who: Caller, fault: Fault) -> ProblemError:
    detail = f"{who.name} may not do this: {fault.field} = {fault.value}, needed is {fault.allowed}"
    return ProblemError(HTTPStatus.FORBIDDEN, detail, [fault])
