"""The roads that lead from one signal to the next: what comes to a line was let go by another one, so long ago."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence, Set
from typing import TypeVar

import numpy as np

from services.inference.city.signals.contract import Streets

Road = TypeVar("Road", bound=Hashable)
MOST_PIECES = 6  # of a road between two signals, as maps cut it


def streets_of(
    exits: Sequence[Sequence[Road]],
    lanes: Sequence[Sequence[Road]],
    before: Mapping[Road, Set[Road]],
    length_m: Mapping[Road, float],
) -> Streets:
    """Exits and the lanes' roads of each junction in their order; before: which roads lead into a road."""
    exit_of = {road: (row, place) for row, own in enumerate(exits) for place, road in enumerate(own)}
    found = []
    for row, own in enumerate(lanes):
        for place, road in enumerate(own):
            there = _followed_back(road, exit_of, before, length_m)
            if there is not None and there[0] != row:
                found.append((there[0], there[1], row, place, there[2]))
    columns = np.array(found, np.float64).reshape(-1, 5).T
    begin, leaves, end, lane = (column.astype(np.int64) for column in columns[:4])
    return Streets(begin, leaves, end, lane, columns[4])


def _followed_back(
    road: Road, exit_of: Mapping[Road, tuple[int, int]], before: Mapping[Road, Set[Road]], length_m: Mapping[Road, float]
) -> tuple[int, int, float] | None:
    """Junction, exit and metres from where a road comes; None where several lead into it, or none."""
    metres = 0.0
    for _ in range(MOST_PIECES):
        metres += length_m[road]
        if road in exit_of:
            return (*exit_of[road], metres)
        others = before.get(road, set())
        if len(others) != 1:
            return None
        road = next(iter(others))
    return None
