"""Sampled futures brought from each one's own instant to one of all, and where two of them come closest."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu import native

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Samples = npt.NDArray[Any]  # float64 or float32


class _Instants(ctypes.Structure):
    """`chelu_instants` in near.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("xy", "heading_deg", "slots", "whole", "part", "xy_then", "heading_then")),
        *((name, ctypes.c_int64) for name in ("count", "steps", "kept", "is_single")),
    )


def aligned(xy: Samples, heading_deg: Samples, slots: Ints, steps: Floats, kept: int) -> tuple[Floats, Floats]:
    """Futures of `slots` (m,) from `steps` (m,) ≥ 0 samples after their start: (m, kept, 2) and headings (m, kept).

    xy (n, s, 2), heading_deg (n, s) with s > steps + kept. Between samples places are linear and headings turn the short way.
    """
    whole = steps.astype(np.int64)
    _check(slots, len(xy))
    _check(whole, xy.shape[1] - kept)
    code = native.library()
    if code is None:
        return _aligned(xy, heading_deg, slots, whole, (steps - whole)[:, None], kept)
    there, then = np.empty((len(slots), kept, 2)), np.empty((len(slots), kept))
    held = [np.ascontiguousarray(one) for one in (xy, heading_deg, slots, whole, steps - whole)]
    pointers = [one.ctypes.data for one in (*held, there, then)]
    code.chelu_align(ctypes.byref(_Instants(*pointers, len(slots), xy.shape[1], kept, int(xy.dtype == np.float32))))
    return there, then


def closest(xy: Floats, a: Ints, b: Ints) -> Ints:
    """The sample (p,) at which tracks a and b (p,) of xy (m, s, 2) are nearest, the first of equals."""
    _check(np.concatenate([a, b]), len(xy))
    code = native.library()
    if code is None:
        apart = xy[a] - xy[b]
        return np.asarray(np.argmin(np.einsum("psk,psk->ps", apart, apart), axis=1))
    step = np.empty(len(a), np.int64)
    held = [np.ascontiguousarray(one) for one in (xy, a, b)]
    code.chelu_closest(*(one.ctypes.data for one in (*held, step)), len(a), xy.shape[1])
    return step


def _aligned(xy: Samples, heading_deg: Samples, slots: Ints, whole: Ints, part: Floats, kept: int) -> tuple[Floats, Floats]:
    index = (slots * xy.shape[1] + whole)[:, None] + np.arange(kept + 1)
    xy = xy.reshape(-1, 2).take(index, axis=0).astype(np.float64)
    heading = heading_deg.ravel().take(index).astype(np.float64)
    turn = heading[:, 1:] - heading[:, :-1]
    then = heading[:, :-1] + part * (turn - 360.0 * np.rint(turn / 360.0))
    return xy[:, :-1] + part[..., None] * (xy[:, 1:] - xy[:, :-1]), then


def _check(asked: Ints, count: int) -> None:
    """Native code reads where it is told to."""
    if len(asked) and not (asked.min() >= 0 and asked.max() < count):
        raise IndexError(f"{asked.min()} to {asked.max()} are asked for, there are {count}")
