"""Stored messages go through a site's stages once more, turn by turn as they came: the service's own code on its own batches.

When inference read a message is stored only for those that caused a warning; ingest's arrival stands for the others, moved by
what the two differ for the message that caused this one. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from chelu.codec.cv2x import Message
from chelu.geo import LocalFrame
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch
from services.inference.explain.recorded import Kept, Recorded
from services.inference.explain.warnings import Row
from services.inference.inbox import NO_PHASES, NO_VEHICLES, NOBODY, Inbox, Intake, Rows, Said
from services.inference.life import Notice
from services.inference.reports import Ints, nothing
from services.inference.site import Site

TURN_US = 4_000  # about what a live turn and the rest after it take
_FINE_US = 3_000_000  # so long before the decision turns are as short as live ones; before, only the picture counts
_COARSE_US = 50_000


def turn_ends(begin_us: int, raised: Row, until_us: int) -> Ints:
    """The instants of evaluation, ascending: the decision is one, and no other lies between it and its cause's arrival."""
    before = raised.arrival_us - 1 - TURN_US * np.arange(_FINE_US // TURN_US, -1, -1, dtype=np.int64)
    after = np.arange(raised.decided_us, until_us + 1, TURN_US, dtype=np.int64)
    coarse = np.arange(begin_us, before[0], _COARSE_US, dtype=np.int64)
    return np.concatenate([coarse, before, after])


@dataclass(frozen=True, slots=True)
class _Stream:
    """Rows in the order of arrival, with when inference had them (n,) and where they belong."""

    rows: Batch
    arrival_us: Ints
    route: Rows

    def between(self, first: int, last: int) -> _Stream:
        """Some of them."""
        chosen = np.arange(first, last)
        return _Stream(self.rows.take(chosen), self.arrival_us[first:last], self.route[first:last])


@dataclass(slots=True)
class Rerun:
    """`run` once. late_us: how much later than ingest inference read what caused the warning."""

    site: Site
    site_id: str
    frame: LocalFrame
    inbox: Inbox
    recorded: Recorded
    late_us: int = 0
    rows: int = field(default=0, init=False)

    def run(self, ends_us: Ints) -> Iterator[tuple[int, Sequence[Notice]]]:
        """After each turn its instant and what changed; `site.evaluated` is that turn's until the next is asked for."""
        for end_us, said in zip(ends_us.tolist(), self._turns(ends_us), strict=True):
            intake = self.inbox.sort(said).get(self.site_id) if said else None
            yield end_us, self._step(intake, end_us)

    def _step(self, intake: Intake | None, now_us: int) -> Sequence[Notice]:
        if intake is None:
            notices = self.site.step(nothing(), now_us)
        else:
            self.rows += len(intake.reports)
            notices = self.site.take(intake, self.frame, now_us)
        self.site.segments()  # it samples the picture, from which jams are found
        return notices

    def _turns(self, ends_us: Ints) -> Iterator[list[Said]]:
        """What came in each turn."""
        streams = {name: self._stream(rows) for name, rows in self.recorded.streams.items() if len(rows)}
        bounds = {name: _bounds(one.arrival_us, ends_us) for name, one in streams.items()}
        kept = _bounds(np.array([one.arrival_us + self.late_us for one in self.recorded.messages], np.int64), ends_us)
        for turn in range(len(ends_us)):
            parts = {
                name: one.between(bounds[name][turn], bounds[name][turn + 1])
                for name, one in streams.items()
                if bounds[name][turn + 1] > bounds[name][turn]
            }
            messages = self.recorded.messages[kept[turn] : kept[turn + 1]]
            yield [self._said(name, part) for name, part in parts.items()] + ([self._told(messages)] if messages else [])

    def _stream(self, rows: Batch) -> _Stream:
        return _Stream(rows, rows["arrival_us"] + self.late_us, self.inbox.route_of_stored(rows["device_key"]))

    def _said(self, name: str, part: _Stream) -> Said:
        """Rows of one stream, each its own message."""
        place = np.arange(len(part.rows), dtype=np.int64)
        rows = part.rows.with_columns(frame=place)
        if name not in {BSM.name, PARTICIPANT.name}:
            rows = self.inbox.without_early(rows, part.arrival_us)
        others: Mapping[str, Batch] = {} if name in {BSM.name, PARTICIPANT.name, SPAT.name} else {name: rows}
        return Said(
            part.route, part.arrival_us, place, part.arrival_us,
            rows if name == BSM.name else NO_VEHICLES,
            rows if name == PARTICIPANT.name else NOBODY,
            rows if name == SPAT.name else NO_PHASES,
            (), others,
        )  # fmt: skip

    def _told(self, messages: Sequence[Kept]) -> Said:
        """MAPs and RSIs."""
        arrival = np.array([one.arrival_us + self.late_us for one in messages], np.int64)
        route = self.inbox.route_of_stored(np.array([one.device_key for one in messages], np.int64))
        reference = np.array([one.reference_us for one in messages], np.int64)
        read = tuple(Message(place, one.kind, dict(one.value)) for place, one in enumerate(messages))
        return Said(route, arrival, np.arange(len(messages)), reference, NO_VEHICLES, NOBODY, NO_PHASES, read)


def _bounds(arrival_us: Ints, ends_us: Ints) -> list[int]:
    """Where turns begin and end among sorted arrivals; what came before the first is the first's."""
    return [0, *np.searchsorted(arrival_us, ends_us, side="right").tolist()]
