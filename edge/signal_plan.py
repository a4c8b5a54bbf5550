"""A signal controller's stages, and what may be done to them within limits: commands, and priority for a vehicle. Pure.

Stages follow one another. Between two come yellow and all red (and before it the clearance of people on foot), whoever asks;
no green ends before its minimum or lasts beyond its maximum, and nobody waits longer than the longest red. A vehicle's wish comes
before a command; without either the stages last as planned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chelu.signals.commanded import CommandedSignal
from chelu.signals.stages import US, Shown, Stage

__all__ = ["US", "Ahead", "Granted", "Limits", "Refused", "Shown", "SignalPlan", "Stage"]


@dataclass(frozen=True, slots=True)
class Limits:
    """longest_red_s: between two greens of any stage; longest_wish_s: of one wish, from now to its end; late_s: see `Guard`."""

    longest_red_s: float
    longest_wish_s: float
    late_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Granted:
    """From when to when it will be green."""

    from_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a command is not carried out: the kind of reason, which is counted, and the sentence with its numbers."""

    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Green:
    """A green to come, or at hand: the stage, from when to when."""

    stage: int
    from_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose it is, and the greens up to and with the one that it wants."""

    session: str
    greens: tuple[Green, ...]


@dataclass(frozen=True, slots=True)
class Ahead:
    """What comes, as far as is known now, each as the soonest and the likely instant.

    ends_us: when what is shown ends. opens_us: by stage, when it is green next; of the one that is green, when it came to be.
    """

    ends_us: tuple[int, int]
    opens_us: tuple[tuple[int, int], ...]


class SignalPlan:
    """Owned by one thread. `turn` must be called often; every instant is an argument."""

    def __init__(self, stages: Sequence[Stage], limits: Limits, now_us: int) -> None:
        self._commanded, self._limits = CommandedSignal(stages, limits.longest_red_s, now_us, late_s=limits.late_s), limits
        self._guard = self._commanded.guard
        self._stages = self._guard.stages
        self._wish: Wish | None = None

    @property
    def shown(self) -> Shown:
        """What is shown now."""
        return self._guard.shown

    @property
    def following(self) -> int:
        """The stage that is green next, during a change; that shown, in a green."""
        return self._commanded.following

    def is_commanded(self, now_us: int) -> bool:
        """Whether a command decides, and no vehicle's wish."""
        return self._wish is None and self._commanded.is_commanded(now_us)

    def ahead(self, now_us: int) -> Ahead:
        """What comes by the plan, and by the wish or the command that is in force."""
        ends_us, soonest_us = (max(self._guard.due(wanted_us)[1], now_us) for wanted_us in (self._wanted_us(now_us), now_us))
        likely_us = self._opens_us(ends_us, now_us)
        least_us = [min(self._soonest_us(stage, now_us), likely) for stage, likely in enumerate(likely_us)]
        return Ahead((soonest_us, ends_us), tuple(zip(least_us, likely_us, strict=True)))

    @property
    def session(self) -> str:
        """Who has priority; nothing when nobody has."""
        return self._wish.session if self._wish else ""

    def stage_of(self, phase: int) -> int | None:
        """The stage in which a phase is green."""
        return next((row for row, stage in enumerate(self._stages) if phase in stage.phases), None)

    def ask(self, session: str, phase: int, from_us: int, until_us: int, now_us: int) -> Granted | str:
        """A wish instead of its session's former one, if it is within the limits; else why not, and nothing has changed."""
        stage = self.stage_of(phase)
        if stage is None:
            return f"phase = {phase} has no stage here"
        if self.session not in {"", session}:
            return "another vehicle has priority"
        if not now_us <= until_us <= now_us + round(self._limits.longest_wish_s * US):
            return f"until_us is {(until_us - now_us) / US:.1f} s from now, 0 to {self._limits.longest_wish_s:g} s are allowed"
        greens = self._greens(stage, max(from_us, now_us), until_us, now_us)
        granted = greens[-1]
        if granted.from_us > until_us:
            return f"it can be green in {(granted.from_us - now_us) / US:.1f} s at the soonest, which is after until_us"
        for other, waited_s in self._reds(greens):
            if waited_s > self._limits.longest_red_s:
                return f"stage {other} would be red for {waited_s:.0f} s, {self._limits.longest_red_s:g} s are allowed"
        self._wish = Wish(session, tuple(greens))
        return Granted(max(granted.from_us, min(from_us, granted.until_us)), granted.until_us)

    def command(self, stage: int, until_us: int, now_us: int) -> Granted | Refused:
        """A green of a stage, as soon as it can be and until an instant, in the place of the former command.

        What would be shorter than the stage's least green or longer than its most is refused, as is what nobody can show.
        """
        if self._wish:
            return Refused("priority", f"a vehicle has priority ({self.session})")
        if not 0 <= stage < len(self._stages):
            return Refused("no such stage", f"stage = {stage} is not one of 0 to {len(self._stages) - 1}")
        if until_us <= now_us:
            return Refused("late", f"until_us is {(now_us - until_us) / US:.1f} s ago")
        begins_us, one = self._soonest_us(stage, now_us), self._stages[stage]
        lasts_s = (until_us - begins_us) / US
        if lasts_s < one.least_green_s:
            about = f"it is or could be green from {(begins_us - now_us) / US:.1f} s from now on"
            return Refused("below the least", f"{about}: {lasts_s:.1f} s until until_us, its least is {one.least_green_s:g} s")
        if lasts_s > one.most_green_s:
            return Refused("beyond the most", f"it would be green for {lasts_s:.1f} s, its most is {one.most_green_s:g} s")
        self._commanded.command(stage, until_us, now_us)
        return Granted(begins_us, until_us)

    def prefer(self, stage: int, until_us: int, now_us: int) -> None:
        """As a command, without a word when it cannot be: for a program that decides anew each second beside its signal."""
        self._commanded.command(stage, until_us, now_us)

    def give_up_command(self) -> None:
        """Nobody commands any more: by the plan from here."""
        self._commanded.give_up()

    def give_back(self, session: str) -> bool:
        """The wish of a session is over; whether there was one."""
        had = bool(session) and self.session == session
        if had:
            self._wish = None
        return had

    def turn(self, now_us: int) -> Shown | None:
        """Go on as far as the time has come; what is shown when that has changed."""
        if self._guard.set_back(now_us):
            self._wish = None
            self._commanded.give_up()
        before = self._guard.shown
        while self._guard.go(self._wanted_us(now_us), now_us, self._following(now_us)):
            if self._guard.shown.light == "clearing" and self._wish:
                greens = self._wish.greens[1:]
                self._wish = Wish(self._wish.session, greens) if greens else None
        return None if self._guard.shown == before else self._guard.shown

    # -- what is shown -------------------------------------------------------------------------------------------------------

    def _wanted_us(self, now_us: int) -> int:
        """When the green at hand should end."""
        if self._wish:
            return self._wish.greens[0].until_us
        if self._commanded.is_commanded(now_us):
            return self._commanded.wanted_us(now_us)
        planned_us = self._guard.shown.since_us + round(self._stages[self._guard.shown.stage].green_s * US)
        return max(planned_us, now_us)  # after planned: a wish was given back

    def _following(self, now_us: int) -> int:
        """Who follows the green at hand: as wished, as commanded, or the one that has been red for the longest."""
        if self._wish and len(self._wish.greens) > 1:
            return self._wish.greens[1].stage
        if self._wish is None and self._commanded.is_commanded(now_us):
            return self._commanded.next_stage(now_us)
        return self._guard.longest_red()

    def _opens_us(self, ends_us: int, now_us: int) -> list[int]:
        """When each stage is likely to be green next, if the green at hand ends at an instant."""
        wished = {green.stage: green.until_us for green in self._wish.greens} if self._wish else {}
        here, ended = self._at_hand(now_us), list(self._guard.ended_us)
        here, following = replace(here, until_us=wished.pop(here.stage, here.until_us)), None
        if self._guard.shown.light == "green":
            here, following = replace(here, until_us=ends_us), self._following(now_us)
        found = {here.stage: here.from_us}
        while len(found) < len(self._stages):
            ended[here.stage] = here.until_us
            stage = self._guard.longest_red(ended, here.stage) if following is None else following
            begins_us, following = here.until_us + round(self._stages[here.stage].change_s * US), None
            here = self._planned(stage, begins_us)
            here = replace(here, until_us=max(wished.pop(stage, here.until_us), begins_us))
            found.setdefault(stage, begins_us)
        return [found[stage] for stage in range(len(self._stages))]

    def _soonest_us(self, stage: int, now_us: int) -> int:
        """When a stage's green began, or could begin."""
        here = self._at_hand(now_us)
        if here.stage == stage:
            return here.from_us
        least_us = max(here.from_us + round(self._stages[here.stage].least_green_s * US), now_us)
        return least_us + round(self._stages[here.stage].change_s * US)

    # -- what a wish would make of it ----------------------------------------------------------------------------------------

    def _greens(self, wanted: int, from_us: int, until_us: int, now_us: int) -> list[Green]:
        """The greens from now on up to and with the wanted one: as planned as long as that leaves time, then directly."""
        here, ended = self._at_hand(now_us), list(self._guard.ended_us)
        greens: list[Green] = []
        while True:
            stage = self._stages[here.stage]
            least, most = (max(here.from_us + round(one * US), now_us) for one in (stage.least_green_s, stage.most_green_s))
            if here.stage == wanted and from_us <= most:
                return [*greens, replace(here, until_us=min(max(until_us, least), most))]
            change = round(stage.change_s * US)
            following = self._guard.longest_red(ended, here.stage)
            if self._is_last_chance(here, following, wanted, from_us):
                end = min(max(from_us - change, least), most) if here.stage != wanted else here.until_us
                if here.stage != wanted or following == wanted:
                    greens.append(replace(here, until_us=end))
                    here = self._planned(wanted, end + change)
                    ended[greens[-1].stage] = end
                    continue
            greens.append(here)
            ended[here.stage] = here.until_us
            here = self._planned(following, here.until_us + change)

    def _at_hand(self, now_us: int) -> Green:
        """The green that is shown, or the one that follows the change at hand; as planned."""
        shown, stage = self._guard.shown, self._stages[self._guard.shown.stage]
        if shown.light == "green":
            planned = self._planned(shown.stage, shown.since_us)
            return replace(planned, until_us=max(planned.until_us, now_us))
        rest = {"clearing": stage.change_s, "yellow": stage.yellow_s + stage.all_red_s, "red": stage.all_red_s}[shown.light]
        return self._planned(self._guard.following, shown.since_us + round(rest * US))

    def _planned(self, stage: int, from_us: int) -> Green:
        return Green(stage, from_us, from_us + round(self._stages[stage].green_s * US))

    def _is_last_chance(self, here: Green, following: int, wanted: int, from_us: int) -> bool:
        """Whether, if this green ended as planned and another stage came next, the wanted one could not begin in time."""
        change = round(self._stages[here.stage].change_s * US)
        if following == wanted:
            return True
        other = self._stages[following]
        return here.until_us + change + round((other.least_green_s + other.change_s) * US) > from_us

    def _reds(self, greens: Sequence[Green]) -> list[tuple[int, float]]:
        """How long each stage will have been red when it is green again, counted from its last green to after the wish."""
        found, ended = list[tuple[int, float]](), list(self._guard.ended_us)
        for green in greens:
            if green.from_us > self._guard.shown.since_us or self._guard.shown.light != "green":
                found.append((green.stage, (green.from_us - ended[green.stage]) / US))
            ended[green.stage] = green.until_us
        last, opens = greens[-1].stage, greens[-1].until_us + round(self._stages[greens[-1].stage].change_s * US)
        for row in sorted((row for row in range(len(self._stages)) if row != last), key=lambda row: ended[row]):
            found.append((row, (opens - ended[row]) / US))
            opens += round((self._stages[row].least_green_s + self._stages[row].change_s) * US)
        return found
