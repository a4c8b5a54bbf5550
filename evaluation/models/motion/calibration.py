"""Whether the model's mixture says truly how far off it may be, and how likely each way is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from evaluation.models.motion.dataset import Driven
from services.inference.ahead import Ahead
from services.inference.motion_model import Outlook
from services.inference.reports import Floats

WITHIN = (0.5, 0.9)  # central shares of the distributions that are looked at
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0 + 1e-9)


@dataclass(frozen=True, slots=True)
class Ways:
    """Ways said to be taken with a likelihood between two edges: how many, what was said on average, which share was taken."""

    count: int
    said: float
    taken: float


def covered(outlook: Outlook, driven: Driven) -> dict[str, Floats]:
    """Share of truths within each of `WITHIN` by knot (2, k), along and beside the way that was taken."""
    rows = np.flatnonzero(driven.is_taken)
    along = np.einsum(
        "rp,rpk->rk",
        outlook.pace[rows],
        laplace_cdf(driven.along_m[rows][:, None], outlook.along_m[rows], outlook.along_error_m[rows]),
    )
    aside = laplace_cdf(driven.aside_m[rows], outlook.aside_m[rows], outlook.aside_error_m[rows])
    return {name: np.stack([_central(place, share) for share in WITHIN]) for name, place in (("along", along), ("aside", aside))}


def laplace_cdf(value: Floats, middle: Floats, scale: Floats) -> Floats:
    """Share of Laplace distributions below values."""
    away = (value - middle) / scale
    tail = 0.5 * np.exp(-np.abs(away))
    return np.where(away < 0, tail, 1.0 - tail)


def _central(place: Floats, share: float) -> Floats:
    return np.asarray(np.mean(np.abs(place - 0.5) <= share / 2.0, axis=0))


def ways_said(outlook: Outlook, driven: Driven, ahead: Ahead) -> list[Ways]:
    """Where the ways have parted by the last knot: of those said to be likely so or so, how many were taken."""
    has_parted = _parted(driven, ahead)
    found = []
    for low, high in pairwise(EDGES):
        chosen = has_parted & (outlook.way >= low) & (outlook.way < high)
        if chosen.any():
            found.append(Ways(int(chosen.sum()), float(outlook.way[chosen].mean()), float(driven.is_taken[chosen].mean())))
    return found


def _parted(driven: Driven, ahead: Ahead) -> npt.NDArray[np.bool_]:
    """Rows of tracks that had a choice and of whose ways exactly one was taken."""
    taken = np.bincount(ahead.row, driven.is_taken, int(ahead.row.max(initial=-1)) + 1)
    return np.asarray((ahead.choices > 1) & (taken[ahead.row] == 1))
