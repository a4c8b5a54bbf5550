"""Whether a warning that a run expects came, in time, not too early, or rightly not at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.scenario.metrics.messages import at_instant, first_s, raised
from simulators.scenario.metrics.metric import Floats, Question
from simulators.scenario.metrics.nearness import ttcs_s
from simulators.scenario.requirements import WarningExpectation
from simulators.scenario.trace import Trace
from simulators.scenario.values import Quantity, values
from simulators.scenario.verdict import Codes, Judged, Outcome, Reasons

SLACK_S = 1e-9


@dataclass(frozen=True, slots=True)
class Window:
    """When a warning must come at the latest (inf: none is owed) and may come at the earliest (inf: never), all (n,)."""

    earliest_s: Floats
    latest_s: Floats


def judged_warning(trace: Trace, wanted: WarningExpectation, title: str, clause: str) -> Judged:
    """One expectation in all runs. value: when the first warning came, limit: the bound that is nearest to it."""
    warnings = raised(trace, wanted.application, wanted.host, wanted.other or "")
    window = _window(trace, wanted)
    first = np.full(trace.runs, np.nan) if warnings is None else first_s(trace, warnings)
    outcome, reason = _unmeasured(trace) if warnings is None else _outcomes(trace, wanted, window, first)
    came = np.isfinite(first)
    with np.errstate(invalid="ignore"):  # inf − inf: neither came nor owed
        early, late = first - window.earliest_s, window.latest_s - first
        is_early = early < late
    margin = np.where(is_early, early, late)
    owed = np.isfinite(window.latest_s)
    return Judged(
        title=title,
        metric="warning",
        unit="s",
        actors=(wanted.host, wanted.other) if wanted.other else (wanted.host,),
        clause=clause,
        outcome=outcome,
        value=np.where(came, first, np.nan),
        limit=np.where(is_early, window.earliest_s, window.latest_s),
        margin=np.where(came | owed, margin, np.nan),
        at_s=np.where(came, first, np.where(owed, window.latest_s, np.nan)),
        reason=reason,
    )


def _window(trace: Trace, wanted: WarningExpectation) -> Window:
    earliest, latest = np.full(trace.runs, -np.inf), np.full(trace.runs, np.inf)
    if wanted.never:
        return Window(np.full(trace.runs, np.inf), latest)
    if wanted.not_before_s is not None:
        earliest = np.maximum(earliest, _values(trace, wanted.not_before_s))
    if wanted.by_s is not None:
        latest = _values(trace, wanted.by_s)
    if wanted.by_ttc_s is not None or wanted.not_before_ttc_s is not None:
        ttc = _ttc(trace, wanted)
        if wanted.by_ttc_s is not None:
            latest = falls_to_s(trace, ttc, _values(trace, wanted.by_ttc_s))
        if wanted.not_before_ttc_s is not None:
            earliest = np.maximum(earliest, falls_to_s(trace, ttc, _values(trace, wanted.not_before_ttc_s)))
    return Window(earliest, latest)


def _ttc(trace: Trace, wanted: WarningExpectation) -> Floats:
    parties = trace.index(wanted.host), trace.index(wanted.other or "")
    return ttcs_s(Question(trace, parties, trace.counts, {}, {}))


def falls_to_s(trace: Trace, series: Floats, level: Floats) -> Floats:
    """When a series (t, n) is first at or below a level (n,), between two instants where it falls through it; inf if never."""
    below = (series <= level) & trace.counts
    instant, run = np.argmax(below, axis=0), np.arange(trace.runs)
    before = np.maximum(instant - 1, 0)
    high, low = series[before, run], series[instant, run]
    falls = (instant > 0) & np.isfinite(high) & (high > low)
    high, low = (np.where(falls, one, 0.0) for one in (high, low))  # infinite ones take no part
    share = np.where(falls, (high - level) / np.where(falls, high - low, 1.0), 1.0)
    when = (before + np.where(instant > 0, share, 0.0)) * trace.step_s
    return np.where(below.any(axis=0), when, np.inf)


def _unmeasured(trace: Trace) -> tuple[Codes, Reasons]:
    return np.full(trace.runs, Outcome.SKIPPED, np.int8), np.full(trace.runs, "this mode has no warnings", np.object_)


def _outcomes(trace: Trace, wanted: WarningExpectation, window: Window, first: Floats) -> tuple[Codes, Reasons]:
    outcome = np.full(trace.runs, Outcome.PASS, np.int8)
    reason = np.full(trace.runs, "", np.object_)
    came, owed = np.isfinite(first), np.isfinite(window.latest_s)
    must_come = wanted.by_s is not None or wanted.by_ttc_s is not None
    early = came & (first < window.earliest_s - SLACK_S)
    late = came & ~early & (first > window.latest_s + SLACK_S)
    missed = ~came & owed
    outcome[early | late | missed] = Outcome.FAIL
    outcome[must_come & ~owed & ~early] = Outcome.SKIPPED
    reason[must_come & ~owed & ~early] = "no warning was owed"
    reason[missed] = "missed: no warning came"
    ttc = at_instant(trace, _ttc(trace, wanted), first) if wanted.other else np.full(trace.runs, np.nan)
    for run in np.flatnonzero(late).tolist():
        seen = f", at a TTC of {ttc[run]:.2f} s" if np.isfinite(ttc[run]) else ""
        reason[run] = f"late by {first[run] - window.latest_s[run]:.2f} s{seen}"
    for run in np.flatnonzero(early).tolist():
        by = window.earliest_s[run] - first[run]
        reason[run] = f"early by {by:.2f} s" if np.isfinite(by) else f"false: warned at {first[run]:.2f} s"
    return outcome, reason


def _values(trace: Trace, given: Quantity) -> Floats:
    return values(given, trace.parameters, trace.runs)
