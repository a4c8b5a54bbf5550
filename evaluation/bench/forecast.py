"""The forecast of a large network: ten thousand sensors, an hour ahead in steps of five minutes, from eight days of readings."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from evaluation.bench.report import Figure
from evaluation.forecast.exporting import export
from evaluation.forecast.network import untrained
from services.inference.city.forecast.features import HORIZON_S, INPUTS, Basis, basis_of
from services.inference.city.forecast.model import About, ForecastModel
from services.inference.city.forecast.readings import DAY_S, Readings

SENSORS, QUICK_SENSORS = 10_000, 1_000
STEP_S, DAYS = 300, 8
ROUNDS, QUICK_ROUNDS = 7, 2
MOST_MS = 1000.0


def run(*, quick: bool = False) -> list[Figure]:
    """`forecast_10000_ms`, readings to quantiles; the network's weights are drawn, not learned, which takes as long."""
    rng = np.random.default_rng(0)
    count = QUICK_SENSORS if quick else SENSORS
    names = tuple(f"s{number}" for number in range(count))
    values = rng.normal(60.0, 10.0, (DAYS * DAY_S // STEP_S, count)).astype(np.float32)
    readings = Readings(names, STEP_S, values)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "forecast.onnx"
        basis = _basis(readings)
        networks = [untrained(np.ones((2, INPUTS), np.float32), count, HORIZON_S // STEP_S, seed=seed) for seed in (0, 1)]
        export(networks, About(names, STEP_S, 1.0, basis), file)
        model = ForecastModel(file)
        taken = []
        for _ in range((QUICK_ROUNDS if quick else ROUNDS) + 1):
            began = time.perf_counter()
            model.forecast(readings)
            taken.append((time.perf_counter() - began) * 1000.0)
    return [
        Figure(
            what=f"forecast of {count:,} sensors, 12 steps, three quantiles",
            values=tuple(taken[1:]),
            unit="ms",
            key="forecast_10000_ms",
            bar=MOST_MS,
            is_limit=True,
        )
    ]


def _basis(readings: Readings) -> Basis:
    """Of the last day: whose neighbours they are changes nothing in how long it takes."""
    return basis_of(Readings(readings.sensors, readings.step_s, readings.values[-DAY_S // readings.step_s :]))
