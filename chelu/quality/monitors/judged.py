"""What a monitor says of a window: one row for each thing it looked at, good, bad, or not judged and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.uint64]

GOOD, BAD, FIRST_REASON = 0, 1, 2  # outcomes; from the third on: not judged, for `reasons[outcome - FIRST_REASON]`


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Whom a judgement is about; −1: does not matter. part is what the monitor says it is: a phase, a lane, a place."""

    device_key: int = -1
    region: int = -1
    node: int = -1
    part: int = -1


@dataclass(frozen=True, slots=True)
class Judged:
    """n things: when, about whom (row of `subjects`), outcome, measured value (NaN none) and which vehicle (0 none)."""

    time_us: Ints
    subject: Ints
    outcome: Codes
    value: Floats
    who: Numbers
    subjects: tuple[Subject, ...] = ()
    reasons: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.time_us)

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> Judged:
        """The items at these indices, or where this mask is true."""
        columns = {name: getattr(self, name)[rows] for name in ("time_us", "subject", "outcome", "value", "who")}
        return replace(self, **columns)

    def within(self, from_us: int, to_us: int) -> Judged:
        """The items whose time lies in [from, to)."""
        return self.take((self.time_us >= from_us) & (self.time_us < to_us))


def nothing() -> Judged:
    """No items."""
    none = np.empty(0, np.int64)
    return Judged(none, none, np.empty(0, np.uint8), np.empty(0), np.empty(0, np.uint64))


def judged(
    subject: Subject | Sequence[Subject],
    time_us: Ints,
    is_bad: Mask,
    value: npt.NDArray[Any],
    *,
    of: Ints | None = None,
    passed: Mapping[str, Mask] | None = None,
    who: Numbers | None = None,
) -> Judged:
    """Items (n,) about one subject, or about several of which `of` (n,) says which.

    passed: reason → which are not judged; of several reasons the first counts.
    """
    n = len(time_us)
    outcome = np.where(is_bad, BAD, GOOD).astype(np.uint8)
    for number, mask in reversed(list(enumerate((passed or {}).values()))):
        outcome[mask] = FIRST_REASON + number
    subjects = (subject,) if isinstance(subject, Subject) else tuple(subject)
    return Judged(
        np.asarray(time_us, np.int64),
        np.zeros(n, np.int64) if of is None else np.asarray(of, np.int64),
        outcome,
        np.asarray(value, np.float64),
        np.zeros(n, np.uint64) if who is None else who,
        subjects,
        tuple(passed or ()),
    )


def passed_over(subject: Subject, time_us: Ints, reason: str) -> Judged:
    """Items (n,) that are not judged."""
    everything = np.ones(len(time_us), np.bool_)
    return judged(subject, time_us, ~everything, np.full(len(time_us), np.nan), passed={reason: everything})


def together(parts: Sequence[Judged]) -> Judged:
    """All items of several, which may be about the same subjects."""
    if not parts:
        return nothing()
    subjects = tuple(dict.fromkeys(subject for part in parts for subject in part.subjects))
    reasons = tuple(dict.fromkeys(reason for part in parts for reason in part.reasons))
    place, number = {one: row for row, one in enumerate(subjects)}, {one: row for row, one in enumerate(reasons)}
    moved = []
    for part in parts:
        of = np.array([place[one] for one in part.subjects], np.int64)
        codes = np.array([GOOD, BAD, *(FIRST_REASON + number[one] for one in part.reasons)], np.uint8)
        moved.append((of[part.subject] if len(of) else part.subject, codes[part.outcome]))
    return Judged(
        np.concatenate([part.time_us for part in parts]),
        np.concatenate([subject for subject, _ in moved]),
        np.concatenate([outcome for _, outcome in moved]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.who for part in parts]),
        subjects,
        reasons,
    )
