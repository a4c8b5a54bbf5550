"""Who is where on the track, and may they: one live picture against all areas and permits at once. Pure.

A vehicle needs a permit for every area it is in that needs one; a permit for an area is one for all that lies in it. A vehicle
with a permit that was in its areas and is in none of them any more has left them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch
from chelu.pace import Pace
from services.registry.track.conditions import Key
from services.registry.track.geometry import Mask
from services.registry.track.roster import UNKNOWN, Ints, Permits, Roster

ENTERED, TRESPASS, INTRUDER, OUTSIDE, SPEED, MODE = "in area", "trespass", "intruder", "left its area", "too fast", "wrong mode"
ALARMING = frozenset({TRESPASS, INTRUDER, OUTSIDE, SPEED, MODE})
STAYING = frozenset({TRESPASS})  # who goes dark is still there until it is seen elsewhere
SPEAKS = 1  # in the picture's column `kind`: the others were only seen by roadside units
NO_TWIN = -1
OLDEST_MS = 1500.0
SPEED_SLACK_MPS = 0.5  # a speed in a BSM is in steps of 0.02 m/s, and noisy
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is on a site at one instant, as columns (n,); inside, allowed: (n, a). `subject`: how each is called."""

    time_us: int
    points: Floats
    latitude_deg: Floats
    longitude_deg: Floats
    speed_mps: Floats
    vehicle_key: Ints
    subject: tuple[str, ...]
    speaks: Mask
    inside: Mask
    allowed: Mask
    permits: Permits


def of_now(picture: Batch, pace: Pace, now_us: int) -> Mask:
    """Which positions (n,) count now: those that are not old, and those of whose clock is slow and that come all the time."""
    is_now: Mask = picture["age_ms"] < OLDEST_MS
    old = np.flatnonzero(~is_now)
    stamp_us = now_us - (picture["age_ms"][old].astype(np.float64) * 1e3).astype(np.int64)
    is_now[old] = pace.steady(picture["key"][old], stamp_us, np.full(len(old), now_us))
    return is_now


def scene_of(picture: Batch, roster: Roster, now_us: int, pace: Pace) -> Scene:
    """A picture, with whose each position is, where it is and where it may be; positions that have become old are left out."""
    speaks = picture["kind"] == SPEAKS
    # What a roadside unit sees of one that speaks is there twice; one that speaks for itself counts.
    rows = np.flatnonzero(of_now(picture, pace, now_us) & (speaks | (picture["twin"] == NO_TWIN)))
    part, speaks = picture.take(rows), speaks[rows]
    points = np.column_stack([part[name].astype(np.float64) for name in ("east_m", "north_m", "up_m")])
    key = np.where(speaks, roster.vehicle_keys(part["device_key"].astype(np.int64), part["key"].view(np.int64)), UNKNOWN)
    permits = roster.permits.counting(now_us)
    latitude, longitude, _ = roster.frame.to_geodetic(points)
    return Scene(
        now_us,
        points,
        latitude,
        longitude,
        part["speed_mps"].astype(np.float64),
        key,
        tuple(_subjects(part, speaks, key, roster)),
        speaks,
        roster.shapes.inside(points),
        _allowed(key, permits, roster),
        permits,
    )


def holding(scene: Scene, roster: Roster, modes: Mapping[int, str], entered: Mapping[Key, Any]) -> dict[Key, dict[str, Any]]:
    """All that holds at this instant; `entered` is what counts already, for who has left can only be one who was there."""
    found: dict[Key, dict[str, Any]] = {}
    ids, details = roster.shapes.ids, _details(scene)
    for row, area in np.argwhere(scene.inside & scene.speaks[:, None]).tolist():
        found[Key(ENTERED, scene.subject[row], ids[area])] = details[row]
    trespass = scene.inside & roster.needs_permit & ~scene.allowed
    for row, area in np.argwhere(trespass & scene.speaks[:, None]).tolist():
        found[Key(TRESPASS, scene.subject[row], ids[area])] = details[row]
    unseen = trespass & ~scene.speaks[:, None]
    for area in np.flatnonzero(unseen.any(axis=0)).tolist():  # one alarm an area, however many they are
        row = int(np.argmax(unseen[:, area]))
        found[Key(INTRUDER, ids[area], ids[area])] = {**details[row], "count": int(unseen[:, area].sum())}
    found.update(_outside(scene, roster, entered, details))
    found.update(_conditions(scene, roster, modes, details))
    return found


