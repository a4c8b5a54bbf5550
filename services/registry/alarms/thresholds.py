"""Thresholds over HTTP: what counts as an alarm, for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query
from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.access import ActorOf, CallerOf, require
from services.registry.alarms.kinds import KINDS
from services.registry.alarms.models import AlarmKindName, Limits, NewThreshold, Threshold
from services.registry.alarms.rows import load_rules
from services.registry.alarms.rules import Scope
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Role
from services.registry.routing import Router

ROUTER = Router(prefix="/api", tags=["alarms"])
SELECT = """SELECT threshold_id, threshold.kind, threshold.site_id AS site, device_kind, device_id AS device, bound, clear_bound,
        raise_after_s, clear_after_s, severity, is_enabled, coalesce(threshold.site_id, device.site_id) AS place
    FROM register.threshold LEFT JOIN register.device USING (device_key)"""
LIST = f"""{SELECT} WHERE (%(kind)s::text IS NULL OR threshold.kind = %(kind)s)
        AND (%(sites)s::text[] IS NULL OR coalesce(threshold.site_id, device.site_id) IS NULL
            OR coalesce(threshold.site_id, device.site_id) = ANY(%(sites)s))
    ORDER BY kind, site NULLS FIRST, device_kind NULLS FIRST, device NULLS FIRST"""
ONE = f"{SELECT} WHERE threshold_id = %(threshold_id)s"
VALUES = ("bound", "clear_bound", "raise_after_s", "clear_after_s", "severity", "is_enabled")
SET = f"""INSERT INTO register.threshold (kind, site_id, device_kind, device_key, {", ".join(VALUES)})
    VALUES (%(kind)s, %(site)s, %(device_kind)s, %(device_key)s, {", ".join(f"%({name})s" for name in VALUES)})
    ON CONFLICT (kind, coalesce(site_id, ''), coalesce(device_kind, ''), coalesce(device_key, 0)) DO UPDATE
        SET {", ".join(f"{name} = excluded.{name}" for name in VALUES)}
    RETURNING threshold_id"""  # noqa: S608 - constants only
DELETE = "DELETE FROM register.threshold WHERE threshold_id = %s"
DEVICE = "SELECT device_key, kind, site_id FROM register.device WHERE device_id = %s"
SITE = "SELECT 1 AS one FROM register.site WHERE site_id = %s"
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@ROUTER.get("/thresholds")
def list_thresholds(parts: PartsOf, who: CallerOf, kind: Annotated[AlarmKindName | None, Query()] = None) -> list[Threshold]:
    """The thresholds of one's sites, and those for all, the widest first; what they leave open, `/api/alarm-kinds` has."""
    query = {"kind": kind, "sites": who.sites(Role.VIEWER)}
    return [_threshold(row) for row in parts.register.rows(LIST, query)]


@ROUTER.put("/thresholds")
def set_threshold(wanted: NewThreshold, parts: PartsOf, who: CallerOf, actor: ActorOf) -> Threshold:
    """Set the limits of a kind for a device, a site, a device kind or all, in the place of those for just the same.

    The most specific counts, field by field: a device before a site with a device kind, a site, a device kind, all.
    """
    with parts.register.transaction(actor) as connection:
        key, place = _scope(connection, wanted)
        require(who, Role.OPERATOR, [place])
        _check(connection, wanted, key)
        row = connection.execute(SET.encode(), {**wanted.model_dump(), "device_key": key}).fetchone()
        found = _find(connection, row["threshold_id"] if row else 0)
        remember(connection, actor, "set threshold", wanted.kind, wanted.model_dump(mode="json", exclude_none=True))
    return _threshold(found)


@ROUTER.delete("/thresholds/{threshold_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_threshold(threshold_id: Number, parts: PartsOf, who: CallerOf, actor: ActorOf) -> None:
    """Let what is wider count again."""
    with parts.register.transaction(actor) as connection:
        found = _find(connection, threshold_id)
        require(who, Role.OPERATOR, [found["place"]])
        connection.execute(DELETE, (threshold_id,))
        remember(connection, actor, "delete threshold", found["kind"], {"threshold_id": threshold_id})


@ROUTER.get("/devices/{device_id}/thresholds")
def show_limits(device_id: Annotated[Identifier, Path()], parts: PartsOf) -> list[Limits]:
    """What counts for one device, of every kind of alarm."""
    with parts.register.transaction() as connection:
        device = connection.execute(DEVICE, (device_id,)).fetchone()
        rules = load_rules(connection)
    if device is None:
        raise not_found("device", device_id)
    scope = Scope(device["site_id"], device["kind"], device["device_key"])
    return [Limits(kind=kind, **asdict(rules.of(kind, scope))) for kind in KINDS]


def _scope(connection: Connection[DictRow], wanted: NewThreshold) -> tuple[int | None, str | None]:
    """The device's key, and the site on which a role is needed; ProblemError 404."""
    if wanted.site is not None and connection.execute(SITE, (wanted.site,)).fetchone() is None:
        raise not_found("site", wanted.site)
    if wanted.device is None:
        return None, wanted.site
    device = connection.execute(DEVICE, (wanted.device,)).fetchone()
    if device is None:
        raise not_found("device", wanted.device)
    return device["device_key"], device["site_id"]


def _check(connection: Connection[DictRow], wanted: NewThreshold, key: int | None) -> None:
    """ProblemError 422 for a bound where nothing is measured, one that nothing reaches, or a clear bound on its wrong side."""
    kind = KINDS[wanted.kind]
    for name in ("bound", "clear_bound"):
        if getattr(wanted, name) is not None and kind.bound is None:
            raise _refused(name, getattr(wanted, name), f"null, since nothing is measured for {kind.name}")
        if (getattr(wanted, name) or 0) > kind.most:
            raise _refused(name, getattr(wanted, name), f"at most {kind.most:g} ({kind.unit})")
    if wanted.clear_bound is None or kind.bound is None or kind.clear_bound is None:
        return
    scope = Scope(wanted.site, wanted.device_kind, key)
    bound = load_rules(connection).of(kind.name, scope).bound if wanted.bound is None else wanted.bound
    is_low = kind.clear_bound > kind.bound  # as for rates, where less is worse
    if bound is not None and (wanted.clear_bound < bound if is_low else wanted.clear_bound > bound):
        side = "at least" if is_low else "at most"
        raise _refused("clear_bound", wanted.clear_bound, f"{side} the bound, {bound:g}")


def _refused(field: str, value: float, allowed: str) -> ProblemError:
    detail = f"{field} = {value:g} is not allowed: {allowed}"
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [Fault(field, f"{value:g}", allowed)])


def _find(connection: Connection[DictRow], threshold_id: int) -> dict[str, Any]:
    row = connection.execute(ONE, {"threshold_id": threshold_id}).fetchone()
    if row is None:
        raise not_found("threshold", str(threshold_id))
    return row


def _threshold(row: Mapping[str, Any]) -> Threshold:
    return Threshold(**{name: value for name, value in row.items() if name != "place"})
