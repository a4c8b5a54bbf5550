"""What is doubtful in a lanelet2 map that could be read: what names what is not there, and borders that just miss one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from chelu.roads.lanelet2.model import Lanelet2
from chelu.roads.lanelet2.regulating import LIGHT, RIGHT_OF_WAY, held_by
from chelu.roads.lanelet2.tracks import At, Track, followers, tracks_of
from chelu.roads.network import Floats

MISS_M = 0.5  # between an end and a beginning that are no shared nodes, and yet no accident
_RIGHTS = ("right_of_way", "yield")


def notes_on(model: Lanelet2) -> tuple[str, ...]:
    """A sentence for each thing that is doubtful."""
    tracks = tracks_of(model)
    return (*_lacking(model), *_idle_lights(model, tracks), *_misses(model, tracks), *_turned(tracks))


def _lacking(model: Lanelet2) -> Iterator[str]:
    for lanelet in model.lanelets.values():
        for name in lanelet.regulations:
            if name not in model.regulations:
                yield f"lanelet {lanelet.id} (line {lanelet.line}): it names the regulatory element {name}, which is not there"
    for one in model.regulations.values():
        members = {"ref_line": model.lines} | (dict.fromkeys(_RIGHTS, model.lanelets) if one.subtype == RIGHT_OF_WAY else {})
        for role, known in members.items():
            for name in one.members.get(role, ()):
                if name not in known:
                    yield f"{one.subtype} {one.id} (line {one.line}): it names {role} {name}, which is not there"


def _idle_lights(model: Lanelet2, tracks: Mapping[At, Track]) -> Iterator[str]:
    holding = set(held_by(model, tracks).values())
    for one in model.regulations.values():
        if one.subtype == LIGHT and one.id not in holding:
            yield f"traffic_light {one.id} (line {one.line}) holds no lanelet: none names it, or ends at its stop line"


def _misses(model: Lanelet2, tracks: Mapping[At, Track]) -> Iterator[str]:
    """Tracks for vehicles that lead nowhere though another one begins right there."""
    onward = followers(tracks)
    driven = [track for track in tracks.values() if track.is_for_vehicles]
    ends = [track for track in driven if not onward[track.at]]
    if not ends:
        return
    from scipy.spatial import cKDTree  # late: memory that a registry would hold, though few give it lanelet2

    begins = cKDTree(_both(model, [track.begin for track in driven]))
    found = begins.query(_both(model, [track.end for track in ends]), distance_upper_bound=MISS_M)
    for track, gap, row in zip(ends, *(np.asarray(column).tolist() for column in found), strict=True):
        if np.isfinite(gap) and driven[row].lanelet is not track.lanelet:
            yield (
                f"lanelet {track.at.name} (line {track.lanelet.line}) ends {gap:.2f} m from where lanelet "
                f"{driven[row].at.name} begins, but they share no nodes: nothing leads on"
            )


def _turned(tracks: Mapping[At, Track]) -> Iterator[str]:
    """Tracks for vehicles that nothing leads into or out of, and which turned round would follow another, or lead into one."""
    onward = followers(tracks)
    followed = {to for ats in onward.values() for to in ats}
    begins = {track.begin: track for track in tracks.values()}
    ends = {track.end: track for track in tracks.values()}
    for at, track in tracks.items():
        if not (track.is_for_vehicles and at.is_forward) or onward[at] or at in followed:
            continue
        other = begins.get((track.right[0], track.left[0])) or ends.get((track.right[-1], track.left[-1]))
        if other is not None and other.lanelet is not track.lanelet:
            yield (
                f"lanelet {at.name} (line {track.lanelet.line}) leads from nowhere to nowhere; turned round it would meet "
                f"lanelet {other.at.name}: its left and right borders may have been exchanged"
            )


def _both(model: Lanelet2, nodes: Sequence[tuple[str, str]]) -> Floats:
    """(n, 6) left and right place, scaled so that two of them are as far apart as their sides are in the mean of squares."""
    return np.asarray(model.places(tuple(node for pair in nodes for node in pair)).reshape(-1, 6) / np.sqrt(2.0))
