"""Map files as a scenario uses them: a network of lanes, and where on one of them a place in the file's own words is."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from chelu.roads import sumo
from chelu.roads.lanelet2.network import network_of as lanelet2_network
from chelu.roads.lanelet2.reading import read as read_lanelet2
from chelu.roads.network import Floats, Kind, RoadNetwork
from chelu.roads.opendrive.model import OpenDrive
from chelu.roads.opendrive.network import network_of
from chelu.roads.opendrive.reading import read as read_opendrive
from simulators.scenario.bounded import bytes_of
from simulators.scenario.mapped.places import OnMap
from simulators.scenario.mapped.rounding import distances_m

GZIP = b"\x1f\x8b"
SHOWN = 12  # of what there is, in an error


class PlaceError(ValueError):
    """A place that the file does not have. key: which of its words is wrong; the text says what is allowed."""

    def __init__(self, key: str, allowed: str) -> None:
        self.key = key
        super().__init__(allowed)


class MapFile(Protocol):
    """A file that was read. network: its lanes, each in its direction of travel."""

    network: RoadNetwork

    def lane(self, place: OnMap, way_m: float) -> int:
        """The row of the lane on which a place is; PlaceError."""

    def on_lane_m(self, place: OnMap, lane: int, way_m: float) -> float:
        """How far in plan along that lane's shape it is."""

    def road(self, lane: int) -> str:
        """What the file calls the road, edge or lanelet of which a lane is."""


class SumoFile:
    """A SUMO network: places are edge, lane and position, as vehicles depart there."""

    def __init__(self, path: Path) -> None:
        data = bytes_of(path)
        self.network = sumo.read(data)
        self.text = (gzip.decompress(data) if data.startswith(GZIP) else data).decode("utf-8", "replace")

    def lane(self, place: OnMap, way_m: float) -> int:
        links, kind = self.network.links, self.network.links.kind
        named = np.flatnonzero(links.id == place.edge)
        if not len(named):
            raise PlaceError("edge", "one of " + _some([str(one) for one in links.id[kind <= Kind.BRIDGE].tolist()]))
        lanes = np.flatnonzero(self.network.lanes.link == named[0])
        row = self.network.lane_of.get(f"{place.edge}_{place.lane}")
        if row is None:
            raise PlaceError("lane", f"0 (the rightmost) to {len(lanes) - 1}")
        length = float(self.network.lanes.length_m[row])
        if not 0.0 <= way_m <= length:
            raise PlaceError("pos_m", f"0 to {length:g}, the length of edge {place.edge}")
        return row

    def on_lane_m(self, place: OnMap, lane: int, way_m: float) -> float:  # noqa: ARG002 - the lane has it
        shape = distances_m(self.network.lanes.shape[lane])
        return float(way_m / max(float(self.network.lanes.length_m[lane]), 1e-9) * shape[-1])

    def road(self, lane: int) -> str:
        return str(self.network.links.id[self.network.lanes.link[lane]])


class OpenDriveFile:
    """An OpenDRIVE file: places are road, lane and s."""

    def __init__(self, path: Path) -> None:
        self._model: OpenDrive = read_opendrive(bytes_of(path), str(path))
        self.network = network_of(self._model)

    def lane(self, place: OnMap, way_m: float) -> int:
        roads, name = self._model.roads, place.road or ""
        if name not in roads:
            raise PlaceError("road", "one of " + _some(list(roads)))
        road = roads[name]
        if not 0.0 <= way_m <= road.length_m:
            raise PlaceError("s_m", f"0 to {road.length_m:g}, the length of road {road.id}")
        section = int(road.section_at(way_m))
        row = self.network.lane_of.get(f"{road.id}.{section}.{place.lane}")
        if row is None:
            there = [one for one in road.sections[section].lanes if f"{road.id}.{section}.{one}" in self.network.lane_of]
            raise PlaceError("lane", f"one of {', '.join(map(str, sorted(there)))}, which road {road.id} has there")
        return row

    def on_lane_m(self, place: OnMap, lane: int, way_m: float) -> float:
        road = self._model.roads[place.road or ""]
        at = road.places(way_m, road.lane_middle(place.lane or 0, way_m))
        return nearest_m(self.network.lanes.shape[lane], np.array([float(at.x_m), float(at.y_m)]))[0]

    def road(self, lane: int) -> str:
        return str(self.network.lanes.id[lane]).rsplit(".", 2)[0]


class Lanelet2File:
    """A lanelet2 map: places are lanelets, and how far along their middle."""

    def __init__(self, path: Path) -> None:
        self.network = lanelet2_network(read_lanelet2(bytes_of(path), str(path)))

    def lane(self, place: OnMap, way_m: float) -> int:
        row = self.network.lane_of.get(place.lanelet or "")
        if row is None:
            raise PlaceError("lanelet", "one of " + _some(list(self.network.lane_of)))
        length = float(distances_m(self.network.lanes.shape[row])[-1])
        if not 0.0 <= way_m <= length:
            raise PlaceError("s_m", f"0 to {length:.2f}, the length of lanelet {place.lanelet}")
        return row

    def on_lane_m(self, place: OnMap, lane: int, way_m: float) -> float:  # noqa: ARG002 - the lane has it
        return way_m

    def road(self, lane: int) -> str:
        return str(self.network.lanes.id[lane])


OPENED: Mapping[str, Callable[[Path], MapFile]] = {
    "opendrive": OpenDriveFile,
    "sumo": SumoFile,
    "lanelet2": Lanelet2File,
}


def nearest_m(shape: Floats, xy: Floats) -> tuple[float, float]:
    """Where a line (k, 2 or more) is nearest to a point: how far along it in plan, and how far right of it the point is."""
    begin, leg = shape[:-1, :2], np.diff(shape[:, :2], axis=0)
    length = np.maximum(np.hypot(*leg.T), 1e-12)
    share = np.clip(np.sum((xy - begin) * leg, axis=1) / length**2, 0.0, 1.0)
    off = xy - (begin + share[:, None] * leg)
    row = int(np.argmin(np.hypot(*off.T)))
    right = np.array([leg[row, 1], -leg[row, 0]]) / length[row]
    return float(distances_m(shape)[row] + share[row] * length[row]), float(off[row] @ right)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
