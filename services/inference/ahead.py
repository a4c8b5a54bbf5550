"""Where tracks are on the ways that their lanes lead to: a row for each track and each way that it may take."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from chelu.geo import heading_of
from services.inference.free_flow import expected_mps
from services.inference.history import Recent
from services.inference.reports import Floats, Ints
from services.inference.types import Mask
from services.inference.ways import OnWays, Ways

MOST_ASIDE_M, MOST_SLANT_DEG = 3.5, 50.0  # further off, a track is not on this way
_MOST_DRIFT_MPS, _BENDS_DEG = 1.2, 5.0  # who moves aside faster than lanes are changed, where no way bends, leaves them all
_COINCIDE_M = 15.0  # ways part no sooner than this far beyond what can be driven: one stands for all of them
_BEND_S = np.array([1.0, 2.0, 3.5])
_JUNCTION_M = (-40.0, 160.0)


@dataclass(frozen=True, slots=True)
class Ahead:
    """r rows, in the order of the tracks: row of the tracks; way; metres along it and to its right.

    slant_deg: heading against the way's; junction_m: still to where ways part, negative in the junction; turn_deg: of the way
    there; bend_deg (r, 3): how far the way has turned where one is after `_BEND_S` at present speed; choices: the track's rows.
    """

    row: Ints
    way: Ints
    along_m: Floats
    aside_m: Floats
    slant_deg: Floats
    junction_m: Floats
    turn_deg: Floats
    bend_deg: Floats
    limit_mps: Floats
    choices: Ints

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: Ints) -> Self:
        """These rows."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))


def ahead_of(now: Recent, on: OnWays, horizon_s: float) -> Ahead:
    """Of n tracks the ways that they may take within the horizon; those that would part later are one."""
    ways, lane = on.ways, on.lane
    table = np.where(lane[:, None] >= 0, ways.of_lane[np.maximum(lane, 0)], -1)
    row, column = np.nonzero(table >= 0)
    way = table[row, column]
    along, aside = ways.foot(way, now.xy[row], on.about_m[row])
    speed = now.speed_mps[row]
    _, axis = ways.places(way, along[:, None] + np.concatenate([[0.0], _BEND_S]) * speed[:, None])
    direction = np.asarray(heading_of(axis[..., 0], axis[..., 1]))
    slant = _wrapped(now.heading_deg[row] - direction[:, 0])
    junction = ways.own_m[way] - along
    fits = (np.abs(aside) <= MOST_ASIDE_M) & (np.abs(slant) <= MOST_SLANT_DEG)
    fits &= ~_leaves(speed, slant, direction, junction)
    fits &= (column == 0) | (junction <= speed * horizon_s + _COINCIDE_M)
    found = Ahead(
        row=row,
        way=way,
        along_m=along,
        aside_m=aside,
        slant_deg=slant,
        junction_m=junction,
        turn_deg=ways.turn_deg[way],
        bend_deg=_wrapped(direction[:, 1:] - direction[:, :1]),
        limit_mps=ways.limit_mps[way],
        choices=row,
    ).take(np.flatnonzero(fits))
    return replace(found, choices=np.bincount(found.row, minlength=len(lane))[found.row])


def _leaves(speed_mps: Floats, slant_deg: Floats, direction_deg: Floats, junction_m: Floats) -> Mask:
    """Whether a track steers off its way before the junction: where to, only physics shows. direction (r, …): of the way."""
    is_straight = np.abs(_wrapped(direction_deg[:, 1] - direction_deg[:, 0])) <= _BENDS_DEG
    drifts = speed_mps * np.abs(np.sin(np.radians(slant_deg))) > _MOST_DRIFT_MPS
    return np.asarray(drifts & is_straight & (junction_m > 0))


def on_ways(ways: Ways, ahead: Ahead, forward_m: Floats, aside_m: Floats) -> Floats:
    """Places (r, s, 2) after `forward_m` (r, s) along the ways, `aside_m` (r, s) to their right."""
    there, axis = ways.places(ahead.way, ahead.along_m[:, None] + forward_m)
    return np.asarray(there + aside_m[..., None] * np.stack([axis[..., 1], -axis[..., 0]], axis=-1))


def features(now: Recent, ahead: Ahead) -> Floats:
    """What the network sees of each row (r, 27): the track's past in its own frame, its motion, its size, and the way."""
    part = now.take(ahead.row)
    state = np.stack([part.speed_mps, part.acceleration_mps2, part.yaw_rate_dps, part.length_m, part.width_m], axis=1)
    junction = np.clip(ahead.junction_m, *_JUNCTION_M)
    limit = expected_mps(ahead.limit_mps, part.speed_mps)
    way = np.stack(
        [junction, ahead.turn_deg, ahead.aside_m, ahead.slant_deg, limit, ahead.choices, np.nan_to_num(part.turn_deg)], axis=1
    )
    return np.concatenate([part.past.reshape(len(part.past), -1), state, way, ahead.bend_deg], axis=1)


def _wrapped(turn_deg: Floats) -> Floats:
    return np.asarray(turn_deg - 360.0 * np.rint(turn_deg / 360.0))
