"""Maintenance windows over HTTP: times in which a device or a site may be wrong without an alarm."""

from __future__ import annotations

import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query
from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.access import ActorOf, CallerOf, require
from services.registry.alarms.models import Maintenance, NewMaintenance
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Role
from services.registry.routing import Router

ROUTER = Router(prefix="/api/maintenance", tags=["alarms"])
LONGEST = datetime.timedelta(days=31)
SELECT = """SELECT maintenance_id, maintenance.site_id AS site, device_id AS device, kinds, starts, ends, reason, created_by
    FROM register.maintenance LEFT JOIN register.device USING (device_key)"""
LIST = f"""{SELECT} WHERE (%(sites)s::text[] IS NULL OR maintenance.site_id = ANY(%(sites)s))
    AND (%(site)s::text IS NULL OR maintenance.site_id = %(site)s) AND (%(is_over)s OR ends > %(now)s)
    ORDER BY starts, maintenance_id"""
ONE = f"{SELECT} WHERE maintenance_id = %(maintenance_id)s"
ADD = """INSERT INTO register.maintenance (site_id, device_key, kinds, starts, ends, reason, created_by)
    VALUES (%(site)s, %(device_key)s, %(kinds)s, %(starts)s, %(ends)s, %(reason)s, %(actor)s) RETURNING maintenance_id"""
# One that has not begun never was.
END = """UPDATE register.maintenance SET ends = greatest(starts, %(now)s)
    WHERE maintenance_id = %(maintenance_id)s AND ends > %(now)s"""
SITE = "SELECT 1 AS one FROM register.site WHERE site_id = %s"
DEVICE = "SELECT device_key, site_id FROM register.device WHERE device_id = %s"
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@ROUTER.get("")
def list_maintenance(
    parts: PartsOf,
    who: CallerOf,
    *,
    site: Annotated[Identifier | None, Query()] = None,
    is_over: Annotated[bool, Query(description="those that are over, too")] = False,
) -> list[Maintenance]:
    """The windows of one's sites that last or are to come, by their beginning."""
    query = {"sites": who.sites(Role.VIEWER), "site": site, "is_over": is_over, "now": _instant(parts.clock.wall_us())}
    return [Maintenance(**row) for row in parts.register.rows(LIST, query)]


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def add_maintenance(wanted: NewMaintenance, parts: PartsOf, who: CallerOf, actor: ActorOf) -> Maintenance:
    """Keep the alarms of a device or a whole site from being raised for a time. Those that are raised already stay."""
    require(who, Role.OPERATOR, [wanted.site])
    now = _instant(parts.clock.wall_us())
    starts = wanted.starts or now
    _check(starts, wanted.ends, now)
    with parts.register.transaction(actor) as connection:
        key = _device_key(connection, wanted)
        row = {**wanted.model_dump(), "device_key": key, "starts": starts, "actor": actor}
        added = connection.execute(ADD, row).fetchone()
        found = _find(connection, added["maintenance_id"] if added else 0)
        remember(connection, actor, "add maintenance", wanted.device or wanted.site, wanted.model_dump(mode="json"))
    return found


@ROUTER.delete("/{maintenance_id}", status_code=HTTPStatus.NO_CONTENT)
def end_maintenance(maintenance_id: Number, parts: PartsOf, who: CallerOf, actor: ActorOf) -> None:
    """End a window now; it remains listed among those that are over. What is still so is raised."""
    with parts.register.transaction(actor) as connection:
        found = _find(connection, maintenance_id)
        require(who, Role.OPERATOR, [found.site])
        query = {"maintenance_id": maintenance_id, "now": _instant(parts.clock.wall_us())}
        connection.execute(END, query)
        remember(connection, actor, "end maintenance", found.device or found.site, {"maintenance_id": maintenance_id})


def _device_key(connection: Connection[DictRow], wanted: NewMaintenance) -> int | None:
    if connection.execute(SITE, (wanted.site,)).fetchone() is None:
        raise not_found("site", wanted.site)
    if wanted.device is None:
        return None
    device: dict[str, Any] | None = connection.execute(DEVICE, (wanted.device,)).fetchone()
    if device is None:
        raise not_found("device", wanted.device)
    if device["site_id"] != wanted.site:
        raise _refused("device", wanted.device, f"a device of {wanted.site}, not of {device['site_id']}")
    return int(device["device_key"])


def _check(starts: datetime.datetime, ends: datetime.datetime, now: datetime.datetime) -> None:
    if not now < ends:
        raise _refused("ends", ends.isoformat(), "after now")
    if not starts < ends <= starts + LONGEST:
        raise _refused("ends", ends.isoformat(), f"after starts ({starts.isoformat()}), and within {LONGEST.days} days of it")


def _refused(field: str, value: str, allowed: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"{field} = {value} is not allowed: {allowed}", [Fault(field, value, allowed)]
    )


def _find(connection: Connection[DictRow], maintenance_id: int) -> Maintenance:
    row = connection.execute(ONE, {"maintenance_id": maintenance_id}).fetchone()
    if row is None:
        raise not_found("maintenance window", str(maintenance_id))
    return Maintenance(**row)


def _instant(time_us: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(time_us / 1e6, datetime.UTC)
