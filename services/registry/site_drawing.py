"""A site's roads as a page draws them: lanes as lines with width and deck, and where its signals hold traffic. No I/O.

What inference and simulators need of a network is in `chelu.roads`; this is what is left of it for eyes, in the site's metres.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from services.registry.models import Model

MOST_KEPT = 4  # drawings in memory: one of a city takes some megabytes
DIGITS = 2  # centimetres
_DRAWN = (Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE, Kind.JUNCTION, Kind.CROSSING)


class Lanes(Model):
    """Columns of one value a lane; lane i has the points start[i] … start[i + 1] − 1, each east, north, up in `points`."""

    start: list[int]
    points: list[float]
    width_m: list[float]
    deck: list[int]
    kind: list[int]
    is_for_vehicles: list[bool]
    link: list[str]


class StopLines(Model):
    """Columns of one value a lane that a signal holds, numbered as SPAT without a MAP is: docs/inference.md."""

    intersection: list[int]
    phase: list[int]
    east_m: list[float]
    north_m: list[float]
    up_m: list[float]
    heading_deg: list[float]


class Drawing(Model):
    """What there is to draw of a site's roads; `kinds` names the numbers in `kind`."""

    site_id: str
    version: int = Field(description="of the site's map that is valid, else of its road network")
    is_map: bool
    kinds: list[str]
    lanes: Lanes
    stop_lines: StopLines


def drawing(site_id: str, version: int, network: RoadNetwork, *, is_map: bool = False) -> Drawing:
    """Of one network; lanes in the order in which they are drawn, the lowest deck first."""
    kinds = network.lane_kind()
    rows = np.flatnonzero(np.isin(kinds, _DRAWN))
    rows = rows[np.lexsort((rows, network.lanes.deck[rows]))]
    return Drawing(
        site_id=site_id,
        version=version,
        is_map=is_map,
        kinds=[kind.name.lower() for kind in Kind],
        lanes=_lanes(network, rows),
        stop_lines=_stop_lines(network),
    )


def _lanes(network: RoadNetwork, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Lanes:
    lanes = network.lanes
    shapes = [lanes.shape[row] for row in rows.tolist()]
    points = np.concatenate([*shapes, np.empty((0, 3))])
    return Lanes(
        start=[0, *np.cumsum([len(shape) for shape in shapes], dtype=np.int64).tolist()],
        points=np.round(points, DIGITS).ravel().tolist(),
        width_m=np.round(lanes.width_m[rows], DIGITS).tolist(),
        deck=lanes.deck[rows].tolist(),
        kind=network.lane_kind()[rows].tolist(),
        is_for_vehicles=((lanes.users[rows] & int(VEHICLES)) != 0).tolist(),
        link=network.links.id[lanes.link[rows]].tolist(),
    )


def _stop_lines(network: RoadNetwork) -> StopLines:
    """Intersections from 1 in the order of the signals' names, phases from 1 as groups."""
    number = {
        row: place for place, row in enumerate(sorted(range(len(network.signals.id)), key=lambda r: network.signals.id[r]), 1)
    }
    joins = network.connections
    held = sorted(
        {
            (number[signal], group + 1, lane)
            for signal, group, lane in zip(joins.signal.tolist(), joins.group.tolist(), joins.from_lane.tolist(), strict=True)
            if signal >= 0 and group >= 0
        }
    )
    ends = np.array([network.lanes.shape[lane][-2:] for _, _, lane in held]).reshape(-1, 2, 3)
    along = ends[:, 1] - ends[:, 0]
    heading = np.mod(np.degrees(np.arctan2(along[:, 0], along[:, 1])), 360.0)
    place = np.round(ends[:, 1], DIGITS)
    return StopLines(
        intersection=[one for one, _, _ in held],
        phase=[one for _, one, _ in held],
        east_m=place[:, 0].tolist(),
        north_m=place[:, 1].tolist(),
        up_m=place[:, 2].tolist(),
        heading_deg=np.round(heading, 1).tolist(),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """A drawing as JSON, and the same packed."""

    plain: bytes
    packed: bytes


class Drawings:
    """The newest that were asked for: reading a network takes a second, and everybody who opens the map asks. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], Told] = {}

    def find(self, roads: tuple[str, str], draw: Callable[[], Drawing]) -> Told:
        """The drawing of a site's roads; roads: the site, and what tells its roads from others. `draw` may raise anything."""
        with self._lock:
            if (found := self._kept.get(roads)) is None:
                plain = draw().model_dump_json().encode()
                found = Told(plain, gzip.compress(plain, 6, mtime=0))
                while len(self._kept) >= MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[roads] = found
        return found
