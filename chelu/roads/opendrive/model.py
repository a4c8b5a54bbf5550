"""What an OpenDRIVE file says, as Chelu keeps it: roads with their reference lines and lanes, junctions, signals.

Lengths are metres, angles radians counter-clockwise from east as in the format; s runs along a road's reference line, t to its
left. Lane 0 is the line in the middle; lanes to the right have negative numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.roads.left_out import LeftOut
from chelu.roads.network import Floats
from chelu.roads.opendrive.polynomials import Polynomials
from chelu.roads.opendrive.reference_line import ReferenceLine


@dataclass(frozen=True, slots=True)
class RoadLink:
    """What a road goes on to: a road with the end that it meets ("start" or "end"), or a junction."""

    is_junction: bool
    id: str
    contact: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane of a section. width of it, or else border: where its outer edge lies from lane 0; of s from the section's begin.

    direction: "standard", "reversed" or "both". speeds: from s within the section, the limit in m/s, NaN for none. line: in the
    file.
    """

    id: int
    type: str
    width: Polynomials
    border: Polynomials
    predecessors: tuple[int, ...]
    successors: tuple[int, ...]
    speeds: tuple[tuple[float, float], ...]
    direction: str
    line: int


@dataclass(frozen=True, slots=True)
class LaneSection:
    """Lanes by number from begin_m to end_m of their road; without lane 0."""

    begin_m: float
    end_m: float
    lanes: Mapping[int, Lane]
    line: int

    def edges(self, lane: int, s_m: Floats) -> tuple[Floats, Floats]:
        """Inner and outer edge (…) of a lane as t, lane 0 lying at 0; KeyError for a lane that is not there."""
        if lane not in self.lanes:
            raise KeyError(lane)
        return next(edges for number, edges in self._from_middle(1 if lane > 0 else -1, s_m) if number == lane)

    def every_edge(self, s_m: Floats) -> dict[int, tuple[Floats, Floats]]:
        """`edges` of all lanes, in the time that one takes."""
        return {number: edges for side in (1, -1) for number, edges in self._from_middle(side, s_m)}

    def _from_middle(self, side: int, s_m: Floats) -> Iterator[tuple[int, tuple[Floats, Floats]]]:
        """The lanes of one side (1 left, −1 right) from the inside, with their edges."""
        outer = np.zeros_like(s_m)
        if 0 in self.lanes:  # a file may say so: it has no width
            yield 0, (outer, outer)
        for number in sorted((one for one in self.lanes if one * side > 0), key=abs):
            inner, outer = outer, self._outer(self.lanes[number], side, outer, s_m - self.begin_m)
            yield number, (inner, outer)

    @staticmethod
    def _outer(lane: Lane, side: int, inner: Floats, d_m: Floats) -> Floats:
        if len(lane.width.begin_m) or not len(lane.border.begin_m):
            return np.asarray(inner + side * lane.width.at(d_m))
        return lane.border.at(d_m)


@dataclass(frozen=True, slots=True)
class Signal:
    """A sign or light at (s, t) of a road. lanes: from … to, for whom, none: all. orientation: "+" for who drives along s."""

    id: str
    road: str
    name: str
    s_m: float
    t_m: float
    height_m: float
    is_dynamic: bool
    orientation: str
    country: str
    type: str
    subtype: str
    value: float
    unit: str
    lanes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Where (s, t) of a road lie (…): metres, heading_rad of the reference line there, and its curvature and rise over run."""

    x_m: Floats
    y_m: Floats
    z_m: Floats
    heading_rad: Floats
    curvature_1pm: Floats
    gradient: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """A road. junction: of which it is a path, else None. types: from s, the road's type and its speed limit in m/s (NaN)."""

    id: str
    name: str
    length_m: float
    junction: str | None
    is_left_hand: bool
    predecessor: RoadLink | None
    successor: RoadLink | None
    types: tuple[tuple[float, str, float], ...]
    reference: ReferenceLine
    elevation: Polynomials
    superelevation: Polynomials
    lane_offset: Polynomials
    sections: tuple[LaneSection, ...]
    signals: tuple[Signal, ...]
    line: int

    def places(self, s_m: npt.ArrayLike, t_m: npt.ArrayLike) -> Places:
        """Places (…) at these s and t, on the road's surface: superelevation lifts what lies to the left."""
        s, t = np.broadcast_arrays(np.asarray(s_m, np.float64), np.asarray(t_m, np.float64))
        on, tilt = self.reference.at(s), self.superelevation.at(s)
        across = t * np.cos(tilt)
        return Places(
            on.x_m - across * np.sin(on.heading_rad),
            on.y_m + across * np.cos(on.heading_rad),
            self.elevation.at(s) + t * np.sin(tilt),
            on.heading_rad,
            on.curvature_1pm,
            self.elevation.slope(s),
        )

    def section_at(self, s_m: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Which lane section (…) holds there."""
        begins = np.array([one.begin_m for one in self.sections])
        return np.maximum(np.searchsorted(begins, np.asarray(s_m, np.float64), side="right") - 1, 0)

    def lane_edges(self, lane: int, s_m: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Inner and outer edge (…) of a lane as t, NaN where no section has such a lane."""
        s = np.asarray(s_m, np.float64)
        inner, outer, section = np.full(s.shape, np.nan), np.full(s.shape, np.nan), self.section_at(s)
        for number in np.unique(section).tolist():
            here = section == number
            if lane in self.sections[number].lanes:
                inner[here], outer[here] = self.sections[number].edges(lane, s[here])
        offset = self.lane_offset.at(s)
        return inner + offset, outer + offset

    def lane_middle(self, lane: int, s_m: npt.ArrayLike) -> Floats:
        """Middle (…) of a lane as t, NaN where no section has such a lane."""
        inner, outer = self.lane_edges(lane, s_m)
        return np.asarray((inner + outer) / 2.0)

    def runs_along(self, lane: Lane) -> bool:
        """Whether one drives on a lane in the direction of s."""
        return (lane.id < 0) ^ self.is_left_hand ^ (lane.direction == "reversed")


@dataclass(frozen=True, slots=True)
class JunctionPath:
    """From a road's end over a connecting road, which is entered at its "start" or "end"; lanes: from → to, none: all alike."""

    incoming: str
    connecting: str
    contact: str
    lanes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Junction:
    """Where roads meet. controllers: of the signals in it."""

    id: str
    name: str
    type: str
    paths: tuple[JunctionPath, ...]
    controllers: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class OpenDrive:
    """A whole file. file: what errors call it. revision: (1, 8). geo_reference: a projection's text, empty for none.

    controllers: the signals of each.
    left_out: what was not read. notes: what is doubtful and was read all the same.
    """

    file: str
    revision: tuple[int, int]
    name: str
    geo_reference: str
    offset_m: tuple[float, float, float, float]
    roads: Mapping[str, Road]
    junctions: Mapping[str, Junction]
    controllers: Mapping[str, tuple[str, ...]]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
