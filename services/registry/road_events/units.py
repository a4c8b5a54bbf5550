"""Which roadside units an event concerns: those it is near enough to for what they send to be heard there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from chelu.geo import LocalFrame
from chelu.road_events.message import MOST_NUMBERS, Point

USUAL_COVERAGE_M = 500.0  # of a unit for which nobody has said


@dataclass(frozen=True, slots=True)
class Near:
    """A unit, how far it is from an event and how far it is heard."""

    device_key: int
    device_id: str
    distance_m: float
    coverage_m: float

    @property
    def is_concerned(self) -> bool:
        """Whether it is heard where the event is."""
        return self.distance_m <= self.coverage_m


def by_distance(
    units: Iterable[Mapping[str, Any]], frame: LocalFrame, place: Point | None, path: Sequence[Point], radius_m: float
) -> list[Near]:
    """Units that have a position, the nearest first; radius_m: around the place."""
    shape = _shape(frame, place, path, radius_m)
    found = []
    for unit in units:
        if unit["latitude_deg"] is None or unit["longitude_deg"] is None:
            continue
        spot = frame.to_local(unit["latitude_deg"], unit["longitude_deg"])[0]
        coverage_m = USUAL_COVERAGE_M if unit["coverage_m"] is None else unit["coverage_m"]
        away_m = float(shapely.distance(shape, shapely.Point(spot[:2])))
        found.append(Near(unit["device_key"], unit["device_id"], away_m, coverage_m))
    return sorted(found, key=lambda near: (near.distance_m, near.device_id))


def free_number(event_id: int, held: Iterable[int]) -> int | None:
    """A number that a unit has for no other event, not the one that was free last; None when it has none left."""
    taken = set(held)
    begin = event_id % MOST_NUMBERS
    return next((number for shift in range(MOST_NUMBERS) if (number := (begin + shift) % MOST_NUMBERS) not in taken), None)


def _shape(frame: LocalFrame, place: Point | None, path: Sequence[Point], radius_m: float) -> Any:
    parts = []
    if place is not None:
        point = shapely.Point(_plane(frame, [place])[0])
        parts.append(point.buffer(radius_m) if radius_m > 0 else point)  # a disc of no radius is empty, and far from everything
    if path:
        parts.append(shapely.LineString(_plane(frame, path)))
    return shapely.union_all(parts)


def _plane(frame: LocalFrame, points: Sequence[Point]) -> Any:
    return frame.to_local(np.array([it.latitude_deg for it in points]), np.array([it.longitude_deg for it in points]))[:, :2]
