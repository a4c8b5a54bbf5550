"""Series with labelled anomalies, side by side: read from a directory (CSV files, `windows.json`), or made."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from chelu.errors import ConfigurationError
from services.inference.city.anomalies.detector import Kind
from services.inference.reports import Floats, Ints

LEAST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Window:
    """Rows first to last, both in it, in which a series is odd; its kind where that is known."""

    first: int
    last: int
    kind: Kind = Kind.NONE


@dataclass(frozen=True, slots=True)
class Labelled:
    """k series: times and values (t, k), NaN values behind the end of shorter ones; rows: the length of each."""

    names: tuple[str, ...]
    time_us: Ints
    values: Floats
    rows: tuple[int, ...]
    windows: tuple[tuple[Window, ...], ...]

    def of(self, series: Sequence[int]) -> Labelled:
        """Only these series."""
        return Labelled(
            tuple(self.names[one] for one in series),
            self.time_us[:, series],
            self.values[:, series],
            tuple(self.rows[one] for one in series),
            tuple(self.windows[one] for one in series),
        )


def read(directory: Path) -> Labelled:
    """The series of a directory, in the order of their names; ConfigurationError names file, field and what is wrong."""
    labels = _labels(directory / "windows.json")
    found = [(name, *_series(directory / name)) for name in sorted(labels)]
    longest = max(len(time) for _, time, _ in found)
    time_us, values = np.zeros((longest, len(found)), np.int64), np.full((longest, len(found)), np.nan)
    windows = []
    for at, (name, time, value) in enumerate(found):
        time_us[:, at], time_us[: len(time), at] = time[-1], time
        values[: len(time), at] = value
        windows.append(tuple(_window(one, time, name) for one in labels[name]))
    return Labelled(
        tuple(labels_ for labels_ in sorted(labels)), time_us, values, tuple(len(t) for _, t, _ in found), tuple(windows)
    )


def _labels(file: Path) -> dict[str, list[Any]]:
    try:
        labels = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError("--data", str(file), f"it cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ConfigurationError("--data", str(file), f"it is not JSON ({error})") from None
    if not isinstance(labels, dict) or not labels:
        raise ConfigurationError("--data", str(file), "an object: a file's name → its windows, at least one file")
    return labels


def _series(file: Path) -> tuple[Ints, Floats]:
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.reader(lines) if row]
    except OSError as error:
        raise ConfigurationError("--data", str(file), f"it cannot be read ({error.strerror})") from None
    if not rows or rows[0][:2] != ["timestamp", "value"]:
        raise ConfigurationError("header", rows[0] if rows else "", "timestamp,value", source=str(file))
    if len(rows) - 1 < LEAST_ROWS:
        raise ConfigurationError("rows", len(rows) - 1, f"at least {LEAST_ROWS}", source=str(file))
    time = np.array([_time(row[0], file) for row in rows[1:]], np.int64)
    if (behind := np.flatnonzero(np.diff(time) <= 0)).size:
        raise ConfigurationError("timestamp", rows[int(behind[0]) + 2][0], "later than the row before", source=str(file))
    return time, np.array([_number(row, file) for row in rows[1:]])


def _time(text: str, file: Path) -> int:
    try:
        return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000
    except ValueError:
        raise ConfigurationError("timestamp", text, "ISO 8601", source=str(file)) from None


def _number(row: Sequence[str], file: Path) -> float:
    try:
        return float(row[1])
    except (ValueError, IndexError):
        raise ConfigurationError("value", row, "a number in each row", source=str(file)) from None


def _window(pair: Sequence[str], time: Ints, name: str) -> Window:
    first, last = (int(np.searchsorted(time, _time(one, Path(name)))) for one in pair)
    if not first <= last < len(time):
        raise ConfigurationError("windows.json", list(pair), f"two times within the series {name}")
    return Window(first, last)
