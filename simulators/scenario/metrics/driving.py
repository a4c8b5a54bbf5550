"""Metrics of one actor's driving: speed, acceleration, jerk, starting."""

from __future__ import annotations

import numpy as np

from chelu.units import KMH_PER_MPS
from simulators.scenario.metrics.metric import Floats, Metric, Question

STARTS_MPS = 2.0 / KMH_PER_MPS  # GB/T 41798-2022: from rest to 2 km/h


def _acceleration(question: Question) -> Floats:
    return question.trace.acceleration_mps2[:, :, question.parties[0]]


def _jerk(question: Question) -> Floats:
    """From one instant to the next; the first instant has none."""
    rate = np.diff(_acceleration(question), axis=0) / question.trace.step_s
    return np.concatenate([np.full((1, question.trace.runs), np.nan), np.abs(rate)])


def _lateral(question: Question) -> Floats:
    """Speed times the turn from the instant before; the first instant has none."""
    trace, actor = question.trace, question.parties[0]
    turn = np.diff(trace.heading_deg[:, :, actor], axis=0)
    rate = np.radians(turn - 360.0 * np.rint(turn / 360.0)) / trace.step_s
    mean = (trace.speed_mps[1:, :, actor] + trace.speed_mps[:-1, :, actor]) / 2.0
    return np.concatenate([np.full((1, trace.runs), np.nan), np.abs(rate * mean)])


def _start_up(question: Question) -> Floats:
    """From the first instant asked for to the first at which the actor has started."""
    trace, pace = question.trace, speed(question)
    started = (pace > STARTS_MPS) & question.during
    begin, at = np.argmax(question.during, axis=0), np.argmax(started, axis=0)
    took = np.where(started.any(axis=0), (at - begin) * trace.step_s, np.inf)
    stood = np.abs(pace[begin, np.arange(trace.runs)]) <= STARTS_MPS
    return np.where(question.during.any(axis=0) & stood, took, np.nan)


def speed(question: Question) -> Floats:
    """Along the heading (t, n)."""
    return question.trace.speed_mps[:, :, question.parties[0]]


METRICS = (
    Metric(
        name="speed_mps",
        unit="m/s",
        parties=(1,),
        formula="v",
        about="Speed along the heading.",
        edges="Below 0 backwards.",
        measure=speed,
    ),
    Metric(
        name="speed_kmh",
        unit="km/h",
        parties=(1,),
        formula="3.6 v",
        about="The same in km/h.",
        edges="Below 0 backwards.",
        measure=lambda question: speed(question) * KMH_PER_MPS,
    ),
    Metric(
        name="acceleration_mps2",
        unit="m/s²",
        parties=(1,),
        formula="a",
        about="Along the heading, braking below 0.",
        edges="–",
        measure=_acceleration,
    ),
    Metric(
        name="deceleration_mps2",
        unit="m/s²",
        parties=(1,),
        formula="max(−a, 0)",
        about="Braking as a positive number.",
        edges="0 when not braking.",
        measure=lambda question: np.maximum(-_acceleration(question), 0.0),
    ),
    Metric(
        name="jerk_mps3",
        unit="m/s³",
        parties=(1,),
        formula="|a(t) − a(t − Δt)| / Δt",
        about="How fast the acceleration changes, up or down.",
        edges="The first instant of a run has none. A step of the acceleration counts as one over Δt.",
        measure=_jerk,
    ),
    Metric(
        name="lateral_acceleration_mps2",
        unit="m/s²",
        parties=(1,),
        formula="v |ψ(t) − ψ(t − Δt)| / Δt",
        about="Across the heading, to either side.",
        edges="The first instant of a run has none.",
        measure=_lateral,
    ),
    Metric(
        name="start_up_s",
        unit="s",
        parties=(1,),
        formula="from the first instant asked for (`from`) until v > 2 km/h",
        about="How long somebody who stands takes to start, say from a signal's change on (GB/T 41798-2022).",
        edges="∞ when it does not start; not measured when it does not stand at first.",
        measure=_start_up,
    ),
)
