"""What a recording says, whatever file it came in: samples, warnings and lights as columns, on the recording's own clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chelu.applications import LONGEST_NAME
from chelu.errors import CheluError
from chelu.messages import Batch
from simulators.scenario.trace import Floats, Ints

LONGEST_ACTOR = 64
SAMPLE: Mapping[str, Any] = {
    "time_s": np.float64,
    "actor": f"U{LONGEST_ACTOR}",
    "x_m": np.float64,
    "y_m": np.float64,
    "elevation_m": np.float64,
    "heading_deg": np.float64,
    "speed_mps": np.float64,
    "acceleration_mps2": np.float64,
    "along_m": np.float64,
    "aside_m": np.float64,
    "arrival_s": np.float64,
}
NEEDED = ("time_s", "actor", "x_m", "y_m", "speed_mps")
WARNING: Mapping[str, Any] = {
    "time_s": np.float64,
    "application": f"U{LONGEST_NAME}",
    "host": "U48",
    "other": "U48",
    "state": "U16",
    "latency_s": np.float64,
}


class UnreadableRecordingError(CheluError):
    """A file that is no recording, or one that lacks what is needed."""

    def __init__(self, file: str, detail: str) -> None:
        self.file, self.detail = file, detail
        super().__init__(f"{file} cannot be judged: {detail}")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recording. samples: columns of `SAMPLE` in the file's order, NaN for what it does not say; local metres of the road.

    warnings: columns of `WARNING`, None where the form has none. lights: by signal (times, lights), each from its time on.
    """

    name: str
    samples: Batch
    warnings: Batch | None = None
    lights: Mapping[str, tuple[Floats, Ints]] = field(default_factory=dict)

    @property
    def actors(self) -> list[str]:
        """Who is in it."""
        return sorted(set(self.samples["actor"].tolist()))


def samples_of(columns: Mapping[str, Any], file: str) -> Batch:
    """All columns of `SAMPLE`, NaN in those left out; UnreadableRecordingError when a needed one is missing, or no number."""
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise UnreadableRecordingError(file, f"it has no {', '.join(missing)}; needed are {', '.join(NEEDED)}")
    count = len(columns["time_s"])
    found: dict[str, Any] = {}
    for name, kind in SAMPLE.items():
        given = columns.get(name)
        if name == "actor" and max(map(len, np.asarray(given).astype(np.str_).tolist()), default=0) > LONGEST_ACTOR:
            raise UnreadableRecordingError(file, f"an actor's name of more than {LONGEST_ACTOR} characters")
        try:
            found[name] = np.full(count, np.nan) if given is None else np.asarray(given).astype(kind)
        except (ValueError, TypeError) as error:
            raise UnreadableRecordingError(file, f"a {name} that is none: {error}") from None
    if not count:
        raise UnreadableRecordingError(file, "it has no samples")
    for name in NEEDED:
        if name != "actor" and not np.isfinite(found[name]).all():
            raise UnreadableRecordingError(file, f"a {name} that is no number, in row {int(np.argmin(np.isfinite(found[name])))}")
    return Batch(found)


def warnings_of(rows: Sequence[Mapping[str, Any]]) -> Batch:
    """Rows of `WARNING`; what is missing is empty, or NaN."""
    usual = {name: np.nan if kind is np.float64 else "" for name, kind in WARNING.items()}
    found = {name: [_given(row.get(name), usual[name]) for row in rows] for name in WARNING}
    return Batch({name: np.array(found[name], kind) for name, kind in WARNING.items()})


def _given(value: Any, otherwise: float | str) -> Any:
    return otherwise if value is None else value
