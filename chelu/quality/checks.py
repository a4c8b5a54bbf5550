"""All checks of one stream's rows, put together into the `flags` column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch, Flag
from chelu.quality.gaps import GapLimits, missing
from chelu.quality.jumps import JumpLimits, jumps
from chelu.quality.plausibility import ON_ROAD, implausible
from chelu.quality.senders import Keys, Last, follow, nobody, sender_keys
from chelu.quality.timing import Instants, Mask, TimingLimits, late, skewed
from chelu.units import US_PER_S

COUNTED = {"message_count": "u1", "time_us": "i8"}
PLACED = {"time_us": "i8", "latitude_deg": "f8", "longitude_deg": "f8", "speed_mps": "f8"}


@dataclass(frozen=True, slots=True)
class Limits:
    """Parameters of every check of one stream; keep_s: how long a silent sender is remembered.

    gap: None where only a share of a sender's messages is seen, so that a missing count says nothing.
    """

    timing: TimingLimits = field(default_factory=TimingLimits)
    gap: GapLimits | None = field(default_factory=GapLimits)
    jump: JumpLimits = field(default_factory=JumpLimits)
    on_road: Mapping[str, tuple[float, float]] = field(default_factory=lambda: ON_ROAD)
    keep_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of one stream's senders between batches."""

    counts: Last = field(default_factory=lambda: nobody(COUNTED))
    places: Last = field(default_factory=lambda: nobody(PLACED))


@dataclass(frozen=True, slots=True)
class Hearing:
    """When and how each row (n,) reached us: heard_us is the envelope's time stamp, may_have_waited see `timing.skewed`."""

    heard_us: Instants
    arrival_us: Instants
    may_have_waited: Mask


@dataclass(frozen=True, slots=True)
class Checked:
    """flags: (n,) int16, sets of `Flag`; missing: (n,) messages missing before the row's frame, on that frame's first row."""

    flags: npt.NDArray[np.int16]
    missing: npt.NDArray[np.int64]
    memory: Memory


def check(batch: Batch, hearing: Hearing, memory: Memory, limits: Limits, *, counter: Keys, track: Keys | None = None) -> Checked:
    """Check rows that are in the order of their arrival.

    counter: (n,) who numbers the messages; track: (n,) whose positions these are, None where a row has none. The batch has
    ``frame``: rows of one frame share its message count. What may have waited is followed apart from what is live, so that a
    spool emptied beside the live stream looks like neither gaps nor jumps.
    """
    keep_us = round(limits.keep_s * US_PER_S)
    event_us = batch["time_us"]
    flags = _where(late(event_us, hearing.arrival_us, limits.timing), Flag.LATE)
    flags |= _where(skewed(event_us, hearing.heard_us, hearing.arrival_us, hearing.may_have_waited, limits.timing), Flag.CLOCK)
    flags |= _where(implausible(batch, limits.on_road), Flag.RANGE)
    lost, counts = _gaps(batch, hearing, memory.counts, limits.gap, _apart(counter, hearing), keep_us)
    flags |= _where(lost > 0, Flag.GAP)
    places = memory.places
    if track is not None:
        columns = {name: batch[name] for name in PLACED}
        previous, places = follow(places, _apart(track, hearing), columns, hearing.arrival_us, keep_us=keep_us)
        flags |= _where(jumps(columns, previous, limits.jump), Flag.JUMP)
    first = np.concatenate([np.ones(min(1, len(batch)), np.bool_), np.diff(batch["frame"]) != 0])
    return Checked(flags, np.where(first, lost, 0), Memory(counts, places))


def _gaps(
    batch: Batch, hearing: Hearing, last: Last, limits: GapLimits | None, keys: Keys, keep_us: int
) -> tuple[npt.NDArray[np.int64], Last]:
    if limits is None:
        return np.zeros(len(batch), np.int64), last
    _, first, of_row = np.unique(batch["frame"], return_index=True, return_inverse=True)
    columns = {name: batch[name][first] for name in COUNTED}
    previous, last = follow(last, keys[first], columns, hearing.arrival_us[first], keep_us=keep_us)
    return missing(columns["message_count"], columns["time_us"], previous, limits)[of_row], last


def _apart(keys: Keys, hearing: Hearing) -> Keys:
    return sender_keys(keys, hearing.may_have_waited.astype(np.int64))


def _where(mask: Mask, flag: Flag) -> npt.NDArray[np.int16]:
    return np.where(mask, np.int16(flag), np.int16(0))
