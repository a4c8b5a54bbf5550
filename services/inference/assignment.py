"""One to one: of pairs that may belong together those that do, so that the sum of what speaks against them is least."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from services.inference.reports import Floats, Ints
from services.inference.types import Mask

_NEVER = 1e9
_MOST_SOLVED = 2000  # pairs of one group: some milliseconds


def one_to_one(row: Ints, column: Ints, cost: Floats) -> Mask:
    """Which of p pairs: every row and every column at most once, as many pairs as can be, at least cost.

    Pairs that compete with no other are taken as they are; the others are solved group by group, each of them small. In a crowd
    so large that this would keep warnings waiting (somebody invents road users at one place) the best pairs go first.
    """
    if not len(row):
        return np.zeros(0, np.bool_)
    _, rows = np.unique(row, return_inverse=True)
    _, columns = np.unique(column, return_inverse=True)
    is_alone = (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)
    chosen = is_alone.copy()
    rest = np.flatnonzero(~is_alone)
    if len(rest):
        group = _groups(rows[rest], columns[rest])
        order = np.argsort(group, kind="stable")
        edges = np.flatnonzero(np.diff(group[order])) + 1
        for each in np.split(rest[order], edges):
            solve = _solved if len(each) <= _MOST_SOLVED else _best_first
            chosen[each[solve(rows[each], columns[each], cost[each])]] = True
    return np.asarray(chosen)


def _groups(rows: Ints, columns: Ints) -> Ints:
    """For each pair the number of those that are linked with it."""
    first, count = int(rows.max()) + 1, int(rows.max()) + int(columns.max()) + 2
    graph = coo_array((np.ones(len(rows)), (rows, columns + first)), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    return np.asarray(label[rows], np.int64)


def _solved(rows: Ints, columns: Ints, cost: Floats) -> Ints:
    """Of the pairs of one group those that are chosen."""
    _, r = np.unique(rows, return_inverse=True)
    _, c = np.unique(columns, return_inverse=True)
    costs, pair = np.full((r.max() + 1, c.max() + 1), _NEVER), np.zeros((r.max() + 1, c.max() + 1), np.int64)
    costs[r, c], pair[r, c] = cost, np.arange(len(rows))
    best = linear_sum_assignment(costs)
    return np.asarray(pair[best][costs[best] < _NEVER])


def _best_first(rows: Ints, columns: Ints, cost: Floats) -> Ints:
    """Of the pairs of one group those that are chosen when each in turn takes what is left: quick, and nearly the least cost."""
    taken_rows, taken_columns = set[int](), set[int]()
    chosen: list[int] = []
    for pair in np.argsort(cost, kind="stable").tolist():
        row, column = int(rows[pair]), int(columns[pair])
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            chosen.append(pair)
    return np.array(chosen, np.int64)
