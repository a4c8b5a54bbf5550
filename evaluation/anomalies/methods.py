"""Every method as one thing: labelled series and a sensitivity in, rows of its alarms out.

Sensitivity 1 is the default; 2 has half the thresholds. An alarm of a plain method is its first reading beyond the limit after
an hour below it, as the detector has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from chelu.messages import Batch, concatenate
from evaluation.anomalies import plain
from evaluation.anomalies.labelled import Labelled
from services.inference.city.anomalies.detector import AnomalyDetector, Change, Kind
from services.inference.city.anomalies.parameters import AnomalyParameters
from services.inference.reports import Floats, Ints

SENSITIVITIES = (0.4, 0.6, 0.8, 1.0, 1.3, 1.7)
CALM_S = 3600.0
OURS = "chelu"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Of one series: the row at which it was raised, and what it turned out to be (`Kind.NONE` of a method that does not say)."""

    row: int
    kind: Kind = Kind.NONE


Alarms = list[list[Alarm]]  # by series
Method = Callable[[Labelled, float], Alarms]


def methods(parameters: AnomalyParameters) -> dict[str, Method]:
    """By name, the detector first."""
    return {OURS: Ours(parameters), **{name: Plain(name) for name in plain.METHODS}}


class Ours:
    """The detector, all series at once."""

    def __init__(self, parameters: AnomalyParameters) -> None:
        self._parameters = parameters

    def __call__(self, labelled: Labelled, sensitivity: float) -> Alarms:
        """Alarms with the last kind that each was given."""
        found: Alarms = [[] for _ in labelled.names]
        rows = self.changes(labelled, sensitivity)
        for row, series, kind, change in zip(*(rows[one].tolist() for one in ("row", "series", "kind", "change")), strict=True):
            if change == Change.RAISED:
                found[series].append(Alarm(row, Kind(kind)))
            elif change == Change.UPDATED:
                found[series][-1] = Alarm(found[series][-1].row, Kind(kind))
        return found

    def changes(self, labelled: Labelled, sensitivity: float = 1.0) -> Batch:
        """All that the detector says, with the `row` at which it says it."""
        detector = AnomalyDetector(len(labelled.names), with_sensitivity(self._parameters, sensitivity))
        every, lengths = np.arange(len(labelled.names)), np.array(labelled.rows)
        told: list[Batch] = []
        for row in range(len(labelled.time_us)):
            series = every[row < lengths]
            changed = detector.update(series, labelled.time_us[row, series], labelled.values[row, series])
            if len(changed) or not told:
                told.append(changed.with_columns(row=np.full(len(changed), row)))
        return concatenate(told)


class Plain:
    """A plain method, a series at a time; what it found at first serves every sensitivity."""

    def __init__(self, name: str) -> None:
        self._of, self._limit = plain.METHODS[name], plain.LIMITS[name]
        self._known: dict[int, list[Floats]] = {}

    def __call__(self, labelled: Labelled, sensitivity: float) -> Alarms:
        """Alarms without a kind."""
        if id(labelled.values) not in self._known:
            self._known[id(labelled.values)] = [self._of(labelled.values[:rows, at]) for at, rows in enumerate(labelled.rows)]
        beyond = self._known[id(labelled.values)]
        limit = self._limit / sensitivity
        return [
            [Alarm(row) for row in first_of_each(one >= limit, labelled.time_us[: len(one), at])] for at, one in enumerate(beyond)
        ]


def with_sensitivity(parameters: AnomalyParameters, sensitivity: float) -> AnomalyParameters:
    """All thresholds divided by it."""
    return replace(
        parameters,
        spike=parameters.spike / sensitivity,
        extreme=parameters.extreme / sensitivity,
        least_spike=parameters.least_spike / sensitivity,
        shift=parameters.shift / sensitivity,
        drift=parameters.drift / sensitivity,
        frozen_chance=parameters.frozen_chance ** (1.0 / sensitivity),
    )


def first_of_each(is_beyond: np.ndarray, time_us: Ints) -> list[int]:
    """Rows that are beyond the limit after `CALM_S` or more without one."""
    rows = np.flatnonzero(is_beyond)
    if not rows.size:
        return []
    calm = np.concatenate([[True], np.diff(time_us[rows]) > CALM_S * 1e6])
    return [int(row) for row in rows[calm]]
