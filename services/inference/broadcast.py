"""The live picture as bytes for `site/{site}/picture`: road users as columns, signals in the header; docs/formats/columns.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chelu.codec import columns
from chelu.messages import Batch
from services.inference.picture import Picture, resized
from services.inference.seats import ALONE, Seats
from services.inference.signals import Phases, remaining_s


def picture_bytes(
    picture: Picture, seats: Seats, levels: Mapping[int, int], phases: Phases, *, header: Mapping[str, Any], now_us: int
) -> bytes:
    """One message with every live track and every signal phase."""
    document = {"table": "participants", "time_us": now_us, **header, "signals": _signals(phases, now_us)}
    return columns.pack(participants(picture, seats, levels, now_us), document)


def participants(picture: Picture, seats: Seats, levels: Mapping[int, int], now_us: int) -> Batch:
    """Live tracks in the order of their slots."""
    slots = picture.live()
    level = np.zeros(picture.capacity, np.uint8)
    for slot, value in levels.items():
        level[slot] = value
    place = picture.xyz[slots].astype(np.float32)
    twin = resized(seats.twin, picture.capacity, ALONE)[slots]
    user = resized(seats.name, picture.capacity)[np.where(twin >= 0, twin, slots)]
    return Batch(
        {
            "slot": slots.astype(np.uint32),
            "generation": picture.generation[slots],
            "kind": picture.kind[slots].astype(np.uint8),
            "key": picture.key[slots],
            "participant_type": picture.ints["participant_type"][slots].astype(np.uint8),
            "east_m": place[:, 0],
            "north_m": place[:, 1],
            "up_m": place[:, 2],
            "speed_mps": picture.floats["speed_mps"][slots].astype(np.float32),
            "heading_deg": picture.floats["heading_deg"][slots].astype(np.float32),
            "length_m": picture.floats["length_m"][slots].astype(np.float32),
            "width_m": picture.floats["width_m"][slots].astype(np.float32),
            "age_ms": ((now_us - picture.ints["time_us"][slots]) / 1e3).astype(np.float32),
            "device_key": picture.ints["device_key"][slots].astype(np.int32),
            "twin": twin.astype(np.int32),
            "user": user.astype(np.uint32),
            "level": level[slots],
            "is_reckoned": picture.is_reckoned[slots].astype(np.uint8),
        }
    )


def _signals(phases: Phases, now_us: int) -> dict[str, list[Any]]:
    wait = remaining_s(phases, now_us)
    return {
        "region": phases.region.tolist(),
        "intersection": phases.intersection.tolist(),
        "phase": phases.phase.tolist(),
        "light": phases.light.tolist(),
        "likely_end_s": [None if np.isnan(one) else round(float(one), 2) for one in wait],
    }
