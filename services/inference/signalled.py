"""Turn signals: who shows one before a junction most likely takes a way to that side."""

from __future__ import annotations

import numpy as np

from services.inference.ahead import Ahead
from services.inference.reports import Floats, Ints, Lamp

_TURNS_DEG = 25.0
_NEAR_M = (-20.0, 80.0)  # before the junction, and in it: further off it is for a change of lanes
_LIKELIER = 12.0  # three in four who turn say so; of those who go on one in sixteen shows a signal, for another reason
_CONTRARY = 0.2  # and of those who turn to the other side, fewer by as much


def by_signal(weight: Floats, ahead: Ahead, lights: Ints) -> Floats:
    """How likely ways (r,) are, given what their tracks' exterior lights (n,) show; the sum of each track's stays."""
    shown = lights[ahead.row]
    shown = np.where(shown & Lamp.HAZARD, 0, shown)
    turns_left, turns_right = ahead.turn_deg <= -_TURNS_DEG, ahead.turn_deg >= _TURNS_DEG
    fits = (turns_left & ((shown & Lamp.LEFT) > 0)) | (turns_right & ((shown & Lamp.RIGHT) > 0))
    contradicts = (turns_right & ((shown & Lamp.LEFT) > 0)) | (turns_left & ((shown & Lamp.RIGHT) > 0))
    is_near = (ahead.junction_m >= _NEAR_M[0]) & (ahead.junction_m <= _NEAR_M[1])
    if not (is_near & (fits | contradicts)).any():
        return weight
    now = weight * np.where(is_near & fits, _LIKELIER, np.where(is_near & contradicts, _CONTRARY, 1.0))
    before, after = (np.bincount(ahead.row, one) for one in (weight, now))
    return np.asarray(now * (before / np.maximum(after, 1e-12))[ahead.row])
