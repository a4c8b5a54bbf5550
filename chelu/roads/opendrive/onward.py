"""Where one drives on to from a lane: to the next section, over a link to the next road, or across a junction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from chelu.roads.opendrive.model import OpenDrive, Road, RoadLink


class LaneAt(NamedTuple):
    """A lane of one section of a road, driven along s or against it."""

    road: str
    section: int
    lane: int
    is_along: bool


def onward(model: OpenDrive, at: LaneAt) -> list[LaneAt]:
    """The lanes that this one leads into."""
    road = model.roads[at.road]
    following = at.section + (1 if at.is_along else -1)
    lane = road.sections[at.section].lanes[at.lane]
    linked = lane.successors if at.is_along else lane.predecessors
    if 0 <= following < len(road.sections):
        lanes = road.sections[following].lanes
        return [LaneAt(at.road, following, one, at.is_along) for one in linked if one in lanes]
    link = road.successor if at.is_along else road.predecessor
    if link is None:
        return []
    found = _across(model, road, link, at.lane) if link.is_junction else _over(model, link, linked)
    return list(dict.fromkeys(found))


def _over(model: OpenDrive, link: RoadLink, linked: tuple[int, ...]) -> Iterator[LaneAt]:
    other = model.roads.get(link.id)
    if other is not None:
        yield from (one for lane in linked for one in _entered(other, link.contact, lane))


def _across(model: OpenDrive, road: Road, link: RoadLink, lane: int) -> Iterator[LaneAt]:
    junction = model.junctions.get(link.id)
    for path in junction.paths if junction is not None else ():
        other = model.roads.get(path.connecting)
        if path.incoming != road.id or other is None:
            continue
        for begin, end in path.lanes or ((lane, lane),):
            if begin == lane:
                yield from _entered(other, path.contact, end)


def _entered(road: Road, contact: str, lane: int) -> Iterator[LaneAt]:
    """A lane of a road that is entered at its start or end, if it has it there."""
    section = 0 if contact == "start" else len(road.sections) - 1
    if lane in road.sections[section].lanes:
        yield LaneAt(road.id, section, lane, contact == "start")
