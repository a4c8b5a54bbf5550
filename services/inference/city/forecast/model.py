"""The learned forecast: an ONNX network of all sensors of one table, with what it needs to know of them inside the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from chelu.errors import CannotStartError, ConfigurationError
from services.inference.city.forecast.features import HORIZON_S, INPUTS, Basis, inputs_at
from services.inference.city.forecast.readings import Readings, Rows, Values

ABOUT = "chelu.forecast"  # the file's metadata under which the description stands
VERSION = 1
QUANTILES = (0.1, 0.5, 0.9)
MEDIAN = 1


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of r rows and n sensors: values (r, n, h, 3), the quantiles 10 %, 50 % and 90 % of what each will read in 1 … h steps.

    In the readings' own unit; the three never cross.
    """

    step_s: int
    values: Values

    @property
    def median(self) -> Values:
        """(r, n, h): half of the readings are expected below."""
        return np.asarray(self.values[..., MEDIAN])


@dataclass(frozen=True, slots=True)
class About:
    """What a model's file says of itself: its sensors, their step and basis, and the unit in which changes are told."""

    sensors: tuple[str, ...]
    step_s: int
    unit: float
    basis: Basis

    def to_json(self) -> str:
        """As it stands in the file."""
        basis = self.basis
        lists = {"mean": basis.mean.tolist(), "deviation": basis.deviation.tolist(), "neighbours": basis.neighbours.tolist()}
        return json.dumps({"version": VERSION, "sensors": self.sensors, "step_s": self.step_s, "unit": self.unit, **lists})

    def for_sensors(self, sensors: tuple[str, ...]) -> tuple[Basis, Rows]:
        """The basis of these sensors, (m,), and the row of what was learned of each, n of one that the model never saw.

        One never seen has the network's usual mean and deviation, and itself for its neighbours, as has one whose neighbour is
        not among them.
        """
        known = {name: at for at, name in enumerate(self.sensors)}
        row = np.array([known.get(name, len(known)) for name in sensors], np.int64)
        is_known = row < len(known)
        at = np.where(is_known, row, 0)
        here = np.full(len(known) + 1, -1, np.int64)
        here[row[is_known]] = np.flatnonzero(is_known)
        neighbours = here[self.basis.neighbours[at]]
        itself = np.arange(len(sensors))[:, None]
        return Basis(
            np.where(is_known, self.basis.mean[at], self.basis.mean.mean()).astype(np.float32),
            np.where(is_known, self.basis.deviation[at], self.basis.deviation.mean()).astype(np.float32),
            np.where(is_known[:, None] & (neighbours >= 0), neighbours, itself),
        ), row


class ForecastModel:
    """A model from its file; used by one thread."""

    def __init__(self, file: Path, *, threads: int = 0) -> None:
        """threads: that it may use; 0: as many as there are processors."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # its refusal is told below
        try:
            self._session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
            self.about = _about(json.loads(self._session.get_modelmeta().custom_metadata_map[ABOUT]))
        except Exception as error:  # noqa: BLE001  # onnxruntime raises a dozen unrelated types
            raise CannotStartError(
                f"the forecast model {file} cannot be loaded ({error})", "make one with `chelu train forecast`"
            ) from None

    def forecast(self, readings: Readings, rows: Rows | None = None) -> Forecast:
        """What every sensor will read after these rows, the last one unless some are named. Reads up to them, nothing later."""
        if readings.step_s != self.about.step_s:
            raise ConfigurationError("step_s", readings.step_s, f"{self.about.step_s}, the model's")
        at = np.array([len(readings) - 1]) if rows is None else rows
        basis, sensor = self.about.for_sensors(readings.sensors)
        inputs = inputs_at(readings, at, basis)
        (told,) = self._session.run(None, {"features": inputs.features.reshape(-1, INPUTS), "sensor": np.tile(sensor, len(at))})
        change = np.sort(told, axis=2).reshape(len(at), len(sensor), HORIZON_S // readings.step_s, len(QUANTILES))
        told_values = inputs.now[..., None, None] + change * np.float32(self.about.unit)
        return Forecast(readings.step_s, told_values.astype(np.float32))


def _about(told: dict[str, Any]) -> About:
    if told["version"] != VERSION:
        raise ValueError(f"made by another version ({told['version']}, not {VERSION})")
    basis = Basis(
        np.array(told["mean"], np.float32), np.array(told["deviation"], np.float32), np.array(told["neighbours"], np.int64)
    )
    return About(tuple(told["sensors"]), int(told["step_s"]), float(told["unit"]), basis)
