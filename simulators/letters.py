"""A stretch of a replay's messages as columns: when each is due, who says it, its frame, and what is known of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from chelu.bus import TopicNames
from chelu.messages import BSM, PARTICIPANT, SPAT
from chelu.ragged import Bytes, Ints
from chelu.topics import Kind, row
from simulators.fleet import Fleet

TOPIC = {BSM.name: row("obu/{id}/bsm/up"), PARTICIPANT.name: row("rsu/{id}/rsm/up"), SPAT.name: row("rsu/{id}/spat/up")}
STREAMS = tuple(TOPIC)
IS_BSM = STREAMS.index(BSM.name)


@dataclass(frozen=True, slots=True)
class Letters:
    """Message ``i`` of (n,) is the frame ``data[start[i]:stop[i]]``.

    stream: index into `STREAMS`; device: actor, −1 for the roadside unit; due_s: monotonic; event_us; rows: that it carries.
    """

    data: Bytes
    start: Ints
    stop: Ints
    stream: Ints
    device: Ints
    due_s: npt.NDArray[np.float64]
    event_us: Ints
    rows: Ints
    message_count: Ints

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Letters:
        """These messages, over the same data."""
        return Letters(self.data, *(getattr(self, name)[rows] for name in COLUMNS))

    @property
    def is_bsm(self) -> npt.NDArray[np.bool_]:
        """(n,) which are a vehicle's own word."""
        return np.asarray(self.stream == IS_BSM)

    def rows_by_stream(self) -> dict[str, int]:
        """How many rows of each stream they carry."""
        rows = np.bincount(self.stream, self.rows, len(STREAMS))
        return {name: int(number) for name, number in zip(STREAMS, rows, strict=True) if number}


COLUMNS = tuple(field.name for field in fields(Letters) if field.name != "data")


def in_order(parts: Sequence[Letters]) -> Letters:
    """All messages by the time at which they are due; what is due together stays in the order of the parts."""
    shift = np.cumsum([0, *(len(part.data) for part in parts)])[:-1].tolist()
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    for name in ("start", "stop"):
        columns[name] = np.concatenate([getattr(part, name) + by for part, by in zip(parts, shift, strict=True)])
    whole = Letters(np.concatenate([part.data for part in parts]), **columns)
    return whole.take(np.argsort(whole.due_s, kind="stable"))


def no_letters() -> Letters:
    """None."""
    none = np.zeros(0, np.int64)
    return Letters(np.zeros(0, np.uint8), none, none, none, none, np.zeros(0), none, none, none)


class AddressBook:
    """Where each speaker's messages go: a topic for every vehicle's BSMs, then one for each stream of the roadside unit."""

    def __init__(self, fleet: Fleet) -> None:
        vehicles = [TOPIC[BSM.name].topic(Kind.OBU, name) if name else "" for name in fleet.obu_ids]
        self._first_unit = len(vehicles)
        unit = [TOPIC[name].topic(Kind.RSU, fleet.rsu_id) for name in STREAMS[IS_BSM + 1 :]]
        self.topics = TopicNames.of([*vehicles, *unit])

    def of(self, letters: Letters) -> Ints:
        """The number (n,) of each message's topic."""
        return np.where(letters.is_bsm, letters.device, self._first_unit + letters.stream - 1)
