"""SQL of areas, bookings and permits. Whoever decides about a site's claims holds its lock, so that two cannot both win."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.geo import LocalFrame
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.track.geometry import Shapes, shapes_of
from services.registry.track.rules import Claim, Ground

Execute = Connection[DictRow]
LOCK = "SELECT pg_advisory_xact_lock(hashtext('chelu claims'), hashtext(%s))"
SITE = "SELECT site_id, latitude_deg, longitude_deg, elevation_m, time_zone FROM register.site WHERE site_id = %s"
AREA_COLUMNS = "site_id, area_id, kind, name, polygon, floor_m, ceiling_m, needs_permit, shares, version"
AREAS = f"SELECT {AREA_COLUMNS} FROM register.area WHERE site_id = %s ORDER BY area_id"  # noqa: S608 - constants only
ADD_AREA = f"""INSERT INTO register.area (site_id, area_id, kind, name, polygon, floor_m, ceiling_m, needs_permit, shares)
    VALUES (%(site_id)s, %(area_id)s, %(kind)s, %(name)s, %(polygon)s, %(floor_m)s, %(ceiling_m)s, %(needs_permit)s, %(shares)s)
    RETURNING {AREA_COLUMNS}"""  # noqa: S608 - constants only
CHANGE_AREA = f"""UPDATE register.area SET kind = %(kind)s, name = %(name)s, polygon = %(polygon)s, floor_m = %(floor_m)s,
    ceiling_m = %(ceiling_m)s, needs_permit = %(needs_permit)s, shares = %(shares)s, version = version + 1
    WHERE site_id = %(site_id)s AND area_id = %(area_id)s RETURNING {AREA_COLUMNS}"""  # noqa: S608 - constants only
DELETE_AREA = "DELETE FROM register.area WHERE site_id = %s AND area_id = %s"
BOOKING_COLUMNS = "booking_id, site_id, area_id, team, starts, ends, purpose, booked_by, created, cancelled, cancelled_by"
BOOKINGS = f"""SELECT {BOOKING_COLUMNS} FROM register.booking WHERE site_id = %(site_id)s AND cancelled IS NULL
    AND ends > %(since)s AND (%(until)s::timestamptz IS NULL OR starts < %(until)s)
    ORDER BY starts, booking_id"""  # noqa: S608 - constants only
ADD_BOOKING = f"""INSERT INTO register.booking (site_id, area_id, team, starts, ends, purpose, booked_by)
    VALUES (%(site_id)s, %(area_id)s, %(team)s, %(starts)s, %(ends)s, %(purpose)s, %(booked_by)s)
    RETURNING {BOOKING_COLUMNS}"""  # noqa: S608 - constants only
CANCEL = f"""UPDATE register.booking SET cancelled = now(), cancelled_by = %(actor)s
    WHERE booking_id = %(booking_id)s AND site_id = %(site_id)s AND cancelled IS NULL RETURNING {BOOKING_COLUMNS}"""  # noqa: S608
PERMIT_COLUMNS = """permit_id, permit.site_id, area_id, device.device_id AS vehicle, permit.team, starts, ends, max_speed_mps,
    modes, conditions, given_by, permit.created, revoked, revoked_by"""
PERMITS = f"""SELECT {PERMIT_COLUMNS} FROM register.permit JOIN register.device ON device_key = vehicle_key
    WHERE permit.site_id = %(site_id)s AND revoked IS NULL AND ends > %(since)s
        AND (%(until)s::timestamptz IS NULL OR starts < %(until)s) ORDER BY starts, permit_id"""  # noqa: S608 - constants only
ADD_PERMIT = f"""WITH permit AS (
        INSERT INTO register.permit
            (site_id, area_id, vehicle_key, team, starts, ends, max_speed_mps, modes, conditions, given_by)
        VALUES (%(site_id)s, %(area_id)s, %(vehicle_key)s, %(team)s, %(starts)s, %(ends)s, %(max_speed_mps)s, %(modes)s,
            %(conditions)s, %(given_by)s) RETURNING *)
    SELECT {PERMIT_COLUMNS} FROM permit JOIN register.device ON device_key = vehicle_key"""  # noqa: S608 - constants only
REVOKE = f"""WITH permit AS (
        UPDATE register.permit SET revoked = now(), revoked_by = %(actor)s
        WHERE permit_id = %(permit_id)s AND site_id = %(site_id)s AND revoked IS NULL RETURNING *)
    SELECT {PERMIT_COLUMNS} FROM permit JOIN register.device ON device_key = vehicle_key"""  # noqa: S608 - constants only
TEAM = "SELECT 1 FROM register.organisation WHERE organisation_id = %s AND role = 'vehicle team'"
VEHICLE = "SELECT device_key, team, site_id, lifecycle FROM register.device WHERE device_id = %s AND kind = 'vehicle' FOR SHARE"


def lock(connection: Execute, site_id: str) -> dict[str, Any]:
    """Let nobody else decide about this site's claims before this transaction ends; answers the site. ProblemError 404."""
    connection.execute(LOCK, (site_id,))
    return site(connection, site_id)


