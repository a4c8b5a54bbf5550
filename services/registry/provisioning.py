"""Provisioning keys over HTTP: what devices share that are not registered, limited in number and in time."""

from __future__ import annotations

import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from psycopg import errors

from chelu import provisioning
from services.registry import credentials
from services.registry.access import ActorOf, CallerOf, require
from services.registry.changes import check_end
from services.registry.database import remember
from services.registry.joining_models import AddedProvisioningKey, NewProvisioningKey, ProvisioningKey
from services.registry.joining_rows import IS_LIVE
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Role
from services.registry.routing import Router

ROUTER = Router(prefix="/api/provisioning-keys", tags=["joining"])
LASTING = datetime.timedelta(days=7)
LONGEST = datetime.timedelta(days=366)
PLACES_A_JOIN = 2  # a device that wants to wait finds a free place at once, or at its second try
ADD = """INSERT INTO register.provisioning_key (name, site_id, verifier, places, max_joins, expires)
    VALUES (%(name)s, %(site_id)s, %(verifier)s, %(places)s, %(max_joins)s, coalesce(%(expires)s, now() + %(lasting)s))"""
SELECT = f"""SELECT name, site_id, places, max_joins, joins, expires, revoked, created, {IS_LIVE} AS is_live
    FROM register.provisioning_key AS key"""  # noqa: S608 - constants only
LIST = f"{SELECT} WHERE %(sites)s::text[] IS NULL OR site_id = ANY(%(sites)s) ORDER BY name"
ONE = f"{SELECT} WHERE name = %(name)s"
REVOKE = "UPDATE register.provisioning_key SET revoked = now() WHERE name = %s AND revoked IS NULL"


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def add_provisioning_key(key: NewProvisioningKey, parts: PartsOf, who: CallerOf, actor: ActorOf) -> AddedProvisioningKey:
    """Make a key; its value is shown only here."""
    require(who, Role.OPERATOR, [key.site_id])
    check_end("expires", key.expires, parts.clock, LONGEST)
    parts.broker.check()
    made = provisioning.ProvisioningKey(key.name, key.max_joins * PLACES_A_JOIN, credentials.new_secret())
    row = {**key.model_dump(), "verifier": credentials.verifier(made.secret), "places": made.places, "lasting": LASTING}
    try:
        with parts.register.transaction(actor) as connection:
            connection.execute(ADD, row)
            added = connection.execute(ONE, {"name": key.name}).fetchone()
            remember(connection, actor, "add provisioning key", key.name, {"site": key.site_id})
    except errors.ForeignKeyViolation:
        raise not_found("site", key.site_id) from None
    except errors.UniqueViolation:
        fault = Fault("name", repr(key.name), "a name that no provisioning key has had")
        raise ProblemError(HTTPStatus.CONFLICT, f"name = {key.name!r} is not allowed: {fault.allowed}", [fault]) from None
    parts.broker.announce()
    return AddedProvisioningKey(**ProvisioningKey.model_validate(added).model_dump(), key=str(made))


@ROUTER.get("")
def list_provisioning_keys(parts: PartsOf, who: CallerOf) -> list[ProvisioningKey]:
    """The keys of one's sites, also those that no longer count."""
    return [ProvisioningKey(**row) for row in parts.register.rows(LIST, {"sites": who.sites(Role.OPERATOR)})]


@ROUTER.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
def revoke_provisioning_key(name: Annotated[Identifier, Path()], parts: PartsOf, who: CallerOf, actor: ActorOf) -> None:
    """Revoke a key: whoever waits with it is cut off, whoever joined with it stays. It remains listed."""
    rows = parts.register.rows(ONE, {"name": name})
    if not rows:
        raise not_found("provisioning key", name)
    require(who, Role.OPERATOR, [rows[0]["site_id"]])
    with parts.register.transaction(actor) as connection:
        connection.execute(REVOKE, (name,))
        remember(connection, actor, "revoke provisioning key", name, {})
    parts.broker.announce()
