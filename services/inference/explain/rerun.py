"""Stored messages go through a site's stages once more, turn by turn as they came: the service's own code on its own batches.

When inference read them, and when it evaluated, is as `pace.py` knows it. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from chelu.codec.cv2x import Message
from chelu.geo import LocalFrame
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch
from services.inference.explain.pace import Pace, Turns
from services.inference.explain.recorded import Kept, Recorded
from services.inference.inbox import NO_PHASES, NO_VEHICLES, NOBODY, Inbox, Intake, Rows, Said
from services.inference.life import Notice
from services.inference.reports import Ints, nothing
from services.inference.site import Site


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
    """`run` once."""

    site: Site
    site_id: str
    frame: LocalFrame
    inbox: Inbox
    recorded: Recorded
    pace: Pace
    rows: int = field(default=0, init=False)

    def run(self, turns: Turns) -> Iterator[tuple[int, Sequence[Notice]]]:
        """After each turn its instant and what changed; `site.evaluated` is that turn's until the next is asked for."""
        for end_us, said in zip(turns.ends_us.tolist(), self._turns(turns.taken_us), strict=True):
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

    def _turns(self, taken_us: Ints) -> Iterator[list[Said]]:
        """What came in each turn."""
        streams = {name: self._stream(rows) for name, rows in self.recorded.streams.items() if len(rows)}
        bounds = {name: _bounds(one.arrival_us, taken_us) for name, one in streams.items()}
        kept = _bounds(self._read(self.recorded.messages), taken_us)
        for turn in range(len(taken_us)):
            parts = {
                name: one.between(bounds[name][turn], bounds[name][turn + 1])
                for name, one in streams.items()
                if bounds[name][turn + 1] > bounds[name][turn]
            }
            messages = self.recorded.messages[kept[turn] : kept[turn + 1]]
            yield [self._said(name, part) for name, part in parts.items()] + ([self._told(messages)] if messages else [])

    def _stream(self, rows: Batch) -> _Stream:
        return _Stream(rows, self.pace.read(rows["arrival_us"]), self.inbox.route_of_stored(rows["device_key"]))

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
        arrival = self._read(messages)
        route = self.inbox.route_of_stored(np.array([one.device_key for one in messages], np.int64))
        reference = np.array([one.reference_us for one in messages], np.int64)
        read = tuple(Message(place, one.kind, dict(one.value)) for place, one in enumerate(messages))
        return Said(route, arrival, np.arange(len(messages)), reference, NO_VEHICLES, NOBODY, NO_PHASES, read)

    def _read(self, messages: Sequence[Kept]) -> Ints:
        return self.pace.read(np.array([one.arrival_us for one in messages], np.int64))


def _bounds(arrival_us: Ints, taken_us: Ints) -> list[int]:
    """Where turns begin and end among sorted arrivals; what came before the first is the first's."""
    return [0, *np.searchsorted(arrival_us, taken_us, side="right").tolist()]
