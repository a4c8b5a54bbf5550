"""A network of two hidden layers that learns quantiles, in numpy: training needs nothing that a site does not have.

Inputs are a row's features and a vector of its own for each sensor, learned with the rest; one more such vector is of sensors
that were never seen. Adam, dropout, a rate that falls as half a cosine. Seeded: the same readings give the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from evaluation.adam import Adam, Weights
from services.inference.city.forecast.model import QUANTILES
from services.inference.city.forecast.readings import Rows, Values

HIDDEN = 256
OWN = 16  # numbers learned for each sensor
DROPOUT = 0.1
UNSEEN_SHARE = 0.05  # of rows trained as if of a sensor never seen
BATCH = 1024
RATE, DECAY, WARM_UP_STEPS = 2e-3, 0.01, 200
SMOOTH = 0.05  # of the quantile loss's bend, in the targets' unit
LIMIT = 5.0  # deviations beyond which an input counts as this many


@dataclass(frozen=True, slots=True)
class Examples:
    """inputs (t, n, f); targets (t, n, h): NaN where unknown, never learned from."""

    inputs: Values
    targets: Values


@dataclass(frozen=True, slots=True)
class Network:
    """Weights by name; `mean` and `deviation` (f,) scale the inputs, `own` (n + 1, OWN) is each sensor's vector."""

    weights: Mapping[str, Values]
    horizons: int

    def predict(self, inputs: Values, sensor: Rows) -> Values:
        """Inputs (r, f) of sensors (r,), n for one never seen → (r, h, quantiles)."""
        w = self.weights
        x = np.concatenate([_bounded(inputs, w), w["own"][sensor]], axis=1)
        hidden = np.maximum(np.maximum(x @ w["w1"] + w["b1"], 0.0) @ w["w2"] + w["b2"], 0.0)
        told = (hidden @ w["w3"] + w["b3"]).reshape(len(x), self.horizons, len(QUANTILES))
        return np.asarray(told, np.float32)


def train(examples: Examples, *, epochs: int, seed: int, tell: Callable[[float], None] = lambda _: None) -> Network:
    """Learn; `tell` hears the share that is done."""
    rng = np.random.default_rng(seed)
    _, sensors, inputs = examples.inputs.shape
    horizons = examples.targets.shape[2]
    weights = _begin(rng, examples.inputs.reshape(-1, inputs), sensors, horizons)
    at, of = np.nonzero(np.isfinite(examples.targets).any(axis=2))
    steps, adam = epochs * (len(at) // BATCH), Adam(weights, decay=DECAY)
    for step, chosen in enumerate(_batches(rng, len(at), epochs), start=1):
        row, sensor = at[chosen], of[chosen]
        x = _bounded(examples.inputs[row, sensor], weights)
        own = np.where(rng.random(len(sensor)) < UNSEEN_SHARE, sensors, sensor)
        slopes = _slopes(rng, weights, (x, own), examples.targets[row, sensor])
        adam.step(slopes, RATE * min(1.0, step / WARM_UP_STEPS) * 0.5 * (1.0 + np.cos(np.pi * step / steps)))
        if step % 50 == 0:
            tell(step / steps)
    return Network(weights, horizons)


def untrained(inputs: Values, sensors: int, horizons: int, *, seed: int) -> Network:
    """A network as training begins with it, for inputs like these (r, f)."""
    return Network(_begin(np.random.default_rng(seed), inputs, sensors, horizons), horizons)


def _begin(rng: np.random.Generator, inputs: Values, sensors: int, horizons: int) -> Weights:
    def layer(rows: int, columns: int, size: float) -> Values:
        return np.asarray(rng.standard_normal((rows, columns)) * np.sqrt(2.0 / rows) * size, np.float32)

    outputs = horizons * len(QUANTILES)
    return {
        "mean": inputs.mean(axis=0),
        "deviation": inputs.std(axis=0) + np.float32(1e-3),
        "own": (rng.standard_normal((sensors + 1, OWN)) * 0.1).astype(np.float32),
        "w1": layer(inputs.shape[1] + OWN, HIDDEN, 1.0),
        "b1": np.zeros(HIDDEN, np.float32),
        "w2": layer(HIDDEN, HIDDEN, 1.0),
        "b2": np.zeros(HIDDEN, np.float32),
        "w3": layer(HIDDEN, outputs, 0.1),
        "b3": np.zeros(outputs, np.float32),
    }


def _batches(rng: np.random.Generator, rows: int, epochs: int) -> Iterator[Rows]:
    for _ in range(epochs):
        order = rng.permutation(rows)
        for begin in range(0, rows - BATCH + 1, BATCH):
            yield order[begin : begin + BATCH]


def _bounded(inputs: Values, weights: Mapping[str, Values]) -> Values:
    bounded: Values = np.clip((inputs - weights["mean"]) / weights["deviation"], -LIMIT, LIMIT)
    return bounded.astype(np.float32, copy=False)


def _slopes(rng: np.random.Generator, w: Weights, given: tuple[Values, Rows], targets: Values) -> Weights:
    """The gradient of the mean quantile loss of a batch, backwards through both layers."""
    x = np.concatenate([given[0], w["own"][given[1]]], axis=1)
    kept1, kept2 = (_kept(rng, (len(x), HIDDEN)) for _ in range(2))
    hidden1 = np.maximum(x @ w["w1"] + w["b1"], 0.0) * kept1
    hidden2 = np.maximum(hidden1 @ w["w2"] + w["b2"], 0.0) * kept2
    told = (hidden2 @ w["w3"] + w["b3"]).reshape(*targets.shape, len(QUANTILES))
    back = (_loss_slope(told, targets) / np.float32(len(x))).reshape(len(x), -1)
    back2 = (back @ w["w3"].T) * (hidden2 > 0.0) * kept2
    back1 = (back2 @ w["w2"].T) * (hidden1 > 0.0) * kept1
    own = np.zeros_like(w["own"])
    np.add.at(own, given[1], back1 @ w["w1"][-OWN:].T)
    return {
        "own": own,
        "w1": x.T @ back1,
        "b1": back1.sum(axis=0),
        "w2": hidden1.T @ back2,
        "b2": back2.sum(axis=0),
        "w3": hidden2.T @ back,
        "b3": back.sum(axis=0),
    }


def _kept(rng: np.random.Generator, shape: tuple[int, int]) -> Values:
    return (rng.random(shape, dtype=np.float32) >= DROPOUT).astype(np.float32) / np.float32(1.0 - DROPOUT)


def _loss_slope(told: Values, targets: Values) -> Values:
    """Of the quantile loss, its bend rounded over `SMOOTH`; 0 where the target is unknown."""
    error = told - targets[..., None]
    slope = np.clip((error / SMOOTH + 1.0) / 2.0, 0.0, 1.0) - np.array(QUANTILES, np.float32)
    return np.where(np.isfinite(error), slope, 0.0).astype(np.float32)
