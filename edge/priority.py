"""Priority at a signal: the platform's wishes for green, held against the signal's own limits.

The platform may only wish: minimum and maximum green, yellow, all red, the clearance of people on foot and the longest red are
enforced by the plan, and in an emergency stop no wish is granted. A wish has an end of its own, so a platform that is away leaves
nothing behind. Belongs to the agent's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chelu.clock import Clock
from chelu.errors import MalformedError
from edge.control import BAD_PARAMETER, LOCAL_ERROR, OK, Answer, number_of, read_document
from edge.signal_plan import Granted, SignalPlan

STREAM = "priority"


class SignalPriority:
    """answer(bytes) queues an answer."""

    def __init__(
        self, plan: SignalPlan, clock: Clock, *, answer: Callable[[bytes], None], is_stopped: Callable[[], bool]
    ) -> None:
        self._plan, self._clock, self._answer, self._is_stopped = plan, clock, answer, is_stopped

    def take(self, payload: bytes) -> None:
        """One wish, or the end of one; answered in any case."""
        try:
            document = read_document(payload)
            self._answer(self._taken(document, number_of(payload)).encode())
        except MalformedError as error:
            self._answer(Answer(0, BAD_PARAMETER, error.detail).encode())

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _taken(self, document: Mapping[str, Any], number: int) -> Answer:
        session, wish = document.get("session"), document.get("priority")
        if not isinstance(session, str) or not 0 < len(session) <= 64:
            return Answer(number, BAD_PARAMETER, f"session = {session!r} is not a text of 1 to 64 characters")
        if wish == "over":
            self._plan.give_back(session)
            return Answer(number, OK)
        if wish != "green":
            return Answer(number, BAD_PARAMETER, f"priority = {wish!r} is not allowed: green, over")
        if self._is_stopped():
            return Answer(number, LOCAL_ERROR, "an emergency stop is in force")
        return self._wished(document, session, number)

    def _wished(self, document: Mapping[str, Any], session: str, number: int) -> Answer:
        values = {name: document.get(name) for name in ("phase", "from_us", "until_us")}
        for name, value in values.items():
            if (why := not_whole(name, value)) is not None:
                return Answer(number, BAD_PARAMETER, why)
        now_us = self._clock.wall_us()
        self._plan.turn(now_us)
        phase, from_us, until_us = (int(value or 0) for value in values.values())
        granted = self._plan.ask(session, phase, from_us, until_us, now_us)
        if not isinstance(granted, Granted):
            return Answer(number, LOCAL_ERROR, granted)
        return Answer(number, OK, extra={"from_us": granted.from_us, "until_us": granted.until_us})


def not_whole(name: str, value: object) -> str | None:
    """Why a value is no whole number from 0 that an instant or an index could be; nothing when it is one."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 62:
        return f"{name} = {value!r} is not a whole number from 0"
    return None
