"""Logging in and out, and keys that act for people, over HTTP. The register keeps SHA-256 of keys and tokens only."""

from __future__ import annotations

import datetime
import math
import secrets
from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Request
from psycopg import errors

from services.registry import passwords
from services.registry.access import CallerOf, require
from services.registry.changes import check_end
from services.registry.credentials import key_hash, new_secret
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.parts import Parts, PartsOf
from services.registry.people_models import AddedKey, Key, Login, Me, NewKey, PasswordChange, Session, SiteRole
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Caller, Role, Scope
from services.registry.routing import Router

LOGIN = Router(prefix="/api", tags=["people"])
ROUTER = Router(prefix="/api", tags=["people"])
SESSION, LONGEST = datetime.timedelta(hours=12), datetime.timedelta(days=36_525)
KEPT = "SELECT password FROM register.person WHERE user_name = %(user_name)s AND is_active"
COLUMNS = "name, owner, scopes, expires, is_session, created"
ADD = f"""INSERT INTO register.api_key (name, hash, owner, scopes, expires, is_session)
    VALUES (%(name)s, %(hash)s, %(owner)s, %(scopes)s, %(expires)s, %(is_session)s) RETURNING {COLUMNS}"""  # noqa: S608 - constants only
BEGIN = ADD.replace("%(expires)s", "now() + %(lasting)s")
CLEAN = "DELETE FROM register.api_key WHERE is_session AND expires < now()"
LIST = f"SELECT {COLUMNS} FROM register.api_key WHERE owner = %(owner)s OR %(all)s ORDER BY name"  # noqa: S608 - constants only
DELETE = "DELETE FROM register.api_key WHERE name = %s AND owner = %s RETURNING name"
LOGOUT = "DELETE FROM register.api_key WHERE hash = %s AND is_session"
RENEW = "UPDATE register.person SET password = %s, version = version + 1 WHERE user_name = %s"
END_OTHERS = "DELETE FROM register.api_key WHERE owner = %s AND is_session AND hash <> %s"


@LOGIN.post("/login", status_code=HTTPStatus.CREATED)
def login(wanted: Login, request: Request, parts: PartsOf) -> Session:
    """Begin a session of 12 hours. Five wrong passwords of a user, or 30 from an address, within a minute: 429."""
    _check_rate(parts, wanted.user_name, request.client.host if request.client else "")
    _check_password(parts, wanted.user_name, wanted.password)
    parts.user_throttle.forget(wanted.user_name)
    token = new_secret()
    row = {"name": f"{wanted.user_name}/session-{secrets.token_hex(4)}", "hash": key_hash(token), "owner": wanted.user_name}
    with parts.register.transaction(wanted.user_name) as connection:
        connection.execute(CLEAN)
        begun = connection.execute(BEGIN, {**row, "scopes": None, "lasting": SESSION, "is_session": True}).fetchone()
    return Session(token=token, expires=Key.model_validate(begun).expires or datetime.datetime.max)


@ROUTER.post("/logout", status_code=HTTPStatus.NO_CONTENT)
def logout(request: Request, parts: PartsOf, who: CallerOf) -> None:
    """End the session whose token the request has; nothing happens to a key."""
    with parts.register.transaction(who.name) as connection:
        connection.execute(LOGOUT, (_hash(request),))


@ROUTER.get("/me")
def show_me(who: CallerOf) -> Me:
    """Who is asking, and what the key may be used for."""
    roles = [SiteRole(site=site, role=role) for site, role in who.roles.items()]
    return Me(name=who.name, user=who.user, roles=roles, scopes=None if who.scopes is None else sorted(who.scopes))


@ROUTER.put("/me/password", status_code=HTTPStatus.NO_CONTENT)
def change_password(change: PasswordChange, request: Request, parts: PartsOf, who: CallerOf) -> None:
    """Set one's own password; one's other sessions end."""
    user = _person(who)
    _check_rate(parts, user, request.client.host if request.client else "")
    _check_password(parts, user, change.old)
    kept = passwords.hashed(change.new)
    with parts.register.transaction(who.name) as connection:
        connection.execute(RENEW, (kept, user))
        connection.execute(END_OTHERS, (user, _hash(request)))
        remember(connection, who.name, "change password", user, {})


