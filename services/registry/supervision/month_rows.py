"""SQL of monthly reports: stretches of driving, reports of motion, and events of a site's vehicles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.supervision.models import MonthReport, TeamMonth, VehicleMonth
from services.registry.supervision.months import BSM, TELEMETRY, Sums, Track, spans_of, summed
from services.registry.supervision.rows import at
from services.registry.supervision.states import What

Execute = Connection[DictRow]
VEHICLES = """SELECT device_key, device_id, vehicle_kind, team FROM register.device
    WHERE site_id = %(site_id)s AND (kind = 'vehicle' OR (kind = 'obu' AND on_vehicle_key IS NULL))
        AND (%(team)s::text IS NULL OR team = %(team)s) ORDER BY team NULLS LAST, device_id"""
SPANS = """SELECT device_key, mode, metres, (extract(epoch FROM starts) * 1000000)::bigint AS starts_us,
        (extract(epoch FROM ends) * 1000000)::bigint AS ends_us
    FROM register.mode_span WHERE device_key = ANY(%(keys)s) AND ends > %(from)s AND starts < %(to)s
    ORDER BY device_key, starts"""
CARRIED = """SELECT device_key, coalesce(on_vehicle_key, device_key) AS vehicle_key FROM register.device
    WHERE device_key = ANY(%(keys)s) OR on_vehicle_key = ANY(%(keys)s)"""
# A second is enough to know how far something drove, and ten times less than all rows.
MOTION = """SELECT (extract(epoch FROM date_bin('1 second', time, 'epoch')) * 1000000)::bigint AS time_us,
        avg(speed_mps) AS speed_mps
    FROM stream.{} WHERE device_key = ANY(%(devices)s) AND time >= %(from)s AND time < %(to)s AND speed_mps IS NOT NULL
    GROUP BY 1 ORDER BY 1"""
EVENTS = """SELECT vehicle, what, count(*) AS count FROM register.vehicle_event
    WHERE site_id = %(site_id)s AND time >= %(from)s AND time < %(to)s GROUP BY vehicle, what"""


def report(connection: Execute, site: Mapping[str, Any], month: str, period: tuple[int, int], team: str | None) -> MonthReport:
    """What a month came to, of all teams or one."""
    query = {"site_id": site["site_id"], "team": team, "from": at(period[0]), "to": at(period[1])}
    vehicles = connection.execute(VEHICLES, query).fetchall()
    query["keys"] = [row["device_key"] for row in vehicles]
    spans = _grouped(connection.execute(SPANS, query).fetchall())
    devices = {
        key: [row["device_key"] for row in rows] for key, rows in _grouped(_carried(connection, query), "vehicle_key").items()
    }
    counts: dict[str, dict[str, int]] = {}
    for row in connection.execute(EVENTS, query):
        counts.setdefault(row["vehicle"], {})[row["what"]] = row["count"]
    found = []
    for row in vehicles:
        key = row["device_key"]
        tracks = _tracks(connection, {**query, "devices": devices.get(key, [])})
        sums = summed(spans_of(spans.get(key, []), *period), tracks)
        found.append(_vehicle(row, sums, counts.get(row["device_id"], {})))
    moved = [vehicle for vehicle in found if vehicle.hours or vehicle.events]
    teams = [_team(name, [each for each in moved if each.team == name]) for name in dict.fromkeys(each.team for each in moved)]
    zone = site["time_zone"]
    return MonthReport(site_id=site["site_id"], month=month, time_zone=zone, from_us=period[0], to_us=period[1], teams=teams)


def _tracks(connection: Execute, query: dict[str, Any]) -> list[Track]:
    there = connection.execute("SELECT to_regclass('stream.telemetry') IS NOT NULL AS is_there").fetchone()
    if not there or not there["is_there"] or not query["devices"]:
        return []
    found = []
    for source in (TELEMETRY, BSM):
        rows = connection.execute(MOTION.format(source).encode(), query).fetchall()
        time_us, speed = [row["time_us"] for row in rows], [row["speed_mps"] for row in rows]
        found.append(Track(np.array(time_us, np.int64), np.array(speed, np.float64), source))
    return found


def _carried(connection: Execute, query: dict[str, Any]) -> list[dict[str, Any]]:
    return connection.execute(CARRIED, query).fetchall()


def _grouped(rows: Sequence[dict[str, Any]], name: str = "device_key") -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found


def _vehicle(row: Mapping[str, Any], sums: Sums, events: dict[str, int]) -> VehicleMonth:
    return VehicleMonth(
        vehicle=row["device_id"],
        vehicle_kind=row["vehicle_kind"],
        team=row["team"],
        hours=_rounded(sums.hours, 4),
        kilometres=_rounded(sums.kilometres, 3),
        sources=sums.sources,
        events=events,
    )


def _team(name: str | None, vehicles: Sequence[VehicleMonth]) -> TeamMonth:
    hours, kilometres, events = (_added([getattr(each, what) for each in vehicles]) for what in ("hours", "kilometres", "events"))
    driven, given_up = kilometres.get("automated", 0.0), events.get(What.DISENGAGEMENT, 0)
    return TeamMonth(
        team=name,
        vehicles=list(vehicles),
        hours=_rounded(hours, 4),
        kilometres=_rounded(kilometres, 3),
        events={what: int(count) for what, count in events.items()},
        automated_km_per_disengagement=round(driven / given_up, 3) if driven and given_up else None,
    )


def _added(sums: Sequence[Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for each in sums:
        for name, value in each.items():
            found[name] = found.get(name, 0) + value
    return found


def _rounded(sums: Mapping[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in sorted(sums.items())}
