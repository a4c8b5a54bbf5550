"""Organisations over HTTP: who operates sites, brings vehicles, makes devices."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Path, Response
from psycopg import Connection, errors
from psycopg.rows import DictRow

from services.registry import changes
from services.registry.access import ActorOf
from services.registry.changes import IfMatch
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.routing import Router
from services.registry.site_models import NewOrganisation, Organisation, OrganisationChange, OrganisationRole

ROUTER = Router(prefix="/api/organisations", tags=["organisations"])
SHOWN = 10

COLUMNS = "organisation_id, role, name, contact, version, created"
ADD = f"""INSERT INTO register.organisation (organisation_id, role, name, contact)
    VALUES (%(organisation_id)s, %(role)s, %(name)s, %(contact)s) RETURNING {COLUMNS}"""  # noqa: S608 - constants only
ALL = f"SELECT {COLUMNS} FROM register.organisation ORDER BY organisation_id"  # noqa: S608 - constants only
ONE = f"SELECT {COLUMNS} FROM register.organisation WHERE organisation_id = %s"  # noqa: S608 - constants only
CHANGE = f"""UPDATE register.organisation SET role = %(role)s, name = %(name)s, contact = %(contact)s, version = version + 1
    WHERE organisation_id = %(organisation_id)s RETURNING {COLUMNS}"""  # noqa: S608 - constants only
DELETE = "DELETE FROM register.organisation WHERE organisation_id = %s"
OPERATED = "SELECT site_id AS id FROM register.site WHERE operator = %s ORDER BY 1 LIMIT %s"
MADE = "SELECT device_id AS id FROM register.device WHERE vendor = %s ORDER BY 1 LIMIT %s"
MEMBERS = "SELECT user_name AS id FROM register.person WHERE team = %s ORDER BY 1 LIMIT %s"
BROUGHT = "SELECT device_id AS id FROM register.device WHERE team = %s ORDER BY 1 LIMIT %s"
BOOKED = "SELECT booking_id::text AS id FROM register.booking WHERE team = %s ORDER BY 1 LIMIT %s"
PERMITTED = "SELECT permit_id::text AS id FROM register.permit WHERE team = %s ORDER BY 1 LIMIT %s"
RULED = "SELECT DISTINCT package_id::text AS id FROM register.upgrade_rule WHERE vendor = %s ORDER BY 1 LIMIT %s"

OrganisationId = Annotated[Identifier, Path()]


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def add_organisation(organisation: NewOrganisation, parts: PartsOf, actor: ActorOf) -> Organisation:
    """Register an organisation; 409 when its id is taken."""
    name = organisation.organisation_id
    try:
        with parts.register.transaction(actor) as connection:
            row = connection.execute(ADD, organisation.model_dump()).fetchone()
            remember(connection, actor, "add organisation", name, organisation.model_dump(mode="json"))
    except errors.UniqueViolation:
        fault = Fault("organisation_id", repr(name), "one that is not registered yet")
        detail = f"organisation_id = {name!r} is not allowed: {fault.allowed}"
        raise ProblemError(HTTPStatus.CONFLICT, detail, [fault]) from None
    return Organisation.model_validate(row)


@ROUTER.get("")
def list_organisations(parts: PartsOf, role: OrganisationRole | None = None) -> list[Organisation]:
    """All organisations, by id."""
    rows = [Organisation(**row) for row in parts.register.rows(ALL)]
    return [row for row in rows if role is None or row.role is role]


@ROUTER.get("/{organisation_id}")
def show_organisation(organisation_id: OrganisationId, parts: PartsOf, response: Response) -> Organisation:
    """One organisation; its version is the ETag."""
    with parts.register.reading() as connection:
        found = _find(connection, organisation_id)
    changes.set_version(response, found.version)
    return found


@ROUTER.patch("/{organisation_id}")
def change_organisation(
    organisation_id: OrganisationId,
    change: OrganisationChange,
    parts: PartsOf,
    actor: ActorOf,
    response: Response,
    if_match: IfMatch = None,
) -> Organisation:
    """Change what the request names. Needs If-Match with the version meant; 409 while others need its present role."""
    with parts.register.transaction(actor) as connection:
        after = present = _find(connection, organisation_id, for_update=True)
        changes.check_version(if_match, present.version, organisation_id)
        new = changes.changed(NewOrganisation, present.model_dump(include=set(NewOrganisation.model_fields)), change)
        if new.role is not present.role:
            changes.dependants(present.role, organisation_id, _dependants(connection, organisation_id))
        if changes.differs(new, present):
            after = Organisation.model_validate(connection.execute(CHANGE, new.model_dump()).fetchone())
            detail = change.model_dump(mode="json", exclude_unset=True)
            remember(connection, actor, "change organisation", organisation_id, detail)
    changes.set_version(response, after.version)
    return after


@ROUTER.delete("/{organisation_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_organisation(
    organisation_id: OrganisationId,
    parts: PartsOf,
    actor: ActorOf,
    if_match: Annotated[str, Header(description="as for a change")] = "*",
) -> None:
    """Delete an organisation that no site and no device names."""
    with parts.register.transaction(actor) as connection:
        found = _find(connection, organisation_id, for_update=True)
        changes.check_version(if_match, found.version, organisation_id)
        changes.dependants("organisation", organisation_id, _dependants(connection, organisation_id))
        connection.execute(DELETE, (organisation_id,))
        remember(connection, actor, "delete organisation", organisation_id, {})


def _find(connection: Connection[DictRow], name: str, *, for_update: bool = False) -> Organisation:
    row: dict[str, Any] | None = connection.execute(f"{ONE} FOR UPDATE" if for_update else ONE, (name,)).fetchone()
    if row is None:
        raise not_found("organisation", name)
    return Organisation(**row)


def _dependants(connection: Connection[DictRow], name: str) -> dict[str, list[str]]:
    queries = {"sites": OPERATED, "devices it makes": MADE, "vehicles of the team": BROUGHT, "people of the team": MEMBERS}
    queries |= {"bookings of the team": BOOKED, "permits of the team": PERMITTED, "rules of packages": RULED}
    return {what: [row["id"] for row in connection.execute(sql, (name, SHOWN))] for what, sql in queries.items()}
