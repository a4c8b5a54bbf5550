"""An OpenDRIVE file as the house's road network: a link for each direction of each lane section, junctions as nodes.

Lanes are named `road.section.lane`, links `road.section+` along s and `road.section-` against it. A lane's width is the mean of
it. Shapes follow the curves to a centimetre. OpenDRIVE knows no programmes of lights: signals have groups without phases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chelu.roads.assemble import assemble
from chelu.roads.network import FURTHEST_M, Floats, Kind, Links, Nodes, RoadNetwork, lines_of
from chelu.roads.opendrive.connecting import connections_of
from chelu.roads.opendrive.lane_types import USERS
from chelu.roads.opendrive.model import Lane, OpenDrive, Road
from chelu.roads.opendrive.onward import LaneAt
from chelu.roads.opendrive.sampling import Sampling
from chelu.roads.opendrive.signalling import signals_of
from chelu.xml_tree import ElementError

THINNEST_M = 0.05  # mean width of what is a lane
WIDEST_M = 200.0  # of a lane anywhere, and
LARGEST_M = 200_000.0  # of all roads together: more is a mistake, and its index would not fit into memory


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane of the network: where it is in the file, its shape in its direction of travel, width, length and limit."""

    at: LaneAt
    lane: Lane
    shape: Floats
    width_m: float
    length_m: float
    limit_mps: float

    @property
    def link(self) -> str:
        """The link that it belongs to."""
        return f"{self.at.road}.{self.at.section}{'+' if self.at.is_along else '-'}"


def network_of(model: OpenDrive) -> RoadNetwork:
    """All lanes that somebody may use.

    ElementError for a lane that is wider than `WIDEST_M` or of negative width, and for roads further apart than `LARGEST_M`.
    """
    rows = [row for road in model.roads.values() for row in _rows(model, road)]
    _check_extent(model, rows)
    links: dict[str, list[LaneRow]] = defaultdict(list)
    for row in rows:
        links[row.link].append(row)
    ordered = [row for group in links.values() for row in sorted(group, key=lambda one: -abs(one.at.lane))]
    link_row = {name: number for number, name in enumerate(links)}
    lane_row = {row.at: number for number, row in enumerate(ordered)}
    nodes, ends = _nodes(model, list(links.values()))
    signals, groups = signals_of(model, {name: row for row, name in enumerate(nodes.id.tolist())})
    return assemble(
        nodes=nodes,
        links=_links(model, links, ends),
        lane_id=np.array([f"{row.at.road}.{row.at.section}.{row.at.lane}" for row in ordered], np.str_),
        lane_link=np.array([link_row[row.link] for row in ordered], np.int32),
        lane_index=np.array([rank for group in links.values() for rank in range(len(group))], np.int32),
        width_m=np.array([row.width_m for row in ordered], np.float64),
        speed_limit_mps=np.array([row.limit_mps for row in ordered], np.float64),
        length_m=np.array([row.length_m for row in ordered], np.float64),
        users=np.array([int(USERS[row.lane.type]) for row in ordered], np.int32),
        shape=lines_of([row.shape for row in ordered]),
        connections=connections_of(model, lane_row, [row.shape for row in ordered], groups),
        signals=signals,
    )


def _check_extent(model: OpenDrive, rows: Sequence[LaneRow]) -> None:
    ends = [np.concatenate([row.shape.min(axis=0), row.shape.max(axis=0)]) for row in rows]
    extent = float(np.ptp(np.array(ends).reshape(-1, 3), axis=0).max()) if ends else 0.0
    if not extent <= LARGEST_M:
        raise ElementError(
            model.file, 1, "/OpenDRIVE", f"the roads are {np.rint(extent):.7g} m apart, the limit is {LARGEST_M:.0f} m"
        )
    furthest = float(np.abs(ends).max()) if ends else 0.0
    if furthest > FURTHEST_M:
        problem = f"the roads lie {furthest:.7g} m from their origin, the limit is {FURTHEST_M:.0f} m"
        raise ElementError(model.file, 1, "/OpenDRIVE", problem)


