"""Devices' health over HTTP, and the profiles that say what is expected of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query
from psycopg.types.json import Jsonb

from chelu.topics import TOPICS, Kind
from services.registry.access import ActorOf, CallerOf
from services.registry.database import remember
from services.registry.health.columns import Status
from services.registry.health.models import DeviceHealth, HealthPage, HealthSummary, MessageProfile, ProfileFields
from services.registry.health.profiles import expected_hz, usual_beat_s
from services.registry.health.rows import IS_BELOW_GATEWAY
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Role
from services.registry.routing import Router

ROUTER = Router(prefix="/api", tags=["health"])
STREAMS = tuple(
    sorted({row.stream for row in TOPICS if row.from_device and row.table and row.kinds and "V2X" not in row.pattern})
)
COLUMNS = f"""device_id, kind, site_id, coalesce(status, 'unheard') AS status, nullif(since_us, 0) AS since_us,
    nullif(heard_us, 0) AS heard_us, coalesce(reason, '') AS reason,
    coalesce(message_profile.heartbeat_s, beat_s) AS beat_s, profile, {IS_BELOW_GATEWAY},
    coalesce(problems, ARRAY[]::text[]) AS problems,
    coalesce(health.rates_hz, NOTHING) AS rates_hz,
    message_profile.rates_hz AS of_profile, coalesce(stored, 0) AS stored, coalesce(sent, NOTHING) AS sent,
    coalesce(received, NOTHING) AS received, coalesce(lost, 0) AS lost, lost_share, latency_ms, skew_s, cpu_percent,
    memory_percent, disk_percent, rx_bytes_per_s, tx_bytes_per_s, uptime_s""".replace("NOTHING", "jsonb_build_object()")
FROM = """FROM register.device LEFT JOIN register.health USING (device_key)
    LEFT JOIN register.message_profile ON message_profile.name = device.profile"""
FILTERS = {
    "status": "coalesce(status, 'unheard') = %(status)s",
    "site": "site_id = %(site)s",
    "kind": "kind = %(kind)s",
    "sites": "site_id = ANY(%(sites)s)",
}
LIST = f"SELECT {COLUMNS} {FROM} WHERE {{where}} ORDER BY device_id LIMIT %(limit)s"
ONE = f"SELECT {COLUMNS} {FROM} WHERE device_id = %(device_id)s"
SUMMARY = f"""SELECT site_id, kind,
        {", ".join(f"count(*) FILTER (WHERE coalesce(status, 'unheard') = '{status}') AS {status}" for status in Status)}
    {FROM} WHERE (%(sites)s::text[] IS NULL OR site_id = ANY(%(sites)s)) GROUP BY site_id, kind ORDER BY site_id, kind"""
PROFILES = "SELECT name, heartbeat_s, rates_hz FROM register.message_profile ORDER BY name"
SET = """INSERT INTO register.message_profile (name, heartbeat_s, rates_hz) VALUES (%(name)s, %(heartbeat_s)s, %(rates_hz)s)
    ON CONFLICT (name) DO UPDATE SET heartbeat_s = excluded.heartbeat_s, rates_hz = excluded.rates_hz"""
DELETE = "DELETE FROM register.message_profile WHERE name = %s RETURNING name"
ProfileName = Annotated[Identifier, Path()]


@ROUTER.get("/health")
def list_health(
    parts: PartsOf,
    who: CallerOf,
    status: Status | None = None,
    site: Annotated[Identifier | None, Query()] = None,
    kind: Kind | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    after: Annotated[str, Query(pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="the device_id after which the page begins")] = "",
) -> HealthPage:
    """How the devices of one's sites do, by id."""
    asked: dict[str, Any] = {"status": status, "site": site, "kind": kind, "sites": who.sites(Role.VIEWER)}
    given = {name: value for name, value in asked.items() if value is not None}
    where = " AND ".join(["device_id > %(after)s", *(FILTERS[name] for name in given)])
    rows = parts.register.rows(LIST.format(where=where), {**given, "after": after, "limit": limit + 1})
    found = [_health(row) for row in rows[:limit]]
    return HealthPage(devices=found, next=found[-1].device_id if len(rows) > limit else None)


@ROUTER.get("/health/summary")
def summarise_health(parts: PartsOf, who: CallerOf) -> list[HealthSummary]:
    """How many devices of each of one's sites do how, by kind."""
    return [HealthSummary(**row) for row in parts.register.rows(SUMMARY, {"sites": who.sites(Role.VIEWER)})]


@ROUTER.get("/devices/{device_id}/health")
def show_health(device_id: Annotated[Identifier, Path()], parts: PartsOf) -> DeviceHealth:
    """How one device does."""
    rows = parts.register.rows(ONE, {"device_id": device_id})
    if not rows:
        raise not_found("device", device_id)
    return _health(rows[0])


@ROUTER.get("/profiles")
def list_profiles(parts: PartsOf) -> list[MessageProfile]:
    """What is expected of devices, by the name that they have as their profile."""
    return [MessageProfile(**row) for row in parts.register.rows(PROFILES)]


@ROUTER.put("/profiles/{name}")
def set_profile(name: ProfileName, wanted: ProfileFields, parts: PartsOf, actor: ActorOf) -> MessageProfile:
    """Say what is expected of devices with this profile, in the place of what was said before."""
    if unknown := sorted(set(wanted.rates_hz) - set(STREAMS)):
        fault = Fault(
            f"rates_hz.{unknown[0]}", str(wanted.rates_hz[unknown[0]]), "a stream that is stored: " + ", ".join(STREAMS)
        )
        detail = f"{fault.field} = {fault.value} is not allowed: {fault.allowed}"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [fault])
    with parts.register.transaction(actor) as connection:
        connection.execute(SET, {"name": name, "heartbeat_s": wanted.heartbeat_s, "rates_hz": Jsonb(wanted.rates_hz)})
        remember(connection, actor, "set profile", name, wanted.model_dump(mode="json"))
    return MessageProfile(name=name, **wanted.model_dump())


@ROUTER.delete("/profiles/{name}", status_code=HTTPStatus.NO_CONTENT)
def delete_profile(name: ProfileName, parts: PartsOf, actor: ActorOf) -> None:
    """Expect of its devices what is expected of their kind."""
    with parts.register.transaction(actor) as connection:
        if connection.execute(DELETE, (name,)).fetchone() is None:
            raise not_found("profile", name)
        remember(connection, actor, "delete profile", name, {})


def _health(row: Mapping[str, Any]) -> DeviceHealth:
    own = {name: value for name, value in row.items() if name not in {"of_profile", "profile", "is_below_gateway"}}
    if own["beat_s"] is None:
        usual_s = usual_beat_s(row["kind"], row["profile"], is_below_gateway=row["is_below_gateway"])
        own["beat_s"] = usual_s if math.isfinite(usual_s) else None
    return DeviceHealth(**own, expected_hz=dict(expected_hz(row["kind"], row["of_profile"])))
