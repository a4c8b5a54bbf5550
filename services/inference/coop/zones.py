"""Conflict zones of a node: which part of one way lies so near another that two vehicles cannot be there together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.inference.coop.streets import Way

STEP_M = 1.0
CLEAR_M = 3.0  # centre lines nearer than this share a place: a bus is 2.55 m wide
LEVEL_M = 2.5  # higher apart is another deck
LINE_M = 0.5  # what of a way its entry zone covers: those who come from one lane enter one after the other


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a way that lies in a zone, metres from the stop line."""

    zone: int
    begin_m: float
    end_m: float


class Zones:
    """Zones of one node by number, from 1; worked out pair by pair, when a way is first asked for.

    A zone belongs to a pair of ways that cross or merge, or to the stop line of a lane.
    """

    def __init__(self, ways: Sequence[Way]) -> None:
        self._ways = ways
        self._number: dict[tuple[int, int], int] = {}
        self._shared: dict[tuple[int, int], tuple[tuple[float, float], tuple[float, float]] | None] = {}

    def of(self, way: Way) -> list[Stretch]:
        """The zones that a way leads through."""
        mine = self._ways.index(way)
        found = [Stretch(self._numbered((-1, way.from_lane)), 0.0, LINE_M)]
        for other, one in enumerate(self._ways):
            if one.from_lane == way.from_lane:
                continue
            pair = min(mine, other), max(mine, other)
            if pair not in self._shared:
                self._shared[pair] = shared(self._ways[pair[0]], self._ways[pair[1]])
            part = self._shared[pair]
            if part is not None:
                found.append(Stretch(self._numbered(pair), *part[0 if mine == pair[0] else 1]))
        return found

    def _numbered(self, key: tuple[int, int]) -> int:
        return self._number.setdefault(key, len(self._number) + 1)


def shared(one: Way, two: Way) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """From where to where each is within `CLEAR_M` of the other on one deck; None where they never are."""
    (at_one, points_one), (at_two, points_two) = sampled(one), sampled(two)
    apart = points_one[:, None, :] - points_two[None, :, :]
    near = (np.hypot(apart[..., 0], apart[..., 1]) <= CLEAR_M) & (np.abs(apart[..., 2]) <= LEVEL_M)
    if not near.any():
        return None
    in_one, in_two = at_one[near.any(axis=1)], at_two[near.any(axis=0)]
    return (float(in_one[0]), float(in_one[-1])), (float(in_two[0]), float(in_two[-1]))


def sampled(way: Way) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Offsets (n,) not more than `STEP_M` apart, both ends included, and the points (n, 3) there."""
    at = np.linspace(0.0, way.length_m, max(2, int(np.ceil(way.length_m / STEP_M)) + 1))
    return at, np.column_stack([np.interp(at, way.along, way.points[:, axis]) for axis in range(3)])
