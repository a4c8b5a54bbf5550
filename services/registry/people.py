"""Users and their roles over HTTP. Nobody gives up their own administration of all sites, so that one is always left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Path, Response
from psycopg import Connection, errors
from psycopg.rows import DictRow

from services.registry import changes, passwords
from services.registry.access import ActorOf, CallerOf, require
from services.registry.changes import IfMatch
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.people_models import AddedUser, NewUser, SiteRole, User, UserChange
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Caller, Role
from services.registry.routing import Router

ROUTER = Router(prefix="/api/users", tags=["people"])
ROLES = """coalesce((SELECT jsonb_agg(jsonb_build_object('site', site_id, 'role', role) ORDER BY site_id)
    FROM register.site_role WHERE site_role.user_name = person.user_name), '[]')"""
SELECT = f"SELECT user_name, full_name, is_active, team, version, created, {ROLES} AS roles FROM register.person"  # noqa: S608 - constants only
ALL = f"{SELECT} ORDER BY user_name"
ONE = f"{SELECT} WHERE user_name = %s"
LOCK = "SELECT 1 FROM register.person WHERE user_name = ANY(%s) ORDER BY user_name FOR UPDATE"
ADD = "INSERT INTO register.person (user_name, full_name, is_active, team, password) VALUES (%s, %s, %s, %s, %s)"
CHANGE = """UPDATE register.person SET full_name = %s, is_active = %s, team = %s,
    password = coalesce(%s, password), version = version + 1
    WHERE user_name = %s"""
END_SESSIONS = "DELETE FROM register.api_key WHERE owner = %s AND is_session"
DELETE = "DELETE FROM register.person WHERE user_name = %s"
CLEAR = "DELETE FROM register.site_role WHERE user_name = %s"
GIVE = "INSERT INTO register.site_role (user_name, site_id, role) VALUES (%s, %s, %s)"
TEAM = "SELECT 1 FROM register.organisation WHERE organisation_id = %s AND role = 'vehicle team'"
SITES = "SELECT site_id FROM register.site WHERE site_id = ANY(%s)"

UserPath = Annotated[Identifier, Path()]


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def add_user(user: NewUser, parts: PartsOf, actor: ActorOf) -> AddedUser:
    """Register a person; without a password in the request one is made, and shown only here."""
    made = None if user.password else passwords.new_password()
    kept = passwords.hashed(user.password or made or "")
    with parts.register.transaction(actor) as connection:
        add(connection, user, kept)
        remember(connection, actor, "add user", user.user_name, {})
        return AddedUser(**_find(connection, user.user_name).model_dump(), password=made)


@ROUTER.get("")
def list_users(parts: PartsOf) -> list[User]:
    """All people, by name."""
    return [User(**row) for row in parts.register.rows(ALL)]


@ROUTER.get("/{user_name}")
def show_user(user_name: UserPath, parts: PartsOf, response: Response) -> User:
    """One person; the version is the ETag."""
    with parts.register.reading() as connection:
        user = _find(connection, user_name)
    changes.set_version(response, user.version)
    return user


@ROUTER.patch("/{user_name}")
def change_user(
    user_name: UserPath, change: UserChange, parts: PartsOf, who: CallerOf, response: Response, if_match: IfMatch = None
) -> User:
    """Change what the request names. Needs If-Match. A new password or the end of activity ends the person's sessions."""
    given = change.model_fields_set
    kept = passwords.hashed(change.password) if change.password else None
    with parts.register.transaction(who.name) as connection:
        _lock(connection, user_name, who)
        after = present = _find(connection, user_name)
        changes.check_version(if_match, present.version, user_name)
        new = changes.changed(
            NewUser, present.model_dump(include={"user_name", "full_name", "is_active", "team", "roles"}), change
        )
        if who.user == user_name and not (new.is_active and SiteRole(site=None, role=Role.ADMINISTRATOR) in new.roles):
            raise _oneself(user_name)
        if kept or changes.differs(new, present):
            _check_team(connection, new.team)
            connection.execute(CHANGE, (new.full_name, new.is_active, new.team, kept, user_name))
            if "roles" in given:
                _give(connection, user_name, new.roles)
            if kept or not new.is_active:
                connection.execute(END_SESSIONS, (user_name,))
            remember(connection, who.name, "change user", user_name, {"fields": sorted(given)})
            after = _find(connection, user_name)
    changes.set_version(response, after.version)
    return after


