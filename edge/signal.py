"""A signal: its stages go on, wishes and commands are obeyed within its limits, and it says what it shows.

To its controller's own software goes every change, as JSON lines; to the platform the stage at hand, all stages and limits
(retained: whoever commands it knows it at once, after a start in mid-green too), and SPAT. Belongs to the agent's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from chelu.clock import Clock
from chelu.signals.stages import US, Shown, Stage
from edge import priority, stage_commands
from edge.priority import SignalPriority
from edge.reports import encoded
from edge.settings import SignalSettings
from edge.signal_plan import Limits, SignalPlan
from edge.spat_writer import SpatWriter
from edge.stage_commands import StageCommands
from edge.tally import Tally

STREAMS = frozenset({priority.STREAM, stage_commands.STREAM})


class Signal:
    """show(document) hands what is shown to the controller's software; answer(stream, bytes) queues an answer.

    tell(bytes) publishes the stage at hand, retained; send(frame, now_us) sends a frame of SPAT; connection() is the number of
    the connection that stands, else 0.
    """

    def __init__(
        self,
        settings: SignalSettings,
        clock: Clock,
        tally: Tally,
        *,
        show: Callable[[Mapping[str, Any]], str],
        answer: Callable[[str, bytes], None],
        tell: Callable[[bytes], object],
        connection: Callable[[], int],
        send: Callable[[bytes, int], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._settings, self._clock = settings, clock
        self._show, self._tell, self._send, self._is_stopped, self._connection = show, tell, send, is_stopped, connection
        self._stages = [Stage(**stage.model_dump()) for stage in settings.stages]
        limits = Limits(settings.longest_red_s, settings.longest_wish_s, settings.late_s)
        self._plan = SignalPlan(self._stages, limits, clock.wall_us())
        wishes = SignalPriority(self._plan, clock, answer=lambda said: answer("priority/ack", said), is_stopped=is_stopped)
        commands = StageCommands(self._plan, clock, tally, answer=lambda said: answer("stage/ack", said), is_stopped=is_stopped)
        self._take = {priority.STREAM: wishes.take, stage_commands.STREAM: commands.take}
        number = settings.intersection
        self._spat = None if number is None else SpatWriter(self._stages, settings.region, number)
        self._spat_due_us = 0
        self._told: tuple[str, int] = "", 0  # by whose word, and on which connection
        self.turned_us = 0  # up to which instant the stages have gone on; read by any thread
        self.due_s = clock.monotonic_s()

    def take(self, stream: str, payload: bytes) -> None:
        """A wish, or a command."""
        self._take[stream](payload)

    def turn(self, now_s: float) -> None:
        """Let the stages go on, and say what is shown when that changes, and SPAT when it is due."""
        if now_s < self.due_s:
            return
        self.due_s, now_us = now_s + self._settings.turn_s, self._clock.wall_us()
        if self._is_stopped():
            self._plan.give_up_command()
        shown = self._plan.turn(now_us)
        if shown is not None:
            self._show(self._document(now_us))
        if (connection := self._connection()) and (shown is not None or (self._by(now_us), connection) != self._told):
            self._told = self._by(now_us), connection
            self._say(now_us)
        if self._spat is not None and (shown is not None or self._is_spat_due(now_us)):
            self._spat_due_us = now_us + round(self._settings.spat_s * US)
            for frame in self._spat.frames(self._plan.shown, self._plan.following, self._plan.ahead(now_us), now_us):
                self._send(frame, now_us)
        self.turned_us = now_us

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _say(self, now_us: int) -> None:
        """Tell the stage at hand, and all of them."""
        stages = [{**asdict(stage), "change_s": stage.change_s} for stage in self._stages]
        document = {
            **self._shown(), "by": self._told[0], "stages": stages, "longest_red_s": self._settings.longest_red_s,
            "region": self._settings.region, "intersection": self._settings.intersection, "time_us": now_us,
        }  # fmt: skip
        self._tell(encoded(document))

    def _is_spat_due(self, now_us: int) -> bool:
        """Also after the clock was set back."""
        return not 0 < self._spat_due_us - now_us <= self._settings.spat_s * US

    def _by(self, now_us: int) -> str:
        """By whose word what is shown lasts."""
        if self._is_stopped():
            return "stop"
        if self._plan.session:
            return "priority"
        return "command" if self._plan.is_commanded(now_us) else "plan"

    def _shown(self) -> dict[str, Any]:
        shown: Shown = self._plan.shown
        about = {"stage": shown.stage, "light": shown.light, "since_us": shown.since_us, "following": self._plan.following}
        return {**about, "session": self._plan.session}

    def _document(self, now_us: int) -> dict[str, Any]:
        about = self._shown()
        session = about.pop("session")
        phases = list(self._stages[about["stage"]].phases)
        return {"signal": {**about, "phases": phases}, "session": session, "time_us": now_us}
