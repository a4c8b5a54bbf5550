"""Alarms of what the quality monitors have found: what stands in ``quality.notification`` is so, and nothing else.

The monitors' service writes that table, and may never have run: then there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from chelu.clock import Clock
from services.registry.alarms import rows
from services.registry.alarms.kinds import QUALITY
from services.registry.alarms.rows import Finding, Key
from services.registry.alarms.rules import Scope
from services.registry.database import ITSELF, Register
from services.registry.rounds import InRounds, Rounds
from services.registry.whereabouts import MOVES

PERIOD_S = 10.0
IS_THERE = "SELECT to_regclass('quality.notification') IS NOT NULL AS is_there"
# What it is about, for who reads alarms: of whom moves not where, which is for testers and stands in the notifications.
# What is gone may have moved.
ABOUT = f"""CASE WHEN n.device_key < 0 OR NOT {MOVES} THEN n.about
    ELSE coalesce(device.device_id, 'device ' || n.device_key || ', which is gone') END"""
FOUND = f"""SELECT n.site_id, monitor, {ABOUT} AS about, judged, bad, hour, device_id, kind AS device_kind, device.device_key
    FROM quality.notification AS n LEFT JOIN register.device USING (device_key)
    ORDER BY bad::float / judged"""  # noqa: S608 - constants only; of several places of one vehicle the worst comes last


class Monitored(InRounds):
    """Looks while it is entered; `look` is one look, for whoever wants it now."""

    def __init__(self, register: Register, clock: Clock, *, period_s: float = PERIOD_S) -> None:
        self._register, self._clock = register, clock
        self._rounds = Rounds.every(period_s, "quality alarms", self.look, "what the quality monitors find is not told")

    def look(self) -> None:
        """Raise what is new, clear what is over."""
        now_us = self._clock.wall_us()
        with self._register.transaction(ITSELF) as connection:
            found = _findings(connection)
            rows.raise_alarms(connection, list(found.values()), now_us=now_us)
            over = rows.standing(connection, [QUALITY]) - found.keys()
            rows.clear_alarms(connection, sorted(over), now_us=now_us)


def _findings(connection: Connection[DictRow]) -> Mapping[Key, Finding]:
    there = connection.execute(IS_THERE).fetchone()
    if there is None or not there["is_there"]:
        return {}
    rules = rows.load_rules(connection)
    found = {}
    for row in connection.execute(FOUND.encode()).fetchall():
        rule = rules.of(QUALITY, Scope(row["site_id"], row["device_kind"], row["device_key"]))
        if rule.is_enabled:
            finding = Finding(
                QUALITY,
                row["device_id"] or row["site_id"],
                row["site_id"],
                rule,
                part=f"{row['monitor']}: {row['about']}",
                device_key=row["device_key"],
                value=row["bad"] / row["judged"],
                detail=_detail(row),
            )
            found[finding.key] = finding
    return found


def _detail(row: Mapping[str, Any]) -> dict[str, Any]:
    """What does not change from minute to minute: every change would be written."""
    return {"monitor": row["monitor"], "hour": row["hour"].isoformat()}
