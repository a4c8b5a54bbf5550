"""Packages, makers' keys and upgrade rules over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query, Request
from psycopg import errors
from starlette.concurrency import run_in_threadpool

from chelu.errors import CheluError
from chelu.signing import Statement, is_signed
from services.registry.access import ActorOf
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.packages import rows
from services.registry.packages.files import Incoming
from services.registry.packages.models import (
    Component,
    NewRule,
    NewSigningKey,
    Package,
    PackageName,
    PackageVersion,
    Rule,
    Signature,
    SigningKey,
)
from services.registry.parts import Parts, PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.routing import Router

ROUTER = Router(prefix="/api", tags=["packages"])
BYTES = "application/octet-stream"
BODY = {"requestBody": {"required": True, "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}}
MAX_PACKAGE_BYTES = 16 << 30
KEYS = "SELECT name, public_key, revoked, created FROM register.signing_key ORDER BY name"
ADD_KEY = """INSERT INTO register.signing_key (name, public_key) VALUES (%(name)s, %(public_key)s)
    RETURNING name, public_key, revoked, created"""
REVOKE = "UPDATE register.signing_key SET revoked = now() WHERE name = %s AND revoked IS NULL RETURNING name"
RULES = (
    "SELECT rule_id, package_id, vendor, model, from_version FROM register.upgrade_rule WHERE package_id = %s ORDER BY rule_id"
)
ADD_RULE = """INSERT INTO register.upgrade_rule (package_id, vendor, model, from_version)
    VALUES (%(package)s, %(vendor)s, %(model)s, %(from_version)s) RETURNING rule_id, package_id, vendor, model, from_version"""
DELETE_RULE = "DELETE FROM register.upgrade_rule WHERE package_id = %s AND rule_id = %s RETURNING rule_id"
DELETE = "DELETE FROM register.package WHERE package_id = %s"
CAMPAIGNS = "SELECT campaign_id FROM register.campaign WHERE package_id = %s ORDER BY 1 LIMIT 10"

Id = Annotated[int, Path(ge=0, le=2**63 - 1)]


@ROUTER.get("/signing-keys")
def list_signing_keys(parts: PartsOf) -> list[SigningKey]:
    """Makers' keys, also those that sign nothing more."""
    return [SigningKey(**row) for row in parts.register.rows(KEYS)]


@ROUTER.post("/signing-keys", status_code=HTTPStatus.CREATED)
def add_signing_key(key: NewSigningKey, parts: PartsOf, actor: ActorOf) -> SigningKey:
    """Take packages that this key signed; devices have keys of their own that they trust."""
    try:
        with parts.register.transaction(actor) as connection:
            row = connection.execute(ADD_KEY, key.model_dump()).fetchone()
            remember(connection, actor, "add signing key", key.name, {"public_key": key.public_key})
    except errors.UniqueViolation:
        raise _conflict("name", repr(key.name), "a name that no signing key has had") from None
    return SigningKey.model_validate(row)


@ROUTER.delete("/signing-keys/{name}", status_code=HTTPStatus.NO_CONTENT)
def revoke_signing_key(name: Annotated[Identifier, Path()], parts: PartsOf, actor: ActorOf) -> None:
    """Take nothing more that this key signed; packages that are here stay, and the key remains listed."""
    with parts.register.transaction(actor) as connection:
        if connection.execute(REVOKE, (name,)).fetchone() is None:
            raise not_found("signing key", name)
        remember(connection, actor, "revoke signing key", name, {})


@ROUTER.get("/packages")
def list_packages(parts: PartsOf) -> list[Package]:
    """Packages by name, the oldest first."""
    return [_package(parts, row) for row in parts.register.rows(rows.ALL)]


@ROUTER.get("/packages/{package_id}")
def show_package(package_id: Id, parts: PartsOf) -> Package:
    """One package."""
    with parts.register.transaction() as connection:
        row = rows.find(connection, package_id)
    if row is None:
        raise not_found("package", str(package_id))
    return _package(parts, row)


@ROUTER.post("/packages", status_code=HTTPStatus.CREATED, openapi_extra=BODY)
async def add_package(
    request: Request,
    parts: PartsOf,
    actor: ActorOf,
    component: Component,
    name: Annotated[PackageName, Query()],
    version: Annotated[PackageVersion, Query()],
    key: Annotated[Identifier, Query(description="the maker's")],
    signature: Annotated[Signature, Query(description="of component, name, version, size and SHA-256 (docs/registry.md)")],
) -> Package:
    """Take a package, its bytes as they come to the disk; 422 when its maker did not sign just these under just this name."""
    files = parts.packages
    if files is None:
        raise _conflict("packages", "nowhere", "a directory for packages: CHELU_REGISTRY_PACKAGES_DIRECTORY")
    try:
        incoming = files.receive()
        try:
            async for piece in request.stream():
                incoming.write(piece)
            about = {"component": component, "name": name, "version": version, "key": key, "signature": signature}
            return await run_in_threadpool(_add, parts, actor, incoming, about)
        finally:
            incoming.drop()
    except OSError as error:
        raise PackagesDiskError(f"the package cannot be kept ({error.strerror}): make room, or name another directory") from None


