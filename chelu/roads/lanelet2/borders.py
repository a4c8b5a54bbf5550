"""Two borders of a lanelet: which way they run, the line in the middle between them, and how wide it is."""

from __future__ import annotations

import numpy as np

from chelu.roads.network import Floats

SAME_M = 0.05  # points of a centre line that are nearer than this are one


def aligned(left: Floats, right: Floats) -> tuple[bool, bool]:
    """Whether the left and the right border (k, 3) have to be turned round so that both run forwards, the left one at the left.

    A file may draw a border in either direction, since a border has a lanelet on each side of it.
    """
    ends = (0, -1)
    as_drawn = sum(float(np.hypot(*(left[end] - right[end])[:2])) for end in ends)
    crosswise = sum(float(np.hypot(*(left[end] - right[-1 - end])[:2])) for end in ends)
    turn_right = crosswise < as_drawn
    around = np.concatenate([left, right[:: 1 if turn_right else -1]])[:, :2]
    after = np.roll(around, -1, axis=0)
    is_left_handed = float(np.sum(around[:, 0] * after[:, 1] - after[:, 0] * around[:, 1])) > 0.0
    return is_left_handed, turn_right ^ is_left_handed


def between(left: Floats, right: Floats) -> tuple[Floats, float]:
    """The middle line (k, 3) of two borders that run alike, and the mean width between them; at least two points.

    Each corner of either border is met by the place at the same share of the other one's length; the width is the area in between
    over the middle's length. Both are in plan, heights are carried along. No points for borders without length.
    """
    shares = [_shares(line) for line in (left, right)]
    if shares[0] is None or shares[1] is None:
        return np.empty((0, 3)), 0.0
    stops = np.unique(np.round(np.concatenate([shares[0], shares[1]]), 9))
    a, b = (
        np.column_stack([np.interp(stops, share, line[:, axis]) for axis in range(3)])
        for share, line in ((shares[0], left), (shares[1], right))
    )
    middle = _without_twins((a + b) / 2.0)
    length = float(np.hypot(*np.diff(middle[:, :2], axis=0).T).sum())
    diagonals = (a[1:] - b[:-1])[:, :2], (b[1:] - a[:-1])[:, :2]
    area = np.abs(diagonals[0][:, 0] * diagonals[1][:, 1] - diagonals[0][:, 1] * diagonals[1][:, 0]).sum() / 2.0
    return (middle, float(area) / length) if length > SAME_M else (np.empty((0, 3)), 0.0)


def _shares(line: Floats) -> Floats | None:
    """How far along (0 … 1) each point lies in plan; None for a line without length."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line[:, :2], axis=0).T))])
    return along / along[-1] if along[-1] > 0.0 else None


def _without_twins(line: Floats) -> Floats:
    """A line without points that lie upon one another; both its ends stay."""
    keep = [0]
    for row in range(1, len(line) - 1):
        if np.hypot(*(line[row] - line[keep[-1]])[:2]) >= SAME_M and np.hypot(*(line[row] - line[-1])[:2]) >= SAME_M:
            keep.append(row)
    return np.asarray(line[[*keep, len(line) - 1]])
