"""Cuts lane shapes into short straight pieces, and finds where pieces of different lanes meet in plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.roads.grid import Indices, expand, grid_of
from chelu.roads.network import Floats, Integers, Lines, Pieces

PIECE_M = 16.0
CELL_M = 10.0
REACH_M = 12.0  # how far from a lane's centre a position can be and still find it


def cut(shape: Lines, *, piece_m: float = PIECE_M, reach_m: float = REACH_M, cell_m: float = CELL_M) -> Pieces:
    """Pieces of at most `piece_m`, each in every grid cell within `reach_m` of its box. A shape of one point gives none."""
    last = np.zeros(len(shape.points), bool)
    last[shape.start[1:][shape.start[1:] > 0] - 1] = True
    first = np.flatnonzero(~last)
    a, b = shape.points[first], shape.points[first + 1]
    parts = np.maximum(1, np.ceil(np.linalg.norm(b - a, axis=1) / piece_m)).astype(np.int64)
    row, rank = expand(parts)
    lower, upper = (rank / parts[row])[:, None], ((rank + 1) / parts[row])[:, None]
    along = shape.offsets()[first]
    starts = a[row] + lower * (b - a)[row]
    ends = a[row] + upper * (b - a)[row]
    offset = along[row] + lower[:, 0] * np.linalg.norm(b - a, axis=1)[row]
    lane = np.repeat(np.arange(len(shape)), np.diff(shape.start))[first][row].astype(np.int32)
    low = np.minimum(starts, ends)[:, :2] - reach_m
    high = np.maximum(starts, ends)[:, :2] + reach_m
    return Pieces(starts, ends, lane, offset, grid_of(low, high, cell_m))


@dataclass(frozen=True, slots=True)
class Meetings:
    """Where pieces of two lanes are nearest in plan: lanes, offsets along them, points (n, 3) on each, distance between these."""

    lane_a: Integers
    lane_b: Integers
    offset_a: Floats
    offset_b: Floats
    point_a: Floats
    point_b: Floats
    distance_m: Floats


def meetings(pieces: Pieces, *, within_m: float) -> Meetings:
    """Pairs of pieces of different lanes, lane_a < lane_b, that come within `within_m` in plan."""
    pad = 0.5 * within_m
    low = np.minimum(pieces.a, pieces.b)[:, :2] - pad
    high = np.maximum(pieces.a, pieces.b)[:, :2] + pad
    one, two = grid_of(low, high, CELL_M).pairs()
    near = (pieces.lane[one] != pieces.lane[two]) & (low[one] <= high[two]).all(axis=1) & (low[two] <= high[one]).all(axis=1)
    one, two = one[near], two[near]
    swap = pieces.lane[one] > pieces.lane[two]
    one, two = np.where(swap, two, one), np.where(swap, one, two)
    s, t = _nearest(pieces, one, two)
    point_a = pieces.a[one] + s[:, None] * (pieces.b - pieces.a)[one]
    point_b = pieces.a[two] + t[:, None] * (pieces.b - pieces.a)[two]
    distance = np.linalg.norm((point_a - point_b)[:, :2], axis=1)
    keep = distance <= within_m
    length = np.linalg.norm(pieces.b - pieces.a, axis=1)
    offset_a, offset_b = pieces.offset[one] + s * length[one], pieces.offset[two] + t * length[two]
    columns = (pieces.lane[one], pieces.lane[two], offset_a, offset_b, point_a, point_b, distance)
    return Meetings(*(column[keep] for column in columns))


def _nearest(pieces: Pieces, one: Indices, two: Indices) -> tuple[Floats, Floats]:
    """Shares (0..1) along pieces `one` and `two` at which they are nearest in plan: their crossing, else an end."""
    p, q = pieces.a[one, :2], pieces.a[two, :2]
    u, v, w = pieces.b[one, :2] - p, pieces.b[two, :2] - q, q - p
    cross = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    safe = np.where(np.abs(cross) > 1e-9, cross, np.inf)
    s, t = (w[:, 0] * v[:, 1] - w[:, 1] * v[:, 0]) / safe, (w[:, 0] * u[:, 1] - w[:, 1] * u[:, 0]) / safe
    crossing = np.isfinite(safe) & (s >= 0) & (s <= 1) & (t >= 0) & (t <= 1)
    uu, vv = np.maximum((u * u).sum(1), 1e-12), np.maximum((v * v).sum(1), 1e-12)
    zero, full = np.zeros(len(one)), np.ones(len(one))
    shares_s = np.stack([zero, full, _clip((w * u).sum(1) / uu), _clip(((w + v) * u).sum(1) / uu)])
    shares_t = np.stack([_clip((-w * v).sum(1) / vv), _clip(((u - w) * v).sum(1) / vv), zero, full])
    gap = shares_s[..., None] * u - shares_t[..., None] * v - w
    best = np.argmin((gap * gap).sum(2), axis=0)
    column = np.arange(len(one))
    return np.where(crossing, s, shares_s[best, column]), np.where(crossing, t, shares_t[best, column])


def _clip(share: Floats) -> Floats:
    return np.clip(share, 0.0, 1.0)
