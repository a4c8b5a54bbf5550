"""Metrics of a device under test that cooperates: when it asks, how quickly and how it answers, whether what it says is true."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chelu.messages import Batch
from simulators.scenario.metrics.metric import Floats, Metric, Parameter, Question

MESSAGE = Parameter("message", "its `type`, as docs/formats/coop.md has them", is_text=True)
NOT_ELSEWHERE = "Not measured where no device is in the loop."
Number = Callable[[Batch, str], float]  # of all that was said in a run, and the message asked about


def _of_device(said: Batch, kind: str = "") -> Batch:
    return said.take(np.asarray(said["is_device"] & ((said["kind"] == kind) | (kind == "")), np.bool_))


def _count(said: Batch, kind: str) -> float:
    return float(len(np.unique(_of_device(said, kind)["number"])))


def _first(said: Batch, kind: str) -> float:
    return float(np.min(_of_device(said, kind)["time_s"], initial=np.inf))


def _answer(said: Batch, kind: str) -> float:
    """Each message of the roadside is looked at alone: there are few."""
    asked, own = said.take(np.asarray(~said["is_device"] & (said["kind"] == kind), np.bool_)), _of_device(said)
    took = [
        float(np.min(own["time_s"][own["answers"] == number], initial=np.inf)) - time_s
        for number, time_s in zip(asked["number"].tolist(), asked["time_s"].tolist(), strict=True)
    ]
    return max(took) if took else np.nan


def _granted(said: Batch, kind: str) -> float:
    own = _of_device(said, kind)
    return float(np.mean(own["decision"] == "granted")) if len(own) else np.nan


def _off(said: Batch, _: str) -> float:
    off_m = _of_device(said)["off_m"]
    return float(np.nanmax(off_m)) if not np.isnan(off_m).all() else np.nan


def _stray(said: Batch, _: str) -> float:
    return float(np.count_nonzero(said["is_stray"]))


def _in_each_run(number: Number) -> Callable[[Question], Floats]:
    def measure(question: Question) -> Floats:
        found, said = np.full(question.trace.runs, np.nan), question.trace.cooperation
        if said is not None:
            for run in range(question.trace.runs):
                found[run] = number(said.take(np.asarray(said["run"] == run)), question.texts.get("message", ""))
        return found

    return measure


def _metric(name: str, unit: str, number: Number, formula: str, about: str, edges: str, *, has_message: bool = True) -> Metric:
    return Metric(
        name=name,
        unit=unit,
        parties=(0,),
        formula=formula,
        about=about,
        edges=f"{edges} {NOT_ELSEWHERE}",
        measure=_in_each_run(number),
        parameters=(MESSAGE,) if has_message else (),
        is_windowed=False,
    )


METRICS = (
    _metric(
        "coop_messages",
        "",
        _count,
        "numbers (`seqNum`) under which the device said `message`",
        "How often the device says such a message.",
        "The same one said again counts once.",
    ),
    _metric(
        "coop_first_s",
        "s",
        _first,
        "time of the device's first `message`",
        "When the device says such a message: in time, and not before its time.",
        "∞ when it never does.",
    ),
    _metric(
        "coop_answer_s",
        "s",
        _answer,
        "the longest time from `message`, said by the roadside, to the device's first message that answers its number",
        "How quickly the device answers when it is asked.",
        "∞ when one is never answered. Not measured when the roadside never says it.",
    ),
    _metric(
        "coop_granted",
        "",
        _granted,
        "the device's `message` whose decision is granted / all of them",
        "Whether the device agrees to what it is asked.",
        "Not measured when it never says one.",
    ),
    _metric(
        "coop_place_error_m",
        "m",
        _off,
        "the farthest that a place in the device's messages is from where it was within the second before their arrival",
        "Whether the device says truly where it is.",
        "Not measured when none of them names a place.",
        has_message=False,
    ),
    _metric(
        "coop_stray_messages",
        "",
        _stray,
        "messages of the device that answer a number under which nothing was said, or have one under which it said another",
        "Whether what the device says belongs to what was said.",
        "0 when it says nothing.",
        has_message=False,
    ),
)
