"""The way by road between two sightings of a track: what was spent and driven on which lane, what was entered and left, and when.

A track is taken to have driven evenly along the shortest way, so that a segment crossed in between counts, and the instants at
which segments begin and end lie between the sightings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.city.state.layout import Layout
from services.inference.city.state.reach import MOST_BETWEEN, Reach
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

_LEAST_M = 0.1  # of a way: on a shorter one nobody drives evenly


@dataclass(frozen=True, slots=True)
class Ways:
    """n ways: lanes (n, MOST_BETWEEN + 2), −1 where there is none, the first and the last in the outer columns; metres on each.

    is_joined (n,): whether a road leads from the first to the last at all; crosses (n,): whether they are of different links.
    """

    lane: Ints
    metres: Floats
    is_joined: Mask
    crosses: Mask

    def take(self, rows: Ints | Mask) -> Ways:
        """These ways."""
        return Ways(self.lane[rows], self.metres[rows], self.is_joined[rows], self.crosses[rows])

    def with_ways(self, rows: Ints, others: Ways) -> Ways:
        """These with others in place of some."""
        lane, metres, is_joined, crosses = self.lane.copy(), self.metres.copy(), self.is_joined.copy(), self.crosses.copy()
        lane[rows], metres[rows] = others.lane, others.metres
        is_joined[rows], crosses[rows] = others.is_joined, others.crosses
        return Ways(lane, metres, is_joined, crosses)

    def without_first(self) -> Ways:
        """The ways from the ends of their first lanes on."""
        lane, metres = self.lane.copy(), self.metres.copy()
        lane[:, 0], metres[:, 0] = -1, 0.0
        return Ways(lane, metres, self.is_joined, self.crosses)


@dataclass(frozen=True, slots=True)
class Stretches:
    """k stretches driven: of which way (row), on which lane, in how many seconds, how many metres."""

    row: Ints
    lane: Ints
    seconds: Floats
    metres: Floats

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class Passages:
    """c segments entered and left: of which way (row), on which lane, when, and the segment before (−1 unknown).

    took_s: from entering to leaving, NaN where the entering was not seen, and of who enters.
    """

    row: Ints
    lane: Ints
    at_us: Ints
    came_from: Ints
    took_s: Floats

    def __len__(self) -> int:
        return len(self.row)


def ways_between(layout: Layout, reach: Reach, one: Ints, one_m: Floats, two: Ints, two_m: Floats) -> Ways:
    """The shortest ways from places on lanes `one` to places on lanes `two` (n,)."""
    link_one, link_two = layout.link[one], layout.link[two]
    is_same = link_one == link_two
    gap = np.where(is_same, 0.0, reach.gap(link_one, link_two))
    lane = np.full((len(one), MOST_BETWEEN + 2), -1, np.int64)
    metres = np.zeros(lane.shape)
    cross = np.flatnonzero(~is_same & np.isfinite(gap))
    if len(cross):
        between = reach.between(link_one[cross], link_two[cross])[:, ::-1]
        via = np.where(between >= 0, layout.first_lane[np.maximum(between, 0)], -1)
        lane[cross, 1:-1] = via
        metres[cross, 1:-1] = np.where(via >= 0, layout.length_m[np.maximum(via, 0)], 0.0)
    lane[:, 0], lane[:, -1] = one, two
    half = (two_m - one_m) / 2.0  # who changes lanes does so half-way
    metres[:, 0] = np.where(is_same, half, layout.length_m[one] - one_m)
    metres[:, -1] = np.where(is_same, half, two_m)
    return Ways(lane, metres, np.isfinite(gap), ~is_same)


def instants(ways: Ways, from_us: Ints, to_us: Ints) -> Ints:
    """When each lane of each way was left (n, MOST_BETWEEN + 2), driving evenly."""
    metres = np.maximum(ways.metres, 0.0)
    total = metres.sum(axis=1)
    is_there = ways.lane >= 0
    even = is_there / np.maximum(is_there.sum(axis=1), 1)[:, None]
    share = np.where((total > _LEAST_M)[:, None], metres / np.maximum(total, _LEAST_M)[:, None], even)
    return np.asarray(from_us[:, None] + np.rint(np.cumsum(share, axis=1) * (to_us - from_us)[:, None]).astype(np.int64))


def stretches(ways: Ways, from_us: Ints, left_us: Ints) -> Stretches:
    """What was spent and driven on every lane."""
    begins_us = np.concatenate([from_us[:, None], left_us[:, :-1]], axis=1)
    row, column = np.nonzero(ways.lane >= 0)
    seconds = (left_us - begins_us)[row, column] / 1e6
    return Stretches(row, ways.lane[row, column], seconds, ways.metres[row, column])


def passages(layout: Layout, ways: Ways, left_us: Ints, segment: Ints, entered_us: Ints) -> tuple[Passages, Passages, Ints]:
    """Segments entered, segments left, and when each way's last segment was entered (n,), 0 unknown.

    segment, entered_us (n,): the segment each was on before, and since when, 0 unknown.
    """
    rows = np.flatnonzero(ways.crosses)
    entered, left = [], []
    at, since = segment[rows], entered_us[rows]
    last = ways.lane.shape[1] - 1
    for column in range(last + 1):
        lane = ways.lane[rows, column]
        here = np.where(lane >= 0, layout.segment[np.maximum(lane, 0)], -1)
        on = np.flatnonzero(here >= 0)
        if column > 0:
            begin_us = left_us[rows[on], column - 1]
            entered.append((rows[on], lane[on], begin_us, at[on], np.full(len(on), np.nan)))
            at[on], since[on] = here[on], begin_us
        if column < last:
            end_us = left_us[rows[on], column]
            took = np.where(since[on] > 0, (end_us - since[on]) / 1e6, np.nan)
            left.append((rows[on], lane[on], end_us, at[on], took))
    result = entered_us.copy()
    result[rows] = since
    return _joined(entered), _joined(left), result


def _joined(parts: list[tuple[Ints, Ints, Ints, Ints, Floats]]) -> Passages:
    return Passages(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
