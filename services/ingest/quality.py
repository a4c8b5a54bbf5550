"""Which of `chelu.quality`'s checks each stream gets, and who its senders are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from chelu.messages import BSM, OBSERVATION, PARTICIPANT, SPAT, STREAMS, Batch
from chelu.quality.checks import Checked, Hearing, Limits, Memory, check
from chelu.quality.gaps import GapLimits
from chelu.quality.senders import Keys, sender_keys
from chelu.quality.timing import TimingLimits


@dataclass(frozen=True, slots=True)
class Memories:
    """What is remembered between batches, by stream."""

    streams: Mapping[str, Memory] = field(default_factory=lambda: {name: Memory() for name in STREAMS})


def limits_of(skew_s: float, *, workers: int = 1) -> dict[str, Limits]:
    """The limits of every stream: its own lateness, one skew for all; one of several workers does not see whole senders."""
    gap = GapLimits() if workers == 1 else None
    skews_s = {OBSERVATION.name: OBSERVATION.late_after_s}  # samples of an array were taken before it was sent
    return {name: Limits(TimingLimits(stream.late_after_s, skews_s.get(name, skew_s)), gap) for name, stream in STREAMS.items()}


def check_stream(name: str, batch: Batch, hearing: Hearing, memory: Memory, limits: Limits) -> Checked:
    """Check a stream's rows; the batch has ``device_key`` and ``frame``."""
    counter, track = _SENDERS[name](batch)
    return check(batch, hearing, memory, limits, counter=counter, track=track)


def _bsm(batch: Batch) -> tuple[Keys, Keys | None]:
    vehicle = sender_keys(batch["device_key"], batch["vehicle_id"])  # one vehicle heard by two RSUs is two rows of counts
    return vehicle, vehicle


def _participant(batch: Batch) -> tuple[Keys, Keys | None]:
    counter = sender_keys(batch["device_key"], batch["rsu_id"])
    return counter, sender_keys(batch["device_key"], batch["rsu_id"], batch["participant_id"].astype(np.int64))


def _spat(batch: Batch) -> tuple[Keys, Keys | None]:
    return sender_keys(batch["device_key"]), None


_SENDERS = {BSM.name: _bsm, PARTICIPANT.name: _participant, SPAT.name: _spat}
