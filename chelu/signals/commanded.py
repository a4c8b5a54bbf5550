"""A signal under command: the stage that is asked for, as far as the limits allow; without a command its own plan. Pure.

A command has an end of its own, so a commander that is away leaves nothing behind: the green at hand goes on as planned, and when
a command comes again it is taken up from there, without a jump. A stage that has been red for the longest allowed comes next,
whatever is commanded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chelu.signals.guard import Guard
from chelu.signals.stages import US, Shown, Stage


@dataclass(frozen=True, slots=True)
class Command:
    """Show a stage until an instant; what comes then is for a later command to say, or for the plan."""

    stage: int
    until_us: int


class CommandedSignal:
    """Owned by one thread. `turn` must be called often; every instant is an argument."""

    def __init__(self, stages: Sequence[Stage], longest_red_s: float, now_us: int, first: int = 0) -> None:
        self._guard = Guard(stages, now_us, first)
        self._longest_red_us = round(longest_red_s * US)
        self._command: Command | None = None

    @property
    def shown(self) -> Shown:
        """What is shown now."""
        return self._guard.shown

    @property
    def following(self) -> int:
        """The stage that is green next, during a change; that shown, in a green."""
        return self._guard.shown.stage if self._guard.shown.light == "green" else self._guard.following

    def command(self, stage: int, until_us: int, now_us: int) -> str | None:
        """Take a command instead of the former one; why not, if it is none that could be carried out."""
        if not 0 <= stage < len(self._guard.stages):
            return f"stage = {stage} is not one of 0 to {len(self._guard.stages) - 1}"
        if until_us <= now_us:
            return f"until_us is {(now_us - until_us) / US:.1f} s ago"
        self._command = Command(stage, until_us)
        return None

    def turn(self, now_us: int) -> Shown | None:
        """Go on as far as the time has come; what is shown when that has changed."""
        if self._guard.set_back(now_us):
            self._command = None
        before = self._guard.shown
        while self._guard.go(self._wanted_us(now_us), now_us, self._next(now_us)):
            pass
        return None if self._guard.shown == before else self._guard.shown

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _in_force(self, now_us: int) -> Command | None:
        return self._command if self._command is not None and now_us < self._command.until_us else None

    def _overdue(self, now_us: int) -> int | None:
        """Who has been red for the longest allowed."""
        longest = self._guard.longest_red()
        is_other = longest != self._guard.shown.stage
        return longest if is_other and now_us - self._guard.ended_us[longest] >= self._longest_red_us else None

    def _wanted_us(self, now_us: int) -> int:
        """When the green at hand should end."""
        shown, command = self._guard.shown, self._in_force(now_us)
        if self._overdue(now_us) is not None:
            return now_us
        if command is not None:
            return command.until_us if command.stage == shown.stage else now_us
        return max(shown.since_us + round(self._guard.stages[shown.stage].green_s * US), now_us)

    def _next(self, now_us: int) -> int:
        command, overdue = self._in_force(now_us), self._overdue(now_us)
        if overdue is not None:
            return overdue
        if command is not None and command.stage != self._guard.shown.stage:
            return command.stage
        return self._guard.longest_red()
