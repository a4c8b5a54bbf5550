"""Which lanelets are paths across a junction: the format does not say, but for Autoware's tag turn_direction.

A path across is a lanelet for vehicles that has that tag, or crosses another one at its height, or goes on from the stop line of
a traffic light; and one that begins or ends together with such a path. Paths that cross, follow one another, begin or end
together are of one junction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

import numpy as np

from chelu.roads.decks import GAP_M
from chelu.roads.geometry import JOIN_M
from chelu.roads.lanelet2.tracks import At, Track
from chelu.roads.network import lines_of
from chelu.roads.pieces import cut, meetings
from chelu.roads.unions import Unions

TURNS: Mapping[str, str] = {"left": "l", "right": "r", "straight": "s"}


def junctions_of(tracks: Mapping[At, Track], onward: Mapping[At, Sequence[At]], stop_lines: Iterable[Set[str]]) -> dict[At, str]:
    """The name of the junction of each track that is a path across one; stop_lines: the nodes of each light's."""
    crossing = list(_crossings([track for track in tracks.values() if track.is_for_vehicles and track.at.is_forward]))
    lines = list(stop_lines)
    seeds = {at for pair in crossing for at in pair}
    seeds |= {at for at, track in tracks.items() if "turn_direction" in track.lanelet.tags}
    followed = {to for at in tracks for to in onward[at]}
    seeds |= {at for at in followed if any(line >= set(tracks[at].begin) for line in lines)}
    seeds = {at for at in seeds if tracks[at].is_for_vehicles}
    together = _together(tracks)
    inside = seeds | {at for ats in together if seeds & ats for at in ats}
    unions = Unions[At]()
    for at in inside:
        unions.join(at, at)
        for to in onward[at]:
            if to in inside:
                unions.join(at, to)
    for ats in (*together, *map(set, crossing)):
        mine = sorted(inside & ats)
        for other in mine[1:]:
            unions.join(mine[0], other)
    return {at: f"j{min(one.lanelet for one in group)}" for group in unions.groups() for at in group}


def _together(tracks: Mapping[At, Track]) -> list[set[At]]:
    """Sets of tracks for vehicles that begin at the same nodes, or end there."""
    found: dict[tuple[bool, tuple[str, str]], set[At]] = defaultdict(set)
    for at, track in tracks.items():
        if track.is_for_vehicles:
            found[False, track.begin].add(at)
            found[True, track.end].add(at)
    return [ats for ats in found.values() if len(ats) > 1]


def _crossings(tracks: Sequence[Track]) -> Iterator[tuple[At, At]]:
    """Pairs whose middle lines cross in plan, not at their ends, and at one height."""
    shape = lines_of([track.shape for track in tracks])
    meet = meetings(cut(shape), within_m=0.01)
    length = np.array([np.linalg.norm(np.diff(track.shape, axis=0), axis=1).sum() for track in tracks])
    cross = (meet.distance_m < 1e-6) & (np.abs(meet.point_a[:, 2] - meet.point_b[:, 2]) < GAP_M)
    for lane, offset in ((meet.lane_a, meet.offset_a), (meet.lane_b, meet.offset_b)):
        cross &= (offset > JOIN_M) & (offset < length[lane] - JOIN_M)
    for a, b in sorted(set(zip(meet.lane_a[cross].tolist(), meet.lane_b[cross].tolist(), strict=True))):
        yield tracks[a].at, tracks[b].at
