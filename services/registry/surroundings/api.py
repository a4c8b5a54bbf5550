"""What inference finds and foretells of a city's surroundings, over HTTP: as stored, and what holds now."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from services.registry.models import Identifier
from services.registry.observations import QuantityName, code_of, with_names
from services.registry.parts import PartsOf
from services.registry.routing import Router
from services.registry.stored_models import Rows
from services.registry.streams import device_key
from services.registry.tables import AFTER, EQUAL, RANGE, Page, read_rows

ROUTER = Router(prefix="/api/city", tags=["what was stored"])
TOLD = """(SELECT coalesce(jsonb_agg(jsonb_build_object('event_id', event_id, 'refusal', refusal) ORDER BY number), '[]')
    FROM register.finding_event AS e WHERE e.finding_id = f.finding_id) AS told"""
WHERE = f"""{RANGE.format(time="time")} AND {AFTER.format(time="time")}
    AND {EQUAL.format(column="site_id", kind="text")} AND {EQUAL.format(column="kind", kind="text")}"""
FINDINGS = f"""SELECT f.*, {TOLD} FROM city.finding AS f WHERE detail ? 'application' AND {WHERE}
    ORDER BY time FETCH FIRST %(limit)s ROWS WITH TIES"""  # noqa: S608 - constants only
STANDING = FINDINGS.replace("city.finding AS f", "city.finding_standing AS f")
OUTLOOK = f"""SELECT time, site_id, device_key, quantity, channel, ahead_s, low, middle, high, method FROM city.outlook
    WHERE {RANGE.format(time="time")} AND {AFTER.format(time="time")} AND {EQUAL.format(column="quantity", kind="integer")}
        AND {EQUAL.format(column="device_key", kind="integer")} AND {EQUAL.format(column="site_id", kind="text")}
    ORDER BY time FETCH FIRST %(limit)s ROWS WITH TIES"""  # noqa: S608 - constants only


@ROUTER.get("/surroundings")
def surroundings(
    parts: PartsOf,
    page: Page,
    site: Annotated[Identifier | None, Query(description="only of this site")] = None,
    kind: Annotated[str | None, Query(max_length=64, description="only of this kind, such as flood", examples=["flood"])] = None,
    *,
    standing: Annotated[bool, Query(description="only what holds now, in its last words")] = False,
) -> Rows:
    """What is found of the surroundings: broken limits, floods, fog, queues of trucks; `told`: the road events of each."""
    query = {**page, "site_id": site, "kind": kind}
    rows = read_rows(parts, "city.finding", STANDING if standing else FINDINGS, query)
    return Rows(rows=rows, next=rows[-1]["time_us"] if len(rows) >= (page["limit"] or 0) else None)


@ROUTER.get("/outlook")
def outlook(
    parts: PartsOf,
    page: Page,
    site: Annotated[Identifier | None, Query(description="only of this site")] = None,
    device: Annotated[Identifier | None, Query(description="only of this sensor")] = None,
    quantity: QuantityName = None,
) -> Rows:
    """Water levels and air quality ahead, in SI, with 80 % intervals: a row a horizon, `ahead_s` after `time_us`."""
    asked = {"quantity": code_of(quantity), "device_key": device_key(parts, device) if device else None, "site_id": site}
    rows = [with_names(row) for row in read_rows(parts, "city.outlook", OUTLOOK, {**page, **asked})]
    return Rows(rows=rows, next=rows[-1]["time_us"] if len(rows) >= (page["limit"] or 0) else None)
