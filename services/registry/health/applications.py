"""How a site's applications do: what they could not judge in the last seconds, and for want of what, as inference writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import Query

from chelu.units import US_PER_S
from services.registry.access import CallerOf
from services.registry.health.models import ApplicationHealth
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.roles import Role
from services.registry.routing import Router
from services.registry.tables import read_rows

ROUTER = Router(prefix="/api", tags=["health"])
RECENT = """SELECT time, site_id, states, hosts, lacking FROM city.judging
    WHERE time > 'epoch'::timestamptz + %(from_us)s::bigint * interval '1 microsecond'
        AND (%(site)s::text IS NULL OR site_id = %(site)s) AND (%(sites)s::text[] IS NULL OR site_id = ANY(%(sites)s))
    ORDER BY time"""


@ROUTER.get("/health/applications")
def list_application_health(
    parts: PartsOf,
    who: CallerOf,
    site: Annotated[Identifier | None, Query(description="only of this site")] = None,
    seconds: Annotated[int, Query(ge=10, le=86_400, description="how long the period is that ends now")] = 60,
) -> list[ApplicationHealth]:
    """What each application of one's sites could not judge of late, or only without something, and for want of what."""
    from_us = parts.clock.wall_us() - seconds * US_PER_S
    query = {"from_us": from_us, "site": site, "sites": who.sites(Role.VIEWER)}
    return list(summed(read_rows(parts, "city.judging", RECENT, query)))


def summed(rows: Iterable[Mapping[str, Any]]) -> Iterable[ApplicationHealth]:
    """One for each site and application that the newest of its site's rows names; rows in the order of time."""
    newest: dict[str, Mapping[str, Any]] = {}
    states, hosts, lacking = dict[str, int](), dict[str, int](), dict[tuple[str, str], dict[str, int]]()
    for row in rows:
        site = row["site_id"]
        newest[site] = row
        states[site], hosts[site] = states.get(site, 0) + row["states"], hosts.get(site, 0) + row["hosts"]
        for application, found in row["lacking"].items():
            total = lacking.setdefault((site, application), {})
            for lack, count in found.items():
                total[lack] = total.get(lack, 0) + count
    for site, row in sorted(newest.items()):
        for application in sorted(row["lacking"]):
            yield ApplicationHealth(
                site_id=site,
                application=application,
                heard_us=row["time_us"],
                states=states[site],
                hosts=hosts[site],
                lacking=lacking[site, application],
            )