class PackagesDiskError(CheluError):
    """The registry's disk does not take a package; answered with 503."""


@ROUTER.delete("/packages/{package_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_package(package_id: Id, parts: PartsOf, actor: ActorOf) -> None:
    """Delete a package that no campaign names, with its rules and its file."""
    with parts.register.transaction(actor) as connection:
        row = rows.find(connection, package_id)
        if row is None:
            raise not_found("package", str(package_id))
        if named := [each["campaign_id"] for each in connection.execute(CAMPAIGNS, (package_id,))]:
            raise _conflict("campaigns", ", ".join(named), f"no campaign that names package {package_id}")
        connection.execute(DELETE, (package_id,))
        remember(connection, actor, "delete package", f"{row['name']} {row['version']}", {"sha256": row["sha256"]})
    if parts.packages is not None:
        # A second one: a file without its row harms nobody, a row without its file does.
        with parts.register.transaction() as connection:
            rows.lock_file(connection, row["sha256"])
            if not rows.is_named(connection, row["sha256"]):
                parts.packages.path(row["sha256"]).unlink(missing_ok=True)


@ROUTER.get("/packages/{package_id}/rules")
def list_rules(package_id: Id, parts: PartsOf) -> list[Rule]:
    """Which devices may have a package."""
    with parts.register.transaction() as connection:
        if rows.find(connection, package_id) is None:
            raise not_found("package", str(package_id))
        return [Rule(**row) for row in connection.execute(RULES, (package_id,))]


@ROUTER.post("/packages/{package_id}/rules", status_code=HTTPStatus.CREATED)
def add_rule(package_id: Id, rule: NewRule, parts: PartsOf, actor: ActorOf) -> Rule:
    """Let devices of a vendor and model have a package, from one version or from any."""
    try:
        with parts.register.transaction(actor) as connection:
            if rows.find(connection, package_id) is None:
                raise not_found("package", str(package_id))
            row = connection.execute(ADD_RULE, {"package": package_id, **rule.model_dump()}).fetchone()
            remember(connection, actor, "add upgrade rule", f"package {package_id}", rule.model_dump())
    except errors.ForeignKeyViolation:
        raise not_found("organisation", str(rule.vendor)) from None
    return Rule.model_validate(row)


@ROUTER.delete("/packages/{package_id}/rules/{rule_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_rule(package_id: Id, rule_id: Id, parts: PartsOf, actor: ActorOf) -> None:
    """Take a rule away; what has been ordered by it goes on."""
    with parts.register.transaction(actor) as connection:
        if connection.execute(DELETE_RULE, (package_id, rule_id)).fetchone() is None:
            raise not_found("rule", str(rule_id))
        remember(connection, actor, "delete upgrade rule", f"package {package_id}", {"rule": rule_id})


def _add(parts: Parts, actor: str, incoming: Incoming, about: dict[str, str]) -> Package:
    statement = Statement(about["component"], about["name"], about["version"], incoming.size, incoming.sha256)
    if not incoming.size:
        raise _refusal("(document)", "nothing", "a package of at least one byte")
    try:
        with parts.register.transaction(actor) as connection:
            key = connection.execute(rows.KEY, (about["key"],)).fetchone()
            if key is None:
                raise _refusal("key", repr(about["key"]), "a signing key that is registered and not revoked")
            if not is_signed(statement, about["signature"], key["public_key"]):
                raise _refusal("signature", f"{about['signature'][:16]}…", _to_be_signed(statement, about["key"]))
            rows.lock_file(connection, statement.sha256)
            row = connection.execute(rows.ADD, {**about, "bytes": statement.size, "sha256": statement.sha256}).fetchone()
            remember(connection, actor, "add package", f"{statement.name} {statement.version}", {"sha256": statement.sha256})
            incoming.keep()  # before the commit: a row without its file would be worse than a file without its row
    except errors.UniqueViolation:
        raise _conflict("version", repr(about["version"]), f"a version of {about['name']} that is not here yet") from None
    return _package(parts, row or {})


def _to_be_signed(of: Statement, key: str) -> str:
    return f"{key}'s signature of {of.component} {of.name} {of.version}, {of.size} bytes with the SHA-256 {of.sha256}"


def _package(parts: Parts, row: dict[str, Any]) -> Package:
    return Package(**row, is_there=parts.packages is not None and parts.packages.path(row["sha256"]).exists())


def _refusal(field: str, value: str, allowed: str) -> ProblemError:
    fault = Fault(field, value, allowed)
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{field} = {value} is not allowed: {allowed}", [fault])


def _conflict(field: str, value: str, allowed: str) -> ProblemError:
    return ProblemError(HTTPStatus.CONFLICT, f"{field} = {value} is not allowed: {allowed}", [Fault(field, value, allowed)])
