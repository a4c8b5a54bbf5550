"""Metrics of a device under test in the loop: whether it is there, says what it may, and how quickly it warns."""

from __future__ import annotations

import numpy as np

from simulators.scenario.metrics.messages import APPLICATION, asked, unmeasured
from simulators.scenario.metrics.metric import Floats, Metric, Question, of_rig

NOT_ELSEWHERE = "Not measured where no device is in the loop."


def _warning_latency(question: Question) -> Floats:
    warnings, found = asked(question), unmeasured(question)
    if warnings is None or "latency_s" not in warnings:
        return found
    for run, latency_s in zip(warnings["run"].tolist(), warnings["latency_s"].tolist(), strict=True):
        found[run] = np.fmax(found[run], latency_s)
    return found


METRICS = (
    Metric(
        name="warning_latency_s",
        unit="s",
        parties=(1, 2),
        formula="the longest (arrival of a raised warning − sending of the message that it names as its cause)",
        about="How long the first, or whoever warns it, takes to warn it.",
        edges="Not measured when no warning names a message that was sent.",
        measure=_warning_latency,
        parameters=(APPLICATION,),
        is_windowed=False,
    ),
    Metric(
        name="device_absence_s",
        unit="s",
        parties=(0,),
        formula="the longest time between two signs of life of the device under test",
        about="Whether the device is there through the whole run: it is asked once a second.",
        edges="∞ when it never came, said that it leaves, was cut off, or does not answer at the end. " + NOT_ELSEWHERE,
        measure=of_rig("device_absence_s"),
        is_windowed=False,
    ),
    Metric(
        name="unreadable_messages",
        unit="",
        parties=(0,),
        formula="messages of the device under test that docs/dut.md does not allow",
        about="Whether the device says what it may.",
        edges=NOT_ELSEWHERE,
        measure=of_rig("unreadable_messages"),
        is_windowed=False,
    ),
    Metric(
        name="unknown_warnings",
        unit="",
        parties=(0,),
        formula="warnings of the device under test to or about somebody who is not in the scenario",
        about="Whether the device warns of what is there.",
        edges=NOT_ELSEWHERE,
        measure=of_rig("unknown_warnings"),
        is_windowed=False,
    ),
    Metric(
        name="device_answer_s",
        unit="s",
        parties=(0,),
        formula="the longest time from a question to a device that decides until the rig has its answer",
        about="How long a driving function or signal controller takes to decide, the wire included.",
        edges="Not measured of a device that warns, and of one that never answered a question. " + NOT_ELSEWHERE,
        measure=of_rig("device_answer_s"),
        is_windowed=False,
    ),
    Metric(
        name="clock_offset_s",
        unit="s",
        parties=(0,),
        formula="time in the answer to a command − middle of its sending and arrival, of the quickest answer",
        about="How far the device's clock is ahead of the rig's. What is judged are the rig's times.",
        edges="Not measured when the device never says what time it is. " + NOT_ELSEWHERE,
        measure=of_rig("clock_offset_s"),
        is_windowed=False,
    ),
)
