"""Emergency vehicles that come up to those who can be warned, from further off than pairs are looked for.

Making way takes longer than braking: the others' pairs are those that may touch within four seconds. Both are taken to drive
where their ways lead for these, and straight on after that; and at the pace that they have. What the motion model knows of pace
is how drivers slow down for lights and queues, seen through errors of places: no reason to hear of a siren later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from services.inference.futures import ALIGNED_STEPS, STEP_S, Futures, driven
from services.inference.pairs import DeckGate
from services.inference.picture import Picture
from services.inference.placing import Placement, may_share_deck
from services.inference.reports import Floats, Ints
from services.inference.types import Mask
from services.inference.v2x.hosts import hosts_of

LOOK_S = 15.0
MOST_EACH = 8  # of a host's, the nearest: sirens may be invented
_PASSES_M = 200.0  # nobody is told who is never nearer (`hold_passes_m`), nor how fast both speed up in a moment
_TIMES_S: Floats = np.append(np.arange(ALIGNED_STEPS) * STEP_S, LOOK_S)
_LEAST_STEP_M = 0.05  # in one step: a shorter one has no direction


@dataclass(frozen=True, slots=True)
class Coming:
    """q pairs of slots: host, and the emergency vehicle that comes up to it; those that cannot share a deck left out.

    is_heard: whether the host has just spoken; haste_s: how much earlier the weather has it told. nearest_m: how near they come,
    centre to centre; time_s: when; closing_mps: how fast the distance shrinks now. is_level: whether they will be on one deck
    then; for the others that is only possible, as heights are carried far.
    """

    host: Ints
    other: Ints
    is_heard: Mask
    haste_s: Floats
    nearest_m: Floats
    time_s: Floats
    closing_mps: Floats
    is_level: Mask

    def __len__(self) -> int:
        return len(self.host)


_NONE: Ints = np.empty(0, np.int64)
_NOTHING, _NEVER = np.empty(0), np.empty(0, np.bool_)
NOBODY_COMES = Coming(_NONE, _NONE, _NEVER, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NEVER)


def coming(
    picture: Picture, futures: Futures, placement: Placement, *, candidates: Ints, changed: Ints, gate: DeckGate, now_us: int
) -> Coming:
    """Of the candidates (slots) those with siren or light bar on, to each host, where one of both is in `changed`.

    Of a host that is not heard for a while something is known all the same, by what it said last: a siren still comes up to it.
    """
    others = candidates[picture.ints["is_responding"][candidates] > 0]
    if not len(others):
        return NOBODY_COMES
    slots = hosts_of(picture, futures, placement, candidates, now_us).slots
    host, other = _near(picture, slots, others)
    host, other = slots[host], others[other]
    is_heard = np.isin(host, changed, kind="table")
    kept = (host != other) & (is_heard | np.isin(other, changed, kind="table"))
    host, other, is_heard = host[kept], other[kept], is_heard[kept]
    if not len(host):
        return NOBODY_COMES
    used, row = np.unique(np.concatenate([host, other]), return_inverse=True)
    line, row_host, row_other = _line(picture, futures, used, now_us), row[: len(host)], row[len(host) :]
    relative = line[row_other] - line[row_host]
    nearest, time = _nearest(relative)
    distance = np.hypot(relative[:, 0, 0], relative[:, 0, 1])
    closing = -np.einsum("qk,qk->q", relative[:, 0], relative[:, 1] - relative[:, 0]) / STEP_S / np.maximum(distance, 1e-9)
    way = [_way_m(line, one, time) for one in (row_host, row_other)]
    level, kept = _share_deck(picture, placement, (host, other), way, gate)
    return Coming(
        host=host[kept],
        other=other[kept],
        is_heard=is_heard[kept],
        haste_s=placement.haste_s[host[kept]],
        nearest_m=nearest[kept],
        time_s=time[kept],
        closing_mps=closing[kept],
        is_level=level[kept],
    )


def _near(picture: Picture, hosts: Ints, others: Ints) -> tuple[Ints, Ints]:
    """Rows of both (slots) that may come to one another in time; of each host the nearest few."""
    speed, xy = picture.floats["speed_mps"], picture.xyz[:, :2]
    reach_m = LOOK_S * (speed[hosts].max(initial=0.0) + speed[others].max(initial=0.0)) + _PASSES_M
    most = [*range(1, min(MOST_EACH, len(others)) + 1)]
    found = cKDTree(xy[others]).query(xy[hosts], k=most, distance_upper_bound=reach_m)
    near = np.asarray(found[1])
    host, column = np.nonzero(near < len(others))
    return host, near[host, column].astype(np.int64)


def _line(picture: Picture, futures: Futures, slots: Ints, now_us: int) -> Floats:
    """Places (n, ALIGNED_STEPS + 1, 2) at `_TIMES_S` from now."""
    since_s = (now_us - picture.ints["time_us"][slots]) / 1e6
    xy, _ = futures.aligned(slots, since_s)
    last = (xy[:, -1] - xy[:, -2]) / STEP_S
    line = np.concatenate([xy, (xy[:, -1] + last * (LOOK_S - _TIMES_S[-2]))[:, None]], axis=1)
    rows = np.flatnonzero(futures.is_modelled[slots])  # physics drives at the pace of now as it is
    if len(rows):
        speed, rate = (column[slots[rows]] for column in (picture.floats["speed_mps"], futures.acceleration_mps2))
        since = np.maximum(since_s[rows], 0.0)[:, None]
        line[rows] = _at(xy[rows], driven(speed, rate, since + _TIMES_S)[0] - driven(speed, rate, since)[0])
    return line


def _at(path: Floats, along_m: Floats) -> Floats:
    """Places (n, k, 2) at distances (n, k) along paths (n, s, 2), straight on beyond their ends."""
    step = np.diff(path, axis=1)
    length, row = np.hypot(step[..., 0], step[..., 1]), np.arange(len(path))
    way = np.concatenate([np.zeros((len(path), 1)), np.cumsum(length, axis=1)], axis=1)
    last = length.shape[1] - 1 - np.argmax(length[:, ::-1] > _LEAST_STEP_M, axis=1)
    part = np.count_nonzero(way[:, None, 1:] <= along_m[..., None], axis=2)
    part = np.where(part > last[:, None], last[:, None], part)
    rest = (along_m - np.take_along_axis(way, part, axis=1)) / np.maximum(np.take_along_axis(length, part, axis=1), 1e-9)
    return np.asarray(path[row[:, None], part] + rest[..., None] * step[row[:, None], part])


def _nearest(relative: Floats) -> tuple[Floats, Floats]:
    """Least distance to the origin (q,) of lines (q, s, 2) whose points are at `_TIMES_S`, and when that is."""
    start, step = relative[:, :-1], np.diff(relative, axis=1)
    square = np.maximum(np.einsum("qsk,qsk->qs", step, step), 1e-12)
    share = np.clip(-np.einsum("qsk,qsk->qs", start, step) / square, 0.0, 1.0)
    there = start + share[..., None] * step
    away = np.hypot(there[..., 0], there[..., 1])
    row, best = np.arange(len(relative)), np.argmin(away, axis=1)
    return away[row, best], _TIMES_S[best] + share[row, best] * np.diff(_TIMES_S)[best]


def _way_m(line: Floats, row: Ints, time_s: Floats) -> Floats:
    """How far each of `row` drives until then, as the crow flies."""
    part = np.clip(np.searchsorted(_TIMES_S, time_s, side="right") - 1, 0, len(_TIMES_S) - 2)
    share = (time_s - _TIMES_S[part]) / np.diff(_TIMES_S)[part]
    there = line[row, part] + share[:, None] * (line[row, part + 1] - line[row, part])
    return np.asarray(np.hypot(*(there - line[row, 0]).T))


def _share_deck(
    picture: Picture, placement: Placement, slots: tuple[Ints, Ints], way_m: list[Floats], gate: DeckGate
) -> tuple[Mask, Mask]:
    """The gate of decks where they come nearest, and one of twice the width."""
    host, other = slots
    rise_host, rise_other = (placement.gradient[one] * way for one, way in zip(slots, way_m, strict=True))
    sigma_host, sigma_other = (np.nan_to_num(picture.floats["height_sigma_m"][one]) for one in slots)
    spread = np.hypot(sigma_host, sigma_other) + gate.per_metre * (way_m[0] + way_m[1])
    heights, tolerance = placement.heights_m, np.minimum(gate.base_m + spread, gate.most_m)
    level, possible = (
        may_share_deck(heights[host], heights[other], rise_host, rise_other, wide * tolerance) for wide in (1.0, 2.0)
    )
    return level, possible
