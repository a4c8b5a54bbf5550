"""Recordings as tables: Parquet as `chelu scenario run` writes it, and CSV as people and instruments do.

Columns are those of `rows.SAMPLE`; a place may be in degrees (`latitude_deg`, `longitude_deg`) instead of metres, a time in
microseconds (`time_us`). A column `run` keeps several runs apart. pyarrow is imported late: it and SUMO do not bear one another
in one process.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chelu.geo import LocalFrame
from simulators.scenario.recorded.rows import Recorded, UnreadableRecordingError, samples_of

Columns = Mapping[str, Any]


def read_parquet(path: Path, origin: LocalFrame | None) -> list[Recorded]:
    """A recording for each run in the table."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise UnreadableRecordingError(str(path), f"it is no Parquet table ({error})") from None
    return _each({name: table[name].to_numpy() for name in table.column_names}, path, origin)


def read_csv(path: Path, origin: LocalFrame | None) -> list[Recorded]:
    """The same of a CSV file with the columns' names on its first line; an empty cell is nothing."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableRecordingError(str(path), f"it is no CSV table in UTF-8 ({error})") from None
    names = [name for name in (rows[0] if rows else ()) if name is not None]
    return _each({name: _column([row[name] for row in rows], name) for name in names}, path, origin)


def _column(cells: list[str | None], name: str) -> Any:
    if name == "actor":
        return np.array([cell or "" for cell in cells], np.str_)
    return np.array([cell if cell else "nan" for cell in cells], np.str_)


def _each(columns: Columns, path: Path, origin: LocalFrame | None) -> list[Recorded]:
    file = str(path)
    runs = columns.get("run")
    if runs is None:
        return [Recorded(file, samples_of(local(columns, file, origin), file))]
    numbers = np.asarray(runs).astype(np.str_)
    parts = [(number, numbers == number) for number in dict.fromkeys(numbers.tolist())]
    whole = local(columns, file, origin)
    return [
        Recorded(f"{file} run {number}", samples_of({name: np.asarray(column)[rows] for name, column in whole.items()}, file))
        for number, rows in parts
    ]


def local(columns: Columns, file: str, origin: LocalFrame | None) -> Columns:
    """With places in the road's metres and times in seconds. UnreadableRecordingError when degrees have no origin."""
    found = dict(columns)
    try:
        if "time_s" not in found and "time_us" in found:
            found["time_s"] = np.asarray(found["time_us"]).astype(np.float64) / 1e6
        if "arrival_us" in found:
            found["arrival_s"] = np.asarray(found["arrival_us"]).astype(np.float64) / 1e6
        if "x_m" not in found and "latitude_deg" in found:
            if origin is None:
                raise UnreadableRecordingError(file, "its places are in degrees: say with --origin where the road's metres begin")
            place = [np.asarray(found[name]).astype(np.float64) for name in ("latitude_deg", "longitude_deg")]
            found["x_m"], found["y_m"] = origin.to_local(*place)[:, :2].T
            if "elevation_m" in found:
                found["elevation_m"] = np.asarray(found["elevation_m"]).astype(np.float64) - origin.elevation_m
    except (ValueError, KeyError) as error:
        raise UnreadableRecordingError(file, f"a column that should hold numbers does not: {error}") from None
    return found
