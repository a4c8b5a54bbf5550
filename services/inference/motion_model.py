"""The learned motion model: an ONNX network that says where on each of its ways a track will be (card: docs/models/motion.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort

from chelu.errors import CannotStartError
from services.inference.ahead import Ahead, features
from services.inference.history import Recent
from services.inference.reports import Floats, Ints

KNOTS_S = np.arange(0.5, 5.01, 0.5)  # instants of which the network speaks; linear between, 0 at 0
PACES = 2  # ways of driving along one way: mostly to go on, and to slow down
_KNOTS = len(KNOTS_S)


@dataclass(frozen=True, slots=True)
class Outlook:
    """Of r rows of `Ahead`: a mixture, at `KNOTS_S`.

    way (r,): probability that the track takes it, 1 over its rows; pace (r, PACES): and drives it so. along_m (r, PACES, k):
    metres beyond where physics puts it on the way; aside_m (r, k): change of what it lies to the right. Both with the mean
    absolute error that the network expects (the scale of a Laplace distribution).
    """

    way: Floats
    pace: Floats
    along_m: Floats
    along_error_m: Floats
    aside_m: Floats
    aside_error_m: Floats

    def mean_along_m(self) -> Floats:
        """Over the paces: (r, k)."""
        return np.asarray(np.einsum("rp,rpk->rk", self.pace, self.along_m))


class MotionModel(Protocol):
    """Called from the stage's thread on whole arrays."""

    def outlook(self, now: Recent, ahead: Ahead) -> Outlook:
        """What becomes of each row."""


def shipped() -> Path:
    """The model in this package."""
    return Path(__file__).parent / "models" / "motion.onnx"


class OnnxMotionModel:
    """`MotionModel`; one intra-op thread, since micro-batches are small."""

    def __init__(self, file: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001  # onnxruntime raises a dozen unrelated types
            raise CannotStartError(
                f"the motion model {file} cannot be loaded ({error})", "name another or set use_model to false"
            ) from None
        self._input = self._session.get_inputs()[0].name

    def outlook(self, now: Recent, ahead: Ahead) -> Outlook:
        """What becomes of each row."""
        (told,) = self._session.run(None, {self._input: features(now, ahead).astype(np.float32)})
        return read_outlook(told.astype(np.float64), ahead)


def read_outlook(told: Floats, ahead: Ahead) -> Outlook:
    """The network's numbers (r, 1 + PACES + 2 · (PACES + 1) · k): scores of way and paces, then metres, then log errors."""
    score, pace, rest = told[:, 0], told[:, 1 : 1 + PACES], told[:, 1 + PACES :].reshape(len(told), 2, PACES + 1, _KNOTS)
    metres, error = rest[:, 0], np.exp(np.clip(rest[:, 1], -5.0, 5.0))
    return Outlook(
        way=shares(score, ahead.row),
        pace=np.exp(pace - _log_sum(pace)),
        along_m=metres[:, :PACES],
        along_error_m=error[:, :PACES],
        aside_m=metres[:, PACES],
        aside_error_m=error[:, PACES],
    )


def shares(score: Floats, owner: Ints) -> Floats:
    """Softmax of scores (r,) within each owner; owners ascend."""
    if not len(score):
        return score
    begin = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
    group = np.repeat(np.arange(len(begin)), np.diff(np.append(begin, len(score))))
    weight = np.exp(score - np.maximum.reduceat(score, begin)[group])
    return np.asarray(weight / np.add.reduceat(weight, begin)[group])


def between(knots: Floats, ahead_s: Floats) -> Floats:
    """Values (r, k) at `KNOTS_S` brought to `ahead_s` (s,): linear from 0 at 0, (r, s)."""
    at = np.concatenate([np.zeros((len(knots), 1)), knots], axis=1)
    place = np.clip(ahead_s / KNOTS_S[0], 0.0, _KNOTS - 1e-9)
    low = place.astype(np.int64)
    share = place - low
    return np.asarray(at[:, low] * (1.0 - share) + at[:, np.minimum(low + 1, _KNOTS)] * share)


def _log_sum(values: Floats) -> Floats:
    most = values.max(axis=1, keepdims=True, initial=-np.inf)
    return np.asarray(most + np.log(np.sum(np.exp(values - most), axis=1, keepdims=True)))
