"""What a run's trips say, from SUMO's own record of them.

Delay is time lost against driving alone on a free road, waiting to depart included, in the mean over all trips that were to
depart before the end: those on their way then count with what they lost until then, those that never departed with their wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np


@dataclass(frozen=True, slots=True)
class Trips:
    """Means in seconds, counts in trips."""

    delay_s: float
    delay_completed_s: float
    time_loss_completed_s: float
    waiting_s: float
    stops: float
    due: int
    completed: int
    on_the_way: int
    never_departed: int


def read(file: Path) -> Trips:
    """From SUMO's tripinfo output with unfinished and undeparted trips."""
    return _means([row for _, row in _rows(file)])


def split(file: Path, name: str) -> tuple[Trips, Trips]:
    """One vehicle's, and all others'."""
    rows = list(_rows(file))
    return _means([row for one, row in rows if one == name]), _means([row for one, row in rows if one != name])


COLUMNS = ("timeLoss", "departDelay", "waitingTime", "waitingCount", "arrival", "depart")


def _rows(file: Path) -> Iterator[tuple[str, list[float]]]:
    """Each trip's vehicle and figures."""
    for _, one in ElementTree.iterparse(file):  # noqa: S314 (SUMO wrote it just now)
        if one.tag == "tripinfo":
            yield one.get("id", ""), [float(one.get(name, "0")) for name in COLUMNS]
            one.clear()


def _means(rows: list[list[float]]) -> Trips:
    table = np.array(rows).reshape(-1, len(COLUMNS))
    loss, wait, waiting, stops, arrival, depart = table.T
    is_done, is_off = arrival >= 0, depart >= 0
    return Trips(
        delay_s=_mean(np.where(is_off, loss, 0.0) + wait),
        delay_completed_s=_mean((loss + wait)[is_done]),
        time_loss_completed_s=_mean(loss[is_done]),
        waiting_s=_mean(waiting[is_off]),
        stops=_mean(stops[is_off]),
        due=len(table),
        completed=int(is_done.sum()),
        on_the_way=int((is_off & ~is_done).sum()),
        never_departed=int((~is_off).sum()),
    )


def _mean(values: np.ndarray) -> float:
    return round(float(values.mean()), 3) if len(values) else 0.0