def permitted(trespasses: Iterable[Key], roster: Roster, now_us: int) -> list[Key]:
    """Those of these in areas that the vehicle may be in now, or that need no permit any more."""
    keys, permits, found = roster.keys(), roster.permits.counting(now_us), list[Key]()
    for trespass in trespasses:
        area = roster.shapes.ids.index(trespass.area)
        mine = permits.area[permits.vehicle_key == keys.get(trespass.subject, UNKNOWN)]
        if not roster.needs_permit[area] or roster.covering[mine, area].any():
            found.append(trespass)
    return found


def _outside(
    scene: Scene, roster: Roster, entered: Mapping[Key, Any], details: Sequence[dict[str, Any]]
) -> dict[Key, dict[str, Any]]:
    """Vehicles with a permit that are in none of their areas, and were."""
    has_permit, is_home = scene.allowed.any(axis=1), (scene.inside & scene.allowed).any(axis=1)
    left: dict[Key, dict[str, Any]] = {}
    for row in np.flatnonzero(has_permit & ~is_home).tolist():
        subject, mine = scene.subject[row], np.flatnonzero(scene.allowed[row]).tolist()
        was_there = any(Key(ENTERED, subject, roster.shapes.ids[area]) in entered for area in mine)
        if was_there or Key(OUTSIDE, subject) in entered:
            left[Key(OUTSIDE, subject)] = details[row]
    return left


def _conditions(
    scene: Scene, roster: Roster, modes: Mapping[int, str], details: Sequence[dict[str, Any]]
) -> dict[Key, dict[str, Any]]:
    """Vehicles that are where they may be, but not as they may: by the permits that cover where they are."""
    found: dict[Key, dict[str, Any]] = {}
    permits = scene.permits
    is_bound = np.isin(scene.vehicle_key, permits.vehicle_key) & (scene.inside & scene.allowed).any(axis=1)
    for row in np.flatnonzero(is_bound).tolist():
        mine = np.flatnonzero(permits.vehicle_key == scene.vehicle_key[row])
        here = [one for one in mine.tolist() if (scene.inside[row] & roster.covering[permits.area[one]]).any()]
        if not here:
            continue
        fastest = max(float(permits.max_speed_mps[one]) for one in here)
        if scene.speed_mps[row] > fastest + SPEED_SLACK_MPS:
            found[Key(SPEED, scene.subject[row])] = {**details[row], "allowed_mps": fastest}
        mode, allowed = modes.get(int(scene.vehicle_key[row])), [permits.modes[one] for one in here]
        if mode is not None and all(each is not None and mode not in each for each in allowed):
            names = sorted(set().union(*(each for each in allowed if each is not None)))
            found[Key(MODE, scene.subject[row])] = {**details[row], "mode": mode, "allowed": names}
    return found


def _allowed(key: Ints, permits: Permits, roster: Roster) -> Mask:
    """Which areas each may be in (n, a)."""
    vehicles, place = np.unique(permits.vehicle_key, return_inverse=True)
    table = np.zeros((len(vehicles) + 1, len(roster.shapes.ids)), np.bool_)  # the last row: nowhere
    np.logical_or.at(table, place, roster.covering[permits.area])
    if not len(vehicles):
        return np.zeros((len(key), len(roster.shapes.ids)), np.bool_)
    found = np.minimum(np.searchsorted(vehicles, key), len(vehicles) - 1)
    allowed: Mask = table[np.where(vehicles[found] == key, found, -1)]
    return allowed


def _subjects(part: Batch, speaks: Mask, key: Ints, roster: Roster) -> list[str]:
    return [
        roster.vehicles[vehicle].vehicle if vehicle != UNKNOWN else f"{'id' if is_speaking else 'seen'} {number:016x}"
        for vehicle, is_speaking, number in zip(key.tolist(), speaks.tolist(), part["key"].tolist(), strict=True)
    ]


def _details(scene: Scene) -> list[dict[str, Any]]:
    """Where each is, and how fast, as the log and the alarms have it: worked out for all at once, since most are asked for."""
    places = zip(scene.latitude_deg.round(7).tolist(), scene.longitude_deg.round(7).tolist(), strict=True)
    speeds = [None if math.isnan(speed) else speed for speed in scene.speed_mps.round(2).tolist()]
    return [
        {"latitude_deg": latitude, "longitude_deg": longitude, "speed_mps": speed}
        for (latitude, longitude), speed in zip(places, speeds, strict=True)
    ]
