"""Pairs of which one or both may take several ways: every way with every way, weighed by how likely both are taken.

A contact counts where it is more likely than not that ways are taken on which it comes; it is then that of the likeliest of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chelu.motion.sweep import Meeting
from services.inference.reports import Floats, Ints

LEAST_LIKELY = 0.5  # of the ways together on which two touch
Meet = Callable[[Ints, Ints], Meeting]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of tracks: weight (m,): how likely each one's way is taken; other (m,): the row of its next likely way, −1 none."""

    weight: Floats
    other: Ints


@dataclass(frozen=True, slots=True)
class Mixed:
    """Of p pairs: their meeting, and the rows a and b of the ways on which it comes, or comes most likely.

    taken (p,): how likely ways are taken on which it comes, whatever places and speeds may be off.
    """

    meeting: Meeting
    way_a: Ints
    way_b: Ints
    taken: Floats


def meet_mixed(rows: Rows, a: Ints, b: Ints, meet: Meet) -> Mixed:
    """Pairs of rows a and b (p,), each on its likeliest way. meet: gives the meetings of pairs of rows."""
    pair, way_a, way_b = _combinations(rows, a, b)
    each, count = meet(way_a, way_b), len(a)
    if len(pair) == count and not (rows.weight < 1.0).any():
        return Mixed(each, a, b, np.ones(count))
    weight = rows.weight[way_a] * rows.weight[way_b]
    touches = np.isfinite(each.first_s)
    probability = np.bincount(pair, weight * each.probability, count).astype(np.float64)
    share = np.bincount(pair, weight * touches, count)
    best = _best(pair, weight * (touches + each.probability))
    likeliest = _best(pair, weight * each.probability)
    first = np.where(share >= LEAST_LIKELY, each.first_s[best], np.inf)
    taken = np.maximum(share, weight[best])
    return Mixed(Meeting(first, probability, each.likeliest_s[likeliest]), way_a[best], way_b[best], taken)


def _combinations(rows: Rows, a: Ints, b: Ints) -> tuple[Ints, Ints, Ints]:
    """Pair and rows of all combinations of ways; the first p are the pairs themselves."""
    pairs, parts = np.arange(len(a)), [(np.arange(len(a)), a, b)]
    other_a, other_b = rows.other[a], rows.other[b]
    for one, two in ((other_a, b), (a, other_b), (other_a, other_b)):
        there = (one >= 0) & (two >= 0)
        parts.append((pairs[there], one[there], two[there]))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))  # type: ignore[return-value]


def _best(pair: Ints, score: Floats) -> Ints:
    """The combination (p,) with the largest score of each of p pairs; of equals the pair itself, which comes first."""
    order = np.lexsort((np.arange(len(pair)), -score, pair))
    first = np.concatenate([[True], pair[order][1:] != pair[order][:-1]])
    return np.asarray(order[first[: len(order)]])
