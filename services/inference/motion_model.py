"""The learned motion model: an ONNX network that corrects physics (card: docs/models/motion.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort

from chelu.errors import CannotStartError
from services.inference.history import Recent
from services.inference.reports import Floats

KNOTS_S = np.arange(0.5, 5.01, 0.5)  # instants whose correction the network gives; linear between, 0 at 0


def shipped() -> Path:
    """The model in this package."""
    return Path(__file__).parent / "models" / "motion.onnx"


def features(now: Recent) -> Floats:
    """What the network sees: (n, 18). Past poses and speeds at `BACK_S`, present motion, size, the road's turn; SI, unscaled."""
    motion = (now.speed_mps, now.acceleration_mps2, now.yaw_rate_dps)
    state = np.stack([*motion, now.length_m, now.width_m, np.nan_to_num(now.turn_deg)], axis=1)
    return np.concatenate([now.past.reshape(len(now.past), -1), state], axis=1)


class OnnxMotionModel:
    """`services.inference.futures.MotionModel`; one intra-op thread, since micro-batches are small."""

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

    def correction(self, recent: Recent, ahead_s: Floats) -> Floats:
        """Metres forward and right of the physical path: (n, s, 2)."""
        (knots,) = self._session.run(None, {self._input: features(recent).astype(np.float32)})
        at = np.concatenate([np.zeros((len(knots), 1, 2)), knots.reshape(len(knots), len(KNOTS_S), 2)], axis=1)
        place = np.clip(ahead_s / KNOTS_S[0], 0.0, len(KNOTS_S) - 1e-9)
        low = place.astype(np.int64)
        share = (place - low)[None, :, None]
        return np.asarray(at[:, low] * (1.0 - share) + at[:, np.minimum(low + 1, len(KNOTS_S))] * share)
