"""Sends a unit that has started anew the map that it was sent last: a helper of the clerk, in whose transactions it works.

A unit that starts has forgotten what it was told, or has not: one that goes by the e-tag rule says so in its info, for which
there is a little time. When units started `road_events.sending` notes.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.orders import issuing
from services.registry.orders.machine import Moment, State
from services.registry.orders.rows import IS_OPEN, Task

ACTOR = "registry"
SLOT = "map"  # a newer map takes an older one's place
LASTING_S = 86_400.0
GRACE = datetime.timedelta(seconds=3)  # after a start, for the unit's info
BEFORE = datetime.timedelta(seconds=1)  # its info may be heard before its state
EVERY = datetime.timedelta(seconds=0.2)
# Of each unit the newest map that was not taken back, from before its start; one that is on its way still comes by itself.
DUE = f"""WITH due AS (
        UPDATE register.unit_start AS unit SET map_due = NULL FROM register.unit_start AS before
        WHERE before.device_key = unit.device_key AND before.map_due <= %(now)s
        RETURNING unit.device_key, before.map_due)
    SELECT device_key, device_id, body FROM due JOIN register.device USING (device_key)
        CROSS JOIN LATERAL (SELECT body, queued, {IS_OPEN} AS is_open FROM register.device_order AS o
            WHERE o.device_key = due.device_key AND o.topic = 'map' AND o.state <> '{State.SUPERSEDED}'
            ORDER BY number DESC LIMIT 1) AS newest
        LEFT JOIN register.reported USING (device_key)
    WHERE NOT is_open AND queued < map_due - %(grace)s AND NOT coalesce(config #>> '{{mapConfig,eTag}}' = body ->> 'sha256'
        AND config_said >= map_due - %(since)s, false)
    ORDER BY device_key"""  # noqa: S608 - constants only


class MapsAgain:
    """Called once a turn of the clerk's."""

    def __init__(self) -> None:
        self._looked: Moment | None = None

    def __call__(self, connection: Connection[DictRow], now: Moment) -> bool:
        """As `clerk.Helper`."""
        if self._looked is not None and EVERY > now - self._looked >= datetime.timedelta():
            return False
        self._looked = now
        due = connection.execute(DUE.encode(), {"now": now, "grace": GRACE, "since": GRACE + BEFORE}).fetchall()
        if not due:
            return False
        bodies: dict[int, Mapping[str, Any]] = {row["device_key"]: row["body"] for row in due}
        task = Task(
            actor=ACTOR,
            topic="map",
            slot=SLOT,
            body={"what": "again, since they started anew"},
            bodies=bodies,
            lasting_s=LASTING_S,
            selection={"devices": [row["device_id"] for row in due]},
        )
        issuing.issue(connection, task, now)
        return True
