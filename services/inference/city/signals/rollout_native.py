"""The roll-out of plans in native code (chelu/native/rollout.c)."""

from __future__ import annotations

import ctypes

import numpy as np

from services.inference.city.signals.contract import Floats, Ints

MOST_LANES = 64  # as in rollout.c
_DOUBLES, _INTS, _BYTES = np.float64, np.int64, np.uint8
COLUMNS = (
    ("arrived", _DOUBLES), ("movement", _INTS), ("open", _INTS), ("yields", _BYTES), ("serves", _BYTES), ("is_stage", _BYTES),
    ("least", _DOUBLES), ("most", _DOUBLES), ("change", _DOUBLES), ("stage", _INTS), ("green", _DOUBLES), ("junction", _INTS),
    ("then", _INTS), ("hold", _DOUBLES),
)  # fmt: skip


class _Rollout(ctypes.Structure):
    """`chelu_rollout` in rollout.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name, _ in COLUMNS),
        *((name, ctypes.c_void_p) for name in ("lost", "stops", "left")),
        *((name, ctypes.c_int64) for name in ("plans", "stages", "movements", "lanes", "seconds", "vehicles", "near")),
        *((name, ctypes.c_double) for name in ("saturation", "starts", "yellow", "empty", "gap", "fades")),
    )


def roll_out(
    library: ctypes.CDLL, columns: dict[str, np.ndarray], near: int, numbers: tuple[float, ...]
) -> tuple[Floats, Floats, Floats]:
    """Seconds lost, stops and those left by lane, of columns as `COLUMNS` names them."""
    held = [np.ascontiguousarray(columns[name], kind) for name, kind in COLUMNS]
    (_, lanes, seconds), stages, movements = columns["arrived"].shape, *columns["open"].shape[1:]
    plans: Ints = columns["junction"]
    lost, stops, left = np.empty(len(plans)), np.empty(len(plans)), np.empty((len(plans), lanes))
    sizes = (len(plans), stages, movements, lanes, seconds, columns["movement"].shape[2], near)
    pointers = (one.ctypes.data for one in (*held, lost, stops, left))
    library.chelu_roll_out(ctypes.byref(_Rollout(*pointers, *sizes, *numbers)))
    return lost, stops, left
