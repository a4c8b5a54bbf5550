"""What the live monitors wrote, as the commands of `chelu monitors` print it."""

from __future__ import annotations

import time
from typing import Any

from services.registry.cli_shared import open_client, present, print_rows

EVENT_COLUMNS = ("event_id", "time", "monitor", "subject", "value", "unit", "items", "until", "vehicle_id")
ASSESSMENT_COLUMNS = ("begins", "monitor", "subject", "judged", "bad", "share", "verdict", "passed")
NOTIFICATION_COLUMNS = ("alarm_id", "hour", "monitor", "subject", "judged", "bad", "acknowledged_by", "comment", "action")
MOST = 10_000


def events(site: str, monitor: str | None, device: str | None, hours: float, *, as_json: bool) -> None:
    """Events, oldest first."""
    found: list[dict[str, Any]] = []
    query = present(monitor=monitor, device=device, from_us=_since_us(hours), after=0)
    with open_client() as client:
        while query["after"] is not None:
            page = client.people("GET", "sites", site, "quality", "events", params=query)
            found += page["events"]
            query["after"] = page["next"]
    print_rows(found, EVENT_COLUMNS, as_json=as_json)


def assessments(
    site: str, monitor: str | None, device: str | None, verdict: str | None, hours: float, *, by_day: bool, as_json: bool
) -> None:
    """Assessments, newest first."""
    by = "day" if by_day else "hour"
    query = present(by=by, monitor=monitor, device=device, verdict=verdict, from_us=_since_us(hours), limit=MOST)
    with open_client() as client:
        found = client.people("GET", "sites", site, "quality", "assessments", params=query)
    print_rows(
        found if as_json else [{**row, "share": f"{row['share']:.4f}"} for row in found], ASSESSMENT_COLUMNS, as_json=as_json
    )


def notifications(site: str, *, as_json: bool) -> None:
    """What somebody has to be told now."""
    with open_client() as client:
        print_rows(client.people("GET", "sites", site, "quality", "notifications"), NOTIFICATION_COLUMNS, as_json=as_json)


def _since_us(hours: float) -> int:
    return round((time.time() - hours * 3600) * 1e6)