def _rows(model: OpenDrive, road: Road) -> list[LaneRow]:
    found, sampling = list[LaneRow](), Sampling.of(road)
    for number, section in enumerate(road.sections):
        if section.end_m <= section.begin_m:
            continue
        s = sampling.places(section.begin_m, section.end_m)
        edges, offset = section.every_edge(s), road.lane_offset.at(s)
        for lane in section.lanes.values():
            inner, outer = edges[lane.id]
            width = float(np.trapezoid(np.abs(outer - inner), s) / (s[-1] - s[0]))
            if lane.type not in USERS or width < THINNEST_M:
                continue
            _check_width(model, road, lane, (outer - inner) * np.sign(lane.id))
            is_along = road.runs_along(lane)
            places = road.places(s, (inner + outer) / 2.0 + offset)
            shape = np.column_stack([places.x_m, places.y_m, places.z_m])[:: 1 if is_along else -1]
            length = float(np.linalg.norm(np.diff(shape, axis=0), axis=1).sum())
            found.append(
                LaneRow(LaneAt(road.id, number, lane.id, is_along), lane, shape, width, length, _limit(road, number, lane))
            )
    return found


def _check_width(model: OpenDrive, road: Road, lane: Lane, width_m: Floats) -> None:
    """ElementError for a lane of widths (k,) that no lane has; one that thins out may come to a little less than nothing."""
    widest, thinnest = float(width_m.max()), float(width_m.min())
    if not (widest <= WIDEST_M and thinnest >= -THINNEST_M):
        wrong = thinnest if thinnest < -THINNEST_M else widest
        problem = f"road {road.id}, lane {lane.id}: {wrong:.7g} m wide, from 0 to {WIDEST_M:.0f} m are read"
        raise ElementError(model.file, lane.line, "", problem)


def _limit(road: Road, section: int, lane: Lane) -> float:
    """A lane's own limit where it begins, else its road's there; NaN when neither says one."""
    if lane.speeds:
        return lane.speeds[0][1]
    begin = road.sections[section].begin_m
    holding = [limit for s, _, limit in road.types if s <= begin + 1e-6]
    return holding[-1] if holding else float("nan")


def _links(model: OpenDrive, links: dict[str, list[LaneRow]], ends: Sequence[tuple[int, int]]) -> Links:
    first = [group[0] for group in links.values()]
    roads = [model.roads[one.at.road] for one in first]
    limits = [np.array([row.limit_mps for row in group]) for group in links.values()]
    return Links(
        id=np.array(list(links), np.str_),
        name=np.array([road.name for road in roads], np.str_),
        from_node=np.array([begin for begin, _ in ends], np.int32),
        to_node=np.array([end for _, end in ends], np.int32),
        length_m=np.array([one.length_m for one in first], np.float64),
        speed_limit_mps=np.array([np.fmax.reduce(one) for one in limits], np.float64),
        priority=np.full(len(first), -1, np.int32),
        kind=np.array([Kind.ROAD if road.junction is None else Kind.JUNCTION for road in roads], np.int8),
    )


def _nodes(model: OpenDrive, groups: Sequence[Sequence[LaneRow]]) -> tuple[Nodes, list[tuple[int, int]]]:
    """Junctions, and where sections and roads meet or end; and of each link the rows of both its ends."""
    rows, places, kinds = dict[str, int](), list[list[Floats]](), list[str]()
    ends = []
    for group in groups:
        at, shape = group[0].at, group[0].shape
        own = [_node(model, at, is_end=is_end) for is_end in (not at.is_along, at.is_along)]
        for (name, kind), place in zip(own, (shape[0], shape[-1]), strict=True):
            if name not in rows:
                rows[name] = len(rows)
                places.append([])
                kinds.append(kind)
            places[rows[name]].append(place)
        ends.append((rows[own[0][0]], rows[own[1][0]]))
    position = np.array([np.mean(one, axis=0) for one in places]).reshape(-1, 3)
    nodes = Nodes(np.array(list(rows), np.str_), position, np.array(kinds, np.str_), lines_of([np.empty((0, 3))] * len(rows)))
    return nodes, ends


def _node(model: OpenDrive, at: LaneAt, *, is_end: bool) -> tuple[str, str]:
    """Name and kind of the node at one end (in s) of a road's section."""
    road = model.roads[at.road]
    if road.junction is not None:
        return road.junction, "junction"
    boundary = at.section + is_end
    if 0 < boundary < len(road.sections):
        return f"{road.id}.{boundary}", "section"
    link = road.successor if is_end else road.predecessor
    here = f"{road.id}.{'end' if is_end else 'start'}"
    if link is None:
        return here, "dead_end"
    if link.is_junction:
        return link.id, "junction"
    return min(here, f"{link.id}.{link.contact}"), "joint"
