"""What a campaign does next, from how its devices stand. Pure: all that it knows is in the database, so it outlives any process.

Devices go in waves: the next begins when every device of the one before has ended, and few enough of all that ended have failed.
At no time are more than so many at it at once.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class Phase(enum.StrEnum):
    """Where a campaign is."""

    RUNNING = "running"
    PAUSED = "paused"  # nothing new is begun; what has begun goes on
    ROLLING_BACK = "rolling back"
    DONE = "done"
    STOPPED = "stopped"  # too many failed, or somebody said so
    ROLLED_BACK = "rolled back"


LIVE = frozenset({Phase.RUNNING, Phase.ROLLING_BACK})  # those in which there is something to do
RESUMABLE = frozenset({Phase.PAUSED, Phase.STOPPED})
OVER = frozenset({Phase.DONE, Phase.ROLLED_BACK})


class OnFailure(enum.StrEnum):
    """What happens when too many fail."""

    STOP = "stop"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True)
class Rules:
    """most_failed: the share of the ended that may have failed, judged from `least_ended` on and at the end of each wave."""

    most_at_once: int
    most_failed: float
    least_ended: int
    on_failure: OnFailure


@dataclass(frozen=True, slots=True)
class Wave:
    """Devices by how they stand: whose turn has not come, at it, done, failed; overtaken by a newer order counts as neither."""

    waiting: int = 0
    open: int = 0
    good: int = 0
    bad: int = 0
    overtaken: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it is still to come."""
        return not self.waiting and not self.open


@dataclass(frozen=True, slots=True)
class Back:
    """Of the devices that are taken back: whose turn has not come, at it, done, failed."""

    waiting: int = 0
    open: int = 0
    good: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Begin so many devices (of this wave, or of those to be taken back), or go into another phase, and why."""

    begin: int = 0
    wave: int = 0
    phase: Phase | None = None
    reason: str = ""


def decide(rules: Rules, waves: Sequence[Wave]) -> Step:
    """The next step of a campaign that is running."""
    if reason := too_many_failed(rules, waves):
        phase = Phase.ROLLING_BACK if rules.on_failure is OnFailure.ROLL_BACK else Phase.STOPPED
        return Step(phase=phase, reason=reason)
    at_it = sum(wave.open for wave in waves)
    for index, wave in enumerate(waves):
        if wave.waiting:
            return Step(begin=min(wave.waiting, max(0, rules.most_at_once - at_it)), wave=index)
        if not wave.has_ended:
            return Step()
    bad, overtaken = sum(wave.bad for wave in waves), sum(wave.overtaken for wave in waves)
    words = (f"{bad} failed" if bad else "", f"{overtaken} overtaken or taken back" if overtaken else "")
    return Step(phase=Phase.DONE, reason=", ".join(filter(None, words)))


def too_many_failed(rules: Rules, waves: Sequence[Wave]) -> str:
    """A sentence when more have failed than may; nothing else."""
    bad, ended = sum(wave.bad for wave in waves), sum(wave.bad + wave.good for wave in waves)
    is_judged = ended >= rules.least_ended or any(wave.has_ended and wave.bad for wave in waves)
    if not is_judged or bad <= rules.most_failed * ended:
        return ""
    return f"{bad} of {ended} failed, {rules.most_failed:.0%} may"


def decide_back(rules: Rules, back: Back) -> Step:
    """The next step of a campaign that takes its devices back."""
    if back.waiting:
        return Step(begin=min(back.waiting, max(0, rules.most_at_once - back.open)))
    if back.open:
        return Step()
    return Step(phase=Phase.ROLLED_BACK, reason=f"{back.bad} could not be taken back" if back.bad else "")


def sizes(shares: Sequence[float], count: int) -> list[int]:
    """How many of `count` devices each wave has; shares are cumulative and end with 1. Each has one at least."""
    found: list[int] = []
    for share in shares:
        done = sum(found)
        upto = count if share >= 1 else max(round(share * count), done + 1)
        if min(upto, count) > done:
            found.append(min(upto, count) - done)
    return found
