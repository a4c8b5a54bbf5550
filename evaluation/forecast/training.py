"""From a table of readings to a model's file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from chelu.errors import ConfigurationError
from evaluation.forecast.examples import told_of, unit_of
from evaluation.forecast.exporting import export
from evaluation.forecast.network import BATCH, train
from services.inference.city.forecast.features import HISTORY_ROWS, basis_of
from services.inference.city.forecast.model import About
from services.inference.city.forecast.readings import Readings, Rows

MOST_EXAMPLES = 1_000_000  # of a longer table every second row, or every third …


@dataclass(frozen=True, slots=True)
class Plan:
    """epochs: how often each example is seen; members: networks whose mean is told; seed: of the first, then one more each."""

    epochs: int = 12
    members: int = 2
    seed: int = 0


FULL, SHORT = Plan(), Plan(epochs=2, members=1)


def train_model(readings: Readings, file: Path, plan: Plan, tell: Callable[[float], None] = lambda _: None) -> None:
    """Train and write; `tell` hears the share that is done. The same readings and plan give the same file."""
    basis = basis_of(readings)
    rows = rows_to_learn(readings)
    if len(rows) * len(readings.sensors) < 2 * BATCH:
        found = f"{len(readings)} rows of {len(readings.sensors)} sensors"
        raise ConfigurationError("--train", found, f"at least {2 * BATCH} readings after the first {HISTORY_ROWS} rows")
    unit = unit_of(basis)
    examples = told_of(readings, basis, rows).examples(unit)
    members = []
    for member in range(plan.members):
        tell_part = partial(_tell_part, tell, member, plan.members)
        members.append(train(examples, epochs=plan.epochs, seed=plan.seed + member, tell=tell_part))
    export(members, About(readings.sensors, readings.step_s, unit, basis), file)


def _tell_part(tell: Callable[[float], None], part: int, parts: int, share: float) -> None:
    tell((part + share) / parts)


def rows_to_learn(readings: Readings) -> Rows:
    """Rows with their history, thinned evenly where there are more than `MOST_EXAMPLES`."""
    count = max(len(readings) - HISTORY_ROWS, 0) * len(readings.sensors)
    return np.arange(HISTORY_ROWS, len(readings), max(1, -(-count // MOST_EXAMPLES)))
