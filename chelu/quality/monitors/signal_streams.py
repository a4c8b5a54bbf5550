"""SPAT rows as one table for each device and junction: a row a message, a column a phase."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.lights import Light
from chelu.messages import Batch, Column
from chelu.quality.monitors.judged import Codes, Floats, Ints, Mask, Subject
from chelu.quality.monitors.vehicles import numbered

ABSENT = 255  # in place of a light: the message says nothing of this phase
ENDS = ("min_end_s", "max_end_s", "likely_end_s")
NEEDED = (
    *("time_us", "arrival_us", "device_key", "message_count", "region_id", "region_id_valid", "intersection_id", "phase_id"),
    *("light", "timing", "road_user", "road_user_valid", *ENDS),
)
PEDESTRIAN = 3  # ParticipantType
NEEDS_NO_TIMING = (Light.DARK, Light.FLASHING_RED, Light.FLASHING_YELLOW)
AIR_PHASES = 255  # PhaseID; beyond are pedestrians of T/ITS 0180.1, annex B


@dataclass(frozen=True, slots=True)
class SignalStream:
    """What one device says of one junction: m messages in the order of their times, p phases ascending.

    light (m, p): `Light`, ABSENT where the message has no such phase; ends (m, p) seconds from time_us, NaN unknown;
    is_vague (m, p): a state without a light, or without any timing where it needs one.
    """

    device_key: int
    region: int
    node: int
    time_us: Ints
    arrival_us: Ints
    message_count: Codes
    phase: Ints
    light: Codes
    min_end_s: Floats
    max_end_s: Floats
    likely_end_s: Floats
    is_vague: Mask
    is_for_walkers: Mask  # (p,) phases that say so themselves

    @property
    def subject(self) -> Subject:
        """The stream as a whole."""
        return Subject(self.device_key, self.region, self.node)

    @property
    def junction(self) -> tuple[int, int]:
        """Region and number, by which a MAP names it."""
        return self.region, self.node

    def subject_of(self, phase: int) -> Subject:
        """One of its phases."""
        return Subject(self.device_key, self.region, self.node, phase)


def signal_streams(spat: Batch) -> tuple[SignalStream, ...]:
    """The streams of SPAT rows (`chelu.messages.SPAT` with the header's device_key and arrival_us), in any order."""
    present = is_present(spat)
    spat = Batch({name: spat[name] if present.all() else spat[name][present] for name in NEEDED})
    if not len(spat):
        return ()
    region = np.where(spat["region_id_valid"], spat["region_id"], 0).astype(np.int64)
    key = (spat["device_key"].astype(np.int64) << 32) | (region << 16) | spat["intersection_id"].astype(np.int64)
    order = np.lexsort((spat["message_count"], spat["time_us"], key))
    if not (order[1:] > order[:-1]).all():
        spat, key = spat.take(order), key[order]
    bounds = [*np.flatnonzero(np.diff(key, prepend=key[0] - 1)).tolist(), len(key)]
    return tuple(_stream(int(key[a]), _slice(spat, a, b)) for a, b in pairwise(bounds))


def _slice(rows: Batch, first: int, behind: int) -> Batch:
    return Batch({name: column[first:behind] for name, column in rows.columns.items()})


def is_present(spat: Batch) -> Mask:
    """Which rows say what a phase shows now, not what it will: the first one, or one that has begun."""
    start, is_first = spat["start_s"], spat["state_index"] == 0
    has_begun = (start <= 0) & ~(spat["likely_end_s"] <= 0)
    return np.asarray(np.where(np.isnan(start), is_first, has_begun | (is_first & (start <= 0))), np.bool_)


def _stream(key: int, rows: Batch) -> SignalStream:
    """One stream's rows, sorted by time and count, each message once."""
    time_us, count = rows["time_us"], rows["message_count"]
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = (np.diff(time_us) != 0) | (count[1:] != count[:-1])
    message, first = np.cumsum(begins) - 1, np.flatnonzero(begins)
    phase, column = numbered(rows["phase_id"].astype(np.int64))
    shape = len(first), len(phase)
    at = column * len(first) + message
    ends = {name: _spread(rows[name], at, shape, np.nan) for name in ENDS}
    light = _spread(rows["light"], at, shape, ABSENT)
    untimed = _spread((rows["timing"] == 0) & ~np.isin(rows["light"], NEEDS_NO_TIMING), at, shape, 0)
    walkers = np.bincount(column, rows["road_user_valid"] & (rows["road_user"] == PEDESTRIAN), len(phase)) > 0
    return SignalStream(
        device_key=key >> 32,
        region=(key >> 16) & 0xFFFF,
        node=key & 0xFFFF,
        time_us=time_us[first],
        arrival_us=rows["arrival_us"][first],
        message_count=count[first],
        phase=phase,
        light=light,
        **ends,
        is_vague=(light == 0) | untimed,
        is_for_walkers=walkers | (phase > AIR_PHASES),
    )


def _spread(column: Column, at: Ints, shape: tuple[int, int], absent: float) -> npt.NDArray[Any]:
    """A column's values at these places of a table, phase by phase, as monitors read it.

    Written from the last row on, so that of several the first one stays.
    """
    whole = np.full(shape, absent, column.dtype, order="F")
    whole.reshape(-1, order="F")[at[::-1]] = column[::-1]
    return whole
