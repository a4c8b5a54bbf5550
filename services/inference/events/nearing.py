"""Which events a vehicle is in or drives into, and how far they are: by its lane where that is known, else by its heading."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from chelu.applications.common import EventParameters
from chelu.motion.footprints import forward, rightward
from chelu.roads.grid import expand
from services.inference.events.holding import Holding
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

_SAME_DECK_M = 4.0  # decks lie 5 m apart and more
_END_M = 1e-6  # an event that ends with the piece ends there
_STEEP = 0.1  # and a road may rise so much on the way


@dataclass(frozen=True, slots=True)
class Movers:
    """n vehicles: place (n, 3), heading, lane (−1 not known) and how far along it each is."""

    xyz: Floats
    heading_deg: Floats
    lane: Ints
    offset_m: Floats

    def __len__(self) -> int:
        return len(self.lane)


@dataclass(frozen=True, slots=True)
class Nearing:
    """q rows: mover and thing (rows of movers and of `Holding`), the way that is left, 0 inside the event.

    is_certain: else it may be so: enough to hold on to what is up, and not to begin with it.
    """

    mover: Ints
    thing: Ints
    distance_m: Floats
    is_inside: Mask
    is_certain: Mask

    def __len__(self) -> int:
        return len(self.mover)

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> Self:
        """These rows."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))


NOTHING = Nearing(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.bool_), np.empty(0, np.bool_))


def nearing(holding: Holding, movers: Movers, instant_us: int, p: EventParameters) -> Nearing:
    """Every event that a mover is in or drives into, nothing twice."""
    holds = (holding.start_us <= instant_us) & (instant_us < holding.until_us)
    if not holds.any() or not len(movers):
        return NOTHING
    by_lane, by_way = _by_lane(holding, movers, holds, p), _by_way(holding, movers, holds, p)
    parts = [getattr(by_lane, one.name) for one in fields(Nearing)], [getattr(by_way, one.name) for one in fields(Nearing)]
    return Nearing(*(np.concatenate(both) for both in zip(*parts, strict=True)))


def _by_lane(holding: Holding, movers: Movers, holds: Mask, p: EventParameters) -> Nearing:
    lane = np.maximum(movers.lane, 0)
    if len(holding.lane_start) < 2:
        return NOTHING
    counts = np.where(movers.lane >= 0, holding.lane_start[lane + 1] - holding.lane_start[lane], 0)
    mover, rank = expand(counts)
    if not len(mover):
        return NOTHING
    row = holding.lane_start[lane[mover]] + rank
    rows, offset = holding.rows, movers.offset_m[mover]
    thing, distance = holding.row_thing[row], rows.to_go_m[row] - offset
    is_past = offset > rows.to_m[row]  # NaN compares false: ahead only
    found = np.flatnonzero(holds[thing] & ~is_past & (distance <= p.reach_m))
    inside = (offset >= rows.from_m[row])[found]
    return Nearing(mover[found], thing[found], np.maximum(distance[found], 0.0), inside, np.ones(len(found), np.bool_))


def _by_way(holding: Holding, movers: Movers, holds: Mask, p: EventParameters) -> Nearing:
    """Those on no known lane, and events that lie on none."""
    is_off = movers.lane < 0
    some = np.flatnonzero(is_off) if holding.on_lanes[holds].all() else np.arange(len(movers))
    if not len(some) or not len(holding.shape):
        return NOTHING
    at, row = holding.grid.candidates(movers.xyz[some, :2])
    mover, thing = some[at], holding.shape_thing[row]
    keep = holds[thing] & (is_off[mover] | ~holding.on_lanes[thing])
    mover, thing, row = mover[keep], thing[keep], row[keep]
    if not len(mover):
        return NOTHING
    is_disc = holding.shape.is_disc[row]
    parts = [
        _to_disc(holding, movers, mover[is_disc], row[is_disc], p),
        _to_path(holding, movers, mover[~is_disc], row[~is_disc], p),
    ]
    mover, thing = (np.concatenate([column[is_disc], column[~is_disc]]) for column in (mover, thing))
    distance, aside, inside, certain, meets = (np.concatenate(both) for both in zip(*parts, strict=True))
    return _once(Nearing(mover, thing, np.maximum(distance, 0.0), inside, certain), aside, meets, len(holding))


