"""Rows of any stream with every value that its columns can hold, for tests of what is made of stored rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from chelu.messages import HEADER, Batch, Stream

START_US = 1_795_000_000_000_000


def any_column(dtype: str, rows: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Values all over what a column of this type can hold, NaN and infinity among them."""
    if dtype.startswith("f"):
        values = random.normal(0, 1e3, rows).astype(dtype)
        values[::7], values[1::7] = np.nan, np.inf
        return values
    if dtype == "b1":
        return random.random(rows) < 0.5
    bounds = np.iinfo(dtype)
    return random.integers(bounds.min, bounds.max, rows, np.dtype(dtype), endpoint=True)


def rows_of(stream: Stream, rows: int, seed: int = 1, devices: int = 3) -> Batch:
    """Rows in order of time and device, as they are read; places are around 29.5° north, 106.5° east."""
    random = np.random.default_rng(seed)
    fields = {field.name: field for field in (*HEADER, *stream.fields)}
    columns = {name: any_column(field.dtype, rows, random) for name, field in fields.items()}
    columns |= {name: START_US + random.integers(-(10**12), 10**12, rows) for name, field in fields.items() if field.unit == "µs"}
    columns["time_us"] = np.sort(START_US + random.integers(0, rows, rows) * 100_000)
    columns["device_key"] = random.integers(1, devices + 1, rows).astype(np.int32)
    if "latitude_deg" in columns:
        for name, middle in (("latitude_deg", 29.5), ("longitude_deg", 106.5)):
            columns[name] = middle + random.uniform(-0.05, 0.05, rows)
            columns[name][::11] = np.nan
    masks = {f"{name}_valid": random.random(rows) < 0.7 for name, field in fields.items() if field.has_mask}
    found = Batch({**columns, **masks})
    return found.take(np.lexsort((found["device_key"], found["time_us"])))
