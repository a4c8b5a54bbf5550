"""Margins to the distances of Responsibility-Sensitive Safety (Shalev-Shwartz, Shammah & Shashua 2017)."""

from __future__ import annotations

import numpy as np

from chelu.motion import rss
from simulators.scenario.metrics.metric import Floats, Metric, Parameter, Question
from simulators.scenario.metrics.pairs import pair

RESPONSE = (
    Parameter("reaction_s", "ρ, how long either goes on before it answers"),
    Parameter("acceleration_mps2", "a, how much it may speed up meanwhile"),
    Parameter("brake_min_mps2", "b_min, what it brakes at least afterwards"),
)
SIDEWAYS = (
    Parameter("reaction_s", "ρ, how long either goes on before it answers"),
    Parameter("acceleration_mps2", "a, how much either may speed up sideways meanwhile"),
    Parameter("brake_min_mps2", "b, what either brakes sideways at least afterwards"),
)


def _response(question: Question, brake_max: str | None = None) -> rss.Response:
    """Parameters of all runs (n,): the formulas broadcast."""
    names = ("reaction_s", "acceleration_mps2", "brake_min_mps2", brake_max or "brake_min_mps2")
    return rss.Response(*(question.number(name) for name in names))


def _longitudinal(question: Question) -> Floats:
    found = pair(question.trace, *question.parties)
    safe = rss.longitudinal_m(np.maximum(found.first_mps, 0.0), found.other_mps, _response(question, "brake_max_mps2"))
    return np.where(found.is_followed & (found.other_mps >= 0), found.gap_m - safe, np.inf)


def _opposite(question: Question) -> Floats:
    found = pair(question.trace, *question.parties)
    own_brake = question.number("brake_correct_mps2")
    safe = rss.opposite_m(np.maximum(found.first_mps, 0.0), found.other_mps, _response(question), own_brake)
    return np.where(found.is_followed & (found.other_mps < 0), found.gap_m - safe, np.inf)


def _lateral(question: Question) -> Floats:
    """Beside one another on a common way: the left one's and the right one's speed to the right."""
    trace, (first, other) = question.trace, question.parties
    found = pair(trace, first, other)
    aside, drift = trace.aside_m, trace.aside_mps
    is_left = aside[:, :, first] <= aside[:, :, other]
    left = np.where(is_left, drift[:, :, first], drift[:, :, other])
    right = np.where(is_left, drift[:, :, other], drift[:, :, first])
    safe = rss.lateral_m(left, right, _response(question), question.number("margin_m"))
    same = (trace.way[:, first] == trace.way[:, other]) & (trace.way[:, first] >= 0)
    return np.where(same & (found.gap_m < 0), found.beside_m - safe, np.inf)


METRICS = (
    Metric(
        name="rss_longitudinal_margin_m",
        unit="m",
        parties=(2,),
        formula="g − [v₁ρ + ½aρ² + (v₁ + aρ)²/2b_min − v₂²/2b_max]₊",
        about="What the gap has more than the safe one behind another that may brake with b_max; below 0: too near.",
        edges="∞ where the other is not ahead in the first's way, or comes towards it.",
        measure=_longitudinal,
        parameters=(*RESPONSE, Parameter("brake_max_mps2", "b_max, what the one ahead may brake at most")),
    ),
    Metric(
        name="rss_opposite_margin_m",
        unit="m",
        parties=(2,),
        formula="g − [(v₁ + v₁ρ)ρ/2 + v₁ρ²/2b_c + (|v₂| + v₂ρ)ρ/2 + v₂ρ²/2b_min], vρ = |v| + aρ",
        about="The same for one that comes towards the first, which is in its own lane and brakes with b_c only.",
        edges="∞ where the other is not ahead in the first's way, or does not come towards it.",
        measure=_opposite,
        parameters=(*RESPONSE, Parameter("brake_correct_mps2", "b_c, what the one in its own lane brakes at least")),
    ),
    Metric(
        name="rss_lateral_margin_m",
        unit="m",
        parties=(2,),
        formula="flanks' distance − μ − [(v₁ + v₁ρ)ρ/2 + v₁ρ²/2b − ((v₂ + v₂ρ)ρ/2 − v₂ρ²/2b)]₊, v₁ρ = v₁ + aρ, v₂ρ = v₂ − aρ",
        about="Beside one another: speeds to the right, 1 the left and 2 the right one; below 0: too near.",
        edges="∞ where they are not side by side on a common way.",
        measure=_lateral,
        parameters=(*SIDEWAYS, Parameter("margin_m", "μ, what always stays between the two", 0.0)),
    ),
)
