"""Which tracks may meet: neighbours whose futures can touch, on one deck; conflicts are worked out once for all applications."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from chelu.motion.conflict import Futures as Swept
from chelu.motion.instants import closest
from chelu.motion.neighbours import meeting_boxes
from chelu.motion.sweep import Spread, meet_among
from services.inference.futures import ALIGNED_STEPS, BULGE_M, MAX_SHIFT_S, STEP_S, Futures, bounds
from services.inference.mixed import Mixed, Rows, meet_mixed
from services.inference.picture import Picture
from services.inference.placing import Placement, may_share_deck
from services.inference.reports import Floats, Ints, Participant, Track
from services.inference.spread import spread_of
from services.inference.types import Mask

_CLASSES_M = (4.0, 15.0, 35.0, 60.0, np.inf)  # upper bounds of future radii: slow tracks need not search far
MOST_PAIRS = 100_000  # of two classes at once, before boxes and decks are looked at: their futures take some 100 MB
_ALL_FLAGS = 0b111
_LEAST_SPEED_MPS = 0.5  # two tracks slower than this do not meet


@dataclass(frozen=True, slots=True)
class Tracks:
    """m rows of tracks that may take part in warnings, brought to this moment: futures (m, ALIGNED_STEPS, …) start now.

    First each track once, on its likeliest way; behind them, once more, those that may take another one, on that (`ways.other`).

    gradient: of their road in driving direction; grip, haste_s: as `Placement` has them.
    events, lights: what they tell (`Event`, `Lamp`).
    is_responding: an emergency vehicle with siren or light bar on.
    """

    slots: Ints
    xy: Floats
    heading_deg: Floats
    ways: Rows
    speed_mps: Floats
    acceleration_mps2: Floats
    yaw_rate_dps: Floats  # as told, 0 where it was not
    size_m: Floats
    spread: Spread
    gradient: Floats
    grip: Floats
    haste_s: Floats
    events: Ints
    lights: Ints
    is_responding: Mask
    is_vehicle: Mask
    can_be_told: Mask  # of a danger: by its own unit, or by the roadside device that sees it (`Picture.tellers`)


@dataclass(frozen=True, slots=True)
class Pairs:
    """p pairs: a, b index `tracks`; `mixed` says when and how likely their footprints touch, and on which ways.

    is_crowded: so many were near one another that only the nearest of each were looked at.
    """

    tracks: Tracks
    a: Ints
    b: Ints
    mixed: Mixed
    is_crowded: bool = False

    def __len__(self) -> int:
        return len(self.a)


@dataclass(frozen=True, slots=True)
class DeckGate:
    """How far apart two heights may be for one deck: decks of stacked roads lie 5 m apart or more (clearance 4.5–5 m)."""

    base_m: float = 2.0
    most_m: float = 2.5
    per_metre: float = 0.01  # what a changing gradient may add per metre of way to the meeting point


def _never(one: Ints, _two: Ints) -> Mask:
    """Nobody is, as far as is known."""
    return np.zeros(len(one), np.bool_)


def usable(picture: Picture, now_us: int, most_age_s: float) -> Ints:
    """Slots that may take part in warnings now: whose place, speed and heading are known and fresh.

    Older data warns nobody, nor does what claims to be of later.
    """
    live = picture.live()
    known = np.isfinite(picture.xyz[live, 0]) & np.isfinite(picture.floats["speed_mps"][live])
    known &= np.isfinite(picture.floats["heading_deg"][live])
    age_us = now_us - picture.ints["time_us"][live]
    return np.asarray(live[known & (age_us <= most_age_s * 1e6) & (age_us >= -MAX_SHIFT_S * 1e6)])


def find(
    picture: Picture, futures: Futures, placement: Placement, *, candidates: Ints, changed: Ints, gate: DeckGate, now_us: int,
    are_perhaps_one: Callable[[Ints, Ints], Mask] = _never,
) -> Pairs:  # fmt: skip
    """Pairs among `candidates` (slots) of which at least one is in `changed`, that can meet within the horizon on one deck.

    are_perhaps_one: of slots (p,), those that may be one road user, and are no pair until that is decided.

    Everybody is brought from the instant of the own report to now: messages take each their own time, and 0.3 s are 6 m at 20
    m/s.
    """
    shift = (now_us - picture.ints["time_us"][candidates]) / 1e6
    near_in_time = np.abs(shift) <= MAX_SHIFT_S
    slots, shift = candidates[near_in_time], shift[near_in_time]
    is_changed = np.isin(slots, changed, kind="table")
    a, b, is_crowded = _candidates(picture, futures, slots, is_changed)
    if picture.is_reckoned[slots].any():
        others = ~are_perhaps_one(slots[a], slots[b])
        a, b = a[others], b[others]
    used, index = np.unique(np.concatenate([a, b]), return_inverse=True)
    tracks = _with_other_ways(picture, futures, placement, slots[used], shift[used])
    a, b = index[: len(a)], index[len(a) :]
    chosen = _boxes_meet(tracks, a, b)
    a, b = a[chosen], b[chosen]
    chosen = _share_deck(picture, placement, tracks, a, b, gate)
    a, b = a[chosen], b[chosen]
    everybody = Swept(tracks.xy, tracks.heading_deg, tracks.size_m)
    mixed = meet_mixed(tracks.ways, a, b, lambda one, two: meet_among(everybody, tracks.spread, one, two, STEP_S))
    return Pairs(tracks, a, b, mixed, is_crowded)


def common_instant_us(times_us: Ints) -> int:
    """The instant to which all tracks are brought: later than nine in ten of them, so that one wrong clock cannot move it."""
    if not len(times_us):
        return 0
    place = min(len(times_us) - 1, int(0.9 * len(times_us)))
    return int(np.sort(times_us)[place])


def path_steps_m(xy: Floats) -> Floats:
    """Lengths (n, s - 1) of the steps of paths (n, s, 2)."""
    step = xy[:, 1:] - xy[:, :-1]
    return np.asarray(np.sqrt(np.einsum("nsk,nsk->ns", step, step)))


def swept(tracks: Tracks, rows: Ints) -> Swept:
    """The futures of these tracks."""
    return Swept(tracks.xy[rows], tracks.heading_deg[rows], tracks.size_m[rows])


def _with_other_ways(picture: Picture, futures: Futures, placement: Placement, slots: Ints, shift_s: Floats) -> Tracks:
    """Tracks in the order of the slots, and behind them rows for the next likely ways of those that may take another one."""
    count, forks = len(slots), np.flatnonzero(futures.other_weight[slots] > 0)
    rows = np.concatenate([np.arange(count), forks])
    slots, shift_s = slots[rows], shift_s[rows]
    xy, heading = futures.aligned(slots, shift_s)
    weight, other = futures.weight[slots], np.full(len(rows), -1, np.int64)
    if len(forks):
        xy[count:], heading[count:] = futures.aligned_others(slots[count:], shift_s[count:])
        weight[count:], other[forks] = futures.other_weight[slots[count:]], count + np.arange(len(forks))
    return _tracks(picture, futures, placement, slots, shift_s, (xy, heading), Rows(weight, other))


def _tracks(
    picture: Picture,
    futures: Futures,
    placement: Placement,
    slots: Ints,
    shift_s: Floats,
    path: tuple[Floats, Floats],
    ways: Rows,
) -> Tracks:
    acceleration = futures.acceleration_mps2[slots]
    is_vehicle = picture.ints["participant_type"][slots] == Participant.MOTOR
    speed = np.maximum(picture.floats["speed_mps"][slots] + acceleration * np.clip(shift_s, 0, None), 0.0)
    along, across = picture.floats["place_sigma_m"][slots], picture.across_sigma_m(slots)
    return Tracks(
        slots=slots,
        xy=path[0],
        heading_deg=path[1],
        ways=ways,
        speed_mps=speed,
        acceleration_mps2=acceleration,
        yaw_rate_dps=np.nan_to_num(picture.floats["yaw_rate_dps"][slots]),
        size_m=np.stack([picture.floats["length_m"][slots], picture.floats["width_m"][slots]], axis=1),
        spread=spread_of(along, across, speed, shift_s, is_vehicle),
        gradient=placement.gradient[slots],
        grip=placement.grip[slots],
        haste_s=placement.haste_s[slots],
        events=picture.ints["events"][slots],
        lights=picture.ints["lights"][slots],
        is_responding=picture.ints["is_responding"][slots] > 0,
        is_vehicle=is_vehicle,
        can_be_told=can_be_told(picture, slots),
    )


def can_be_told(picture: Picture, slots: Ints) -> Mask:
    """Whether these can be told of a danger: by their own unit, or by the roadside device that sees them."""
    speaks = np.asarray(picture.kind[slots] == Track.SPEAKS)
    if not len(picture.tellers):
        return speaks
    return speaks | np.isin(picture.ints["device_key"][slots], picture.tellers)


def _candidates(picture: Picture, futures: Futures, slots: Ints, is_changed: Mask) -> tuple[Ints, Ints, bool]:
    """Index pairs of slots whose boxes around their whole futures overlap, of which one changed, one moves and one can be warned.

    False only for what `_boxes_meet` would leave out, too: the boxes are those before anything is brought to one instant.
    """
    half = np.hypot(picture.floats["length_m"][slots], picture.floats["width_m"][slots])[:, None] / 2 + BULGE_M
    low, high = futures.low[slots] - half, futures.high[slots] + half
    moves = picture.floats["speed_mps"][slots] >= _LEAST_SPEED_MPS
    can_be_warned = can_be_told(picture, slots) & (picture.ints["participant_type"][slots] == Participant.MOTOR)
    flags = is_changed.astype(np.uint8) | (moves.astype(np.uint8) << 1) | (can_be_warned.astype(np.uint8) << 2)
    found = meeting_boxes(low, high, flags, _ALL_FLAGS, MOST_PAIRS)
    if found is not None:
        return (*found, False)
    a, b, is_crowded = _neighbours(futures.centre[slots], futures.radius_m[slots], is_changed)
    chosen = ((flags[a] | flags[b]) == _ALL_FLAGS) & _overlapping(low, high, a, b)
    return a[chosen], b[chosen], is_crowded


def _neighbours(centre: Floats, radius: Floats, is_changed: Mask) -> tuple[Ints, Ints, bool]:
    """Index pairs (each once) whose discs meet and of which one is changed; disc radii in classes, so that few are large.

    Also whether it was so crowded that only the nearest were looked at.
    """
    parts: list[tuple[Ints, Ints]] = []
    group, is_crowded = np.searchsorted(np.array(_CLASSES_M), radius), False
    whole = [np.flatnonzero(group == one) for one in range(len(_CLASSES_M))]
    trees = [_tree(centre[rows]) if len(rows) else None for rows in whole]
    for rows in (rows[is_changed[rows]] for rows in whole):
        if not len(rows):
            continue
        tree, reach = _tree(centre[rows]), float(radius[rows].max())
        for others, other_tree in zip(whole, trees, strict=True):
            if other_tree is not None:
                near, far, distance, was_cut = _within(tree, other_tree, reach + float(radius[others].max()))
                a, b, is_crowded = rows[near], others[far], is_crowded or was_cut
                keep = (distance <= radius[a] + radius[b]) & (a != b) & (~is_changed[b] | (a < b) | was_cut)
                parts.append((a[keep], b[keep]))
    none = np.empty(0, np.int64)
    a, b = np.concatenate([a for a, _ in parts] or [none]), np.concatenate([b for _, b in parts] or [none])
    return (*_once(a, b), True) if is_crowded else (a, b, False)


def _within(tree: cKDTree, other: cKDTree, reach: float) -> tuple[Ints, Ints, Floats, bool]:
    """Rows of both trees not further apart than `reach`; of more than `MOST_PAIRS` the nearest of each, and true.

    A thousand participants in city traffic have some 1 500 pairs; the limit is for ids invented at one place, whose pairs grow
    with their square.
    """
    if tree.n * other.n > MOST_PAIRS and tree.count_neighbors(other, reach) > MOST_PAIRS:
        found = other.query(tree.data, k=max(2, MOST_PAIRS // tree.n), distance_upper_bound=reach)
        distance, far = np.asarray(found[0]), np.asarray(found[1])
        near, column = np.nonzero(far < other.n)
        return near, far[near, column], distance[near, column], True
    near_by = tree.sparse_distance_matrix(other, reach, output_type="ndarray")
    return near_by["i"], near_by["j"], near_by["v"], False


def _once(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """The same pairs, each once, whichever way round it was found."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    _, first = np.unique(low * (int(high.max(initial=0)) + 1) + high, return_index=True)
    return low[first], high[first]