@ROUTER.delete("/{user_name}", status_code=HTTPStatus.NO_CONTENT)
def delete_user(
    user_name: UserPath, parts: PartsOf, who: CallerOf, if_match: Annotated[str, Header(description="as for a change")] = "*"
) -> None:
    """Delete a person with their sessions and keys; what they did stays in the audit log under their name."""
    if who.user == user_name:
        raise _oneself(user_name)
    with parts.register.transaction(who.name) as connection:
        _lock(connection, user_name, who)
        user = _find(connection, user_name)
        changes.check_version(if_match, user.version, user_name)
        connection.execute(DELETE, (user_name,))
        remember(connection, who.name, "delete user", user_name, {})


def add(connection: Connection[DictRow], user: NewUser, kept: str) -> None:
    """Insert a person with this argon2 hash; ProblemError 409 when the name is taken."""
    _check_team(connection, user.team)
    try:
        with connection.transaction():
            connection.execute(ADD, (user.user_name, user.full_name, user.is_active, user.team, kept))
    except errors.UniqueViolation:
        fault = Fault("user_name", repr(user.user_name), "one that is not registered yet")
        detail = f"user_name = {user.user_name!r} is not allowed: {fault.allowed}"
        raise ProblemError(HTTPStatus.CONFLICT, detail, [fault]) from None
    _give(connection, user.user_name, user.roles)


def _check_team(connection: Connection[DictRow], team: str | None) -> None:
    if team is not None and connection.execute(TEAM, (team,)).fetchone() is None:
        fault = Fault("team", repr(team), "a registered vehicle team")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"team = {team!r} is not allowed: {fault.allowed}", [fault])


def _give(connection: Connection[DictRow], user_name: str, roles: Sequence[SiteRole]) -> None:
    """Replace a person's roles; ProblemError 422 for a site that is none, or that comes twice."""
    sites = [each.site for each in roles]
    known = {row["site_id"] for row in connection.execute(SITES, ([site for site in sites if site],))} | {None}
    for index, site in enumerate(sites):
        if site not in known or site in sites[:index]:
            fault = Fault(f"roles[{index}].site", repr(site), "a registered site, each once")
            detail = f"{fault.field} = {fault.value} is not allowed: {fault.allowed}"
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [fault])
    connection.execute(CLEAR, (user_name,))
    for each in roles:
        connection.execute(GIVE, (user_name, each.site, each.role))


def _lock(connection: Connection[DictRow], user_name: str, who: Caller) -> None:
    """Nobody else changes this person or the caller from now on. ProblemError 403 for who is no administrator any more.

    So of two who take it from each other at once the first keeps it. Both are locked in the order of their names, lest two wait
    for each other; what they are is read afterwards, since a row that was waited for would be read with its roles of before.
    """
    if who.user is None:
        connection.execute(LOCK, ([user_name],))
        return
    connection.execute(LOCK, ([user_name, who.user],))
    row = connection.execute(ONE, (who.user,)).fetchone()
    roles = {one.site: one.role for one in User(**row).roles} if row and row["is_active"] else {}
    require(replace(who, roles=roles), Role.ADMINISTRATOR, [None])


def _find(connection: Connection[DictRow], user_name: str) -> User:
    row: dict[str, Any] | None = connection.execute(ONE, (user_name,)).fetchone()
    if row is None:
        raise not_found("user", user_name)
    return User(**row)


def _oneself(user_name: str) -> ProblemError:
    fault = Fault("user_name", repr(user_name), "anyone but oneself, so that an administrator is left")
    return ProblemError(
        HTTPStatus.CONFLICT, "one's own administration cannot be given up: let another administrator do it", [fault]
    )
