"""What the model is told of a sensor at an instant: its own past, its neighbours', the same hour of days before, the network's.

The same function serves training (all rows of a table) and a forecast now (its last row), so that they cannot differ. Nothing
after the instant is looked at. Time of day is not among the inputs: readings of days before at the same time say it, and tables
that do not tell the time can be forecast, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.city.forecast.readings import LONGEST_GAP_STEPS, Readings, Rows, Values, scaled

HORIZON_S = 3600
OWN_LAGS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 18, 24)
NEIGHBOUR_LAGS = (0, 1, 2, 4, 6, 9)
NEIGHBOURS = 10
NETWORK_LAGS = (0, 3, 6, 12)
DAYS = 7
_DAY_WEIGHT = 0.85  # of each day further back, against the day after it
_AROUND = np.array([1.0, 2.0, 3.0, 2.0, 1.0], np.float32)  # rows around the same time of a day before
DAY_AHEAD = (0, 1, 2, 3, 4, 6, 8, 10, 12)  # steps ahead at which days before are looked at
INPUTS = len(OWN_LAGS) + NEIGHBOURS * len(NEIGHBOUR_LAGS) + len(DAY_AHEAD) + 1 + len(NETWORK_LAGS) + 1
HISTORY_ROWS = max(*OWN_LAGS, *NEIGHBOUR_LAGS)


@dataclass(frozen=True, slots=True)
class Basis:
    """What is usual of each of n sensors: mean and deviation (n,), and its nearest `NEIGHBOURS` (n, k) by correlation.

    A sensor with fewer neighbours than that has itself in their place.
    """

    mean: Values
    deviation: Values
    neighbours: Rows


def basis_of(readings: Readings) -> Basis:
    """Learn the basis from readings; a sensor that never spoke or never changed has deviation 1."""
    values = readings.values
    is_told = np.isfinite(values)
    told, count = np.where(is_told, values, 0.0), np.maximum(is_told.sum(axis=0), 1)
    mean = (told.sum(axis=0) / count).astype(np.float32)
    deviation = np.sqrt((np.where(is_told, values - mean, 0.0) ** 2).sum(axis=0) / count).astype(np.float32)
    deviation = np.where(deviation > 1e-6, deviation, np.float32(1.0))
    return Basis(mean, deviation, _neighbours(scaled(values, mean, deviation).last))


def _neighbours(last: Values, block: int = 1000) -> Rows:
    """(n, k): those whose readings go most alike, block by block so that memory stays bounded."""
    n = last.shape[1]
    centred = last - last.mean(axis=0)
    centred /= np.maximum(np.linalg.norm(centred, axis=0), 1e-6)
    found = np.repeat(np.arange(n)[:, None], NEIGHBOURS, axis=1)
    wanted = min(NEIGHBOURS, n - 1)
    for begin in range(0, n if wanted else 0, block):
        alike = centred[:, begin : begin + block].T @ centred
        alike[np.arange(len(alike)), begin + np.arange(len(alike))] = -np.inf
        nearest = np.argpartition(-alike, wanted - 1, axis=1)[:, :wanted]
        order = np.argsort(-np.take_along_axis(alike, nearest, axis=1), axis=1, kind="stable")
        found[begin : begin + block, :wanted] = np.take_along_axis(nearest, order, axis=1)
    return found


@dataclass(frozen=True, slots=True)
class Inputs:
    """At r rows: features (r, n, INPUTS), each column of its own scale; now (r, n): the last reading known, in its own unit."""

    features: Values
    now: Values


def inputs_at(readings: Readings, rows: Rows, basis: Basis) -> Inputs:
    """What the model is told at these rows. Of a long table only what the rows need is looked at."""
    first = max(0, int(rows.min(initial=0)) - HISTORY_ROWS - LONGEST_GAP_STEPS)
    table = scaled(readings.values[first : int(rows.max(initial=-1)) + 1], basis.mean, basis.deviation)
    at = rows - first
    own = np.stack([_back(table.last, at, lag) for lag in OWN_LAGS], axis=-1)
    now = own[..., :1]
    # (r, n, lags) of all sensors, then of each one's neighbours, the nearest first
    around = np.stack([_back(table.last, at, lag) for lag in NEIGHBOUR_LAGS], axis=-1)[:, basis.neighbours]
    days = np.stack([days_before(readings.values, rows + ahead, readings.steps_a_day) for ahead in DAY_AHEAD], axis=-1)
    days = (days - basis.mean[:, None]) / basis.deviation[:, None]
    is_known = np.isfinite(days).all(axis=-1, keepdims=True)
    level = table.last.mean(axis=1)
    network = np.stack([_back(level, at, lag) for lag in NETWORK_LAGS], axis=-1)[:, None]
    features = np.concatenate(
        [
            now,
            own[..., 1:] - now,
            around.reshape(*around.shape[:2], -1),
            np.where(is_known, days - now, 0.0),
            is_known,
            np.broadcast_to(network, (*now.shape[:2], len(NETWORK_LAGS))),
            table.age[at][..., None],
        ],
        axis=-1,
        dtype=np.float32,
    )
    return Inputs(features, now[..., 0] * basis.deviation + basis.mean)


def days_before(values: Values, rows: Rows, steps_a_day: int) -> Values:
    """Of readings (t, n) the same time of up to `DAYS` days before, (r, n), later days weighing more; NaN where none told.

    Rows may lie beyond the table's end, by less than a day: a row a day before them is in it.
    """
    total = np.zeros((len(rows), values.shape[1]), np.float32)
    weight = np.zeros_like(total)
    for day in range(1, DAYS + 1):
        for offset, share in enumerate(_AROUND, start=-(len(_AROUND) // 2)):
            at = rows - day * steps_a_day + offset
            found = np.where(((at >= 0) & (at < len(values)))[:, None], values[np.clip(at, 0, len(values) - 1)], np.nan)
            is_told = np.isfinite(found)
            total += np.where(is_told, share * _DAY_WEIGHT ** (day - 1) * found, 0.0)
            weight += share * _DAY_WEIGHT ** (day - 1) * is_told
    return np.where(weight > 0.0, total / np.maximum(weight, 1e-9), np.nan)


def _back(values: Values, rows: Rows, lag: int) -> Values:
    """Values so many rows before; before the first row, the first."""
    return np.asarray(values[np.maximum(rows - lag, 0)])
