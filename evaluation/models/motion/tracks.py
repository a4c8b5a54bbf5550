"""Tracks of recorded traffic, told to inference's own stages sample by sample: what the model is trained and judged on.

Using the stages themselves (picture, placing, history, physics) keeps the features of training and of service the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chelu.motion.footprints import forward, rightward
from chelu.roads import sumo
from services.inference.futures import AHEAD_S, physics
from services.inference.history import Recent, recent
from services.inference.motion_model import KNOTS_S
from services.inference.network import NetworkRoads
from services.inference.onward import Onward
from services.inference.picture import Picture
from services.inference.placing import Placement
from services.inference.reports import Floats, Ints, Participant, Reports, Track
from services.inference.ways import OnWays
from simulators import trace

EPOCH_US = 1_700_000_000_000_000
EVERY = 5  # an example per vehicle every half second


@dataclass(frozen=True, slots=True)
class Recording:
    """Samples sorted by time, then vehicle; sizes by vehicle. NaN where the recording does not say."""

    name: str
    time_s: Floats
    vehicle: Ints
    xyz: Floats
    speed_mps: Floats
    heading_deg: Floats
    acceleration_mps2: Floats
    yaw_rate_dps: Floats
    size_m: Floats
    roads: NetworkRoads | None


@dataclass(frozen=True, slots=True)
class Examples:
    """n moments: what was known, where physics puts the vehicle and where it was at `KNOTS_S`; on: on which lane, by the map."""

    now: Recent
    physical: Floats  # (n, knots, 2)
    actual: Floats  # (n, knots, 2)
    vehicle: Ints
    on: OnWays | None


def read_trace(path: Path) -> Recording:
    """One of our simulated traces with the network that lies beside it."""
    found = trace.read(path)
    samples = found.vehicle_samples
    vehicle = samples.actor.astype(np.int64)
    roads = NetworkRoads(sumo.read((path.parent / found.network).read_bytes()))
    return Recording(
        name=f"district seed {found.seed}",
        time_s=samples.time_s,
        vehicle=vehicle,
        xyz=np.stack([samples.x_m, samples.y_m, samples.z_m], axis=1),
        speed_mps=samples.speed_mps,
        heading_deg=samples.heading_deg,
        acceleration_mps2=samples.acceleration_mps2,
        yaw_rate_dps=_rate(samples.time_s, vehicle, samples.heading_deg, is_angle=True),
        size_m=np.stack([found.vehicles.length_m, found.vehicles.width_m], axis=1),
        roads=roads,
    )


def read_ngsim(path: Path) -> Recording:
    """NGSIM's Interstate 80 (../shared/data), for evaluation only: accelerations are derived, as a receiver would have to."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = np.array(
            connection.execute(
                "SELECT sim_time, vehicle_id, position_x, position_y, speed, heading_rad FROM Trajectory ORDER BY 1, 2"
            ).fetchall()
        )
        sizes = {one[0]: one[1:] for one in connection.execute("SELECT id, length, width FROM Vehicle").fetchall()}
    ids, vehicle = np.unique(rows[:, 1], return_inverse=True)
    heading = np.mod(-np.degrees(rows[:, 5]), 360.0)  # the file counts anticlockwise from north
    nothing = np.full(len(rows), np.nan)
    return Recording(
        name="NGSIM I-80",
        time_s=rows[:, 0],
        vehicle=vehicle.astype(np.int64),
        xyz=np.stack([rows[:, 2], rows[:, 3], np.zeros(len(rows))], axis=1),
        speed_mps=rows[:, 4],
        heading_deg=heading,
        acceleration_mps2=nothing,
        yaw_rate_dps=_rate(rows[:, 0], vehicle.astype(np.int64), heading, is_angle=True),
        size_m=np.array([sizes[int(one)] for one in ids]),
        roads=None,
    )


def examples(recording: Recording) -> Examples:
    """Every vehicle at every half second that has 1.6 s of past and 5 s of future."""
    parts = list(_moments(recording))
    now = [part[0] for part in parts]
    whole = Recent(*(np.concatenate([getattr(one, name) for one in now]) for name in Recent.__slots__))
    actual, vehicle, lane, along = (np.concatenate([part[i] for part in parts]) for i in range(1, 5))
    on = OnWays(recording.roads.ways, lane, along) if recording.roads is not None else None
    return Examples(whole, at_knots(physics(whole).xy), actual, vehicle, on)


