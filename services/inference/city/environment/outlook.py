"""Water levels and air quality of the next twelve hours, with intervals: ridge regression of a series on its own past.

Each series learns from its own last fortnight, half hour by half hour. On the last third, from which the trial has not learnt,
each horizon chooses between the regression, the same time of the days before, and the last value: a regression that does not beat
the last value there is not used. What it erred by there are its intervals. Pure: arrays in, arrays out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.reports import Floats, Ints

STEP_S = 1800
STEPS_A_DAY = 48
AHEAD = (1, 2, 4, 8, 12, 24)  # steps: half an hour to twelve hours
DAYS = 14
LENGTH = DAYS * STEPS_A_DAY
LAST_VALUE, DAYS_BEFORE, RIDGE = "last value", "days before", "ridge"
METHODS = (LAST_VALUE, DAYS_BEFORE, RIDGE)
LOW, HIGH = 0.06, 0.94  # a few days' errors understate: with these about 80 % of what comes lies in the interval
_LEAST = 4 * STEPS_A_DAY  # steps with a reading: before, nothing is foretold
_LAGS = (1, 2, 3, 4, 6, 8, 12, 24, 48)
_RAIN = (2, 6, 12, 24, 48)  # steps over which rain is added up
_PAST_DAYS = 5
_STIFFNESS = (3.0, 30.0, 300.0)
_BETTER = 0.98  # of the error of what is simpler: less is chance
_LONGEST_GAP = 4  # steps that are bridged by a straight line
_TEST_SHARE = 1 / 3
_LEAST_SHARE = 1e-3  # of the greatest: a logarithm of nothing is none


@dataclass(frozen=True, slots=True)
class Model:
    """Of one series, by horizon: the method that serves, the regression, and the errors at `LOW` and `HIGH`.

    error (h, 3): mean absolute errors of `METHODS` where they were chosen between; is_log: all of it is of logarithms.
    """

    is_log: bool
    method: tuple[str, ...]
    mean: Floats  # (h, f)
    scale: Floats
    weights: Floats
    constant: Floats  # (h,)
    low: Floats
    high: Floats
    error: Floats


@dataclass(frozen=True, slots=True)
class Outlook:
    """By horizon of `AHEAD` (h,)."""

    low: Floats
    middle: Floats
    high: Floats
    method: tuple[str, ...]


def fit(values: Floats, rain: Floats, *, is_log: bool = False) -> Model | None:
    """Learn from a series (t,), the newest last, and the rain of the same steps; None while there is too little of it.

    is_log: learn its logarithms, as becomes a concentration, whose changes go by its size.
    """
    values, rain = _scaled(bridged(values), is_log=is_log), np.nan_to_num(rain)
    if np.count_nonzero(np.isfinite(values)) < _LEAST:
        return None
    rows = np.arange(max(_LAGS), len(values))
    first_test = len(values) - max(STEPS_A_DAY, round(np.count_nonzero(np.isfinite(values)) * _TEST_SHARE))
    parts = [_fit_horizon(values, rain, rows, first_test, ahead) for ahead in AHEAD]
    if any(part is None for part in parts):
        return None
    whole = [part for part in parts if part is not None]
    return Model(
        is_log,
        tuple(part.method for part in whole),
        mean=np.stack([part.mean for part in whole]),
        scale=np.stack([part.scale for part in whole]),
        weights=np.stack([part.weights for part in whole]),
        constant=np.array([part.constant for part in whole]),
        low=np.array([part.low for part in whole]),
        high=np.array([part.high for part in whole]),
        error=np.stack([part.error for part in whole]),
    )


def forecast(model: Model, values: Floats, rain: Floats) -> Outlook | None:
    """From the last step on; None when the series' last reading is too old to go on from."""
    values, rain = _scaled(bridged(values), is_log=model.is_log), np.nan_to_num(rain)
    if not np.isfinite(values[-1]):
        return None
    row = np.array([len(values) - 1])
    middle = np.empty(len(AHEAD))
    for at, ahead in enumerate(AHEAD):
        change = _by_method(model.method[at], values, rain, row, ahead, _Ridge(*(one[at] for one in _ridges(model))))
        middle[at] = values[-1] + change[0]
    told = [np.exp(one) if model.is_log else one for one in (middle + model.low, middle, middle + model.high)]
    return Outlook(told[0], told[1], told[2], model.method)


@dataclass(frozen=True, slots=True)
class _Ridge:
    mean: Floats
    scale: Floats
    weights: Floats
    constant: float

    def __call__(self, inputs: Floats) -> Floats:
        return np.asarray((inputs - self.mean) / self.scale @ self.weights + self.constant)


