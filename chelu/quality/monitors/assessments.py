"""From judged items to assessments: of an hour and of a day, what share was bad, and whether that is a verdict."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from chelu.quality.monitors.judged import BAD, FIRST_REASON, Judged, Mask, Subject
from chelu.quality.monitors.monitor import Assessed
from chelu.units import US_PER_S

HOUR_US = 3600 * US_PER_S
DAY_US = 24 * HOUR_US


class Verdict(enum.StrEnum):
    """What an assessment comes to."""

    GOOD = "good"
    BAD = "bad"
    TOO_LITTLE = "too little"


@dataclass(frozen=True, slots=True)
class Tally:
    """Items of one subject in one period: judged, bad among them, and how many were not judged, by reason. worst: by size."""

    judged: int = 0
    bad: int = 0
    worst: float = 0.0
    passed: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Tally) -> Tally:
        """Both: their items are different ones."""
        passed = dict(Counter(self.passed) + Counter(other.passed))
        worst = max(self.worst, other.worst, key=abs)
        return Tally(self.judged + other.judged, self.bad + other.bad, worst, passed)

    @property
    def share(self) -> float:
        """Bad of judged, as a fraction; 0 of nothing."""
        return self.bad / self.judged if self.judged else 0.0

    def verdict(self, parameters: Assessed) -> Verdict:
        """What it comes to under a monitor's parameters."""
        if self.judged < parameters.fewest:
            return Verdict.TOO_LITTLE
        return Verdict.BAD if self.share > parameters.most_bad else Verdict.GOOD


Hours = dict[tuple[Subject, int], Tally]  # by subject and the instant at which the hour begins, µs


def hours(found: Judged, from_us: int, to_us: int) -> Hours:
    """The tallies of the items in [from, to), by the UTC hours they lie in."""
    inside = (found.time_us >= from_us) & (found.time_us < to_us)
    if not inside.any():
        return {}
    outcomes, first = len(found.reasons) + FIRST_REASON, from_us // HOUR_US
    span = (to_us - 1) // HOUR_US - first + 1
    cell = found.subject if span == 1 else found.subject * span + (found.time_us // HOUR_US - first)
    count = np.bincount((cell * outcomes + found.outcome)[inside], minlength=len(found.subjects) * span * outcomes)
    counts = count.reshape(-1, outcomes)
    worst = _worst(found, cell, len(counts), inside)
    return {
        (found.subjects[place // span], (first + place % span) * HOUR_US): _tally(counts[place], found.reasons, worst[place])
        for place in np.flatnonzero(counts.any(axis=1)).tolist()
    }


def add(to: Hours, more: Hours) -> None:
    """Count more of the same hours."""
    for key, tally in more.items():
        to[key] = to[key] + tally if key in to else tally


def days(found: Mapping[tuple[Subject, int], Tally]) -> Hours:
    """Tallies by UTC days: items added up, so that a quiet hour weighs less than a busy one."""
    whole: Hours = {}
    for (subject, hour_us), tally in found.items():
        add(whole, {(subject, hour_us // DAY_US * DAY_US): tally})
    return whole


def total(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    return sum(tallies, Tally())


def _tally(counts: np.ndarray[tuple[int], np.dtype[np.int64]], reasons: tuple[str, ...], worst: float) -> Tally:
    good, bad, *passed = counts.tolist()
    return Tally(good + bad, bad, worst, {reason: number for reason, number in zip(reasons, passed, strict=True) if number})


def _worst(found: Judged, cell: np.ndarray[tuple[int], np.dtype[np.int64]], count: int, inside: Mask) -> list[float]:
    """Of each cell the largest value among bad items inside, by size, with its sign."""
    bad = np.flatnonzero((found.outcome == BAD) & inside)
    bad = bad[np.isfinite(found.value[bad])]
    order = bad[np.argsort(np.abs(found.value[bad]), kind="stable")]
    worst = np.zeros(count)
    worst[cell[order]] = found.value[order]  # of each the last, its largest, stays
    return [float(value) for value in worst]
