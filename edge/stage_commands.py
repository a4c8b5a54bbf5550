"""Commands of the city's controllers: a stage to show and until when, held against the signal's limits, answered and counted.

A command says when it was decided. One that comes late was decided on what is no longer so, and is refused, whatever it asks:
so is what a broker kept for a signal that was away. Belongs to the agent's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chelu.clock import Clock
from chelu.errors import MalformedError
from chelu.signals.stages import US
from edge.control import BAD_PARAMETER, LOCAL_ERROR, OK, Answer, number_of, read_document
from edge.priority import not_whole
from edge.signal_plan import Granted, Refused, SignalPlan
from edge.tally import Tally

STREAM = "stage"
PLACE = "stage/down"  # where refusals are counted
MOST_AGE_S = 5.0


class StageCommands:
    """answer(bytes) queues an answer."""

    def __init__(
        self,
        plan: SignalPlan,
        clock: Clock,
        tally: Tally,
        *,
        answer: Callable[[bytes], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._plan, self._clock, self._tally, self._answer, self._is_stopped = plan, clock, tally, answer, is_stopped

    def take(self, payload: bytes) -> None:
        """One command; answered in any case."""
        try:
            document = read_document(payload)
            number, found = number_of(payload), self._taken(document)
        except MalformedError as error:
            number, found = 0, Refused("undecodable", error.detail)
        if isinstance(found, Granted):
            self._answer(Answer(number, OK, extra={"from_us": found.from_us, "until_us": found.until_us}).encode())
            return
        self._tally.count(PLACE, found.kind, detail=found.why)
        code = BAD_PARAMETER if found.kind in {"undecodable", "no such stage"} else LOCAL_ERROR
        self._answer(Answer(number, code, found.why, extra={"refused": found.kind}).encode())

    def _taken(self, document: Mapping[str, Any]) -> Granted | Refused:
        values = {name: document.get(name) for name in ("stage", "until_us", "time_us")}
        for name, value in values.items():
            if (why := not_whole(name, value)) is not None:
                return Refused("undecodable", why)
        if self._is_stopped():
            return Refused("emergency stop", "an emergency stop is in force")
        stage, until_us, time_us = (int(value or 0) for value in values.values())
        now_us = self._clock.wall_us()
        age_s = (now_us - time_us) / US
        if age_s > MOST_AGE_S:
            return Refused("late", f"it was decided {age_s:.1f} s ago, {MOST_AGE_S:g} s are allowed")
        self._plan.turn(now_us)
        return self._plan.command(stage, until_us, now_us)
