"""Metrics of signals and of who waits at them: what a controller must keep to, whoever it gives way."""

from __future__ import annotations

import numpy as np

from simulators.scenario.metrics.metric import Floats, Mask, Metric, Parameter, Question
from simulators.scenario.metrics.road_keeping import STANDS_MPS
from simulators.signals import Light

SIGNAL = Parameter("signal", "its name", is_text=True)
OTHER = Parameter("other_signal", "the other one's name", is_text=True)


def _shows(question: Question, light: Light, which: str = "signal") -> Mask | None:
    """(t, n) where a signal shows this, in instants that count; None where there is no such signal."""
    lights = question.trace.lights.get(question.texts[which])
    return None if lights is None else np.asarray((lights == light) & question.during)


def _lasted(holds: Mask) -> Floats:
    """How many instants without a break something has held, at each instant (t, n)."""
    rows = np.arange(len(holds))[:, None]
    return np.asarray(rows - np.maximum.accumulate(np.where(holds, -1, rows), axis=0), np.float64)


def _shortest(question: Question, light: Light) -> Floats:
    """Of those that begin and end while it is looked at; inf where there is none."""
    shows = _shows(question, light)
    if shows is None:
        return np.full(question.trace.runs, np.nan)
    lasted, rows = _lasted(shows), np.arange(len(shows))[:, None]
    ends = shows & ~np.concatenate([shows[1:], np.zeros_like(shows[:1])])
    last = np.max(np.where(question.during, rows, -1), axis=0)
    first = np.argmax(question.during, axis=0)
    is_whole = ends & (rows - lasted + 1 > first) & (rows < last)
    return np.asarray(np.where(is_whole, lasted, np.inf).min(axis=0) * question.trace.step_s)


def _shortest_yellow(question: Question) -> Floats:
    """0 where red follows upon green at once."""
    green, red = _shows(question, Light.PROTECTED_GREEN), _shows(question, Light.RED)
    if green is None or red is None:
        return np.full(question.trace.runs, np.nan)
    return np.where((green[:-1] & red[1:]).any(axis=0), 0.0, _shortest(question, Light.YELLOW))


def _longest_red(question: Question) -> Floats:
    shows = _shows(question, Light.RED)
    if shows is None:
        return np.full(question.trace.runs, np.nan)
    return np.asarray(_lasted(shows).max(axis=0) * question.trace.step_s)


def _conflict(question: Question) -> Floats:
    """Up to each instant (t, n)."""
    reds = [_shows(question, Light.RED, which) for which in ("signal", "other_signal")]
    if reds[0] is None or reds[1] is None:
        return np.full((question.trace.instants, question.trace.runs), np.nan)
    both = ~reds[0] & ~reds[1] & question.during
    return np.asarray(np.cumsum(both, axis=0) * question.trace.step_s)


def _standing(question: Question) -> Floats:
    """Without a break until each instant (t, n)."""
    trace = question.trace
    stands = (np.abs(trace.speed_mps[:, :, question.parties[0]]) < STANDS_MPS) & question.during
    return np.asarray(_lasted(stands) * trace.step_s)


METRICS = (
    Metric(
        name="shortest_green_s",
        unit="s",
        parties=(0,),
        formula="the shortest time without a break during which the signal shows green",
        about="What a controller must give to whoever sets out.",
        edges="Greens that had begun before, or go on at the end, do not count; ∞ without any other.",
        measure=lambda question: _shortest(question, Light.PROTECTED_GREEN),
        parameters=(SIGNAL,),
        is_windowed=True,
    ),
    Metric(
        name="shortest_yellow_s",
        unit="s",
        parties=(0,),
        formula="the shortest time without a break during which the signal shows yellow",
        about="What a controller must give to whoever cannot stop any more.",
        edges="0 where red follows upon green at once. Yellows that are not seen whole do not count; ∞ without any.",
        measure=_shortest_yellow,
        parameters=(SIGNAL,),
        is_windowed=True,
    ),
    Metric(
        name="longest_red_s",
        unit="s",
        parties=(0,),
        formula="the longest time without a break during which the signal shows red",
        about="How long a controller lets somebody wait at the most.",
        edges="A red that had begun before, or goes on at the end, counts as far as it is seen; 0 without one.",
        measure=_longest_red,
        parameters=(SIGNAL,),
        is_windowed=True,
    ),
    Metric(
        name="conflicting_s",
        unit="s",
        parties=(0,),
        formula="time, up to t, during which neither of both signals shows red",
        about="Two ways that cross may not both be let go.",
        edges="Yellow counts as let go.",
        measure=_conflict,
        parameters=(SIGNAL, OTHER),
    ),
    Metric(
        name="standing_s",
        unit="s",
        parties=(1,),
        formula="time without a break, until t, during which |v| is below 0.1 m/s",
        about="How long somebody waits.",
        edges="0 while it moves.",
        measure=_standing,
    ),
)