@dataclass(frozen=True, slots=True)
class _Horizon:
    method: str
    mean: Floats
    scale: Floats
    weights: Floats
    constant: float
    low: float
    high: float
    error: Floats


def _ridges(model: Model) -> tuple[Floats, Floats, Floats, Floats]:
    return model.mean, model.scale, model.weights, model.constant


def _fit_horizon(values: Floats, rain: Floats, rows: Ints, first_test: int, ahead: int) -> _Horizon | None:
    rows = rows[rows + ahead < len(values)]
    inputs, change = _inputs(values, rain, rows, ahead), values[rows + ahead] - values[rows]
    known = np.isfinite(inputs).all(axis=1) & np.isfinite(change)
    rows, inputs, change = rows[known], inputs[known], change[known]
    is_test = rows >= first_test
    is_learnt = rows + ahead < first_test  # nothing of the test is among what is learnt
    if np.count_nonzero(is_learnt) < STEPS_A_DAY or np.count_nonzero(is_test) < STEPS_A_DAY // 2:
        return None
    tried = [_ridge(inputs[is_learnt], change[is_learnt], stiffness) for stiffness in _STIFFNESS]
    errors = [float(np.abs(one(inputs[is_test]) - change[is_test]).mean()) for one in tried]
    best = int(np.argmin(errors))
    told = {name: _by_method(name, values, rain, rows[is_test], ahead, tried[best]) for name in METHODS}
    off = {name: change[is_test] - one for name, one in told.items()}
    error = np.array([float(np.abs(off[name]).mean()) for name in METHODS])
    method = _chosen(error)
    low, high = (float(np.quantile(off[method], share)) for share in (LOW, HIGH))
    whole = _ridge(inputs, change, _STIFFNESS[best])
    return _Horizon(method, whole.mean, whole.scale, whole.weights, whole.constant, low, high, error)


def _chosen(error: Floats) -> str:
    """The simplest that nothing beats by enough to be believed."""
    found = 0
    for at in range(1, len(METHODS)):
        if error[at] < _BETTER * error[found]:
            found = at
    return METHODS[found]


def _ridge(inputs: Floats, change: Floats, stiffness: float) -> _Ridge:
    mean, scale = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-12)
    x, constant = (inputs - mean) / scale, float(change.mean())
    weights = np.linalg.solve(x.T @ x + stiffness * np.eye(x.shape[1]), x.T @ (change - constant))
    return _Ridge(mean, scale, weights, constant)


def _by_method(method: str, values: Floats, rain: Floats, rows: Ints, ahead: int, ridge: _Ridge) -> Floats:
    """The change (r,) that a method foretells; that of days before is none where no day before is known."""
    if method == RIDGE:
        return ridge(_inputs(values, rain, rows, ahead))
    if method == DAYS_BEFORE:
        return np.nan_to_num(days_before(values, rows, ahead))
    return np.zeros(len(rows))


def _inputs(values: Floats, rain: Floats, rows: Ints, ahead: int) -> Floats:
    """(r, f): how it came to be where it is, how it went on on the days before, and the rain that has fallen."""
    now = values[rows]
    own = [now - values[np.maximum(rows - lag, 0)] for lag in _LAGS]
    fallen = np.concatenate([[0.0], np.cumsum(rain)])
    wet = [fallen[rows + 1] - fallen[np.maximum(rows + 1 - span, 0)] for span in _RAIN]
    return np.stack([*own, now, np.nan_to_num(days_before(values, rows, ahead)), *wet], axis=1)


def days_before(values: Floats, rows: Ints, ahead: int) -> Floats:
    """The mean change (r,) in so many steps from the same time on the days before; NaN where none is known."""
    total, count = np.zeros(len(rows)), np.zeros(len(rows))
    for day in range(1, _PAST_DAYS + 1):
        begin = rows - day * STEPS_A_DAY
        change = values[np.maximum(begin + ahead, 0)] - values[np.maximum(begin, 0)]
        is_known = (begin >= 0) & np.isfinite(change)
        total += np.where(is_known, change, 0.0)
        count += is_known
    return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)


def _scaled(values: Floats, *, is_log: bool) -> Floats:
    return np.log(np.maximum(values, _LEAST_SHARE * np.nanmax(values))) if is_log else values


def bridged(values: Floats) -> Floats:
    """Short gaps filled by straight lines; long ones, and what is after the last reading, stay unknown."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2:
        return values
    found = np.interp(np.arange(len(values)), known, values[known], left=np.nan, right=np.nan)
    after = np.searchsorted(known, np.arange(len(values)), side="left")
    width = known[np.minimum(after, len(known) - 1)] - known[np.maximum(after - 1, 0)]
    return np.where(np.isfinite(values) | (width <= _LONGEST_GAP + 1), found, np.nan)
