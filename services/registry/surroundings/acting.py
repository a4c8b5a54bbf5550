"""Alarms and road events of what stands in ``city.finding_standing``: raised, told, and taken back when it is over.

Inference writes that table, and may never have run: then there is none. What inference does not say to be over stays, however
long it is silent: that nobody measures does not open a flooded road. An event that a person has withdrawn is not told anew for
the same finding.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from chelu.clock import Clock
from services.registry.alarms import rows as alarm_rows
from services.registry.alarms.kinds import FLOOD, LIMIT, QUEUE, SIGHT, SURROUNDINGS
from services.registry.alarms.rows import Finding, Key
from services.registry.alarms.rules import Rules, Scope
from services.registry.database import ITSELF, Register
from services.registry.orders.answers import EPOCH
from services.registry.orders.machine import Moment
from services.registry.problems import ProblemError
from services.registry.road_events import adding
from services.registry.road_events.models import NewRoadEvent
from services.registry.rounds import InRounds, Rounds

PERIOD_S = 2.0
AGAIN = datetime.timedelta(minutes=1)  # after a refusal: a unit may have been mounted, or a map put in force
ACTOR = "surroundings"
ALARM_OF = {"limits": LIMIT, "flood": FLOOD, "sight": SIGHT, "gate": QUEUE}  # by application
IS_THERE = "SELECT to_regclass('city.finding_standing') IS NOT NULL AS is_there"
STANDING = """SELECT finding_id, f.site_id, text, detail, since, device_key, device.kind AS device_kind
    FROM city.finding_standing AS f JOIN register.site USING (site_id)
        LEFT JOIN register.device ON device_id = f.detail ->> 'subject'
    WHERE detail ->> 'application' = ANY(%s) ORDER BY since, finding_id"""
TOLD = "SELECT finding_id, number, site_id, event_id, refusal, tried FROM register.finding_event WHERE ended IS NULL"
NOTE = """INSERT INTO register.finding_event (site_id, finding_id, number, event_id, refusal, tried)
    VALUES (%(site_id)s, %(finding_id)s, %(number)s, %(event_id)s, %(refusal)s, %(now)s)
    ON CONFLICT (finding_id, number) DO UPDATE
        SET event_id = excluded.event_id, refusal = excluded.refusal, tried = excluded.tried"""
END = "UPDATE register.finding_event SET ended = %(now)s WHERE finding_id = %(finding_id)s AND number = %(number)s"
IS_OPEN = """SELECT 1 AS one FROM register.road_event
    WHERE event_id = %(event_id)s AND withdrawn IS NULL AND (valid_until IS NULL OR valid_until > %(now)s)"""

Row = Mapping[str, Any]


class Surroundings(InRounds):
    """Looks while it is entered; `look` is one look, for whoever wants it now. Who sends orders looks by itself."""

    def __init__(self, register: Register, clock: Clock, *, period_s: float = PERIOD_S) -> None:
        self._register, self._clock = register, clock
        complaint = "what is found of the surroundings is not told"
        self._rounds = Rounds.every(period_s, "surroundings", self.look, complaint)

    def look(self) -> None:
        """Raise and tell what is new, clear and withdraw what is over."""
        now_us = self._clock.wall_us()
        with self._register.transaction(ITSELF) as connection:
            there = connection.execute(IS_THERE).fetchone()
            if there is None or not there["is_there"]:
                return
            standing = connection.execute(STANDING, (sorted(ALARM_OF),)).fetchall()
            told = connection.execute(TOLD).fetchall()
            found = _alarms(alarm_rows.load_rules(connection), standing)
            alarm_rows.raise_alarms(connection, list(found.values()), now_us=now_us)
            over = alarm_rows.standing(connection, [kind.name for kind in SURROUNDINGS]) - found.keys()
            alarm_rows.clear_alarms(connection, sorted(over), now_us=now_us)
        now = EPOCH + datetime.timedelta(microseconds=now_us)
        self._tell(standing, told, now)
        self._withdraw(standing, told, now)

    def _tell(self, standing: Sequence[Row], told: Sequence[Row], now: Moment) -> None:
        """Add what is wanted and was not tried, or not for a while; each by itself, so that a refusal costs no other."""
        known = {(one["finding_id"], one["number"]): one for one in told}
        for finding in standing:
            for number, wanted in enumerate(finding["detail"].get("road_events", ())):
                before = known.get((finding["finding_id"], number))
                if before is None or (before["refusal"] and before["tried"] + AGAIN <= now):
                    self._add(finding, number, wanted, now)

    def _add(self, finding: Row, number: int, wanted: Row, now: Moment) -> None:
        names = {"site_id": finding["site_id"], "finding_id": finding["finding_id"], "number": number, "now": now}
        try:
            with self._register.transaction(ACTOR) as connection:
                event_id = adding.add(connection, finding["site_id"], NewRoadEvent.model_validate(wanted), now, ACTOR)
                connection.execute(NOTE, {**names, "event_id": event_id, "refusal": ""})
        except (ProblemError, ValidationError) as error:
            with self._register.transaction(ITSELF) as connection:
                connection.execute(NOTE, {**names, "event_id": None, "refusal": str(error)[:500]})

    def _withdraw(self, standing: Sequence[Row], told: Sequence[Row], now: Moment) -> None:
        holds = {one["finding_id"] for one in standing}
        for one in (each for each in told if each["finding_id"] not in holds):
            with self._register.transaction(ACTOR) as connection:
                query = {**one, "now": now}
                if connection.execute(IS_OPEN, query).fetchone() is not None:
                    adding.withdraw(connection, one["site_id"], one["event_id"], now, ACTOR)
                connection.execute(END, query)


def _alarms(rules: Rules, standing: Sequence[Row]) -> dict[Key, Finding]:
    found = {}
    for row in standing:
        detail = row["detail"]
        rule = rules.of(ALARM_OF[detail["application"]], Scope(row["site_id"], row["device_kind"], row["device_key"]))
        if rule.is_enabled:
            one = Finding(
                ALARM_OF[detail["application"]],
                detail["subject"],
                row["site_id"],
                rule,
                part=detail["part"],
                device_key=row["device_key"],
                value=detail["value"],
                detail={"text": row["text"], "finding_id": row["finding_id"], "bound": detail["bound"]},
            )
            found[one.key] = one
    return found
