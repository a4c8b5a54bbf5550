"""Metrics of what was said: warnings of a device under test, and messages over the air. Not measured where a mode has none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chelu.messages import Batch
from simulators.scenario.metrics.metric import Floats, Mask, Metric, Parameter, Question, of_rig
from simulators.scenario.metrics.nearness import are_in_contact, distances_m, ttcs_s, with_each
from simulators.scenario.trace import Trace

RAISED = "raised"
APPLICATION = Parameter("application", "whose warnings count; if not given, all", "", is_text=True)


def raised(trace: Trace, application: str, host: str, other: str = "") -> Batch | None:
    """Warnings that were raised: of this application (any, if empty), to this host, about this other (any, if empty)."""
    return None if trace.warnings is None else of_kind(trace.warnings, application, host, other)


def of_kind(warnings: Batch, application: str, host: str, other: str) -> Batch:
    """Those of them that were raised and are such."""
    rows = (warnings["state"] == RAISED) & (warnings["host"] == host)
    for name, wanted in (("application", application), ("other", other)):
        if wanted:
            rows = rows & (warnings[name] == wanted)
    return warnings.take(np.asarray(rows, np.bool_))


def first_s(trace: Trace, warnings: Batch) -> Floats:
    """When the first of them came in each run (n,), inf where none did."""
    return first_of(warnings, trace.runs)


def first_of(warnings: Batch, runs: int) -> Floats:
    """The same of so many runs."""
    found = np.full(runs, np.inf)
    np.minimum.at(found, warnings["run"].astype(np.int64), warnings["time_s"].astype(np.float64))
    return found


def at_instant(trace: Trace, series: Floats, time_s: Floats) -> Floats:
    """A series (t, n) at a time of each run (n,): at the last instant not after it; NaN where the time is not finite."""
    instant = np.clip(np.floor(np.where(np.isfinite(time_s), time_s, 0.0) / trace.step_s + 1e-9), 0, trace.last).astype(np.int64)
    return np.where(np.isfinite(time_s), series[instant, np.arange(trace.runs)], np.nan)


def asked(question: Question) -> Batch | None:
    """The warnings that a question is about."""
    trace = question.trace
    names = [trace.actors[one].name for one in question.parties]
    return raised(trace, question.texts["application"], names[0], *names[1:])


def unmeasured(question: Question) -> Floats:
    """What a mode without such messages says: nothing."""
    return np.full(question.trace.runs, np.nan)


def _lead(question: Question) -> Floats:
    warnings = asked(question)
    if warnings is None:
        return unmeasured(question)
    trace, (first, other) = question.trace, question.parties
    distance = np.where(trace.counts, distances_m(question), np.inf)
    nearest_s = np.argmin(distance, axis=0) * trace.step_s
    when = np.where(are_in_contact(trace, first, other), trace.contact_s, nearest_s)
    return when - first_s(trace, warnings)


def _ttc_at_warning(question: Question) -> Floats:
    warnings = asked(question)
    if warnings is None:
        return unmeasured(question)
    first = first_s(question.trace, warnings)
    return np.where(np.isfinite(first), at_instant(question.trace, ttcs_s(question), first), -np.inf)


def _false(question: Question) -> Floats:
    return _sum(question, _false_about)


def _missed(question: Question) -> Floats:
    return _sum(question, _missed_about)


def _sum(question: Question, measure: Callable[[Question, Batch], Floats]) -> Floats:
    """(n,) over everybody whom a question is about."""
    found = np.zeros(question.trace.runs)
    for one in with_each(question):
        if (warnings := asked(one)) is not None:
            found += measure(one, warnings)
    return unmeasured(question) if question.trace.warnings is None else found


def _false_about(question: Question, warnings: Batch) -> Floats:
    """Each raised warning is looked at alone: there are few."""
    trace, dangerous = question.trace, _is_dangerous(question)
    count = np.zeros(trace.runs)
    for run, time_s in zip(warnings["run"].tolist(), warnings["time_s"].tolist(), strict=True):
        begin, end = time_s, time_s + question.number("within_s")[run]
        rows = (trace.time_s >= begin - trace.step_s) & (trace.time_s <= end)
        count[run] += not dangerous[rows, run].any()
    return count


def _missed_about(question: Question, warnings: Batch) -> Floats:
    dangerous = _is_dangerous(question)
    begins_s = np.where(dangerous.any(axis=0), np.argmax(dangerous, axis=0) * question.trace.step_s, np.inf)
    return (np.isfinite(begins_s) & (first_s(question.trace, warnings) > begins_s + 1e-9)).astype(np.float64)


def _is_dangerous(question: Question) -> Mask:
    """(t, n) where TTC is below the limit, in instants that count."""
    return np.asarray((ttcs_s(question) < question.number("below_s")) & question.during)


def _messages(question: Question) -> Batch | None:
    """Those of the sender asked for, or of all."""
    trace = question.trace
    if trace.messages is None or not question.parties:
        return trace.messages
    return trace.messages.take(np.asarray(trace.messages["sender"] == trace.actors[question.parties[0]].name))


def _loss(question: Question) -> Floats:
    messages = _messages(question)
    if messages is None:
        return unmeasured(question)
    runs, lost = messages["run"].astype(np.int64), np.isnan(messages["received_s"])
    sent = np.bincount(runs, minlength=question.trace.runs)
    gone = np.bincount(runs, lost, minlength=question.trace.runs)
    return np.where(sent > 0, gone / np.maximum(sent, 1), np.nan)


def _latency(question: Question) -> Floats:
    messages = _messages(question)
    found = unmeasured(question)
    if messages is None:
        return found
    latency = messages["received_s"] - messages["sent_s"]
    for run in np.unique(messages["run"]).tolist():
        own = latency[(messages["run"] == run) & ~np.isnan(latency)]
        if len(own):
            found[run] = np.quantile(own, question.number("quantile")[run], method="higher")
    return found


def _age(question: Question) -> Floats:
    trace, messages = question.trace, _messages(question)
    found = np.full((trace.instants, trace.runs), np.nan)
    if messages is None:
        return found
    arrived = messages.take(~np.isnan(messages["received_s"]))
    for run in range(trace.runs):
        own = arrived.take(arrived["run"] == run)
        order = np.argsort(own["received_s"], kind="stable")
        newest = np.maximum.accumulate(own["sent_s"][order]) if len(order) else np.array([-np.inf])
        count = np.searchsorted(own["received_s"][order], trace.time_s + 1e-9, side="right")
        age = trace.time_s - newest[np.maximum(count - 1, 0)]
        found[:, run] = np.where(count > 0, age, np.inf if not len(order) else np.nan)
    return found


def _rate(question: Question) -> Floats:
    return question.trace.rig.get("sample_rate_hz", np.full(question.trace.runs, 1.0 / question.trace.step_s))


DANGER = Parameter("below_s", "from which TTC on downwards a warning is owed")
METRICS = (
    Metric(
        name="warning_lead_s",
        unit="s",
        parties=(2,),
        formula="time of the contact, else of the least distance − time of the first warning to the first about the other",
        about="How much time a warning leaves.",
        edges="−∞ when none came; below 0 when it came afterwards.",
        measure=_lead,
        parameters=(APPLICATION,),
        is_windowed=False,
        decided_by="minimum_distance_m",
    ),
    Metric(
        name="warning_ttc_s",
        unit="s",
        parties=(2,),
        formula="ttc_s at the first warning to the first about the other",
        about="How near a collision is when the warning comes.",
        edges="−∞ when none came.",
        measure=_ttc_at_warning,
        parameters=(APPLICATION,),
        is_windowed=False,
    ),
    Metric(
        name="false_warnings",
        unit="",
        parties=(1, 2),
        formula="warnings after which TTC stays at or above `below_s` for `within_s`",
        about="Warnings to the first about the other without a reason. Of one: about anybody.",
        edges="What happens after the run's end is no reason.",
        measure=_false,
        parameters=(APPLICATION, DANGER, Parameter("within_s", "how soon after the warning", 10.0)),
    ),
    Metric(
        name="missed_warnings",
        unit="",
        parties=(1, 2),
        formula="1 if TTC falls below `below_s` and no warning came until then, else 0",
        about="A warning to the first about the other that was owed and not given in time. Of one: about how many it was so.",
        edges="0 when TTC never falls so low.",
        measure=_missed,
        parameters=(APPLICATION, DANGER),
    ),
    Metric(
        name="message_loss",
        unit="",
        parties=(0, 1),
        formula="messages lost / messages sent",
        about="Share of an actor's messages, or of all, that never arrived.",
        edges="Not measured in memory. Of a recording a sample is a message. Not when none was sent.",
        measure=_loss,
        is_windowed=False,
    ),
    Metric(
        name="latency_s",
        unit="s",
        parties=(0, 1),
        formula="the quantile of (received − sent), taken upwards to one that occurred",
        about="Of an actor's messages that arrived, or of all; `quantile` 0.99 if not given.",
        edges="Not measured in memory; not when none arrived. In real time, until the rig has put it on the wire.",
        measure=_latency,
        parameters=(Parameter("quantile", "0 … 1", 0.99),),
        is_windowed=False,
    ),
    Metric(
        name="age_of_information_s",
        unit="s",
        parties=(1,),
        formula="t − when the newest message that has arrived by t was sent",
        about="How old what is known of an actor is.",
        edges="Not measured in memory; not before the first arrival; ∞ when nothing ever arrives.",
        measure=_age,
    ),
    Metric(
        name="sample_rate_hz",
        unit="Hz",
        parties=(0,),
        formula="1 / Δt; of a recording 1 / mean Δt between the samples of whom it saw least often",
        about="How often the run was recorded.",
        edges="–",
        measure=_rate,
        is_windowed=False,
    ),
    Metric(
        name="lag_s",
        unit="s",
        parties=(0,),
        formula="the most by which the rig was later than the scenario's time",
        about="A rig that cannot keep up cannot judge.",
        edges="Not measured in runs in memory, which have no clock.",
        measure=of_rig("lag_s"),
        is_windowed=False,
    ),
)
