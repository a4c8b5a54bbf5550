"""A lanelet2 map as the house's road network: lanelets that share a border and run alike are the lanes of one link.

Lanes are named as lanelets (`.back` for the way against one that is no one-way), links after their rightmost lane. Where links
meet is a node; all paths across a junction share one. The format knows no programmes of lights: signals have groups without
phases, one for each traffic light.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from chelu.roads import connecting
from chelu.roads.assemble import assemble
from chelu.roads.lanelet2.junctions import TURNS, junctions_of
from chelu.roads.lanelet2.model import Lanelet2
from chelu.roads.lanelet2.regulating import held_by, lights_of, priorities, signals_of, stop_line_nodes
from chelu.roads.lanelet2.tracks import At, Track, followers, side_by_side, tracks_of
from chelu.roads.lanelet2.users import limit_mps
from chelu.roads.network import Connections, Floats, Integers, Kind, Links, Nodes, RoadNetwork, lines_of
from chelu.roads.unions import Unions

End = tuple[str, bool]  # of a link by name: its begin (False) or end (True)


@dataclass(frozen=True, slots=True)
class _Link:
    name: str
    tracks: tuple[Track, ...]
    kind: Kind
    junction: str  # of which it is a path, else empty


def network_of(model: Lanelet2) -> RoadNetwork:
    """All lanelets that somebody may use."""
    tracks = tracks_of(model)
    onward = followers(tracks)
    inside = junctions_of(tracks, onward, [stop_line_nodes(model, one) for one in lights_of(model).values()])
    links = _links(tracks, inside)
    nodes, ends = _nodes(links, onward)
    ordered = [track for link in links for track in link.tracks]
    rows = {track.at: row for row, track in enumerate(ordered)}
    node_of = {track.at: ends[link.name, True] for link in links for track in link.tracks}
    names = dict(enumerate(str(name) for name in nodes.id.tolist()))
    signals, groups = signals_of(model, held_by(model, tracks), node_of, names)

    def held(at: At, via: At | None) -> tuple[int, int] | None:
        """At the path across, else at the lane before it; within a junction nothing is held again."""
        before = groups.get(at) if at not in inside else None
        return (groups.get(via) if via is not None else None) or before

    shapes = [track.shape for track in ordered]
    ways = connecting.Ways(lambda at: onward[at], lambda at: at in inside, held)
    limits = np.array([limit_mps(track.lanelet.tags.get("speed_limit", "")) for track in ordered])
    lengths = np.array([np.linalg.norm(np.diff(shape, axis=0), axis=1).sum() for shape in shapes])
    lane_link = np.repeat(np.arange(len(links), dtype=np.int32), [len(link.tracks) for link in links])
    return assemble(
        nodes=nodes,
        links=_table(model, links, ends, lane_link, limits, lengths),
        lane_id=np.array([track.at.name for track in ordered], np.str_).reshape(-1),
        lane_link=lane_link,
        lane_index=np.array([rank for link in links for rank in range(len(link.tracks))], np.int32),
        width_m=np.array([track.width_m for track in ordered], np.float64),
        speed_limit_mps=limits,
        length_m=lengths,
        users=np.array([int(track.users) for track in ordered], np.int32),
        shape=lines_of(shapes),
        connections=_turned(connecting.connections_of(ways, rows, shapes), ordered),
        signals=signals,
    )


def _turned(connections: Connections, tracks: Sequence[Track]) -> Connections:
    """With the direction that the path across says, where it says one."""
    said = np.array([TURNS.get(track.lanelet.tags.get("turn_direction", ""), "") for track in tracks] + [""], np.str_)
    over = said[connections.via]  # -1 is the last, empty
    return replace(connections, direction=np.where(over != "", over, connections.direction))


def _links(tracks: Mapping[At, Track], inside: Mapping[At, str]) -> list[_Link]:
    kinds = {at: _kind(track, at in inside) for at, track in tracks.items()}
    families = {at: (kinds[at], inside.get(at, "")) for at in tracks}
    groups = side_by_side(tracks, families)
    return [
        _Link(group[0].name, tuple(tracks[at] for at in group), kinds[group[0]], inside.get(group[0], "")) for group in groups
    ]


def _kind(track: Track, is_inside: bool) -> Kind:  # noqa: FBT001 - of the two there is nothing to mix up
    tags = track.lanelet.tags
    if is_inside:
        return Kind.JUNCTION
    if tags.get("subtype") == "crosswalk":
        return Kind.CROSSING
    is_said = {key: tags.get(key, "no") not in {"no", "false", "0"} for key in ("tunnel", "bridge")}
    return Kind.TUNNEL if is_said["tunnel"] else Kind.BRIDGE if is_said["bridge"] else Kind.ROAD


def _nodes(links: Sequence[_Link], onward: Mapping[At, Sequence[At]]) -> tuple[Nodes, dict[End, int]]:
    """Where links meet or end; and of each link the rows of both its ends."""
    link_of = {track.at: link for link in links for track in link.tracks}
    unions = Unions[End]()
    for link in links:
        for end in (False, True):
            unions.join((link.name, end), (link.name, end))
            if link.junction:
                unions.join((f" {link.junction}", True), (link.name, end))
        for track in link.tracks:
            for to in onward[track.at]:
                unions.join((link.name, True), (link_of[to].name, False))
    for one, other in _opposite([track for link in links for track in link.tracks]):
        for end in (False, True):
            unions.join((link_of[one].name, end), (link_of[other].name, not end))
    by_name = {link.name: link for link in links}
    groups = [[end for end in group if end[0] in by_name] for group in unions.groups()]
    position = [np.mean([_place(by_name[name], is_end) for name, is_end in group], axis=0) for group in groups]
    named = [_named(group, by_name) for group in groups]
    table = Nodes(
        id=np.array([name for name, _ in named], np.str_).reshape(-1),
        position=np.array(position).reshape(-1, 3),
        kind=np.array([kind for _, kind in named], np.str_).reshape(-1),
        area=lines_of([np.empty((0, 3))] * len(groups)),
    )
    return table, {end: row for row, group in enumerate(groups) for end in group}


def _opposite(tracks: Sequence[Track]) -> Iterator[tuple[At, At]]:
    """Both directions of a road: of one lanelet, or of two with their left borders in common."""
    by_left = {track.left: track.at for track in tracks}
    known = {track.at for track in tracks}
    for track in tracks:
        back = track.at._replace(is_forward=not track.at.is_forward)
        for other in (by_left.get(track.left[::-1]), back if back in known else None):
            if other is not None and other != track.at:
                yield track.at, other


def _place(link: _Link, is_end: bool) -> Floats:  # noqa: FBT001 - as above
    return np.asarray(np.mean([track.shape[-1 if is_end else 0] for track in link.tracks], axis=0))


def _named(group: Sequence[End], links: Mapping[str, _Link]) -> tuple[str, str]:
    junctions = sorted({links[name].junction for name, _ in group} - {""})
    if junctions:
        return junctions[0], "junction"
    first = min(f"{name}.{'end' if is_end else 'start'}" for name, is_end in group)
    return first, "joint" if len(group) > 1 else "dead_end"


def _table(
    model: Lanelet2, links: Sequence[_Link], ends: Mapping[End, int], lane_link: Integers, limits: Floats, lengths: Floats
) -> Links:
    said = priorities(model)
    of_links = [[said[track.at.lanelet] for track in link.tracks if track.at.lanelet in said] for link in links]
    first = np.searchsorted(lane_link, np.arange(len(links)))
    tags = [link.tracks[0].lanelet.tags for link in links]
    return Links(
        id=np.array([link.name for link in links], np.str_).reshape(-1),
        name=np.array([one.get("road_name", one.get("name", "")) for one in tags], np.str_).reshape(-1),
        from_node=np.array([ends[link.name, False] for link in links], np.int32),
        to_node=np.array([ends[link.name, True] for link in links], np.int32),
        length_m=lengths[first],
        speed_limit_mps=np.array([np.fmax.reduce(limits[lane_link == row]) for row in range(len(links))], np.float64),
        priority=np.array([min(one) if one else -1 for one in of_links], np.int32),
        kind=np.array([link.kind for link in links], np.int8),
    )
