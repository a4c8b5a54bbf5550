"""As many vehicles as one likes on the map of the district that ships, from its recording.

Those of one instant, and those of later ones in places that are free: each keeps to its lane and nobody stands inside another,
but ways cross at junctions as no signal would let them, so that the applications have more to look at than on a real street.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

import simulators
from evaluation.models.motion.tracks import Recording, read_trace, reports_at
from services.inference.reports import Floats, Ints, Reports, joined

TICK_S, SHIFT_S = 0.1, 20.0
SPACE_M = 7.0  # between the middles of two, as in a queue


@dataclass(frozen=True, slots=True)
class Part:
    """Vehicles as they drove so many seconds later."""

    shift_s: float
    vehicle: Ints


def recording() -> Recording:
    """The one that ships, with its map."""
    return read_trace(Path(simulators.__file__).parent / "data" / "district_trace.npz")


def at(driven: Recording, tick: int) -> Reports:
    """What those of the recording itself report at a tick."""
    return reports_at(driven, _rows(driven, 0.0, tick))


def crowd(driven: Recording, vehicles: int, *, ticks: int) -> list[Reports]:
    """What so many vehicles report at each tick; ValueError when the recording has not as many."""
    parts = _parts(driven, vehicles, ticks)
    return [joined(list(_at(driven, parts, tick))) for tick in range(ticks)]


def _parts(driven: Recording, vehicles: int, ticks: int) -> list[Part]:
    """Who is chosen of which time."""
    found, taken, last_s = list[Part](), np.empty((0, 2, 2)), float(driven.time_s[-1]) - ticks * TICK_S
    for shift_s in np.arange(0.0, last_s, SHIFT_S).tolist():
        vehicle, ends = _present(driven, shift_s, ticks)
        chosen = _free(ends, taken)[: vehicles - len(taken)]
        found.append(Part(shift_s, vehicle[chosen]))
        taken = np.concatenate([taken, ends[chosen]])
        if len(taken) == vehicles:
            return found
    raise ValueError(f"the recording has room for {len(taken)} vehicles, and {vehicles} are wanted")


def _present(driven: Recording, shift_s: float, ticks: int) -> tuple[Ints, Floats]:
    """Who is there from the first tick to the last, and where (m, 2, 2) at both."""
    first, last = _rows(driven, shift_s, 0), _rows(driven, shift_s, ticks - 1)
    vehicle, one, other = np.intersect1d(driven.vehicle[first], driven.vehicle[last], return_indices=True)
    return vehicle, np.stack([driven.xyz[first[one], :2], driven.xyz[last[other], :2]], axis=1)


def _free(ends: Floats, taken: Floats) -> npt.NDArray[np.intp]:
    """Who of these (m, 2, 2) is near none of the taken (n, 2, 2), at the first tick and at the last."""
    apart = np.linalg.norm(ends[:, None] - taken[None], axis=-1)
    return np.flatnonzero((apart > SPACE_M).all(axis=(1, 2)))


def _at(driven: Recording, parts: list[Part], tick: int) -> Iterator[Reports]:
    """The rows of each part, as if all drove now; nobody has another's key."""
    most = int(driven.vehicle.max()) + 1
    for number, part in enumerate(parts):
        rows = _rows(driven, part.shift_s, tick)
        found = reports_at(driven, rows[np.isin(driven.vehicle[rows], part.vehicle)])
        now_us = found.time_us - round(part.shift_s * 1e6)
        key = found.device_key + number * most
        ids = key.astype(np.uint64)
        yield replace(found, time_us=now_us, arrival_us=now_us, key=ids, own_id=ids, device_key=key, own_key=key)


def _rows(driven: Recording, shift_s: float, tick: int) -> npt.NDArray[np.intp]:
    """The samples of one tick."""
    at_s = shift_s + tick * TICK_S
    begin, end = np.searchsorted(driven.time_s, [at_s - TICK_S / 2, at_s + TICK_S / 2])
    return np.arange(begin, end)
