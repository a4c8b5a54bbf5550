"""What signals showed, from stored SPAT: of ten messages a second that say the same, one a second and every change. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch
from chelu.units import US_PER_S

MOVED_US = 500_000  # an end that is told so much earlier or later is a change
UNKNOWN_END_US = -1


def lights(spat: Batch, from_us: int) -> dict[str, list[Any]]:
    """Lists of equal length in the order of time: whose phase, from when on (ms from `from_us`), which light, until when."""
    region = np.where(spat["region_id_valid"], spat["region_id"], 0).astype(np.int64)
    phase = (region << 40) + (spat["intersection_id"].astype(np.int64) << 20) + spat["phase_id"].astype(np.int64)
    time_us = spat["time_us"].astype(np.int64)
    ends = spat["likely_end_s"]
    end_us = np.where(np.isfinite(ends), time_us + np.nan_to_num(ends, posinf=0, neginf=0) * US_PER_S, UNKNOWN_END_US)
    by_phase = np.lexsort((time_us, phase))
    kept = by_phase[_changes(phase[by_phase], time_us[by_phase], spat["light"][by_phase], end_us[by_phase].astype(np.int64))]
    kept = kept[np.argsort(time_us[kept], kind="stable")]
    return {
        "region": region[kept].tolist(),
        "intersection": spat["intersection_id"][kept].tolist(),
        "phase": spat["phase_id"][kept].tolist(),
        "at_ms": ((time_us[kept] - from_us) // 1000).tolist(),
        "light": spat["light"][kept].tolist(),
        "end_ms": [None if end < 0 else int((end - from_us) // 1000) for end in end_us[kept].tolist()],
    }


def _changes(
    phase: npt.NDArray[np.int64], time_us: npt.NDArray[np.int64], light: npt.NDArray[Any], end_us: npt.NDArray[np.int64]
) -> npt.NDArray[np.intp]:
    """Rows, ordered by phase and time, that differ from the one before, or are the first of their second."""
    if not len(phase):
        return np.empty(0, np.intp)
    is_new = np.ones(len(phase), np.bool_)
    is_new[1:] = (
        (phase[1:] != phase[:-1])
        | (light[1:] != light[:-1])
        | (np.abs(end_us[1:] - end_us[:-1]) > MOVED_US)
        | (time_us[1:] // US_PER_S != time_us[:-1] // US_PER_S)
    )
    return np.flatnonzero(is_new)
