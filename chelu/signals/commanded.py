"""A signal under command: the stage that is asked for, as far as the limits allow; without a command its own plan. Pure.

A command has an end of its own, so a commander that is away leaves nothing behind: the green at hand goes on as planned, and when
a command comes again it is taken up from there, without a jump. A stage that has been red for the longest allowed comes next,
whatever is commanded.
"""

from __future__ import annotations

import math
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
    """Owned by one thread. `turn` must be called often; every instant is an argument. guard: shared with whoever else decides."""

    def __init__(
        self, stages: Sequence[Stage], longest_red_s: float, now_us: int, first: int = 0, *, late_s: float = math.inf
    ) -> None:
        self.guard = Guard(stages, now_us, first, late_s=late_s)
        self._longest_red_us = round(longest_red_s * US)
        self._command: Command | None = None

    @property
    def shown(self) -> Shown:
        """What is shown now."""
        return self.guard.shown

    @property
    def following(self) -> int:
        """The stage that is green next, during a change; that shown, in a green."""
        return self.guard.shown.stage if self.guard.shown.light == "green" else self.guard.following

    def command(self, stage: int, until_us: int, now_us: int) -> str | None:
        """Take a command instead of the former one; why not, if it is none that could be carried out."""
        if not 0 <= stage < len(self.guard.stages):
            return f"stage = {stage} is not one of 0 to {len(self.guard.stages) - 1}"
        if until_us <= now_us:
            return f"until_us is {(now_us - until_us) / US:.1f} s ago"
        self._command = Command(stage, until_us)
        return None

    def turn(self, now_us: int) -> Shown | None:
        """Go on as far as the time has come; what is shown when that has changed."""
        if self.guard.set_back(now_us):
            self._command = None
        before = self.guard.shown
        while self.guard.go(self.wanted_us(now_us), now_us, self.next_stage(now_us)):
            pass
        return None if self.guard.shown == before else self.guard.shown

    def is_commanded(self, now_us: int) -> bool:
        """Whether a command is in force."""
        return self._in_force(now_us) is not None

    def give_up(self) -> None:
        """The command is over: by its plan from here."""
        self._command = None

    def wanted_us(self, now_us: int) -> int:
        """When the green at hand should end."""
        shown, command = self.guard.shown, self._in_force(now_us)
        if self._overdue(now_us) is not None:
            return now_us
        if command is not None:
            return command.until_us if command.stage == shown.stage else now_us
        return max(shown.since_us + round(self.guard.stages[shown.stage].green_s * US), now_us)

    def next_stage(self, now_us: int) -> int:
        """Who follows the green at hand."""
        command, overdue = self._in_force(now_us), self._overdue(now_us)
        if overdue is not None:
            return overdue
        if command is not None and command.stage != self.guard.shown.stage:
            return command.stage
        return self.guard.longest_red()

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _in_force(self, now_us: int) -> Command | None:
        return self._command if self._command is not None and now_us < self._command.until_us else None

    def _overdue(self, now_us: int) -> int | None:
        """Who has been red for the longest allowed."""
        longest = self.guard.longest_red()
        is_other = longest != self.guard.shown.stage
        return longest if is_other and now_us - self.guard.ended_us[longest] >= self._longest_red_us else None
