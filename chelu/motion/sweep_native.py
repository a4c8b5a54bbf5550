"""`chelu.motion.sweep.meet_among` in one pass of native code (chelu/native/meet.c): no table of legs, no copies for a pair."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MOST_STEPS = 256  # as in meet.c
_READ = ("xy", "heading_deg", "size_m", "along_m", "across_m", "a", "b")
_WRITTEN = ("first_s", "probability", "likeliest_s")


class _Meetings(ctypes.Structure):
    """`chelu_meetings` in meet.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in (*_READ, *_WRITTEN)),
        *((name, ctypes.c_int64) for name in ("pairs", "steps")),
        ("step_s", ctypes.c_double),
    )


def meet(
    library: ctypes.CDLL, tracks: tuple[Floats, Floats, Floats], spread: tuple[Floats, Floats], a: Ints, b: Ints, step_s: float
) -> tuple[Floats, Floats, Floats]:
    """first_s, probability and likeliest_s (p,) of rows a and b of tracks: xy, heading_deg, size_m; spread along and across."""
    count, steps = tracks[1].shape
    if len(a) and not (min(a.min(), b.min()) >= 0 and max(a.max(), b.max()) < count):
        raise IndexError(f"pairs name tracks {min(a.min(), b.min())} to {max(a.max(), b.max())}, there are {count}")
    held = [np.ascontiguousarray(one, np.float64) for one in (*tracks, *spread)]
    rows = [np.ascontiguousarray(one, np.int64) for one in (a, b)]
    written = np.empty((len(_WRITTEN), len(a)))
    pointers = [one.ctypes.data for one in (*held, *rows, *written)]
    library.chelu_meet(ctypes.byref(_Meetings(*pointers, len(a), steps, step_s)))
    return written[0], written[1], written[2]
