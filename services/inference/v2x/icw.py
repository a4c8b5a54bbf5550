"""Intersection collision warning (交叉路口碰撞预警, T/CSAE 53 application 2): two paths cross, and neither vehicle will yield.

A conflict is an overlap of both footprints on their predicted futures at crossing headings. As long as one of the two can still
stop before the place of conflict with ordinary braking, it may be about to yield (a red light, a give-way line), and nobody is
warned; when neither can, both are, while each can still brake hard. docs/applications/icw.md has the reasons and limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.motion.footprints import overlap
from services.inference.futures import STEP_S
from services.inference.pairs import Mask, Pairs, Tracks, path_steps_m
from services.inference.parameters import parameter
from services.inference.reports import Floats, Ints
from services.inference.v2x.assessment import Assessment, both_ways

NAME = "icw"


@dataclass(frozen=True, slots=True)
class IcwParameters:
    """Defaults and their sources; docs/applications/icw.md carries this as a table."""

    horizon_s: float = parameter(4.0, "s", "3GPP TS 22.185: ample response time 4 s", high=4.0)
    reaction_s: float = parameter(0.8, "s", "driver's reaction to a warning; UNECE R157's careful driver: 0.75 s", high=3.0)
    braking_reaction_s: float = parameter(0.2, "s", "who brakes already has reacted", high=3.0)
    is_braking_mps2: float = parameter(-1.0, "m/s²", "more than engine braking", low=-5.0, high=0.0)
    yield_mps2: float = parameter(4.5, "m/s²", "who can stop before the conflict with less may be about to yield", high=12.0)
    imminent_s: float = parameter(1.0, "s", "so close to the collision nothing is confirmed first", high=4.0)
    hold_share: float = parameter(0.7, "1", "hysteresis on yield_mps2", high=1.0)
    least_speed_mps: float = parameter(2.0, "m/s", "creeping vehicles are not warned of", high=20.0)
    least_angle_deg: float = parameter(25.0, "°", "below, the paths merge or follow: not this application", high=90.0)
    most_angle_deg: float = parameter(155.0, "°", "above, the vehicles are oncoming: not this application", low=90.0, high=180.0)


def assess(pairs: Pairs, parameters: IcwParameters) -> Assessment:
    """Findings for both vehicles of every crossing conflict, as far as they speak, or are told by who sees them."""
    p, tracks = parameters, pairs.tracks
    found = pairs.where(_crosses(pairs, p))
    room_a, room_b = _ways_to_zone(found)
    need_a, need_b = (_needed(tracks, side, room, p) for side, room in ((found.a, room_a), (found.b, room_b)))
    both, ttc = np.minimum(need_a, need_b), found.first.astype(np.float64) * STEP_S
    raised = np.where(ttc <= p.imminent_s, 2, 1)
    level = np.where(both >= p.yield_mps2, raised, np.where(both >= p.yield_mps2 * p.hold_share, 0, -1))
    host, other = both_ways(found.a, found.b)
    level, ttc = np.tile(level, 2), np.tile(ttc, 2)
    kept = (level >= 0) & tracks.speaks[host] & tracks.is_vehicle[host]
    return Assessment(
        NAME,
        tracks.slots[host[kept]],
        tracks.slots[other[kept]],
        level[kept],
        ttc[kept],
        np.concatenate([need_a, need_b])[kept],
        np.concatenate([room_a, room_b])[kept],
    )


def _crosses(pairs: Pairs, p: IcwParameters) -> Mask:
    """Pairs that overlap within the horizon, both moving, at crossing headings, and do not overlap already."""
    tracks, step = pairs.tracks, np.maximum(pairs.first, 0)
    turn = tracks.heading_deg[pairs.a, step] - tracks.heading_deg[pairs.b, step]
    angle = np.abs(np.mod(turn + 180.0, 360.0) - 180.0)
    slower = np.minimum(tracks.speed_mps[pairs.a], tracks.speed_mps[pairs.b])
    return (
        (pairs.first > 0)
        & (pairs.first * STEP_S <= p.horizon_s)
        & (slower >= p.least_speed_mps)
        & (angle >= p.least_angle_deg)
        & (angle <= p.most_angle_deg)
    )


def _ways_to_zone(pairs: Pairs) -> tuple[Floats, Floats]:
    """Metres each still has before it enters what the other will sweep up to a second after their contact: (p,), (p,)."""
    tracks = pairs.tracks
    pair, step_a, step_b = _close_cells(pairs)
    a, b = pairs.a[pair], pairs.b[pair]
    hit = overlap(
        tracks.xy[b, step_b] - tracks.xy[a, step_a],
        tracks.heading_deg[a, step_a],
        tracks.size_m[a],
        tracks.heading_deg[b, step_b],
        tracks.size_m[b],
    )
    pair, step_a, step_b = pair[hit], step_a[hit], step_b[hit]
    soon = pairs.first[pair] + round(1.0 / STEP_S)
    rows = np.arange(len(pairs))
    enter_a = _least(pair[step_b <= soon], step_a[step_b <= soon], len(pairs))
    enter_b = _least(pair[step_a <= soon], step_b[step_a <= soon], len(pairs))
    return _way(tracks, pairs.a)[rows, enter_a], _way(tracks, pairs.b)[rows, enter_b]


def _close_cells(pairs: Pairs) -> tuple[Ints, Ints, Ints]:
    """Pair, step of a and step of b where the circles around both footprints meet: few of all (p, s, s) cells."""
    xy, reach = pairs.tracks.xy, np.hypot(*pairs.tracks.size_m.T) / 2.0
    east, north = (xy[pairs.b, None, :, axis] - xy[pairs.a, :, None, axis] for axis in (0, 1))
    both = reach[pairs.a] + reach[pairs.b]
    pair, step_a, step_b = np.nonzero(east * east + north * north <= (both * both)[:, None, None])
    return pair, step_a, step_b


def _least(pair: Ints, step: Ints, count: int) -> Ints:
    """The least step of each of `count` pairs, 0 for those without any."""
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, pair, step)
    return np.where(first < np.iinfo(np.int64).max, first, 0)


def _way(tracks: Tracks, side: Ints) -> Floats:
    """Metres driven up to the last instant before each step: (p, s); on the safe side by up to one step."""
    step = path_steps_m(tracks.xy[side])
    return np.asarray(np.cumsum(np.concatenate([np.zeros((len(side), 2)), step], axis=1), axis=1)[:, :-1])


def _needed(tracks: Tracks, side: Ints, room: Floats, p: IcwParameters) -> Floats:
    """Deceleration to stop within `room` after the reaction; inf when the room is used up by then."""
    speed = tracks.speed_mps[side]
    reaction = np.where(tracks.acceleration_mps2[side] <= p.is_braking_mps2, p.braking_reaction_s, p.reaction_s)
    left = room - speed * reaction
    return np.where(left > 0, speed**2 / (2.0 * np.where(left > 0, left, 1.0)), np.inf)
