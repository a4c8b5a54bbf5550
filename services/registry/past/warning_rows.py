"""SQL of a site's stored warnings: those raised in a time with what became of them, their counts by hour, one's whole life."""

from __future__ import annotations

from typing import Any

from services.registry.parts import Parts
from services.registry.tables import read_rows

TABLE = "city.warning"
LONGEST_US = 3_600_000_000  # of a warning's life, looked at beyond the newest of a page
JUST_BEFORE_US = 3_000_000  # who is up has a row in the last second, advice in the last two (docs/inference.md)
WITHIN = """site_id = %(site_id)s AND time >= 'epoch'::timestamptz + %(from_us)s::bigint * interval '1 microsecond'
    AND time < 'epoch'::timestamptz + %(to_us)s::bigint * interval '1 microsecond'"""
MINE = """(%(application)s::text IS NULL OR application = %(application)s) AND (level > 0 OR %(with_advice)s)"""
FIGURES = """ttc_s, required_mps2, (detail->>'distance_m')::double precision AS distance_m,
    (detail->>'valid_until_us')::bigint AS valid_until_us"""
PARTIES = "host_vehicle_id, host_device_key, other_vehicle_id, other_device_key, subject_kind, subject_id, detail"
RAISED = {
    order: f"""SELECT warning_id, application, level, time, decided, published, {FIGURES}, {PARTIES} FROM city.warning
        WHERE {WITHIN} AND state = 'raised' AND {MINE}
            AND (%(after)s::bigint IS NULL OR time {beyond} 'epoch'::timestamptz + %(after)s::bigint * interval '1 microsecond')
        ORDER BY time {order} FETCH FIRST %(limit)s ROWS WITH TIES"""  # noqa: S608 - constants only
    for order, beyond in (("ASC", ">"), ("DESC", "<"))
}
BECAME = f"""SELECT DISTINCT ON (warning_id) warning_id, state, time, decided, {FIGURES},
        max(level) OVER (PARTITION BY warning_id) AS highest
    FROM city.warning WHERE {WITHIN} AND warning_id = ANY(%(ids)s::uuid[]) ORDER BY warning_id, decided DESC"""  # noqa: S608
CHANGES = f"""SELECT warning_id, application, state, level, time, decided, {FIGURES}, {PARTIES} FROM city.warning
    WHERE {WITHIN} AND level + (state = 'cleared')::int > 0 ORDER BY decided FETCH FIRST %(limit)s ROWS ONLY"""  # noqa: S608
BEGUN = f"""SELECT warning_id, min(time) AS raised FROM city.warning
    WHERE {WITHIN} AND warning_id = ANY(%(ids)s::uuid[]) GROUP BY warning_id"""  # noqa: S608 - constants only
LIFE = f"""SELECT warning_id, application, state, level, time, decided, published, {FIGURES}, {PARTIES} FROM city.warning
    WHERE site_id = %(site_id)s AND warning_id = %(warning_id)s::uuid ORDER BY decided LIMIT 10000"""  # noqa: S608 - constants only
HOURS = f"""SELECT date_trunc('hour', time, 'UTC') AS hour, application, count(*) AS count,
        count(*) FILTER (WHERE level > 1) AS imminent,
        percentile_cont(ARRAY[0.1, 0.5, 0.9]) WITHIN GROUP (ORDER BY ttc_s) AS leads
    FROM city.warning WHERE {WITHIN} AND state = 'raised' AND level > 0
    GROUP BY hour, application ORDER BY hour, application"""  # noqa: S608 - constants only
Row = dict[str, Any]


def raised(parts: Parts, query: Row, *, newest_first: bool) -> list[Row]:
    """Rows that raised a warning, each with `became`: its newest row, within an hour of the page's newest; or None."""
    found = read_rows(parts, TABLE, RAISED["DESC" if newest_first else "ASC"], query)
    if not found:
        return []
    times = [row["time_us"] for row in found]
    span = {"from_us": min(times), "to_us": max(times) + LONGEST_US, "site_id": query["site_id"]}
    ends = read_rows(parts, TABLE, BECAME, {**span, "ids": [row["warning_id"] for row in found]})
    became = {row["warning_id"]: row for row in ends}
    return [{**row, "became": became.get(row["warning_id"])} for row in found]


def changes(parts: Parts, site_id: str, from_us: int, to_us: int, limit: int) -> tuple[list[Row], dict[str, int]]:
    """Rows of warnings from just before a time until its end, and when those were raised whose beginning is not among them."""
    span = {"site_id": site_id, "from_us": max(from_us - JUST_BEFORE_US, 0), "to_us": to_us}
    found = read_rows(parts, TABLE, CHANGES, {**span, "limit": limit})
    known = {row["warning_id"] for row in found if row["state"] == "raised"}
    older = sorted({row["warning_id"] for row in found} - known)
    if not older:
        return found, {}
    before = {**span, "from_us": max(from_us - LONGEST_US, 0)}
    return found, {row["warning_id"]: row["raised_us"] for row in read_rows(parts, TABLE, BEGUN, {**before, "ids": older})}


def life(parts: Parts, site_id: str, warning_id: str) -> list[Row]:
    """All rows of one warning, in the order in which they were decided upon."""
    return read_rows(parts, TABLE, LIFE, {"site_id": site_id, "warning_id": warning_id})


def hours(parts: Parts, site_id: str, from_us: int, to_us: int) -> list[Row]:
    """By hour of UTC and application, how many were raised, and how long before the contact."""
    return read_rows(parts, TABLE, HOURS, {"site_id": site_id, "from_us": from_us, "to_us": to_us})