@ROUTER.get("/keys")
def list_keys(parts: PartsOf, who: CallerOf) -> list[Key]:
    """One's own keys and sessions; an administrator of all sites sees everyone's."""
    is_all = who.has(Role.ADMINISTRATOR, None)
    return [Key(**row) for row in parts.register.rows(LIST, {"owner": who.user, "all": is_all})]


@ROUTER.post("/keys", status_code=HTTPStatus.CREATED)
def add_key(key: NewKey, parts: PartsOf, who: CallerOf) -> AddedKey:
    """Make a key; its value is shown only here. It may do what its owner may, within its scopes, until it expires."""
    owner = key.owner or _person(who)
    if owner != who.user:
        require(who, Role.ADMINISTRATOR, [None])
    _check_scopes(who, key.scopes)
    check_end("expires", key.expires, parts.clock, LONGEST)
    _check_outlives(who, key.expires)
    value = new_secret()
    row = {"name": f"{owner}/{key.name}", "hash": key_hash(value), "owner": owner, "scopes": key.scopes, "expires": key.expires}
    try:
        with parts.register.transaction(who.name) as connection:
            added = connection.execute(ADD, {**row, "is_session": False}).fetchone()
            remember(connection, who.name, "add key", f"{owner}/{key.name}", {})
    except errors.ForeignKeyViolation:
        raise not_found("user", owner) from None
    except errors.UniqueViolation:
        fault = Fault("name", repr(key.name), "one that its owner's keys do not have yet")
        raise ProblemError(HTTPStatus.CONFLICT, f"name = {key.name!r} is not allowed: {fault.allowed}", [fault]) from None
    return AddedKey(**Key.model_validate(added).model_dump(), key=value)


@ROUTER.delete("/keys/{owner}/{name}", status_code=HTTPStatus.NO_CONTENT)
def delete_key(owner: Annotated[Identifier, Path()], name: Annotated[Identifier, Path()], parts: PartsOf, who: CallerOf) -> None:
    """Delete a key, or end a session: one's own, or as an administrator of all sites anyone's."""
    if owner != who.user:
        require(who, Role.ADMINISTRATOR, [None])
    with parts.register.transaction(who.name) as connection:
        if connection.execute(DELETE, (f"{owner}/{name}", owner)).fetchone() is None:
            raise not_found("key", f"{owner}/{name}")
        remember(connection, who.name, "delete key", f"{owner}/{name}", {})


def _check_rate(parts: Parts, user_name: str, address: str) -> None:
    now_s = parts.clock.monotonic_s()
    wait_s = max(parts.user_throttle.wait_s(user_name, now_s), parts.address_throttle.wait_s(address, now_s))
    if wait_s > 0:
        seconds = math.ceil(wait_s)
        fault = Fault("user_name", repr(user_name), f"another attempt in {seconds} s")
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, f"too many attempts: try again in {seconds} s", [fault])


def _check_password(parts: Parts, user_name: str, password: str) -> None:
    rows = parts.register.rows(KEPT, {"user_name": user_name})
    if not passwords.is_right(password, rows[0]["password"] if rows else None):
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "the user's name or the password is wrong")


def _check_scopes(who: Caller, scopes: list[Scope] | None) -> None:
    """A key with scopes cannot make one with more."""
    if who.scopes is not None and (scopes is None or not who.scopes >= set(scopes)):
        fault = Fault("scopes", "all" if scopes is None else ", ".join(scopes), f"some of {', '.join(sorted(who.scopes))}")
        raise ProblemError(HTTPStatus.FORBIDDEN, f"scopes = {fault.value} is not allowed: {fault.allowed}", [fault])


def _check_outlives(who: Caller, expires: datetime.datetime | None) -> None:
    """A key that expires cannot make one that lasts longer."""
    if who.ends is not None and (expires is None or expires > who.ends):
        value = "never" if expires is None else expires.isoformat()
        fault = Fault("expires", value, f"{who.ends.isoformat()} at the latest, when the key that asks expires itself")
        raise ProblemError(HTTPStatus.FORBIDDEN, f"expires = {value} is not allowed: {fault.allowed}", [fault])


def _person(who: Caller) -> str:
    if who.user is None:
        fault = Fault("owner", "nothing", "a user, since the installation's own key belongs to nobody")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"owner = nothing is not allowed: {fault.allowed}", [fault])
    return who.user


def _hash(request: Request) -> bytes:
    return key_hash(request.headers["authorization"].partition(" ")[2].strip())
