"""Stored rows as a map's columns: one row a report, and beside them, once each, the road users whose reports they are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.geo import LocalFrame
from chelu.messages import Batch

SPEAKS, SEEN = 1, 2  # as in the live picture (docs/formats/columns.md)
MOTOR = 1
PARTICIPANTS = 65_536  # a participant's key is its device's key times this, and its number there
MEASURED = ("speed_mps", "heading_deg", "length_m", "width_m")
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Reports:
    """n reports in the order of time, and m tracks; track: (n,) whose each is. xyz: (n, 3) local metres."""

    track: Ints
    time_us: Ints
    xyz: Floats
    speed_mps: Floats
    heading_deg: Floats
    kind: Ints
    key: Keys
    participant_type: Ints
    device_key: Ints
    length_m: Floats
    width_m: Floats

    def __len__(self) -> int:
        return len(self.track)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Reports of one kind before they are put in order: who each is of, where, and what was measured, a column a name."""

    kind: int
    key: Keys
    participant_type: Ints
    batch: Batch
    xyz: Floats


def reports(bsm: Batch, participants: Batch, frame: LocalFrame) -> Reports:
    """What vehicles say of themselves and what the roadside sees; a report without a place is left out."""
    number = participants["device_key"].astype(np.uint64) * np.uint64(PARTICIPANTS)
    seen = number + participants["participant_id"].astype(np.uint64)
    parts = [
        _rows(SPEAKS, bsm["vehicle_id"].astype(np.uint64), np.full(len(bsm), MOTOR, np.int64), bsm, frame),
        _rows(SEEN, seen, participants["participant_type"].astype(np.int64), participants, frame),
    ]
    return _together(parts)


def _rows(kind: int, key: Keys, participant_type: Ints, batch: Batch, frame: LocalFrame) -> _Rows:
    xyz = frame.to_local(batch["latitude_deg"], batch["longitude_deg"], batch["elevation_m"]).reshape(-1, 3)
    placed = np.asarray(np.isfinite(xyz[:, :2]).all(axis=1), np.bool_)
    return _Rows(kind, key[placed], participant_type[placed], batch.take(placed), xyz[placed])


def _together(parts: Sequence[_Rows]) -> Reports:
    keys, tracks, kinds, count = list[Keys](), list[Ints](), list[Ints](), 0
    for part in parts:
        own, track = np.unique(part.key, return_inverse=True)
        keys.append(own)
        tracks.append(track.reshape(-1).astype(np.int64) + count)
        kinds.append(np.full(len(own), part.kind, np.int64))
        count += len(own)
    time_us = np.concatenate([part.batch["time_us"] for part in parts])
    order = np.argsort(time_us, kind="stable")
    track = np.concatenate(tracks)[order]
    columns = {name: np.concatenate([part.batch[name] for part in parts])[order] for name in (*MEASURED, "device_key")}
    participant_type = np.concatenate([part.participant_type for part in parts])[order]
    return Reports(
        track=track,
        time_us=time_us[order],
        xyz=np.concatenate([part.xyz for part in parts])[order],
        speed_mps=columns["speed_mps"],
        heading_deg=columns["heading_deg"],
        kind=np.concatenate(kinds),
        key=np.concatenate(keys),
        participant_type=_newest(track, participant_type, count),
        device_key=_newest(track, columns["device_key"].astype(np.int64), count),
        length_m=_size(track, columns["length_m"], count),
        width_m=_size(track, columns["width_m"], count),
    )


def _newest(track: Ints, values: Ints, count: int) -> Ints:
    """Of each track what its last report says."""
    found = np.zeros(count, np.int64)
    found[track] = values  # of several the last counts
    return found


def _size(track: Ints, values: Floats, count: int) -> Floats:
    """Of each track the last size above zero that was told; NaN where none was."""
    told = np.flatnonzero(values > 0)
    found = np.full(count, np.nan)
    found[track[told]] = values[told]
    return found


def columns_of(found: Reports, from_us: int) -> Batch:
    """One row a report; at_ms counts from `from_us`."""
    place = found.xyz.astype(np.float32)
    return Batch(
        {
            "at_ms": ((found.time_us - from_us) // 1000).astype(np.uint32),
            "track": found.track.astype(np.uint32),
            "east_m": place[:, 0],
            "north_m": place[:, 1],
            "up_m": place[:, 2],
            "speed_mps": found.speed_mps.astype(np.float32),
            "heading_deg": found.heading_deg.astype(np.float32),
        }
    )


def header_of(found: Reports, twin: Ints) -> dict[str, list[Any]]:
    """The road users, a list each: keys in hexadecimal, since JavaScript's numbers do not hold them."""
    return {
        "kind": found.kind.tolist(),
        "key": [f"{key:016x}" for key in found.key.tolist()],
        "participant_type": found.participant_type.tolist(),
        "length_m": _known(found.length_m),
        "width_m": _known(found.width_m),
        "device_key": found.device_key.tolist(),
        "twin": twin.tolist(),
    }


def _known(values: Floats) -> list[float | None]:
    return [round(value, 2) if np.isfinite(value) else None for value in values.tolist()]
