"""The learned policy: an ONNX network that says of each other stage what going there now is worth (card: docs/models/policy.md).

It has learned from what the predictive controller reckons (`rollout`), so it decides alike without reckoning: one small network
for all junctions, told what would be gained and what lost (`alternatives`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort

from chelu.errors import CannotStartError
from services.inference.city.signals.alternatives import INPUTS, Alternatives, Singles, alternatives
from services.inference.city.signals.contract import Decision, Floats, Junctions, State
from services.inference.city.signals.flows import FlowMeter

FORGETS_S = 300.0


class Policy(Protocol):
    """Asked from the controller's thread."""

    def worth(self, inputs: Singles) -> Singles:
        """Of rows of `Alternatives` (r, INPUTS): what going there is worth, above 0 when it is better than to stay (r,)."""
        ...


def shipped() -> Path:
    """The policy in this package."""
    return Path(__file__).parents[2] / "models" / "signals.onnx"


class OnnxPolicy:
    """`Policy` from its file; one thread, since a site's rows are few."""

    def __init__(self, file: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # its refusal is told below
        try:
            self._session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
            self._input = _input(self._session)
        except Exception as error:  # noqa: BLE001  # onnxruntime raises a dozen unrelated types
            raise CannotStartError(
                f"the signal policy {file} cannot be loaded ({error})", "make one with `chelu train policy`"
            ) from None

    def worth(self, inputs: Singles) -> Singles:
        """What each row is worth."""
        (told,) = self._session.run(None, {self._input: inputs})
        return np.asarray(told[:, 0], np.float32)


def _input(session: ort.InferenceSession) -> str:
    (given,) = session.get_inputs()
    if given.shape[1] != INPUTS:
        raise ValueError(f"it takes {given.shape[1]} figures a row, not {INPUTS}")
    return str(given.name)


class Learned:
    """Keeps the flows it has measured, and since when each stage is red."""

    def __init__(self, junctions: Junctions, policy: Policy | None = None) -> None:
        self._junctions, self._policy = junctions, policy or OnnxPolicy(shipped())
        self._before = Before(junctions)

    def decide(self, state: State) -> Decision:
        """Go where it is worth most, if that is more than nothing; else stay."""
        self._before.take(state)
        found = alternatives(self._junctions, state, self._before.per_s(), self._before.red_s(state.now_s))
        worth = self._policy.worth(found.inputs) if len(found.junction) else np.empty(0, np.float32)
        return best(state, found, worth)


def best(state: State, found: Alternatives, worth: Singles) -> Decision:
    """Of rows that are worth so much (r,) the best of each junction, if above 0; for a second."""
    stage = state.stage.copy()
    for row in np.unique(found.junction[worth > 0.0]).tolist():
        own = np.flatnonzero(found.junction == row)
        stage[row] = found.stage[own[np.argmax(worth[own])]]
    return Decision(stage, np.ones(len(stage)))


class Before:
    """What has to be kept from second to second. Owned by one controller."""

    def __init__(self, junctions: Junctions) -> None:
        self._flows = FlowMeter(junctions.is_lane.shape, FORGETS_S)
        self._green_s = np.full(junctions.is_stage.shape, np.nan)

    def take(self, state: State) -> None:
        """A second, before it is decided."""
        self._flows.take(state)
        self._green_s = np.where(np.isnan(self._green_s), state.now_s, self._green_s)
        is_green = np.flatnonzero(state.green_s >= 0.0)
        self._green_s[is_green, state.stage[is_green]] = state.now_s

    def per_s(self) -> Floats:
        """Measured flows (j, l)."""
        return self._flows.per_s()

    def red_s(self, now_s: float) -> Floats:
        """Since each stage was green last (j, s); before that, since the first second."""
        return np.asarray(now_s - self._green_s)
