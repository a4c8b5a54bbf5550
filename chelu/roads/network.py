"""What a road network is inside Chelu: frozen columns, rows addressed by index, lines as ragged arrays; in the site's metres."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.errors import CheluError
from chelu.roads.grid import Grid

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]
Strings = npt.NDArray[np.str_]


class UnknownLaneError(CheluError):
    """A lane id that the network does not have."""

    def __init__(self, lane_id: str) -> None:
        self.lane_id = lane_id
        super().__init__(f"the road network has no lane {lane_id!r}")


class Kind(enum.IntEnum):
    """What a link is."""

    ROAD = 0
    TUNNEL = 1
    BRIDGE = 2
    JUNCTION = 3  # a path across a junction
    CROSSING = 4  # for pedestrians across a road
    WALKING_AREA = 5  # where pavements and crossings meet; its lane's shape is the outline of the area


class User(enum.IntFlag):
    """Who may use a lane."""

    CAR = 1
    TRUCK = 2
    BUS = 4
    MOTORCYCLE = 8
    BICYCLE = 16
    PEDESTRIAN = 32
    EMERGENCY = 64
    RAIL = 128


FEWEST_POINTS = 2  # of a lane's shape
FURTHEST_M = 1e8  # of a file's metres from their origin: those of projections lie within 1e7
VEHICLES = User.CAR | User.TRUCK | User.BUS | User.MOTORCYCLE | User.EMERGENCY


@dataclass(frozen=True, slots=True)
class Lines:
    """Ragged polylines: line ``i`` is ``points[start[i]:start[i + 1]]``; points (k, 3), start (n + 1,)."""

    points: Floats
    start: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start) - 1

    def __getitem__(self, index: int) -> Floats:
        """The points (k, 3) of one line."""
        return self.points[self.start[index] : self.start[index + 1]]

    def offsets(self) -> Floats:
        """Distance (k,) in space from each line's first point to each of its points."""
        steps = np.linalg.norm(np.diff(self.points, axis=0, prepend=self.points[:1]), axis=1)
        total = np.cumsum(steps)
        counts = np.diff(self.start)
        first = np.minimum(self.start[:-1], max(len(total) - 1, 0))
        begin: Floats = np.repeat(total[first] if len(total) else total, counts)
        return np.asarray(total - begin, np.float64)


def lines_of(shapes: Sequence[Floats]) -> Lines:
    """Ragged lines of separate arrays (k_i, 3)."""
    start = np.concatenate([[0], np.cumsum([len(shape) for shape in shapes], dtype=np.int64)]).astype(np.int64)
    return Lines(np.concatenate([*shapes, np.empty((0, 3))]), start)


@dataclass(frozen=True, slots=True)
class Nodes:
    """Junctions: id (n,), position (n, 3), kind (n,) as the map's format names it, area: outline polygons."""

    id: Strings
    position: Floats
    kind: Strings
    area: Lines


@dataclass(frozen=True, slots=True)
class Links:
    """One direction of a road between two nodes (or a path inside one); from_node and to_node are node indices, -1 unknown."""

    id: Strings
    name: Strings
    from_node: Integers
    to_node: Integers
    length_m: Floats
    speed_limit_mps: Floats
    priority: Integers
    kind: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Lanes:
    """Lanes, numbered within their link from the right (index 0).

    length_m is the map's own figure, which may differ from the shape's by rounding or by averaging over a link's lanes; offsets
    in Chelu run along the shape, in space. gradient is the mean rise over run, steepest_gradient the one of largest size among
    pieces of at least 2 m. deck counts upward from 0: see `chelu.roads.decks`.
    """

    id: Strings
    link: Integers
    index: Integers
    width_m: Floats
    speed_limit_mps: Floats
    length_m: Floats
    users: npt.NDArray[np.int32]
    gradient: Floats
    steepest_gradient: Floats
    deck: Integers
    shape: Lines


@dataclass(frozen=True, slots=True)
class Connections:
    """Where one may go on, from lane to lane.

    via = the lane across the junction (-1 none), direction (s straight, l left, r right, t turn, L and R partly), signal = index
    into `Signals` (-1 none), group = the signal group that gives the right of way (-1 none).
    """

    from_lane: Integers
    to_lane: Integers
    via: Integers
    direction: Strings
    signal: Integers
    group: Integers


@dataclass(frozen=True, slots=True)
class Signals:
    """Signal controllers: id (s,), node index (s,) (-1 when it is named otherwise), offset and phases of the first programme.

    phase_signal (p,), phase_duration_s (p,), phase_state (p,): one character per group, as SUMO writes them (G g y r u o O s).
    """

    id: Strings
    node: Integers
    offset_s: Floats
    phase_signal: Integers
    phase_duration_s: Floats
    phase_state: Strings


@dataclass(frozen=True, slots=True)
class Stacked:
    """Pairs of lanes that overlap in plan with a vertical gap: lower and upper lane index, gap in metres where they overlap."""

    lower: Integers
    upper: Integers
    gap_m: Floats


@dataclass(frozen=True, slots=True)
class RoadNetwork:
    """A site's roads. `pieces` is the index that `match` and the geometry use; made by `chelu.roads.assemble.assemble`."""

    nodes: Nodes
    links: Links
    lanes: Lanes
    connections: Connections
    signals: Signals
    stacked: Stacked
    pieces: Pieces
    lane_of: Mapping[str, int]

    def lane_indices(self, lane_ids: Sequence[str]) -> Integers:
        """Lane indices of ids; raises UnknownLaneError."""
        try:
            return np.array([self.lane_of[lane_id] for lane_id in lane_ids], np.int32)
        except KeyError as error:
            raise UnknownLaneError(str(error.args[0])) from None

    def lane_kind(self) -> npt.NDArray[np.int8]:
        """The `Kind` of each lane's link."""
        return self.links.kind[self.lanes.link]


@dataclass(frozen=True, slots=True)
class Pieces:
    """All lanes' shapes cut into short straight pieces, in a grid: a, b (m, 3) ends, lane (m,), offset (m,) of a along it."""

    a: Floats
    b: Floats
    lane: Integers
    offset: Floats
    grid: Grid
