"""Methods that are trained on the same table, for comparison: ridge regression of each sensor, and boosted trees of all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from evaluation.forecast.examples import Told, told_of
from evaluation.forecast.training import rows_to_learn
from services.inference.city.forecast.features import Basis
from services.inference.city.forecast.readings import Readings, Rows, Values
from services.inference.reports import Floats

STIFFNESS = 1000.0  # of the ridge, in deviations: the best of 100, 1 000 and 5 000 on METR-LA
TREE_ROUNDS, TREE_RATE = 200, 0.1
MOST_OF_TREES = 300_000  # examples


class Ridge:
    """Each sensor's own linear regression of the change from now on, on the model's inputs."""

    def __init__(self, readings: Readings, basis: Basis, steps: tuple[int, ...]) -> None:
        self._basis = basis
        told = told_of(readings, basis, rows_to_learn(readings))
        self._weights = [_fit(told, sensor, steps) for sensor in range(len(readings.sensors))]

    def __call__(self, readings: Readings, rows: Rows) -> Values:
        """(r, n, steps)."""
        told = told_of(readings, self._basis, rows)
        change = [_widened(told.inputs[:, at]) @ weights for at, weights in enumerate(self._weights)]
        return np.asarray(told.now[..., None] + np.stack(change, axis=1), np.float32)


def _fit(told: Told, sensor: int, steps: tuple[int, ...]) -> Floats:
    inputs = _widened(told.inputs[:, sensor])
    weights = np.empty((inputs.shape[1], len(steps)))
    for at, step in enumerate(steps):
        change = told.then[:, sensor, step - 1] - told.now[:, sensor]
        known = np.isfinite(change)
        x = inputs[known]
        weights[:, at] = np.linalg.solve(x.T @ x + STIFFNESS * np.eye(x.shape[1]), x.T @ change[known])
    return weights


def _widened(inputs: Values) -> Floats:
    return np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1, dtype=np.float64)


class Trees:
    """Gradient-boosted trees of the absolute error, one for each horizon, on the model's inputs and the sensor's number."""

    def __init__(self, readings: Readings, basis: Basis, steps: tuple[int, ...], tell: Callable[[float], None]) -> None:
        self._basis, self._trees = basis, []
        told = told_of(readings, basis, rows_to_learn(readings))
        rng = np.random.default_rng(0)
        for at, step in enumerate(steps):
            change = told.then[..., step - 1] - told.now
            row, sensor = np.nonzero(np.isfinite(change))
            if len(row) > MOST_OF_TREES:
                chosen = rng.choice(len(row), MOST_OF_TREES, replace=False)
                row, sensor = row[chosen], sensor[chosen]
            tree = HistGradientBoostingRegressor(
                loss="absolute_error", max_iter=TREE_ROUNDS, learning_rate=TREE_RATE, early_stopping=False, random_state=0
            )
            self._trees.append(tree.fit(_numbered(told.inputs[row, sensor], sensor), change[row, sensor]))
            tell((at + 1) / len(steps))

    def __call__(self, readings: Readings, rows: Rows) -> Values:
        """(r, n, steps)."""
        told = told_of(readings, self._basis, rows)
        r, n, inputs = told.inputs.shape
        x = _numbered(told.inputs.reshape(-1, inputs), np.tile(np.arange(n), r))
        change = np.stack([tree.predict(x).reshape(r, n) for tree in self._trees], axis=2)
        return np.asarray(told.now[..., None] + change, np.float32)


def _numbered(inputs: Values, sensor: Rows) -> Values:
    return np.concatenate([inputs, sensor[:, None]], axis=1, dtype=np.float32)