def site(connection: Execute, site_id: str) -> dict[str, Any]:
    """A site's frame and time zone; ProblemError 404."""
    row = connection.execute(SITE, (site_id,)).fetchone()
    if row is None:
        raise not_found("site", site_id)
    return row


def areas(connection: Execute, site_id: str) -> list[dict[str, Any]]:
    """A site's areas as the API has them, by id."""
    return connection.execute(AREAS, (site_id,)).fetchall()


def area_of(rows: Sequence[dict[str, Any]], area_id: str) -> dict[str, Any]:
    """One of them; ProblemError 404."""
    for row in rows:
        if row["area_id"] == area_id:
            return row
    raise not_found("area", area_id)


def frame_of(row: dict[str, Any]) -> LocalFrame:
    """A site's local frame."""
    return LocalFrame(row["latitude_deg"], row["longitude_deg"], row["elevation_m"])


def shapes(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Shapes:
    """A site's areas as shapes."""
    return shapes_of(frame_of(row), rows)


def ground(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Ground:
    """A site's areas as the rules need them."""
    found = shapes(row, rows)
    overlap = found.overlapping() if rows else np.zeros((0, 0), np.bool_)
    return Ground(found.ids, overlap, {one["area_id"]: one["shares"] for one in rows})


def bookings(
    connection: Execute, site_id: str, since: datetime.datetime, until: datetime.datetime | None = None
) -> list[dict[str, Any]]:
    """Bookings that hold at some time after `since` and before `until`."""
    return connection.execute(BOOKINGS, {"site_id": site_id, "since": since, "until": until}).fetchall()


def permits(
    connection: Execute, site_id: str, since: datetime.datetime, until: datetime.datetime | None = None
) -> list[dict[str, Any]]:
    """Permits that count at some time after `since` and before `until`."""
    return connection.execute(PERMITS, {"site_id": site_id, "since": since, "until": until}).fetchall()


def booking_claims(rows: Sequence[dict[str, Any]]) -> list[Claim]:
    """As claims."""
    return [Claim(f"booking {row['booking_id']}", row["area_id"], row["team"], row["starts"], row["ends"]) for row in rows]


def permit_claims(rows: Sequence[dict[str, Any]]) -> list[Claim]:
    """As claims."""
    return [Claim(f"permit {row['permit_id']}", row["area_id"], row["team"], row["starts"], row["ends"]) for row in rows]


def refuse_clashes(what: str, clashes: Sequence[Claim], zone: str) -> None:
    """Raise ProblemError 409 that names what stands against a claim, in the site's time."""
    if clashes:
        words = [clash.at(zone) for clash in clashes]
        faults = [Fault("starts", each, "a time and place that nobody else has") for each in words]
        raise ProblemError(HTTPStatus.CONFLICT, f"there can be no {what}: {'; '.join(words)}", faults)


def refuse(field: str, value: object, allowed: str, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY) -> ProblemError:
    """A refusal of one field."""
    return ProblemError(status, f"{field} = {value!s} is not allowed: {allowed}", [Fault(field, str(value), allowed)])