def _moments(recording: Recording) -> Iterator[tuple[Recent, Floats, Ints, Ints, Floats]]:
    picture, placement = Picture(), Placement(recording.roads, moved_m=1.0)
    onward = Onward(recording.roads) if recording.roads is not None else None
    ends = np.append(np.flatnonzero(np.diff(recording.time_s) > 1e-6) + 1, len(recording.time_s))
    starts = np.concatenate([[0], ends[:-1]])
    future = _future(recording)
    for index, (start, stop) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        rows = np.arange(start, stop)
        reports = reports_at(recording, rows)
        picture.update(reports)
        slots = picture.find(Track.SPEAKS, reports.key)
        placement.update(picture, slots)
        on = onward.update(picture, placement, slots) if onward is not None else None
        if index % EVERY:
            continue
        now = recent(picture, slots, placement.turn_deg[slots])
        kept = np.flatnonzero(now.is_whole & np.isfinite(future[rows]).all(axis=(1, 2)))
        if len(kept):
            lane, along = (
                (on.lane[kept], on.about_m[kept]) if on is not None else (np.zeros(len(kept), np.int64), np.zeros(len(kept)))
            )
            yield now.take(kept), future[rows[kept]], recording.vehicle[rows[kept]], lane, along


def at_knots(xy: Floats) -> Floats:
    """Places (n, steps, 2) at `AHEAD_S` read at `KNOTS_S`."""
    place = KNOTS_S / AHEAD_S[1]
    low = np.floor(place + 1e-9).astype(np.int64)
    share = (place - low)[None, :, None]
    return np.asarray(xy[:, low] * (1 - share) + xy[:, low + 1] * share)


def in_frame(now: Recent, xy: Floats) -> Floats:
    """Positions (n, s, 2) as metres forward and to the right of the present pose."""
    away = xy - now.xy[:, None, :]
    axes = (forward(now.heading_deg), rightward(now.heading_deg))
    return np.stack([np.sum(away * axis[:, None, :], axis=-1) for axis in axes], axis=-1)


def _future(recording: Recording) -> Floats:
    """Where each sample's vehicle is at `KNOTS_S` later: (n, knots, 2), NaN past its end."""
    step_s = float(np.median(np.diff(np.unique(recording.time_s))))
    tick = np.round(recording.time_s / step_s).astype(np.int64)
    key = recording.vehicle * 10_000_000 + tick
    order = np.argsort(key)
    wanted = key[:, None] + np.round(KNOTS_S / step_s).astype(np.int64)
    place = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    row = order[place]
    return np.where((key[row] == wanted)[..., None], recording.xyz[row, :2], np.nan)


def reports_at(recording: Recording, rows: Ints) -> Reports:
    """What the vehicles of these samples would report at that instant."""
    vehicle = recording.vehicle[rows]
    time_us = EPOCH_US + np.round(recording.time_s[rows] * 1e6).astype(np.int64)
    zero, key = np.zeros(len(rows), np.int64), (vehicle + 1).astype(np.uint64)
    return Reports(
        kind=zero + int(Track.SPEAKS),
        key=key,
        time_us=time_us,
        arrival_us=time_us,
        xyz=recording.xyz[rows],
        height_sigma_m=np.full(len(rows), 0.5),
        speed_mps=recording.speed_mps[rows],
        heading_deg=recording.heading_deg[rows],
        acceleration_mps2=recording.acceleration_mps2[rows],
        yaw_rate_dps=recording.yaw_rate_dps[rows],
        length_m=recording.size_m[vehicle, 0],
        width_m=recording.size_m[vehicle, 1],
        participant_type=zero + int(Participant.MOTOR),
        device_key=vehicle + 1,
        own_key=vehicle + 1,
        message_count=zero,
        sec_mark_ms=zero,
        own_id=key,
        place_sigma_m=np.full(len(rows), np.nan),
        events=zero,
        lights=zero,
        vehicle_class=zero,
        is_responding=zero,
    )


def _rate(time_s: Floats, vehicle: Ints, value: Floats, *, is_angle: bool) -> Floats:
    """Change per second since the vehicle's previous sample, 0 at its first."""
    order = np.lexsort((time_s, vehicle))
    change = np.diff(value[order], prepend=value[order][:1])
    change = np.mod(change + 180.0, 360.0) - 180.0 if is_angle else change
    first = np.concatenate([[True], vehicle[order][1:] != vehicle[order][:-1]])
    span = np.where(first, 1.0, np.diff(time_s[order], prepend=0.0))
    rate = np.empty(len(value))
    rate[order] = np.where(first, 0.0, change / span)
    return rate
