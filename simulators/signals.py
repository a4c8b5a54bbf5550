"""A log of signal changes, turned into what a signal controller says ten times a second."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.lights import Light
from chelu.messages import Batch, concatenate
from simulators.scene import SIGNAL, empty, sort_by_time

__all__ = ["PERIOD_MS", "Light", "instants", "states_at"]

PERIOD_MS = 100


def instants(begin_ms: float, end_ms: float, period_ms: int = PERIOD_MS) -> npt.NDArray[np.int64]:
    """Whole multiples of the period from `begin_ms` to `end_ms`, both included when they are multiples."""
    first, last = int(np.ceil(begin_ms / period_ms)), int(np.floor(end_ms / period_ms))
    return np.arange(first, last + 1, dtype=np.int64) * period_ms


def states_at(
    times_ms: npt.NDArray[np.int64],
    changes_ms: npt.NDArray[np.float64],
    lights: npt.NDArray[np.uint8],
    *,
    intersection_id: int,
    phase_ids: npt.NDArray[np.uint8],
) -> Batch:
    """The lights in force at each instant, one row per instant and head, with the time until that head's next change.

    times_ms: (t,); changes_ms: (c,) ascending; lights: (c, h), what each head shows from that change on; phase_ids: (h,).
    Instants before the first change have no rows; after a head's last change the end of its light is not known (NaN).
    """
    known = times_ms[times_ms >= changes_ms[0]] if len(changes_ms) else times_ms[:0]
    heads = [_head(known, changes_ms, lights[:, h], int(phase)) for h, phase in enumerate(phase_ids)]
    rows = sort_by_time(concatenate(heads)) if heads else empty(SIGNAL)
    return rows.with_columns(intersection_id=np.full(len(rows), intersection_id, np.uint16))


def _head(
    times_ms: npt.NDArray[np.int64], changes_ms: npt.NDArray[np.float64], lights: npt.NDArray[np.uint8], phase_id: int
) -> Batch:
    """One head's rows; a log line that does not change this head is no change."""
    is_change = np.concatenate([[True], lights[1:] != lights[:-1]])
    begins, shown = changes_ms[is_change], lights[is_change]
    index = np.searchsorted(begins, times_ms, side="right") - 1
    ends = np.append(begins[1:], np.nan)[index]
    n = len(times_ms)
    return Batch(
        {
            "time_ms": times_ms,
            "intersection_id": np.zeros(n, np.uint16),
            "phase_id": np.full(n, phase_id, np.uint8),
            "light": shown[index].astype(np.uint8),
            "likely_end_s": (ends - times_ms) / 1000,
        }
    )
