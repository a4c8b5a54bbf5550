"""When inference read messages and evaluated, as far as its warnings tell: each names a message, when that was read and counted.

Between these, ingest's arrival stands for inference's, moved by what the two differ about then: on a busy machine by much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chelu.messages import Batch
from services.inference.explain.recorded import Decision
from services.inference.explain.warnings import Row
from services.inference.register import Register
from services.inference.reports import Ints

TURN_US = 4_000  # about what a live turn and the rest after it take
_FINE_US = 3_000_000  # so long before the decision turns are as short as live ones; before, only the picture counts
_COARSE_US = 50_000


def _nothing() -> Ints:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Turns:
    """Instants (t,) at which turns are evaluated, and up to when each takes in what was read."""

    ends_us: Ints
    taken_us: Ints


@dataclass(frozen=True, slots=True)
class Pace:
    """stored_us, late_us (k,): arrivals at ingest, ascending, and how much later inference read the same message.

    read_us, decided_us (d,): of messages that caused something: until it was decided no turn had ended since they were read.
    """

    stored_us: Ints = field(default_factory=_nothing)
    late_us: Ints = field(default_factory=_nothing)
    read_us: Ints = field(default_factory=_nothing)
    decided_us: Ints = field(default_factory=_nothing)

    def read(self, stored_us: Ints) -> Ints:
        """When inference read what ingest had at these instants, ascending as they are."""
        if not len(self.stored_us):
            return stored_us
        late_us = np.interp(stored_us, self.stored_us, self.late_us)
        return np.maximum.accumulate(stored_us + np.round(late_us).astype(np.int64)) if len(stored_us) else stored_us

    def turns(self, begin_us: int, raised: Row, until_us: int) -> Turns:
        """Ascending: the decision is one, and no other lies between it and its cause's arrival."""
        before = raised.arrival_us - 1 - TURN_US * np.arange(_FINE_US // TURN_US, -1, -1, dtype=np.int64)
        after = np.arange(raised.decided_us, until_us + 1, TURN_US, dtype=np.int64)
        coarse = np.arange(begin_us, before[0], _COARSE_US, dtype=np.int64)
        known = self.decided_us[(self.decided_us >= before[0]) & (self.decided_us < raised.arrival_us)]
        fine = before[~self._is_busy(before)]
        ends = np.unique(np.concatenate([coarse, fine, known, after]))
        return Turns(ends, np.maximum.accumulate(self._taken(ends, raised)))

    def _taken(self, ends_us: Ints, raised: Row) -> Ints:
        """Up to when a turn took in what came: what is decided upon is what had been read when the turn began."""
        read, decided = np.append(self.read_us, raised.arrival_us), np.append(self.decided_us, raised.decided_us)
        taken = np.full(len(ends_us), -1, np.int64)
        place = np.minimum(np.searchsorted(ends_us, decided), len(ends_us) - 1)
        is_here = ends_us[place] == decided
        np.maximum.at(taken, place[is_here], read[is_here])
        return np.where(taken >= 0, taken, ends_us)

    def _is_busy(self, at_us: Ints) -> Ints:
        """Whether no turn ended at these instants."""
        order = np.argsort(self.read_us)
        reached = np.maximum.accumulate(self.decided_us[order]) if len(order) else self.decided_us
        last = np.searchsorted(self.read_us[order], at_us, side="right") - 1
        return np.asarray((last >= 0) & (at_us < np.append(reached, 0)[last]))


def pace_of(decisions: Sequence[Decision], streams: Mapping[str, Batch], register: Register) -> Pace:
    """From what was decided while the stored messages came."""
    caused = {_key(one.cause, register): one.read_us for one in decisions}
    points = sorted(
        (stored_us, caused[key] - stored_us)
        for rows in (streams[name] for name in ("bsm", "participant"))
        for key, stored_us in _among(rows, caused)
    )
    stored, late = np.array(points, np.int64).reshape(-1, 2).T
    read, decided = np.array([(one.read_us, one.decided_us) for one in decisions], np.int64).reshape(-1, 2).T
    return Pace(stored, late, read, decided)


def _key(cause: Mapping[str, Any], register: Register) -> tuple[int, int, int]:
    device = register.devices.get(cause["device_id"] or "")
    return device.key if device else 0, int(cause["event_time_us"]), int(cause["message_count"])


def _among(rows: Batch, caused: Mapping[tuple[int, int, int], int]) -> list[tuple[tuple[int, int, int], int]]:
    """Messages that caused something, and when ingest had them."""
    times = np.array([time_us for _, time_us, _ in caused], np.int64)
    some = rows.take(np.flatnonzero(np.isin(rows["time_us"], times)))
    keys = zip(*(some[name].tolist() for name in ("device_key", "time_us", "message_count")), strict=True)
    return [(key, arrival_us) for key, arrival_us in zip(keys, some["arrival_us"].tolist(), strict=True) if key in caused]
