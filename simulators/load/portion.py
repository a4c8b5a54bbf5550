"""Messages ready for the socket: PUBLISH packets one after the other in one buffer, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from chelu.ragged import Bytes, Ints, gathered

DIGITS = 13  # of a sequence number, with zeros in front: every message of a device is equally long
FIRST_NUMBER = 10 ** (DIGITS - 1)


@dataclass(frozen=True, slots=True)
class Portion:
    """Packet ``i`` of (m,) is ``data[start[i]:stop[i]]``, its payload from ``payload[i]`` on.

    device: index in the load's devices; frames, rows: what the message carries; due_us: when it is to be sent, µs since the load
    began; sequence: its number at QoS 1, 0 at QoS 0.
    """

    stream: str
    data: Bytes
    start: Ints
    stop: Ints
    payload: Ints
    device: Ints
    frames: Ints
    rows: Ints
    due_us: Ints
    sequence: Ints

    def __len__(self) -> int:
        return len(self.start)

    def part(self, begin: int, end: int) -> Portion:
        """The messages from `begin` to before `end`, in the same buffer."""
        origin = int(self.start[begin])
        rows = slice(begin, end)
        places = (column[rows] - origin for column in (self.start, self.stop, self.payload))
        plain = (column[rows] for column in (self.device, self.frames, self.rows, self.due_us, self.sequence))
        return Portion(self.stream, self.data[origin : int(self.stop[end - 1])], *places, *plain)

    def take(self, rows: Ints) -> Portion:
        """These messages in this order, in a buffer of their own."""
        data, start, stop = gathered(self.data, self.start[rows], self.stop[rows])
        return Portion(
            self.stream,
            data,
            start,
            stop,
            start + (self.payload - self.start)[rows],
            *(column[rows] for column in (self.device, self.frames, self.rows, self.due_us, self.sequence)),
        )


def joined(portions: Sequence[Portion]) -> Portion:
    """Several portions of one stream as one, in this order."""
    shift = np.cumsum([0, *(len(portion.data) for portion in portions)])[:-1].tolist()

    def places(name: str) -> Ints:
        return np.concatenate([getattr(portion, name) + by for portion, by in zip(portions, shift, strict=True)])

    def plain(name: str) -> Ints:
        return np.concatenate([getattr(portion, name) for portion in portions])

    data = np.concatenate([portion.data for portion in portions])
    inside = (plain(name) for name in ("device", "frames", "rows", "due_us", "sequence"))
    return Portion(portions[0].stream, data, places("start"), places("stop"), places("payload"), *inside)


class Source(Protocol):
    """One stream of a load; called by the load's thread, with times that never go back. µs count from the load's beginning."""

    stream: str
    per_s: float  # messages

    def begin(self, start_us: int) -> None:
        """The wall's µs at which the load begins; once, before anything is asked for."""

    def until(self, due_us: int) -> Sequence[Portion]:
        """What is due before this instant and was not given yet, in order; buffers are the caller's."""

    def skip(self, due_us: int) -> tuple[int, int]:
        """Pass over what is due before this instant: how many messages and frames that were."""

    @property
    def next_us(self) -> int | None:
        """When the next message is due; None when there is none left."""
