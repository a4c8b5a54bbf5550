"""What is fixed when an export is asked for: who may, whose the vehicles are, and which rows there are by then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import psycopg
import shapely
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.geo import LocalFrame
from services.registry import callers
from services.registry.access import require
from services.registry.data import rows
from services.registry.data.models import NewExport, Selection
from services.registry.data.plan import Area, Plan, Ring
from services.registry.data.pseudonyms import mark_of
from services.registry.database import Register
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Caller, Role
from services.registry.streams import missing

Execute = Connection[DictRow]
Device = Mapping[str, Any]
ORGANISATION = "SELECT 1 AS one FROM register.organisation WHERE organisation_id = %s"
TEAMS = """SELECT device.device_id FROM register.device
        LEFT JOIN register.device AS vehicle ON vehicle.device_key = device.on_vehicle_key
    WHERE coalesce(device.team, vehicle.team) = %(team)s AND (%(site)s::text IS NULL OR device.site_id = %(site)s)
    ORDER BY device.device_id"""
SITE = "SELECT 1 AS one FROM register.site WHERE site_id = %s"


def check_rights(register: Register, who: Caller, wanted: Selection) -> None:
    """ProblemError 403 unless the caller is a tester where the rows come from; one's own team's devices need no role."""
    if wanted.devices is not None:
        known = callers.devices(register, wanted.devices)
        if unknown := [name for name in wanted.devices if name not in known]:
            raise not_found("device", unknown[0])
        require(who, Role.TESTER, callers.sites_of(known, wanted.devices, who.team))
    else:
        require(who, Role.TESTER, [wanted.site])


def of_team(register: Register, who: Caller, wanted: NewExport) -> NewExport:
    """What somebody of a team asks for who may read no site's data and names no device: what their team's vehicles sent."""
    if wanted.devices is not None or who.team is None or who.has(Role.TESTER, wanted.site):
        return wanted
    names = [row["device_id"] for row in register.rows(TEAMS, {"team": who.team, "site": wanted.site})]
    if not names:
        raise _refused("devices", "nothing", f"some: {who.team} has no device of its own there")
    return wanted.model_copy(update={"devices": names})


def recipient_of(connection: Execute, who: Caller, wanted: NewExport) -> str:
    """For whom it is: a team's people export for their team, others for an organisation that they name."""
    named = wanted.recipient or who.team
    if named is None:
        raise _refused("recipient", "nothing", "the organisation that gets the data: you are of no team")
    if who.team is not None and named != who.team:
        raise _refused("recipient", repr(named), f"{who.team!r}, your own team: others ask for themselves")
    if connection.execute(ORGANISATION, (named,)).fetchone() is None:
        raise not_found("organisation", named)
    return named


def planned(register: Register, connection: Execute, wanted: Selection, recipient: str) -> Plan:
    """The plan of an export that is asked for now."""
    if wanted.site is not None and connection.execute(SITE, (wanted.site,)).fetchone() is None:
        raise not_found("site", wanted.site)
    devices = connection.execute(rows.DEVICES).fetchall()
    names = None if wanted.devices is None else frozenset(wanted.devices)
    chosen = [
        one
        for one in devices
        if (names is None or one["device_id"] in names) and (wanted.site is None or one["site_id"] == wanted.site)
    ]
    area = wanted.area.area() if wanted.area else None
    own = [one for one in devices if one["is_vehicles"] and one["owner"] == recipient]
    hidden = [one for one in chosen if one["is_vehicles"] and one["owner"] != recipient]
    is_limited = wanted.devices is not None or wanted.site is not None
    zones = [row["polygon"]["coordinates"] for row in connection.execute(rows.ZONES)]
    return Plan(
        from_us=wanted.from_us,
        to_us=wanted.to_us,
        last_batch=_last_batch(register),
        recipient=recipient,
        devices=_keys(chosen) if is_limited else None,
        standing=_keys(_standing(chosen, area)) if area else None,
        area=area,
        hidden=_keys(hidden),
        own=_keys(own),
        own_ids=tuple(one["vehicle_id"] % 2**64 for one in own if one["vehicle_id"] is not None),
        zones=tuple(tuple(_ring(ring) for ring in rings) for rings in zones),
        key_mark=mark_of(rows.pseudonym_key(register)),
    )


def inside(area: Area, latitude_deg: float, longitude_deg: float) -> bool:
    """Whether a place lies in an area."""
    if not (area.south <= latitude_deg <= area.north and area.west <= longitude_deg <= area.east):
        return False
    if area.circle is not None:
        local = LocalFrame(area.circle.latitude_deg, area.circle.longitude_deg).to_local(latitude_deg, longitude_deg)
        return float(local[0, 0] ** 2 + local[0, 1] ** 2) <= area.circle.radius_m**2
    return not area.rings or bool(
        shapely.intersects_xy(shapely.Polygon(area.rings[0], area.rings[1:]), longitude_deg, latitude_deg)
    )


def _last_batch(register: Register) -> int:
    try:
        with register.reading() as connection:
            return rows.last_batch(connection)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise missing("stream.batch", error) from None
    except psycopg.errors.LockNotAvailable:
        text = f"ingest has been storing a batch for more than {rows.LOCK_S} s: try again"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, text) from None


def _standing(devices: Sequence[Device], area: Area) -> list[Device]:
    placed = (one for one in devices if one["latitude_deg"] is not None and one["longitude_deg"] is not None)
    return [one for one in placed if inside(area, one["latitude_deg"], one["longitude_deg"])]


def _keys(devices: Iterable[Device]) -> tuple[int, ...]:
    return tuple(sorted(one["device_key"] for one in devices))


def _ring(points: Sequence[Sequence[float]]) -> Ring:
    return tuple((float(longitude), float(latitude)) for longitude, latitude in points)


def _refused(field: str, value: str, allowed: str) -> ProblemError:
    text = f"{field} = {value} is not allowed: {allowed}"
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, text, [Fault(field, value, allowed)])
