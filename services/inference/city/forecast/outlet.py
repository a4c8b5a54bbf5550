"""Forecasts as they leave: the message, the rows of the database, and what is known of the methods' errors. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from chelu.codec import columns
from chelu.messages import Batch
from chelu.store import TableColumn
from services.inference.city.forecast.history import STEP_S
from services.inference.city.forecast.readings import Values

STORED_S = (300, 900, 1800, 2700, 3600)  # ahead; the message has every step
FORECAST_COLUMNS = (
    TableColumn("time", "timestamptz", "time_us"),  # of the newest reading that it is made from
    TableColumn("site_id", "text", "site_id"),
    TableColumn("place", "text", "place"),
    TableColumn("ahead_s", "integer", "ahead_s"),
    TableColumn("speed_mps", "double precision", "speed_mps"),
    TableColumn("low_mps", "double precision", "low_mps", is_nullable=True),  # 10 % and 90 %; null: the method has none
    TableColumn("high_mps", "double precision", "high_mps", is_nullable=True),
    TableColumn("method", "text", "method"),
)
WATCH_COLUMNS = (
    TableColumn("time", "timestamptz", "time_us"),
    TableColumn("site_id", "text", "site_id"),
    TableColumn("serving", "text", "serving"),
    TableColumn("compared", "integer", "compared"),
    TableColumn("errors_mps", "jsonb", "errors_mps"),  # mean absolute error of the last day by method
)


@dataclass(frozen=True, slots=True)
class Told:
    """A forecast of one step. rows: of the segments (m,) of which something is known; speed, low, high (m, h)."""

    site_id: str
    time_us: int
    method: str
    place: tuple[str, ...]
    speed_mps: Values
    low_mps: Values
    high_mps: Values
    compared: int
    errors_mps: Mapping[str, float]


def rows_to_store(told: Told) -> Batch:
    """Rows of city.forecast."""
    step = np.array(STORED_S) // STEP_S - 1
    count, names = len(told.place), np.array(told.place, object)
    return Batch(
        {
            "time_us": np.full(count * len(step), told.time_us, np.int64),
            "site_id": np.full(count * len(step), told.site_id, object),
            "place": np.repeat(names, len(step)),
            "ahead_s": np.tile(np.array(STORED_S, np.int32), count),
            **{name: getattr(told, name)[:, step].astype(np.float64).ravel() for name in ("speed_mps", "low_mps", "high_mps")},
            "method": np.full(count * len(step), told.method, object),
        }
    )


def watch_to_store(told: Told) -> Batch:
    """The row of city.forecast_watch."""
    errors = np.empty(1, object)
    errors[0] = _known(told.errors_mps)
    return Batch(
        {
            "time_us": np.array([told.time_us], np.int64),
            "site_id": np.array([told.site_id], object),
            "serving": np.array([told.method], object),
            "compared": np.array([told.compared], np.int32),
            "errors_mps": errors,
        }
    )


def document(told: Told) -> bytes:
    """The message on `chelu.topics.FORECAST`: a row a segment and step."""
    count, steps = told.speed_mps.shape
    rows = Batch(
        {
            "place": np.repeat(np.array(told.place, np.str_), steps),
            "ahead_s": np.tile(np.arange(1, steps + 1, dtype=np.int32) * STEP_S, count),
            **{name: getattr(told, name).ravel() for name in ("speed_mps", "low_mps", "high_mps")},
        }
    )
    about = {"site": told.site_id, "time_us": told.time_us, "method": told.method, "compared": told.compared}
    return columns.pack(rows, {**about, "errors_mps": _known(told.errors_mps)})


def _known(errors: Mapping[str, float]) -> dict[str, float]:
    return {name: round(error, 4) for name, error in errors.items() if np.isfinite(error)}
