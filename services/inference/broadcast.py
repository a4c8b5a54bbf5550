"""The live picture as bytes for `site/{site}/picture`: road users as columns, signals and warnings in the header.

docs/formats/columns.md says what is in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from chelu.codec import columns
from chelu.messages import Batch
from services.inference.futures import Futures
from services.inference.life import Up
from services.inference.picture import Picture, resized
from services.inference.reports import Ints
from services.inference.seats import ALONE, Seats
from services.inference.signals import Phases, remaining_s

MOST_WARNINGS = 30  # with both futures about 0.5 kB each, and 30 µs of the thread that also warns
_EVERY = 2  # of the futures' steps: one each 0.4 s
UNKNOWN_DECK = -1
Way = list[float | None]  # east, north, east, … m


def picture_bytes(
    picture: Picture,
    seats: Seats,
    levels: Mapping[int, int],
    phases: Phases,
    *,
    deck: Ints,
    header: Mapping[str, Any],
    now_us: int,
) -> bytes:
    """One message with every live track and every signal phase. deck: by slot (`UNKNOWN_DECK` where it is not known)."""
    document = {"table": "participants", "time_us": now_us, **header, "signals": _signals(phases, now_us)}
    return columns.pack(participants(picture, seats, levels, deck, now_us), document)


def warnings_up(up: Sequence[Up], futures: Futures) -> dict[str, Any]:
    """The header's `warnings`: those that are up, the severest first, with where both are taken to drive; and how many more."""
    told = up[:MOST_WARNINGS]
    ways = iter(_ways(futures, [slot for one in told for slot in _driving(one, futures)]))
    return {
        "warnings": [_warning(one, [next(ways) for _ in _driving(one, futures)]) for one in told],
        "more_warnings": max(len(up) - MOST_WARNINGS, 0),
    }


def _driving(up: Up, futures: Futures) -> list[int]:
    """Slots of those whose ways are told."""
    return [slot for slot in (up.host, up.other) if slot is not None and slot < len(futures.xy)]


def _warning(up: Up, ways: Sequence[Way]) -> dict[str, Any]:
    notice, subject = up.notice, up.notice.subject
    return {
        "warning_id": notice.warning_id,
        "application": notice.application,
        "level": notice.level,
        "raised_us": up.raised_us,
        "host": up.host,
        "other": up.other,
        "subject": {"kind": subject.kind, "id": subject.id, "place": _rounded(subject.place)} if subject else None,
        "ttc_s": _known(notice.ttc_s),
        "distance_m": _known(notice.distance_m),
        "futures": ways,
    }


def _ways(futures: Futures, slots: Sequence[int]) -> list[Way]:
    """All of them rounded at once."""
    ways = futures.xy[np.array(slots, np.intp), ::_EVERY].reshape(len(slots), math.prod(futures.xy[:1, ::_EVERY].shape))
    told: list[Way] = [list(way) for way in ways.round(2).tolist()]
    for row in np.flatnonzero(~np.isfinite(ways).all(axis=1)).tolist():
        told[row] = _rounded(told[row])
    return told


def _rounded(values: Iterable[float | None]) -> Way:
    return [None if value is None else _known(value) for value in values]


def _known(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None


def participants(picture: Picture, seats: Seats, levels: Mapping[int, int], deck: Ints, now_us: int) -> Batch:
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
            "deck": deck[slots].astype(np.int8),
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
