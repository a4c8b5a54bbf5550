"""What a campaign does next, from how its devices stand. Pure: all that it knows is in the database, so it outlives any process.

Devices go in waves: the next begins when every device of the one before has ended, and few enough of all that ended have failed.
At no time are more than so many at it at once.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
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
    """Devices by how they stand: whose turn has not come, at it, done, failed; overtaken by a newer order counts as neither.

    Nor does skipped: no rule let it have the package by the time of its turn, or it had it.
    """

    waiting: int = 0
    open: int = 0
    good: int = 0
    bad: int = 0
    overtaken: int = 0
    skipped: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it is still to come."""
        return not self.waiting and not self.open


@dataclass(frozen=True, slots=True)
class Back:
    """Of the devices that are taken back: whose turn has not come, at it, done, failed; skipped, as they have something newer."""

    waiting: int = 0
    open: int = 0
    good: int = 0
    bad: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What a campaign ordered a device to install, and what has become of it.

    newer: the version that the newest order after it is for, of those that are open or were applied; reported: None for none.
    """

    name: str
    version: str
    before: str
    is_applied: bool
    reported: str | None = None
    newer: str | None = None
    is_newer_open: bool = False


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
    counts = {
        "failed": sum(wave.bad for wave in waves),
        "overtaken or taken back": sum(wave.overtaken for wave in waves),
        "skipped": sum(wave.skipped for wave in waves),
    }
    return Step(phase=Phase.DONE, reason=_counted(counts))


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
    counts = {"could not be taken back": back.bad, "left as they are": back.skipped}
    return Step(phase=Phase.ROLLED_BACK, reason=_counted(counts))


def why_not_install(name: str, version: str, reported: str | None, *, may_have: bool) -> str:
    """Why a device whose turn has come is skipped; nothing when it is not. may_have: a rule lets it."""
    if reported == version:
        return f"it has {name} {version} already"
    return "" if may_have else f"no rule lets it have {name} {version} from {reported or 'a version that is not known'}"


def why_not_back(it: Installed) -> str:
    """Why a device is left as it is, since what the campaign installed no longer stands; nothing when it is taken back."""
    if it.newer is None and not it.is_applied:
        return ""  # whatever it reports comes of an installation that failed
    has = it.newer if it.is_newer_open or it.reported is None else it.reported
    if has in {None, it.version, it.before}:
        return ""
    return f"{it.name} {has} is on its way to it" if it.is_newer_open else f"it has {it.name} {has}, no longer {it.version}"


def passed(reasons: Mapping[int, str], count: int) -> tuple[list[int], dict[int, str]]:
    """Of devices by key with the reasons against them: the first `count` that have none, and those before them that have one."""
    kept: list[int] = []
    skipped: dict[int, str] = {}
    for key, reason in reasons.items():
        if len(kept) == count:
            break
        if reason:
            skipped[key] = reason
        else:
            kept.append(key)
    return kept, skipped


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def sizes(shares: Sequence[float], count: int) -> list[int]:
    """How many of `count` devices each wave has; shares are cumulative and end with 1. Each has one at least."""
    found: list[int] = []
    for share in shares:
        done = sum(found)
        upto = count if share >= 1 else max(round(share * count), done + 1)
        if min(upto, count) > done:
            found.append(min(upto, count) - done)
    return found
