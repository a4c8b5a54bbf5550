"""The catalogue of streams over HTTP: what each holds, in which units, whose it is, how much there is and how good it is."""

from __future__ import annotations

import datetime
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import Field

from chelu.messages import HEADER, STREAMS, Stream
from chelu.quality.monitors.assessments import Tally
from chelu.quality.monitors.catalogue import BY_NAME, site_parameters
from chelu.quality.monitors.score import scores
from services.registry.access import CallerOf
from services.registry.data.retention import hours_in_force
from services.registry.models import Model
from services.registry.parts import PartsOf
from services.registry.roles import Role
from services.registry.routing import Router

ROUTER = Router(prefix="/api/streams", tags=["data for teams"])
PATIENCE_S = 5  # of one question: without its index over devices a stream is not searched
DAY_HOURS = 24
SENT_AS = {"participant": "rsm"}  # what devices call that of which rows are made
SITES = """SELECT site_id, operator FROM register.site WHERE (%(sites)s::text[] IS NULL OR site_id = ANY(%(sites)s))
    ORDER BY site_id"""
RATES = """SELECT device.site_id, sum((rates_hz ->> %(sent_as)s)::double precision) AS rate
    FROM register.health JOIN register.device USING (device_key) GROUP BY device.site_id"""
# Of every device its first and last row, and in which of the last hours it has one: by the index over device and time.
COVERAGE = """SELECT d.site_id, count(*) AS devices, min(first) AS first, max(last) AS last,
        bit_count(coalesce(bit_or(hours), 0)::bit(24)) AS hours
    FROM register.device AS d,
        LATERAL (SELECT (SELECT time FROM stream.{stream} WHERE device_key = d.device_key ORDER BY time LIMIT 1) AS first,
            (SELECT time FROM stream.{stream} WHERE device_key = d.device_key ORDER BY time DESC LIMIT 1) AS last) AS ends,
        LATERAL (SELECT bit_or(1 << hour) AS hours FROM generate_series(0, 23) AS hour WHERE EXISTS (
            SELECT 1 FROM stream.{stream} WHERE device_key = d.device_key
                AND time >= now() - (hour + 1) * interval '1 hour' AND time < now() - hour * interval '1 hour')) AS day
    WHERE first IS NOT NULL AND (%(sites)s::text[] IS NULL OR d.site_id = ANY(%(sites)s)) GROUP BY d.site_id"""
ASSESSED = """SELECT site_id, monitor, sum(judged)::bigint AS judged, sum(bad)::bigint AS bad FROM quality.assessment
    WHERE hour > now() - interval '25 hours' AND (%(sites)s::text[] IS NULL OR site_id = ANY(%(sites)s))
    GROUP BY site_id, monitor"""  # the last 24 whole hours, and the present one
AWAY = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)
Execute = Connection[DictRow]


class CatalogueField(Model):
    """A column."""

    name: str
    unit: str
    about: str


class Coverage(Model):
    """A stream on one site. `rate_hz`: messages a second now; `quality`: 0 … 1, of the last day; null: not assessed."""

    site: str
    owner: str | None = Field(description="the organisation that operates the site; vehicles' rows are their teams'")
    rate_hz: float | None
    devices: int = Field(description="that have rows")
    first: datetime.datetime | None
    last: datetime.datetime | None
    hours: int = Field(description=f"of the last {DAY_HOURS}, those with rows")
    quality: float | None = None


class CatalogueEntry(Model):
    """A stream; `sites` null: there was no time to look, its table has no index over devices."""

    stream: str
    row: str
    fields: list[CatalogueField]
    keep_hours: int | None = Field(description="how long rows are kept; null: for ever, or not known")
    sites: list[Coverage] | None


@ROUTER.get("")
def list_streams(parts: PartsOf, who: CallerOf) -> list[CatalogueEntry]:
    """The streams that are stored: fields with units, and on each of one's sites whose they are, their rate and what there is."""
    query = {"sites": who.sites(Role.VIEWER)}
    with parts.register.reading() as connection:
        owners = {row["site_id"]: row["operator"] for row in connection.execute(SITES, query)}
        kept, quality = hours_in_force(connection), _quality(connection, query)
        return [_entry(connection, stream, owners, query, kept.get(stream.name), quality) for stream in STREAMS.values()]


def _entry(
    connection: Execute,
    stream: Stream,
    owners: dict[str, str | None],
    query: dict[str, Any],
    keep_hours: int | None,
    quality: dict[str, dict[str, float]],
) -> CatalogueEntry:
    rates = {row["site_id"]: row["rate"] for row in connection.execute(RATES, {"sent_as": SENT_AS.get(stream.name, stream.name)})}
    found = _coverage(connection, stream, query)
    names = {field.name for field in stream.fields}
    fields = [*stream.fields, *(field for field in HEADER if field.name in {"arrival_us", "flags"} - names)]
    return CatalogueEntry(
        stream=stream.name,
        row=stream.row,
        fields=[CatalogueField(name=field.name, unit=field.unit, about=field.about) for field in fields],
        keep_hours=keep_hours,
        sites=None
        if found is None
        else [
            _site(site, owner, rates.get(site), found.get(site), quality.get(site, {}).get(stream.name))
            for site, owner in owners.items()
        ],
    )


def _site(site: str, owner: str | None, rate_hz: float | None, row: dict[str, Any] | None, quality: float | None) -> Coverage:
    known = row or {"devices": 0, "first": None, "last": None, "hours": 0}
    ends = {name: known[name] for name in ("devices", "first", "last", "hours")}
    return Coverage(site=site, owner=owner, rate_hz=None if rate_hz is None else round(rate_hz, 2), quality=quality, **ends)


def _quality(connection: Execute, query: dict[str, Any]) -> dict[str, dict[str, float]]:
    """By site and stream, what the monitors made of the last day; nothing where they have never run."""
    try:
        with connection.transaction():
            rows = connection.execute(ASSESSED, query).fetchall()
    except AWAY:
        return {}
    by_site: dict[str, dict[str, Tally]] = {}
    for row in rows:
        if row["monitor"] in BY_NAME:
            by_site.setdefault(row["site_id"], {})[row["monitor"]] = Tally(row["judged"], row["bad"])
    usual = site_parameters({}, where="the catalogue")
    return {site: scores(found, usual) for site, found in by_site.items()}


def _coverage(connection: Execute, stream: Stream, query: dict[str, Any]) -> dict[str, dict[str, Any]] | None:
    """By site; None when it took too long."""
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL statement_timeout = '{PATIENCE_S}s'".encode())
            rows = connection.execute(COVERAGE.format(stream=stream.name).encode(), query).fetchall()
    except psycopg.errors.QueryCanceled:
        return None
    except AWAY:
        return {}
    return {row["site_id"]: row for row in rows}
