"""Pass, fail, error or skipped: what became of every requirement in every run, and of the whole.

Validity comes before the verdict: a run that breaks a validity condition is an error of the rig, never a failure of what is under
test. `simulators.scenario.judging.judge` makes them; `Verdicts.exit_code` is 0 only when everything has passed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from simulators.scenario.metrics.metric import Floats, Mask
from simulators.scenario.trace import Trace

Codes = npt.NDArray[np.int8]
Reasons = npt.NDArray[np.object_]


class Outcome(enum.IntEnum):
    """From best to worst; skipped: outside the ODD, or not to be measured in this mode."""

    PASS = 0
    SKIPPED = 1
    FAIL = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """As it is written."""
        return self.name.lower()


EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.ERROR: 3, Outcome.SKIPPED: 4}
INTERRUPTED = 130
_SEVERITY = [EXIT_CODES[outcome] for outcome in Outcome]  # from best to worst


def worst_code(codes: Iterable[int]) -> int:
    """Of several runs': that of the worst outcome; 0 of none."""
    return max(codes, key=_SEVERITY.index, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One requirement or validity condition in n runs.

    outcome (n,): `Outcome`. value, limit: what was found and what was asked; margin: how much better it is than it must be, below
    0 when it is not met; at_s: the decisive instant; all (n,), NaN where there is none. reason (n,): a sentence where it has not
    passed, else empty. metric, unit, actors, clause: as the requirement has them.
    """

    title: str
    metric: str
    unit: str
    actors: tuple[str, ...]
    clause: str
    outcome: Codes
    value: Floats
    limit: Floats
    margin: Floats
    at_s: Floats
    reason: Reasons

    def count(self, outcome: Outcome) -> int:
        """In how many runs it came out so."""
        return int(np.count_nonzero(self.outcome == outcome))

    def worst_run(self) -> int:
        """By verdict, then by margin."""
        margin = np.where(np.isnan(self.margin), np.inf, self.margin)
        return int(np.lexsort((margin, -self.outcome.astype(np.int64)))[0])

    def of_run(self, run: int) -> Outcome:
        """What became of it in one run."""
        return Outcome(int(self.outcome[run]))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All requirements and validity conditions, in the order of the description."""

    requirements: tuple[Judged, ...]
    validity: tuple[Judged, ...]
    runs: int

    @property
    def outcome(self) -> Codes:
        """(n,) of each run: the worst of its requirements; that of a run without any is skipped."""
        if not self.requirements:
            return np.full(self.runs, Outcome.SKIPPED, np.int8)
        return np.asarray(np.max([one.outcome for one in self.requirements], axis=0), np.int8)

    @property
    def worst(self) -> Outcome:
        """Of all runs; without any run nothing has passed."""
        return Outcome(int(self.outcome.max(initial=0))) if self.runs else Outcome.SKIPPED

    @property
    def exit_code(self) -> int:
        """0 only when every requirement has passed in every run; 1 fail, 3 error, 4 skipped, the worst of all."""
        return EXIT_CODES[self.worst]

    def count(self, outcome: Outcome) -> int:
        """How many runs came out so."""
        return int(np.count_nonzero(self.outcome == outcome))

    @property
    def least_margin(self) -> Floats:
        """(n,): the share by which its nearest limit is kept, below 0 where it is not: what ranks runs.

        A margin is divided by its limit, so that metres and seconds compare; by 1 where that is 0. NaN where nothing has one.
        """
        found = np.full(self.runs, np.nan)
        for one in self.requirements:
            has_size = np.isfinite(one.limit) & (one.limit != 0)
            found = np.fmin(found, one.margin / np.where(has_size, np.abs(one.limit), 1.0))
        return found

    def worst_runs(self, count: int) -> list[int]:
        """The worst first: by outcome, then by margin, then by number."""
        margin = np.where(np.isnan(self.least_margin), np.inf, self.least_margin)
        order = np.lexsort((np.arange(self.runs), margin, -self.outcome.astype(np.int64)))
        return [int(run) for run in order[:count]]


def invalidated(requirements: Sequence[Judged], validity: Sequence[Judged]) -> tuple[Judged, ...]:
    """The requirements, an error where a validity condition did not pass; what cannot be measured cannot be vouched for."""
    found = tuple(requirements)
    for condition in reversed(validity):  # the first broken condition is the one that is named
        broken = condition.outcome != Outcome.PASS
        if broken.any():
            found = tuple(_erroneous(one, broken, condition) for one in found)
    return found


def _erroneous(one: Judged, broken: Mask, condition: Judged) -> Judged:
    reason = one.reason.copy()
    for run in np.flatnonzero(broken).tolist():
        reason[run] = f"the run is not valid: {condition.title}: {condition.reason[run]}"
    return replace(one, outcome=np.where(broken, Outcome.ERROR, one.outcome).astype(np.int8), reason=reason)


def asked_only(requirements: Sequence[Judged], asked: Sequence[Mask]) -> tuple[Judged, ...]:
    """The requirements, passed without a value by cases of which they are not asked; who is asked nothing at all is skipped."""
    if all(one.all() for one in asked):
        return tuple(requirements)
    anything = np.any(asked, axis=0)
    return tuple(_unasked(one, ~mask, ~anything) for one, mask in zip(requirements, asked, strict=True))


def _unasked(one: Judged, unasked: Mask, nothing: Mask) -> Judged:
    outcome = np.where(unasked, np.where(nothing, Outcome.SKIPPED, Outcome.PASS), one.outcome).astype(np.int8)
    reason = np.where(unasked, np.where(nothing, "nothing is asked of this case", ""), one.reason).astype(np.object_)
    columns: dict[str, Any] = {
        name: np.where(unasked, np.nan, getattr(one, name)) for name in ("value", "limit", "margin", "at_s")
    }
    return replace(one, outcome=outcome, reason=reason, **columns)


def left_out(requirements: Sequence[Judged], outside: Reasons) -> tuple[Judged, ...]:
    """The requirements, skipped in runs for which there is a reason: they are outside the ODD."""
    is_outside = np.asarray(outside != "", np.bool_)
    if not is_outside.any():
        return tuple(requirements)
    return tuple(
        replace(
            one,
            outcome=np.where(is_outside, Outcome.SKIPPED, one.outcome).astype(np.int8),
            reason=np.where(is_outside, outside, one.reason),
        )
        for one in requirements
    )


def instants_s(trace: Trace, instant: npt.NDArray[np.int64]) -> Floats:
    """Times (n,) of instants (n,), NaN for −1; the last one of a run with a contact is the contact's."""
    is_contact = (instant == trace.last) & np.isfinite(trace.contact_s)
    return np.where(instant < 0, np.nan, np.where(is_contact, trace.contact_s, instant * trace.step_s))
