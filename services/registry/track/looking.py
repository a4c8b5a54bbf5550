"""Who is on the track now, and its log, over HTTP."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import Query

from services.registry.models import Name
from services.registry.parts import PartsOf
from services.registry.routing import Router
from services.registry.sites import SiteId
from services.registry.streams import END_OF_TIME_US, From, To
from services.registry.track import log_rows, rows
from services.registry.track.chain import Link
from services.registry.track.models import LogCheck, LogEntry, LogPage, OnTrack, Presence
from services.registry.track.watch import described, instant

ROUTER = Router(prefix="/api/sites/{site_id}/track", tags=["track"])
Head = Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="a `head` that was noted before", examples=["ab" * 32])]
Text = Annotated[Name | None, Query(min_length=1)]


@ROUTER.get("")
def who_is_on_track(site_id: SiteId, parts: PartsOf) -> OnTrack:
    """Who is in the site's areas now, by the live picture, with what is wrong about it."""
    with parts.register.transaction() as connection:
        rows.site(connection, site_id)
        has_areas = bool(rows.areas(connection, site_id))
    seen, is_blind = parts.track.seen(site_id) if parts.track else (None, True)
    if seen is None:  # where there are no areas, nobody can be in one
        return OnTrack(seen=None, is_blind=has_areas, present=[])
    modes = parts.supervision.modes() if parts.supervision else {}
    present = [Presence(**row) for row in described(seen, modes)]
    return OnTrack(seen=instant(seen.scene.time_us), is_blind=is_blind, present=present)


@ROUTER.get("/log")
def read_log(
    site_id: SiteId,
    parts: PartsOf,
    what: Text = None,
    subject: Text = None,
    from_us: From = 0,
    to_us: To = END_OF_TIME_US,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="the number after which the page begins")] = 0,
) -> LogPage:
    """What happened on the track, oldest first. The log is only ever added to, and outlives what it speaks of."""
    query = {"site_id": site_id, "what": what, "subject": subject, "from_us": from_us, "to_us": to_us}
    with parts.register.transaction() as connection:
        links = log_rows.page(connection, {**query, "limit": limit + 1, "after": after})
        if not links:
            _check_site(connection, site_id)
    page = [_entry(link) for link in links[:limit]]
    return LogPage(entries=page, next=page[-1].number if len(links) > limit else None)


@ROUTER.get("/log/check")
def check_log(site_id: SiteId, parts: PartsOf, head: Head = None) -> LogCheck:
    """Read the whole log, and say whether it is as it was written, and still has a head that was noted before."""
    with parts.register.transaction() as connection:
        found = log_rows.check(connection, site_id, None if head is None else bytes.fromhex(head))
        if not found.entries:
            _check_site(connection, site_id)
    return LogCheck(is_whole=found.fault is None, entries=found.entries, head=found.head.hex(), fault=found.fault)


def _check_site(connection: rows.Execute, site_id: str) -> None:
    """A site that is gone may have a log; one that never was has none."""
    if connection.execute("SELECT 1 FROM register.track_log WHERE site_id = %s LIMIT 1", (site_id,)).fetchone() is None:
        rows.site(connection, site_id)


def _entry(link: Link) -> LogEntry:
    said = json.loads(link.entry)
    named = {name: said[name] for name in ("number", "at_us", "actor", "what", "subject", "detail")}
    return LogEntry(**named, hash=link.hash.hex())