def _tree(centre: Floats) -> cKDTree:
    """Built in half the time of a balanced one, which would not earn that back in one search."""
    return cKDTree(centre, balanced_tree=False, compact_nodes=False)


def _overlapping(low: Floats, high: Floats, a: Ints, b: Ints) -> Mask:
    apart_east = (low[a, 0] > high[b, 0]) | (low[b, 0] > high[a, 0])
    return np.asarray(~(apart_east | (low[a, 1] > high[b, 1]) | (low[b, 1] > high[a, 1])))


def _boxes_meet(tracks: Tracks, a: Ints, b: Ints) -> Mask:
    """Whether the boxes around all futures of both overlap."""
    half = np.hypot(tracks.size_m[:, 0], tracks.size_m[:, 1])[:, None] / 2
    low, high = bounds(tracks.xy)
    forks = np.flatnonzero(tracks.ways.other >= 0)
    low[forks] = np.minimum(low[forks], low[tracks.ways.other[forks]])
    high[forks] = np.maximum(high[forks], high[tracks.ways.other[forks]])
    return _overlapping(low - half, high + half, a, b)


def _share_deck(picture: Picture, placement: Placement, tracks: Tracks, a: Ints, b: Ints, gate: DeckGate) -> Mask:
    """The gate of decks, at the point where the two come closest."""
    nearest = closest(tracks.xy, a, b)
    way = np.zeros(tracks.heading_deg.shape)
    np.cumsum(path_steps_m(tracks.xy), axis=1, out=way[:, 1:])
    way_a, way_b = way[a, nearest], way[b, nearest]
    slot_a, slot_b = tracks.slots[a], tracks.slots[b]
    sigma = np.nan_to_num(picture.floats["height_sigma_m"][tracks.slots])
    spread = np.hypot(sigma[a], sigma[b]) + gate.per_metre * (way_a + way_b)
    return may_share_deck(
        placement.heights_m[slot_a],
        placement.heights_m[slot_b],
        placement.gradient[slot_a] * way_a,
        placement.gradient[slot_b] * way_b,
        np.minimum(gate.base_m + spread, gate.most_m),
    )


def horizon_s() -> float:
    """How far ahead conflicts are looked for."""
    return (ALIGNED_STEPS - 1) * STEP_S
