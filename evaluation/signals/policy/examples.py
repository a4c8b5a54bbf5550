"""A drive to learn from: what each way to go on would cost, as the predictive controller reckons, beside what is seen. A process.

python -m evaluation.signals.policy.examples < task.json > result.json
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.signals.drive import Task, answer, drive
from evaluation.signals.layout import Layout
from services.inference.city.signals.alternatives import INPUTS, Alternatives, Singles, alternatives
from services.inference.city.signals.contract import Decision, Floats, Junctions, State
from services.inference.city.signals.learned import Before, OnnxPolicy, Policy, best
from services.inference.city.signals.predictive import Predictive
from services.inference.city.signals.rollout import Plans

NOW_S = 1.0  # a plan that keeps the stage for less goes now


@dataclass(frozen=True, slots=True)
class Examples:
    """g instants of a junction with up to a ways to go on. inputs (g, a, INPUTS).

    gain (g, a): vehicle-seconds saved by going there now instead of staying, NaN where there is no such way.
    """

    inputs: Singles
    gain: Singles

    def save(self, file: Path) -> None:
        """As a file for `load`."""
        np.savez_compressed(file, inputs=self.inputs, gain=self.gain)


def load(file: Path) -> Examples:
    """What `save` wrote."""
    with np.load(file) as found:
        return Examples(found["inputs"], found["gain"])


def joined(parts: list[Examples]) -> Examples:
    """All of them; those of fewer ways are filled up."""
    most = max(one.gain.shape[1] for one in parts)
    wide = [((0, 0), (0, most - one.gain.shape[1])) for one in parts]
    return Examples(
        np.concatenate([np.pad(one.inputs, (*pad, (0, 0))) for one, pad in zip(parts, wide, strict=True)]),
        np.concatenate([np.pad(one.gain, pad, constant_values=np.nan) for one, pad in zip(parts, wide, strict=True)]),
    )


@dataclass(slots=True)
class Noting:
    """A controller that decides as the policy says, or as is best by what is reckoned without one, and notes both."""

    junctions: Junctions
    policy: Policy | None = None
    _teacher: Predictive = field(init=False)
    _before: Before = field(init=False)
    _noted: list[Examples] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._teacher, self._before = Predictive(self.junctions), Before(self.junctions)

    def decide(self, state: State) -> Decision:
        """Note, then decide."""
        plans, cost_s = self._teacher.weigh(state)
        self._before.take(state)
        found = alternatives(self.junctions, state, self._before.per_s(), self._before.red_s(state.now_s))
        gain = gains(plans, cost_s, found, self.junctions.is_stage.shape)
        if not len(gain):
            return Decision(state.stage, np.ones(len(state.stage)))
        self._noted.append(grouped(found, gain))
        return best(state, found, gain if self.policy is None else self.policy.worth(found.inputs))

    def examples(self) -> Examples:
        """All that was noted."""
        return joined(self._noted or [Examples(np.zeros((0, 1, INPUTS), np.float32), np.zeros((0, 1), np.float32))])


def gains(plans: Plans, cost_s: Floats, found: Alternatives, shape: tuple[int, ...]) -> Singles:
    """What each way to go on (r,) saves: the cost of the best plan that stays at its junction, less that of going there now."""
    stays, goes = np.full(shape[0], np.inf), np.full(shape, np.inf)
    is_now = plans.hold_s < NOW_S
    np.minimum.at(stays, plans.junction[~is_now], cost_s[~is_now])
    np.minimum.at(goes, (plans.junction[is_now], plans.then[is_now]), cost_s[is_now])
    return np.asarray(stays[found.junction] - goes[found.junction, found.stage], np.float32)


def grouped(found: Alternatives, gain: Singles) -> Examples:
    """Rows of a state by junction; they stand junction by junction."""
    junction, group = np.unique(found.junction, return_inverse=True)
    place = np.arange(len(group)) - np.searchsorted(group, group)
    inputs = np.zeros((len(junction), int(place.max()) + 1, INPUTS), np.float32)
    saved = np.full(inputs.shape[:2], np.nan, np.float32)
    inputs[group, place], saved[group, place] = found.inputs, gain
    return Examples(inputs, saved)


def note(task: Mapping[str, Any], tell: Callable[[float], None]) -> dict[str, Any]:
    """Drive a task of `drive`, with `policy` (a file, or None) and `examples` (where they are to be written)."""
    made: list[Noting] = []

    def controller(layout: Layout) -> Noting:
        made.append(Noting(layout.junctions, OnnxPolicy(Path(task["policy"])) if task["policy"] else None))
        return made[-1]

    found = drive(Task.read(task), tell, controller)
    examples = made[0].examples()
    examples.save(Path(task["examples"]))
    return {"instants": len(examples.gain), "delay_s": found["delay_s"]}


if __name__ == "__main__":
    answer(note)
