"""How well tracks are those of the true road users: MOTA, IDF1 and HOTA, of frames with similarities. Pure.

MOTA: Bernardin & Stiefelhagen, Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics, 2008; identity measures:
Ristani et al., Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking, 2016; HOTA: Luiten et al., HOTA: A
Higher Order Metric for Evaluating Multi-Object Tracking, 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MATCHES = 0.5  # the least similarity of a match
ALPHAS: Floats = np.arange(0.05, 0.99, 0.05)  # those at which HOTA asks
_KEPT = 1000.0  # more than any similarity: a match of the frame before is kept while it is one


@dataclass(frozen=True, slots=True)
class Frame:
    """One instant: ids of those who are there and of tracks, and how alike they are (t, k), 0 … 1."""

    truth: Ints
    tracks: Ints
    similarity: Floats


@dataclass(frozen=True, slots=True)
class Clear:
    """CLEAR MOT. switches: a road user's track is another than the last it had."""

    mota: float
    misses: int
    surplus: int
    switches: int
    truth: int


def clear(frames: Sequence[Frame]) -> Clear:
    """Matches of each frame at similarities of `MATCHES` and more, those of the frame before first."""
    misses = surplus = switches = total = 0
    last: dict[int, int] = {}
    before: dict[int, int] = {}
    for frame in frames:
        kept = np.array([before.get(one, -1) for one in frame.truth.tolist()])[:, None] == frame.tracks[None, :]
        row, column = _best((kept * _KEPT + frame.similarity) * (frame.similarity >= MATCHES))
        before = dict(zip(frame.truth[row].tolist(), frame.tracks[column].tolist(), strict=True))
        switches += sum(last.get(one, track) != track for one, track in before.items())
        last |= before
        misses += len(frame.truth) - len(row)
        surplus += len(frame.tracks) - len(row)
        total += len(frame.truth)
    return Clear(1.0 - (misses + surplus + switches) / max(total, 1), misses, surplus, switches, total)


def idf1(frames: Sequence[Frame]) -> float:
    """Share of instants at which a road user has the one track that is its, of both's instants."""
    truth, tracks = _ids(frames)
    shared = np.zeros((len(truth), len(tracks)))
    for frame in frames:
        row, column = np.nonzero(frame.similarity >= MATCHES)
        shared[np.searchsorted(truth, frame.truth)[row], np.searchsorted(tracks, frame.tracks)[column]] += 1
    right = float(shared[linear_sum_assignment(-shared)].sum())
    both = sum(len(frame.truth) + len(frame.tracks) for frame in frames)
    return 2.0 * right / max(both, 1)


@dataclass(frozen=True, slots=True)
class Hota:
    """Means over `ALPHAS`: of the geometric mean of both, of detection and of association."""

    hota: float
    deta: float
    assa: float


def hota(frames: Sequence[Frame]) -> Hota:
    """Matches by similarity and by how much of their lives two share; then both parts at each alpha."""
    truth, tracks = _ids(frames)
    alike, of_truth, of_tracks = np.zeros((len(truth), len(tracks))), np.zeros(len(truth)), np.zeros(len(tracks))
    places = [(np.searchsorted(truth, frame.truth), np.searchsorted(tracks, frame.tracks)) for frame in frames]
    for frame, (row, column) in zip(frames, places, strict=True):
        both = frame.similarity.sum(axis=0)[None, :] + frame.similarity.sum(axis=1)[:, None] - frame.similarity
        alike[np.ix_(row, column)] += np.where(both > 0, frame.similarity / np.where(both > 0, both, 1.0), 0.0)
        of_truth[row] += 1
        of_tracks[column] += 1
    aligned = alike / np.maximum(of_truth[:, None] + of_tracks[None, :] - alike, 1e-9)
    found = [
        _matches(frame, aligned[np.ix_(row, column)], row, column) for frame, (row, column) in zip(frames, places, strict=True)
    ]
    row, column, similarity = (np.concatenate([one[i] for one in found]) for i in range(3))
    parts = np.array([_at(alpha, row, column, similarity, of_truth, of_tracks) for alpha in ALPHAS.tolist()])
    detection, association = parts.T
    return Hota(float(np.sqrt(detection * association).mean()), float(detection.mean()), float(association.mean()))


def _matches(frame: Frame, aligned: Floats, row: Ints, column: Ints) -> tuple[Ints, Ints, Floats]:
    r, c = _best(aligned * frame.similarity)
    return row[r], column[c], frame.similarity[r, c]


def _at(alpha: float, row: Ints, column: Ints, similarity: Floats, of_truth: Floats, of_tracks: Floats) -> tuple[float, float]:
    """Detection and association at one alpha."""
    counts = similarity >= alpha - 1e-9
    right = int(counts.sum())
    detection = right / max(of_truth.sum() + of_tracks.sum() - right, 1.0)
    pair, number = np.unique(np.stack([row[counts], column[counts]]), axis=1, return_counts=True)
    shared = number / np.maximum(of_truth[pair[0]] + of_tracks[pair[1]] - number, 1.0)
    return detection, float((number * shared).sum() / max(right, 1))


def _ids(frames: Sequence[Frame]) -> tuple[Ints, Ints]:
    return tuple(np.unique(np.concatenate([getattr(one, name) for one in frames])) for name in ("truth", "tracks"))  # type: ignore[return-value]


def _best(score: Floats) -> tuple[Ints, Ints]:
    """Rows and columns matched so that the sum of scores is largest; those without a score are not."""
    row, column = linear_sum_assignment(-score)
    counts = score[row, column] > 0
    return row[counts], column[counts]
