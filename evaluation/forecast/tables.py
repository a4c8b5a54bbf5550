"""Read any table of (time, sensor, value) from CSV or Parquet: long, one reading a row, or wide, one column a sensor.

Which it is, the header tells: a table with columns for time, sensor and value is long; any other is wide, with a first column of
times if it is named so or holds times. Times are ISO 8601, or seconds, milliseconds or microseconds since 1970 (told apart by
size). A wide table without times is read as rows at a fixed step. Readings that are empty, no number or 0 count as missing; finer
steps than five minutes become means of five.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from chelu.errors import ConfigurationError
from services.inference.city.forecast.readings import DAY_S, Readings, Rows, Values

STEP_S = 300
TIME, SENSOR, VALUE = (
    ("time", "timestamp", "date", "datetime", "recvtime"),
    ("sensor", "sensor_id", "segment", "id", "detector", "station"),
    ("value", "speed", "flow", "speed_mps", "reading"),
)
LONGEST_DAYS = 3660


def read(file: Path, *, step_s: int | None = None) -> Readings:
    """The table in a file; ConfigurationError names the file and what is wrong. step_s: of rows that tell no time."""
    table = _open(file)
    names = [name.strip() for name in table.column_names]
    kinds = [_column(names, kind) for kind in (TIME, SENSOR, VALUE)]
    if len(names) != len(set(names)):
        raise ConfigurationError("columns", max(names, key=names.count), "each name once", source=str(file))
    if all(kind is not None for kind in kinds):
        return _long(table, kinds, file)
    return _wide(table, names, file, step_s)


def _open(file: Path) -> pa.Table:
    try:
        if file.suffix == ".parquet":
            return pyarrow.parquet.read_table(file)
        return pyarrow.csv.read_csv(
            file, convert_options=pyarrow.csv.ConvertOptions(null_values=["", "NaN", "nan", "NA", "null"])
        )
    except OSError as error:
        raise ConfigurationError("table", file.name, f"it cannot be read ({error.strerror or error})", source=str(file)) from None
    except pa.ArrowInvalid as error:
        raise ConfigurationError("table", file.name, f"it is no table ({str(error).splitlines()[0]})", source=str(file)) from None


def _column(names: Sequence[str], known: Sequence[str]) -> int | None:
    return next((at for at, name in enumerate(names) if name.lower() in known), None)


def _long(table: pa.Table, kinds: Sequence[int | None], file: Path) -> Readings:
    time, sensor, value = (table.column(at) for at in kinds if at is not None)
    at_us, values = _times(time, file), _numbers(value, "value", file)
    names, column = np.unique(np.array([str(one) for one in sensor.to_pylist()]), return_inverse=True)
    return _gridded(at_us, column, values, tuple(names.tolist()), file)


def _wide(table: pa.Table, names: Sequence[str], file: Path, step_s: int | None) -> Readings:
    has_time = bool(names) and (names[0].lower() in (*TIME, "") or pa.types.is_temporal(table.column(0).type))
    sensors = tuple(names[1:] if has_time else names)
    if not sensors or not len(table):
        raise ConfigurationError("table", f"{len(table)} rows, {len(sensors)} sensors", "at least one of each", source=str(file))
    columns = [_numbers(table.column(at), names[at], file) for at in range(len(names) - len(sensors), len(names))]
    values = np.stack(columns, axis=1)
    if not has_time:
        step = step_s or STEP_S
        if step < 1 or DAY_S % step or 3600 % step:
            raise ConfigurationError("--step", step, "seconds that divide an hour")
        return _coarser(Readings(sensors, step, values))
    rows, n = values.shape
    at_us = np.repeat(_times(table.column(0), file), n)
    return _gridded(at_us, np.tile(np.arange(n), rows), values.ravel(), sensors, file)


def _gridded(at_us: Rows, column: Rows, values: Values, sensors: tuple[str, ...], file: Path) -> Readings:
    """Mean of the readings of each sensor in each step; the step is the usual distance of times, at least `STEP_S`."""
    moments = np.unique(at_us)
    if len(moments) < 2:
        raise ConfigurationError("time", str(len(moments)), "two different times or more", source=str(file))
    step_s = max(STEP_S, int(np.median(np.diff(moments)) // 1_000_000))
    if 3600 % step_s:
        raise ConfigurationError("time", f"every {step_s} s", "a step that divides an hour", source=str(file))
    start_us = int(moments[0] // (step_s * 1_000_000) * step_s * 1_000_000)
    row = (at_us - start_us) // (step_s * 1_000_000)
    rows = int(row.max()) + 1
    if rows * step_s > LONGEST_DAYS * DAY_S:
        raise ConfigurationError("time", f"over {rows * step_s // DAY_S} days", f"at most {LONGEST_DAYS} days", source=str(file))
    is_told = np.isfinite(values)
    cell = row[is_told] * len(sensors) + column[is_told]
    size = rows * len(sensors)
    count = np.bincount(cell, minlength=size)
    total = np.bincount(cell, weights=values[is_told], minlength=size)
    mean = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    return Readings(sensors, step_s, mean.reshape(rows, len(sensors)).astype(np.float32), start_us)


def _coarser(readings: Readings) -> Readings:
    share = STEP_S // readings.step_s
    if share <= 1:
        return readings
    rows = len(readings) // share * share
    blocks = readings.values[:rows].reshape(-1, share, len(readings.sensors))
    count = np.isfinite(blocks).sum(axis=1)
    mean = np.divide(np.nansum(blocks, axis=1), count, out=np.full(count.shape, np.nan), where=count > 0)
    return Readings(readings.sensors, STEP_S, mean.astype(np.float32), readings.start_us)


def _numbers(column: pa.ChunkedArray, name: str, file: Path) -> Values:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_null(column.type)):
        wrong = next((one for one in column.to_pylist() if not _is_number(one)), None)
        raise ConfigurationError(name, wrong, "numbers", source=str(file))
    values = np.asarray(column.cast(pa.float32(), safe=False).to_numpy(), np.float32)
    return np.where(np.isfinite(values) & (values != 0.0), values, np.float32(np.nan))


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _times(column: pa.ChunkedArray, file: Path) -> Rows:
    """Microseconds since 1970."""
    if pa.types.is_temporal(column.type):
        return np.asarray(column.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy(), np.int64)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        told = np.asarray(column.to_numpy(), np.float64)
        if not np.isfinite(told).all():
            raise ConfigurationError("time", "missing", "a time in every row", source=str(file))
        largest = float(np.abs(told).max(initial=0.0))
        scale = 1_000_000 if largest < 1e11 else 1_000 if largest < 1e14 else 1
        return np.asarray(told * scale, np.int64)
    return np.array([_time(one, file) for one in column.to_pylist()], np.int64)


def _time(text: object, file: Path) -> int:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise ConfigurationError("time", text, "ISO 8601, or seconds since 1970", source=str(file)) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
