"""Holds limits against a trace: which value decides, how far it is from the limit, and when that was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from simulators.scenario.constraints import condition
from simulators.scenario.description import Description
from simulators.scenario.domain import outside_of
from simulators.scenario.expected import judged_warning
from simulators.scenario.metrics.metric import Floats, Mask, Metric, Question
from simulators.scenario.metrics.table import METRICS
from simulators.scenario.requirements import ON_THE_ROAD, SIGNS, Limit, Requirement, Validity, shown
from simulators.scenario.trace import Trace
from simulators.scenario.values import Quantity, values
from simulators.scenario.verdict import Judged, Outcome, Reasons, Verdicts, asked_only, instants_s, invalidated, left_out

SLACK = 1e-9  # rounding; a limit that is kept exactly is kept
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Decisive:
    """What decides about one bound, all (n,): value, bound, margin, instant (−1: none), and whether the bound is kept."""

    value: Floats
    limit: Floats
    margin: Floats
    instant: Ints
    is_kept: Mask


def judge_driven(
    trace: Trace,
    description: Description,
    requirements: Sequence[Requirement] = (),
    validity: Sequence[Validity] = (),
    rig: Sequence[Validity] = (),
) -> Verdicts:
    """The same of what the engine has driven: everybody stayed on the road. requirements, validity, rig: beside its own."""
    conditions = (*validity, *description.conditions(), ON_THE_ROAD, *rig)
    outside, may_break = outside_of(description, trace), description.traffic is not None
    return judge(trace, (*description.requirements, *requirements), conditions, outside, may_break=may_break)


def judge(
    trace: Trace,
    requirements: Sequence[Requirement],
    validity: Sequence[Validity],
    outside: Reasons | None = None,
    *,
    may_break: bool = False,
) -> Verdicts:
    """What became of every requirement in every run. outside (n,): why a run is outside the ODD, and so skipped; else empty.

    may_break: whether it is said that runs came to their end, where all of these did: others beside them may not have.
    """
    conditions = (*_whole(trace, may_break=may_break), *(_validity(trace, one) for one in validity))
    found = asked_only([_requirement(trace, one) for one in requirements], [_is_asked_of(trace, one) for one in requirements])
    if outside is not None:
        found = left_out(found, outside)
    return Verdicts(invalidated(found, conditions), conditions, trace.runs)


def _whole(trace: Trace, *, may_break: bool) -> Iterator[Judged]:
    """Runs that were broken off are kept, and not judged; nothing is said of it where none was, and none might have been."""
    if not any(trace.broken) and not may_break:
        return
    broken = trace.broken or ("",) * trace.runs
    is_whole = np.array([not why for why in broken])
    nothing = np.full(trace.runs, np.nan)
    over_s = np.asarray(trace.last * trace.step_s, np.float64)
    yield Judged(
        title="the run is driven to its end",
        metric="driven",
        unit="s",
        actors=(),
        clause="",
        outcome=np.where(is_whole, Outcome.PASS, Outcome.ERROR).astype(np.int8),
        value=over_s,
        limit=nothing,
        margin=nothing,
        at_s=over_s,
        reason=np.array(broken, np.object_),
    )


def _is_asked_of(trace: Trace, one: Requirement) -> Mask:
    """(n,): the cases of which a requirement is asked."""
    holds = [condition(text).holds(trace.parameters, trace.runs) for text in one.where]
    return np.all(holds, axis=0) if holds else np.ones(trace.runs, np.bool_)


def question_of(trace: Trace, limit: Limit, metric: Metric) -> Question:
    """What a limit asks of a trace."""
    numbers, texts = {}, {}
    for one in metric.parameters:
        given = getattr(limit, one.name)
        chosen = one.default if given is None else given
        if one.is_text:
            texts[one.name] = str(chosen)
        else:
            numbers[one.name] = values(_quantity(chosen), trace.parameters, trace.runs)
    parties = tuple(trace.index(actor) for actor in limit.actors())
    return Question(trace, parties, during(trace, limit), numbers, texts)


def _quantity(chosen: Quantity | str | None) -> Quantity:
    return np.nan if chosen is None or isinstance(chosen, str) else chosen


def during(trace: Trace, limit: Limit) -> Mask:
    """(t, n): the instants that count and lie between `from` and `until`; none where a manoeuvre never began."""
    begin, end = _instant_s(trace, limit.from_, 0.0), _instant_s(trace, limit.until, np.inf)
    time_s = trace.time_s[:, None]
    return np.asarray(trace.counts & (time_s >= begin - SLACK) & (time_s <= end + SLACK))


def _instant_s(trace: Trace, given: float | str | None, otherwise: float) -> Floats:
    if isinstance(given, str):
        return trace.fired[given]
    return np.full(trace.runs, otherwise if given is None else given)


def _requirement(trace: Trace, one: Requirement) -> Judged:
    if one.warning is not None:
        return judged_warning(trace, one.warning, one.title, one.clause)
    return _limit(trace, one)


def _validity(trace: Trace, one: Validity) -> Judged:
    if one.fired is None:
        found = _limit(trace, one)
        return replace(found, outcome=np.where(found.outcome == Outcome.PASS, Outcome.PASS, Outcome.ERROR).astype(np.int8))
    began = trace.fired[one.fired]
    outcome = np.where(np.isnan(began), Outcome.ERROR, Outcome.PASS)
    reason = np.where(np.isnan(began), f"{one.fired} never began", "").astype(np.object_)
    nothing = np.full(trace.runs, np.nan)
    return _judged(
        one, "fired", "s", outcome, Decisive(began, nothing, nothing, np.full(trace.runs, -1), ~np.isnan(began)), began, reason
    )


def _limit(trace: Trace, one: Limit) -> Judged:
    """The bound with the least margin decides."""
    metric = METRICS[one.metric or ""]
    question = question_of(trace, one, metric)
    measured = metric.measure(question)
    series = measured if measured.ndim == 2 else measured[None]
    counted = question.during if measured.ndim == 2 else _is_asked(question, metric)
    found = _worst([_decide(trace, one, name, series, counted) for name in one.bounds()])
    instant = found.instant if measured.ndim == 2 else _telling(question, metric)
    outcome, reason = _outcomes(trace, one, metric, found, counted)
    return _judged(one, metric.name, metric.unit, outcome, found, instants_s(trace, instant), reason)


def _is_asked(question: Question, metric: Metric) -> Mask:
    """(1, n): whether there is any instant over which a metric of a run adds up; one of the whole run always is."""
    return np.atleast_2d(question.during.any(axis=0)) if metric.is_windowed else np.ones((1, question.trace.runs), np.bool_)


def _decide(trace: Trace, one: Limit, bound: str, series: Floats, counted: Mask) -> Decisive:
    limit = values(getattr(one, bound), trace.parameters, trace.runs)
    within = values(0.0 if one.within is None else one.within, trace.parameters, trace.runs)
    with np.errstate(invalid="ignore"):  # a limit may be infinite for some parameters, and a value beside it, too
        over = series - limit
    off = {"at_least": over, "above": over, "at_most": -over, "below": -over}.get(bound, within - np.abs(over))
    known = counted & ~np.isnan(series)
    instant = np.argmin(np.where(known, off, np.inf), axis=0)
    run = np.arange(trace.runs)
    # Where all margins are infinite argmin takes the first row, which may not count: the first that does is meant.
    instant = np.where(known[instant, run], instant, np.argmax(known, axis=0))
    is_known = known.any(axis=0)
    value, margin = (np.where(is_known, each[instant, run], np.nan) for each in (series, off))
    is_kept = margin > 0 if bound in {"above", "below"} else margin >= -SLACK
    return Decisive(value, limit, margin, np.where(is_known, instant, -1), is_kept)


def _worst(each: Sequence[Decisive]) -> Decisive:
    first, *others = each
    for other in others:
        worse = np.where(first.is_kept == other.is_kept, other.margin < first.margin, first.is_kept)
        first = Decisive(
            *(
                np.where(worse, getattr(other, name), getattr(first, name))
                for name in ("value", "limit", "margin", "instant", "is_kept")
            )
        )
    return first


def _outcomes(trace: Trace, one: Limit, metric: Metric, found: Decisive, counted: Mask) -> tuple[Ints, npt.NDArray[np.object_]]:
    is_measured = ~np.isnan(found.value)
    has_no_limit = np.any([np.isnan(values(limit, trace.parameters, trace.runs)) for limit in one.bounds().values()], axis=0)
    never = np.any([np.isnan(trace.fired[name]) for name in one.manoeuvres()] or [np.zeros(trace.runs, np.bool_)], axis=0)
    cases = [has_no_limit, never, ~is_measured & ~counted.any(axis=0), ~is_measured, found.is_kept]
    outcome = np.select(cases, [Outcome.ERROR, Outcome.ERROR, Outcome.SKIPPED, Outcome.SKIPPED, Outcome.PASS], Outcome.FAIL)
    sentences = [
        "the limit is not a number for these parameters",
        f"{' or '.join(one.manoeuvres())} never began",
        "the run was over before",
        f"{metric.name} is not measured here",
        "",
    ]
    reason = np.select(cases, sentences, "").astype(np.object_)
    for run in np.flatnonzero(outcome == Outcome.FAIL).tolist():
        reason[run] = _failure(one, metric, float(found.value[run]), float(found.limit[run]))
    return outcome, reason


def _failure(one: Limit, metric: Metric, value: float, limit: float) -> str:
    sign = "/".join(SIGNS[name] for name in one.bounds())
    within = f" ± {shown(one.within)}" if one.within is not None else ""
    return f"{metric.name} is {value:.6g}{f' {metric.unit}' if metric.unit else ''}, must be {sign} {limit:.6g}{within}"


def _telling(question: Question, metric: Metric) -> Ints:
    """The instant that shows a metric without one of its own: where the metric that decides it is least; else the contact's."""
    trace = question.trace
    contact = np.where(np.isfinite(trace.contact_s), trace.last, -1)
    if not metric.decided_by:
        return contact
    series = np.where(question.during, METRICS[metric.decided_by].measure(question), np.inf)
    return np.where(np.isfinite(series).any(axis=0), np.argmin(series, axis=0), contact)


def _judged(
    one: Limit, metric: str, unit: str, outcome: Ints, found: Decisive, at_s: Floats, reason: npt.NDArray[np.object_]
) -> Judged:
    return Judged(
        title=one.title,
        metric=metric,
        unit=unit,
        actors=one.actors(),
        clause=one.clause,
        outcome=outcome.astype(np.int8),
        value=found.value,
        limit=found.limit,
        margin=found.margin,
        at_s=at_s,
        reason=reason,
    )
