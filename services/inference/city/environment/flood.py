"""Riverside roads that the river comes over, or will: closed in time, and opened when the water has gone for good.

A gauge says which roads it speaks for by its label ``riverside`` (their ids), and how high its zero lies by ``zero_m`` (metres
above the ellipsoid, as the road network has its heights). How high a road lies is the road network's: its lowest point counts.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chelu.roads.network import RoadNetwork
from services.inference.city.environment.findings import Finding, Judged
from services.inference.parameters import parameter

APPLICATION = "flood"
STANDING_WATER, NO_VEHICLES = 407, 53  # GB/T 29100; the index of GB 5768.2
TEXT = "道路淹水 禁止通行"


@dataclass(frozen=True, slots=True)
class FloodParameters:
    """`[site.flood]`; docs/city/environment.md has this as a table."""

    freeboard_m: float = parameter(0.3, "m", "waves and wheels: a road is closed when the water is so near", high=5.0)
    clear_m: float = parameter(0.3, "m", "hysteresis: and opened when it is further below by so much", high=5.0)
    lead_s: float = parameter(7200.0, "s", "closed when the outlook has it flooded within so long", high=43_200.0)
    reopen_s: float = parameter(3600.0, "s", "opened when it has been clear for so long: it is drained and swept", high=172_800.0)
    tells_roads: float = parameter(1.0, "0 or 1", "0: an alarm alone, and a person gives the road events", high=1.0)


class Why(enum.StrEnum):
    """Why a road is closed."""

    WATER = "water"
    OUTLOOK = "outlook"
    CLEARING = "clearing"  # the water is gone, and not yet for long enough


@dataclass(frozen=True, slots=True)
class Water:
    """A gauge's water as heights.

    soon_m: the highest that the outlook expects within `lead_s`; soon_high_m: that it fears; NaN without one.
    """

    gauge: str
    place: tuple[float, float, float] | None
    time_us: int
    height_m: float
    soon_m: float
    soon_high_m: float


def road_heights(network: RoadNetwork, elevation_m: float) -> dict[str, float]:
    """By road the height of its lowest point; elevation_m: of the site's origin. A road without heights is not in it."""
    lanes = network.lanes
    lane = np.repeat(np.arange(len(lanes.shape)), np.diff(lanes.shape.start))
    lowest = np.full(len(network.links.id), np.inf)
    heights = lanes.shape.points[:, 2]
    np.minimum.at(lowest, lanes.link[lane], np.where(np.isfinite(heights), heights, np.inf))
    return {str(road): float(one) + elevation_m for road, one in zip(network.links.id, lowest, strict=True) if np.isfinite(one)}


class FloodWatch:
    """The riverside roads of a site. Owned by one thread."""

    def __init__(self, parameters: FloodParameters) -> None:
        self._p = parameters
        self._clear_us: dict[str, int] = {}  # since when the water is off a road that is closed

    def judge(self, water: Water, roads: Sequence[str], heights: Mapping[str, float], closed: frozenset[str]) -> list[Judged]:
        """A verdict on each road that is known; closed: those that are now."""
        return [
            self._road(water, road, heights[road], is_closed=road in closed)
            for road in roads
            if road in heights and np.isfinite(water.height_m)
        ]

    def _road(self, water: Water, road: str, height_m: float, *, is_closed: bool) -> Judged:
        why = self._why(water, height_m - self._p.freeboard_m)
        if why is None and is_closed:
            why = self._still_closed(water, road, height_m - self._p.freeboard_m - self._p.clear_m)
        elif why is not None:
            self._clear_us.pop(road, None)
        if why is None:
            self._clear_us.pop(road, None)
            return Judged(APPLICATION, road)
        return Judged(APPLICATION, road, [self._finding(water, road, height_m)])

    def _why(self, water: Water, bound_m: float) -> Why | None:
        if water.height_m >= bound_m:
            return Why.WATER
        return Why.OUTLOOK if water.soon_m >= bound_m else None

    def _still_closed(self, water: Water, road: str, bound_m: float) -> Why | None:
        """A closed road stays so until the water is well below, is not feared back, and has been gone for long enough."""
        if water.height_m >= bound_m or water.soon_high_m >= bound_m:
            self._clear_us.pop(road, None)
            return Why.CLEARING
        since = self._clear_us.setdefault(road, water.time_us)
        return Why.CLEARING if water.time_us - since < self._p.reopen_s * 1e6 else None

    def _finding(self, water: Water, road: str, height_m: float) -> Finding:
        """The same words as long as it is closed: what changes from reading to reading is not told anew."""
        events = [
            {"sort": "event", "code": STANDING_WATER, "road": road, "text": TEXT, "source": "detection", "priority": 7},
            {"sort": "sign", "code": NO_VEHICLES, "road": road, "text": TEXT, "source": "detection", "priority": 7},
        ]
        detail = {
            "gauge": water.gauge,
            "unit": "m above the ellipsoid",
            "road_m": round(height_m, 2),
            "road_events": events if self._p.tells_roads else [],
        }
        return Finding(
            application=APPLICATION,
            subject=road,
            part="closed",
            kind="flood",
            severity="critical",
            value=water.height_m,
            bound=height_m - self._p.freeboard_m,
            text=f"the water at {water.gauge} comes to {road}, or will within {self._p.lead_s / 3600:g} h",
            place=water.place,
            detail=detail,
        )
