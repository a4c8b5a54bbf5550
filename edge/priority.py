"""Priority at a signal: the platform's wishes for green, held against the signal's own limits, and what is shown then.

What is shown goes to the controller's own software as JSON lines, as emergency stops do. The platform may only wish: minimum and
maximum green, yellow, all red, the clearance of people on foot and the longest red are enforced here, and in an emergency stop no
wish is granted. A wish has an end of its own, so a platform that is away leaves nothing behind. Belongs to the agent's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chelu.clock import Clock
from chelu.errors import MalformedError
from edge.control import BAD_PARAMETER, LOCAL_ERROR, OK, Answer, number_of, read_document
from edge.settings import SignalSettings
from edge.signal_plan import Granted, Limits, Shown, SignalPlan, Stage

STREAM = "priority"
TURN_S = 0.1


class SignalPriority:
    """show(document) hands what is shown to the controller; answer(bytes) queues an answer."""

    def __init__(
        self,
        settings: SignalSettings,
        clock: Clock,
        *,
        show: Callable[[Mapping[str, Any]], str],
        answer: Callable[[bytes], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._clock, self._show, self._answer, self._is_stopped = clock, show, answer, is_stopped
        self._stages = [Stage(**stage.model_dump()) for stage in settings.stages]
        limits = Limits(settings.longest_red_s, settings.longest_wish_s)
        self._plan = SignalPlan(self._stages, limits, clock.wall_us())
        self.due_s = clock.monotonic_s()

    def turn(self, now_s: float) -> None:
        """Let the stages go on, and say what is shown when that changes."""
        if now_s < self.due_s:
            return
        self.due_s = now_s + TURN_S
        if (shown := self._plan.turn(self._clock.wall_us())) is not None:
            self._show(self._document(shown))

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
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 62:
                return Answer(number, BAD_PARAMETER, f"{name} = {value!r} is not a whole number from 0")
        now_us = self._clock.wall_us()
        self._plan.turn(now_us)
        phase, from_us, until_us = (int(value or 0) for value in values.values())
        granted = self._plan.ask(session, phase, from_us, until_us, now_us)
        if not isinstance(granted, Granted):
            return Answer(number, LOCAL_ERROR, granted)
        return Answer(number, OK, extra={"from_us": granted.from_us, "until_us": granted.until_us})

    def _document(self, shown: Shown) -> dict[str, Any]:
        phases = list(self._stages[shown.stage].phases)
        about = {"stage": shown.stage, "phases": phases, "light": shown.light, "since_us": shown.since_us}
        return {"signal": about, "session": self._plan.session, "time_us": self._clock.wall_us()}
