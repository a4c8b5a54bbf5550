"""Metrics of one behind another: gap, headway, and how hard it must brake."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chelu.motion import following
from chelu.motion.closing import closes_s
from simulators.scenario.metrics.metric import Floats, Metric, Parameter, Question
from simulators.scenario.metrics.pairs import Pair, pair

NOT_BEHIND = "where the other is not ahead in the first's way"
REACTION = Parameter("reaction_s", "how long the first goes on before it brakes", 0.0)


def _behind(measure: Callable[[Pair, Question], Floats], otherwise: float) -> Callable[[Question], Floats]:
    """A metric of the first behind the other; `otherwise` where it is not. A gap below 0 is none."""

    def measured(question: Question) -> Floats:
        found = pair(question.trace, *question.parties)
        return np.where(found.is_followed, measure(found, question), otherwise)

    return measured


def _gap(found: Pair) -> Floats:
    return np.maximum(found.gap_m, 0.0)


def _headway(found: Pair, _: Question) -> Floats:
    return following.thw_s(_gap(found), found.first_mps)


def _drac(found: Pair, _: Question) -> Floats:
    return following.drac_mps2(_gap(found), found.first_mps, found.other_mps)


def _mdrac(found: Pair, question: Question) -> Floats:
    return following.mdrac_mps2(_gap(found), found.first_mps, found.other_mps, question.number("reaction_s"))


def _mttc(found: Pair, _: Question) -> Floats:
    speeds = np.maximum(found.first_mps, 0.0), np.maximum(found.other_mps, 0.0)
    return closes_s(_gap(found), *speeds, found.first_mps2, found.other_mps2)


def _required(found: Pair, question: Question) -> Floats:
    reaction = np.broadcast_to(question.number("reaction_s"), found.gap_m.shape)
    return following.required_deceleration_mps2(_gap(found), found.first_mps, found.other_mps, found.other_mps2, reaction)


def _threat(found: Pair, question: Question) -> Floats:
    return following.btn(_required(found, question), question.number("available_mps2"))


METRICS = (
    Metric(
        name="gap_m",
        unit="m",
        parties=(2,),
        formula="g: from the first's front bumper to the other's rear bumper",
        about="Along a common way (bends do not matter), else along the first's heading.",
        edges=f"0 when they overlap; ∞ {NOT_BEHIND}.",
        measure=_behind(lambda found, _: _gap(found), np.inf),
    ),
    Metric(
        name="thw_s",
        unit="s",
        parties=(2,),
        formula="g / v₁",
        about="Time headway by gap, not front to front.",
        edges=f"∞ when the first stands, and {NOT_BEHIND}.",
        measure=_behind(_headway, np.inf),
    ),
    Metric(
        name="mttc_s",
        unit="s",
        parties=(2,),
        formula="least t ≥ 0 with g(t) = 0, both keeping their acceleration, and at rest once they have stopped",
        about="Modified time to collision: finite behind a leader that brakes, though both are equally fast yet.",
        edges=f"∞ when the gap never closes, and {NOT_BEHIND}.",
        measure=_behind(_mttc, np.inf),
    ),
    Metric(
        name="drac_mps2",
        unit="m/s²",
        parties=(2,),
        formula="(v₁ − v₂)² / 2g",
        about="Deceleration rate to avoid the crash, the other keeping its speed.",
        edges=f"0 unless closing, and {NOT_BEHIND}; ∞ at no gap.",
        measure=_behind(_drac, 0.0),
    ),
    Metric(
        name="mdrac_mps2",
        unit="m/s²",
        parties=(2,),
        formula="(v₁ − v₂) / 2(TTC − R), TTC = g / (v₁ − v₂)",
        about="DRAC of one who brakes only after the reaction time R (`reaction_s`).",
        edges=f"∞ when TTC ≤ R; 0 unless closing, and {NOT_BEHIND}.",
        measure=_behind(_mdrac, 0.0),
        parameters=(Parameter("reaction_s", REACTION.about, 1.0),),
    ),
    Metric(
        name="required_deceleration_mps2",
        unit="m/s²",
        parties=(2,),
        formula="least constant b after R with which g(t) > 0 for all t, the other keeping its acceleration to a stop",
        about="What the first must brake behind a leader that brakes; DRAC when the leader does not and R (`reaction_s`) is 0.",
        edges=f"0 when no braking is needed, and {NOT_BEHIND}; ∞ when the gap is gone before the reaction is over.",
        measure=_behind(_required, 0.0),
        parameters=(REACTION,),
    ),
    Metric(
        name="btn",
        unit="",
        parties=(2,),
        formula="required_deceleration_mps2 / b",
        about="Brake threat number, b being what the brakes can do (`available_mps2`): from 1 on braking alone does not help.",
        edges=f"0 when no braking is needed, and {NOT_BEHIND}.",
        measure=_behind(_threat, 0.0),
        parameters=(REACTION, Parameter("available_mps2", "the deceleration that the first can reach")),
    ),
)
