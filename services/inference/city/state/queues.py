"""Queues at an instant: on each lane the longest row of vehicles that stand behind one another.

As SUMO's lane area detectors have it: a row goes on as long as the next vehicle that stands is at most `JOINS_M` behind the rear
of the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.reports import Floats, Ints

JOINS_M = 10.0
USUAL_LENGTH_M = 4.6
SPILL_M = 15.0  # a queue whose rear is so near its segment's begin leaves no room for two more


@dataclass(frozen=True, slots=True)
class Queues:
    """Of q lanes with queues: how many vehicles, from which metre to which, and how many stand on the lane in all."""

    lane: Ints
    vehicles: Ints
    rear_m: Floats
    head_m: Floats
    standing: Ints


def queues(lane: Ints, front_m: Floats, length_m: Floats) -> Queues:
    """The queues that vehicles (n,) make that stand with their fronts at these metres of lanes."""
    order = np.lexsort((-front_m, lane))
    lane, front = lane[order], front_m[order]
    rear = front - np.where(np.isfinite(length_m), length_m, USUAL_LENGTH_M)[order]
    begins = np.ones(len(lane), np.bool_)
    begins[1:] = (lane[1:] != lane[:-1]) | (rear[:-1] - front[1:] > JOINS_M)
    first = np.flatnonzero(begins)
    count = np.diff(np.append(first, len(lane)))
    row_lane, row_rear = lane[first], rear[first + count - 1] if len(first) else rear
    order = np.lexsort((-count, row_lane))  # of each lane the longest first
    lanes, place = np.unique(row_lane[order], return_index=True)
    longest = order[place]
    return Queues(
        lanes,
        count[longest],
        row_rear[longest],
        front[first[longest]],
        np.bincount(lane, minlength=1)[lanes] if len(lane) else lanes,
    )
