"""The guard of a signal: the one place where its lights change, within the limits that hold whoever asks. Pure.

Between two greens come the clearance of people on foot, yellow and all red, each in full; no green ends before its minimum or
lasts beyond its maximum. Who calls decides when a green should end and what follows; the guard decides when it does. After it was
not turned for longer than `late_s` nothing that was due is passed over: the next light is shown from now on, in full.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from chelu.signals.stages import US, Light, Shown, Stage

_FOLLOWING: dict[Light, Light] = {"clearing": "yellow", "yellow": "red", "red": "green"}


class Guard:
    """Owned by one thread; every instant is an argument. `ended_us`: when each stage was green last.

    late_s: how late a light may come and still count from when it was due; without, simulated time passes in any steps.
    """

    def __init__(self, stages: Sequence[Stage], now_us: int, first: int = 0, *, late_s: float = math.inf) -> None:
        self.stages = tuple(stages)
        self._late_us = late_s * US
        self.shown = Shown(first, "green", now_us)
        self.ended_us = [now_us] * len(self.stages)
        self.following = first  # the stage that follows the change at hand

    def due(self, wanted_us: int) -> tuple[Light, int]:
        """What follows what is shown, and when, if a green is wanted to end at an instant."""
        shown, stage = self.shown, self.stages[self.shown.stage]
        if shown.light == "green":
            least_us, most_us = (shown.since_us + round(one * US) for one in (stage.least_green_s, stage.most_green_s))
            return "clearing", min(max(wanted_us, least_us), most_us)
        lasts_s = {"clearing": stage.clearance_s, "yellow": stage.yellow_s, "red": stage.all_red_s}[shown.light]
        return _FOLLOWING[shown.light], shown.since_us + round(lasts_s * US)

    def go(self, wanted_us: int, now_us: int, following: int) -> bool:
        """Take one step, if its time has come; whether it had. `following` is what comes after a green that ends now."""
        light, at_us = self.due(wanted_us)
        if now_us < at_us:
            return False
        if now_us - at_us > self._late_us:
            at_us = now_us
        stage = self.shown.stage
        if light == "clearing":
            self.ended_us[stage] = at_us
            self.following = following
        elif light == "green":
            stage = self.following
        self.shown = Shown(stage, light, at_us)
        return True

    def set_back(self, now_us: int) -> bool:
        """Whether the clock was set back: then what is shown begins anew."""
        if now_us >= self.shown.since_us:
            return False
        self.shown = replace(self.shown, since_us=now_us)
        self.ended_us = [min(one, now_us) for one in self.ended_us]
        return True

    def longest_red(self, ended_us: Sequence[int] | None = None, after: int | None = None) -> int:
        """Who has been red for the longest beside a stage (that shown), by when each was green last."""
        stage, count = self.shown.stage if after is None else after, len(self.stages)
        ended = self.ended_us if ended_us is None else ended_us
        others = [row for row in range(count) if row != stage] or [stage]
        return min(others, key=lambda row: (ended[row], (row - stage) % count))
