"""Where on Earth a SUMO network lies, by its element `location`: a UTM zone, and how far its metres are shifted from it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads import utm
from chelu.roads.network import Floats, RoadNetwork
from chelu.roads.pairing import moved
from chelu.roads.sumo import unpacked
from chelu.xml_tree import Element, parse

NOWHERE = {"", "!", "-"}  # projections of a network of no real place, and of one whose degrees are coordinates
_UTM = re.compile(r"\+proj=utm\b")
_ZONE = re.compile(r"\+zone=(\d+)\b")
_ELLIPSOID = re.compile(r"\+(?:ellps|datum)=(\S+)")
_SAME = {"WGS84", "GRS80"}  # ellipsoids that are 0.1 mm apart


@dataclass(frozen=True, slots=True)
class Grid:
    """A UTM zone in which a network's metres begin at −offset."""

    zone: int
    is_south: bool
    offset_m: tuple[float, float]

    def geodetic(self, points: Floats) -> tuple[Floats, Floats]:
        """Latitude and longitude in degrees of points (n, 3) of the network."""
        return utm.geodetic(points[:, 0] - self.offset_m[0], points[:, 1] - self.offset_m[1], self.zone, is_south=self.is_south)


def grid_of(data: bytes, file: str) -> Grid | None:
    """The grid that a network says it lies in, None where it lies nowhere; ElementError for one that is not read."""
    location = parse(unpacked(data), file, root="net").first("location")
    projection = location.get("projParameter", "") if location is not None else ""
    if location is None or projection in NOWHERE:
        return None
    zone, ellipsoids = _ZONE.search(projection), set(_ELLIPSOID.findall(projection))
    if not _UTM.search(projection) or zone is None or not 1 <= int(zone.group(1)) <= utm.LAST_ZONE or not ellipsoids <= _SAME:
        raise location.wrong(
            f"projParameter = {projection[:80]!r}: of projections UTM on WGS-84 is read; say where it lies: --origin"
        )
    return Grid(int(zone.group(1)), "+south" in projection.split(), _offset(location))


def _offset(location: Element) -> tuple[float, float]:
    said = location.get("netOffset", "0,0")
    try:
        east, north = (float(one) for one in said.split(","))
    except ValueError:
        east = north = np.nan
    if not np.isfinite([east, north]).all():
        raise location.wrong(f"netOffset = {said[:40]!r}: two finite numbers with a comma between")
    return east, north


def middle_of(network: RoadNetwork, grid: Grid) -> LocalFrame:
    """Where on Earth the middle of a network lies."""
    points = network.lanes.shape.points
    middle = (points.min(axis=0) + points.max(axis=0)) / 2.0 if len(points) else np.zeros(3)
    latitude, longitude = (float(one[0]) for one in grid.geodetic(middle[None]))
    return LocalFrame(round(latitude, 7), round(longitude, 7))


def on_earth(network: RoadNetwork, grid: Grid) -> tuple[RoadNetwork, LocalFrame]:
    """A network in metres around its middle, which the grid's are not: they are up to 2° turned and 0.04 % shortened."""
    frame = middle_of(network, grid)

    def place(line: Floats) -> Floats:
        return frame.to_local(*grid.geodetic(line), line[:, 2]).reshape(-1, 3)

    return moved(network, place), frame