_Ways = tuple[Floats, Floats, Mask, Mask, Mask]


def _to_disc(holding: Holding, movers: Movers, mover: Ints, row: Ints, p: EventParameters) -> _Ways:
    """Way left, 0 aside, whether inside, and whether it comes there, straight on, surely or about."""
    centre, radius = holding.shape.a[row], np.maximum(holding.shape.radius_m[row], p.half_lane_m)
    away = centre - movers.xyz[mover]
    heading = movers.heading_deg[mover]
    ahead, aside = (np.einsum("qk,qk->q", away[:, :2], axis(heading)) for axis in (forward, rightward))
    reach = np.maximum(radius, holding.shape.radius_m[row] + p.half_lane_m)
    distance = ahead - np.sqrt(np.maximum(reach**2 - aside**2, 0.0))
    inside = np.hypot(away[:, 0], away[:, 1]) <= radius
    comes = (np.abs(aside) <= reach * p.loose_share) & (ahead > 0) & (distance <= p.straight_m)
    certain = inside | (np.abs(aside) <= reach)
    is_level = ~(np.abs(away[:, 2]) > _SAME_DECK_M + _STEEP * np.abs(ahead))
    return np.where(inside, 0.0, distance), np.zeros(len(row)), inside, certain, (inside | comes) & is_level


def _to_path(holding: Holding, movers: Movers, mover: Ints, row: Ints, p: EventParameters) -> _Ways:
    """Way left along the path, how far aside of it, whether inside, and whether it drives along it there, surely or about."""
    shape = holding.shape
    a, step = shape.a[row], (shape.b - shape.a)[row]
    length = np.hypot(step[:, 0], step[:, 1])
    axis = step[:, :2] / length[:, None]
    away = movers.xyz[mover] - a
    along = np.einsum("qk,qk->q", away[:, :2], axis)
    on = np.clip(along, np.where(shape.is_first[row], -p.straight_m, 0.0), length)
    off = away[:, :2] - on[:, None] * axis
    aside = np.hypot(off[:, 0], off[:, 1])
    cosine = np.einsum("qk,qk->q", axis, forward(movers.heading_deg[mover]))
    distance = shape.to_go_m[row] - on
    ends = shape.to_go_m[row] + shape.lasts_m[row]
    is_before_end = np.where(ends <= length + _END_M, np.maximum(along, on), on) <= ends
    reach = np.maximum(shape.radius_m[row], p.half_lane_m)
    most_deg = np.where(on < 0.0, p.straight_deg, p.heading_deg)  # before a path's begin it must lead straight there
    certain = (aside <= reach) & (cosine >= np.cos(np.radians(most_deg)))
    meets = (aside <= reach * p.loose_share) & (cosine >= np.cos(np.radians(p.heading_deg * p.loose_share)))
    rise = away[:, 2] - np.clip(on / length, 0.0, 1.0) * step[:, 2]
    is_level = ~(np.abs(rise) > _SAME_DECK_M + _STEEP * np.maximum(-on, 0.0))
    return distance, aside, distance <= 0.0, certain, meets & is_before_end & is_level


def _once(found: Nearing, aside: Floats, meets: Mask, things: int) -> Nearing:
    """Of several pieces of one event the one that each mover is nearest to."""
    rows = np.flatnonzero(meets)
    key = found.mover[rows] * things + found.thing[rows]
    order = np.lexsort((found.distance_m[rows], np.round(aside[rows], 3), key))
    rows, key = rows[order], key[order]
    return found.take(rows[np.concatenate([np.ones(min(1, len(key)), np.bool_), key[1:] != key[:-1]])])
