"""The legs of `chelu.motion.passage` in one pass of native code (chelu/native/passage.c)."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from chelu.motion.conflict import Futures

Ints = npt.NDArray[np.int64]
MOST_STEPS = 256  # as in passage.c
_SIDES = ("a", "b")


class _Passages(ctypes.Structure):
    """`chelu_passages` in passage.c."""

    _fields_ = (
        *((f"{name}_{side}", ctypes.c_void_p) for name in ("xy", "heading_deg", "size_m") for side in _SIDES),
        ("last", ctypes.c_void_p),
        *((f"{name}_{side}", ctypes.c_void_p) for name in ("enter", "leave") for side in _SIDES),
        *((name, ctypes.c_int64) for name in ("pairs", "steps")),
    )


def legs(library: ctypes.CDLL, a: Futures, b: Futures, last: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """First and last leg of a, then of b, that sweep ground of the other's, of legs up to `last` (p,); all (p,)."""
    columns = (a.xy, b.xy, a.heading_deg, b.heading_deg, a.size_m, b.size_m)
    held = [np.ascontiguousarray(one, np.float64) for one in columns]
    shapes = {one.shape for one in (a.xy, b.xy)} | {(*one.shape, 2) for one in (a.heading_deg, b.heading_deg)}
    if len(shapes) > 1 or {a.size_m.shape, b.size_m.shape, (len(last), 2)} != {(len(a.xy), 2)}:
        raise ValueError(f"futures of {len(a.xy)} and {len(b.xy)} tracks, and {len(last)} limits, do not belong together")
    last, written = np.ascontiguousarray(last, np.int64), np.empty((4, len(last)), np.int64)
    pointers = [one.ctypes.data for one in (*held, last, *written)]
    library.chelu_pass(ctypes.byref(_Passages(*pointers, *a.xy.shape[:2])))
    return written[0], written[2], written[1], written[3]
