"""What is counted on every lane over a period; all of it adds up over lanes and time, but for what is the most of a period."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from services.inference.city.state.layout import Layout, Scope
from services.inference.city.state.tally import tally
from services.inference.reports import Floats, Ints


class Sum(IntEnum):
    """A row of `Sums.added`."""

    TIME_S = 0  # spent by vehicles
    WAY_M = 1  # driven
    SEEN_S = 2  # of the time, that of vehicles known by perception alone
    ENTERED = 3  # into segments
    LEFT = 4
    TOOK_S = 5  # from entering to leaving, of those of whom both were seen …
    TAKEN = 6  # … and how many these are
    DELAY_S = 7  # against driving freely
    STOPS = 8
    CO2_G = 9
    NOX_G = 10
    QUEUE_S = 11  # vehicles in the longest queue, times seconds
    STANDING_S = 12  # vehicles that stand, times seconds
    SPILLED_S = 13  # seconds in which the queue reached back to the segment's begin
    QUEUED_S = 14  # seconds in which anybody stood
    REACH_S = 15  # metres from the lane's end back to the rear of the last who stands, times seconds
    THROUGH = 16  # vehicles that drove through, each by the part that it drove; at the map's edge those who left, or entered
    FLAWED_S = 17  # of the time, that after which a sighting was not believed as it was told


class Most(IntEnum):
    """A row of `Sums.most`."""

    QUEUE_VEHICLES = 0
    QUEUE_M = 1  # from the queue's head to its rear
    REACH_M = 2  # from the lane's end back to the queue's rear


@dataclass(slots=True)
class Sums:
    """Of a period: added (Sum, lanes), most (Most, lanes), turns (t,) and trips (e, 2) from segment to segment; seconds of it."""

    added: Floats
    most: Floats
    turns: Ints
    trips: list[Ints] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    def nothing(cls, layout: Layout) -> Sums:
        """Of an empty period."""
        lanes = len(layout.length_m)
        return cls(np.zeros((len(Sum), lanes)), np.zeros((len(Most), lanes)), np.zeros(len(layout.turns), np.int64))

    def add(self, other: Sums) -> None:
        """What came later."""
        self.added += other.added
        np.maximum(self.most, other.most, out=self.most)
        self.turns += other.turns
        self.trips += other.trips
        self.seconds += other.seconds

    def of(self, layout: Layout, scope: Scope) -> tuple[Floats, Floats]:
        """Added (Sum, k) and most (Most, k) of the places of a scope."""
        row, count = layout.of[scope], len(layout.places[scope])
        mine = np.flatnonzero(row >= 0)
        added = np.stack([tally(row[mine], count, one[mine]) for one in self.added])
        most = np.zeros((len(Most), count))
        for total, one in zip(most, self.most, strict=True):
            high = mine[one[mine] > 0]  # few lanes have queues
            np.maximum.at(total, row[high], one[high])
        return added, most
