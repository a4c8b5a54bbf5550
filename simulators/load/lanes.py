"""Where the vehicles of a load drive: straight two-way roads side by side, on which nobody meets anybody.

All vehicles of a road have one speed and stand evenly along its two lanes, which they drive up and down; at an end they change to
the lane back. Between two messages no position is further off than speed and a lane's breadth allow, so quality checks find no
jump. Positions are the wire's integers, 1e-7 degree, in which a vehicle moves exactly straight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.geo import LocalFrame
from simulators.scene import Origin

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WIRE = 1e7  # units of a degree
ROAD_M = 600.0
SPACING_M = 50.0  # along a road's loop of two lanes
ROADS_APART_M = 12.0
LANE_M = 3.5
SLOWEST_MPS, FASTEST_MPS = 8.0, 20.0
A_ROAD = int(2 * ROAD_M / SPACING_M)


@dataclass(frozen=True, slots=True)
class Lanes:
    """All (vehicles,): speed, where each begins along its loop, and the wire coordinates of both lanes' beginnings.

    there, back: (vehicles, 2) latitude, longitude in wire units where that lane begins; step: (vehicles, 2) wire units a metre on
    the way there, backwards on the way back; heading_deg: on the way there.
    """

    speed_mps: Floats
    begin_m: Floats
    there: Floats
    back: Floats
    step: Floats
    heading_deg: Floats
    elevation_m: float

    def at(self, vehicle: Ints, seconds: Floats) -> tuple[Ints, Ints, Bools]:
        """Latitude and longitude (n,) in wire units of these vehicles after so many seconds, and who is on the way back."""
        along = (self.begin_m[vehicle] + self.speed_mps[vehicle] * seconds) % (2 * ROAD_M)
        is_back = along >= ROAD_M
        metres = np.where(is_back, ROAD_M - along, along)
        place = []
        for axis in (0, 1):
            first = np.where(is_back, self.back[vehicle, axis], self.there[vehicle, axis])
            place.append(np.rint(first + metres * self.step[vehicle, axis]).astype(np.int64))
        return place[0], place[1], is_back


def lanes(vehicles: int, origin: Origin, random: np.random.Generator) -> Lanes:
    """Roads northwards, one beside the other from the origin to the east, with places for so many vehicles."""
    number = np.arange(vehicles)
    road, place = number // A_ROAD, number % A_ROAD
    roads = int(road[-1]) + 1
    speed = random.uniform(SLOWEST_MPS, FASTEST_MPS, roads).round(1)  # a whole number of the wire's 0.02 m/s
    frame = LocalFrame(origin.latitude_deg, origin.longitude_deg, origin.elevation_m)
    east: Floats = np.arange(roads, dtype=np.float64) * ROADS_APART_M
    there, end, back = (
        _wire(frame, east + aside, np.full(roads, north, np.float64)) for aside, north in ((0, 0), (0, ROAD_M), (-LANE_M, ROAD_M))
    )
    return Lanes(
        speed_mps=speed[road],
        begin_m=(random.uniform(0, SPACING_M, roads)[road] + place * SPACING_M) % (2 * ROAD_M),
        there=there[road],
        back=back[road],
        step=((end - there) / ROAD_M)[road],
        heading_deg=np.zeros(vehicles),
        elevation_m=origin.elevation_m,
    )


def _wire(frame: LocalFrame, east: Floats, north: Floats) -> Floats:
    latitude, longitude, _ = frame.to_geodetic(np.stack([east, north, np.zeros(len(east))], axis=1))
    return np.stack([latitude, longitude], axis=1) * WIRE
