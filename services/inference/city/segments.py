"""Traffic state of every road segment (link), every five seconds: flow, mean speed, density, congestion index.

Edie's definitions (1963) over the segment and the interval, from the live picture sampled twice a second of event time:
space-mean speed = distance driven / time spent, density = time spent / (length · lanes · interval). Flow is counted: vehicles
that entered the segment, over a window of a minute, since one entry in five seconds would be 720 veh/h. A road user seen by its
own unit and by a roadside unit counts once (`services.inference.fusion`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from chelu.messages import Batch
from services.inference.reports import Floats, Ints

INTERVAL_S = 5.0
SAMPLE_S = 0.5
FLOW_WINDOWS = 12  # intervals over which entries are counted: one minute
WORST_INDEX = 10.0  # a standing queue's index would be infinite
_BACKWARD_S = 10.0  # event time going back further than this is a new run


@dataclass(frozen=True, slots=True)
class Segments:
    """k links: length, lanes and free-flow speed (`free_flow`) of each; lane_link (lanes,) leads from matched lanes to links."""

    length_m: Floats
    lanes: Ints
    free_flow_mps: Floats
    lane_link: Ints

    def __len__(self) -> int:
        return len(self.length_m)


class SegmentMonitor:
    """Counts and sums since the last result. Owned by one thread; time is the site's event time."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._start_us = self._sampled_us = 0
        self._time_s, self._way_m = np.zeros(len(segments)), np.zeros(len(segments))
        self._entered = np.zeros(len(segments), np.int64)
        self._past: deque[Ints] = deque(maxlen=FLOW_WINDOWS)
        self._link: Ints = np.empty(0, np.int64)  # per slot: the link it was on last
        self._generation: Ints = np.empty(0, np.int64)

    def pass_through(self, slots: Ints, generation: Ints, lane: Ints) -> None:
        """Vehicles at these slots are on these lanes now; one whose link differs from before has entered it."""
        self._fit(int(slots.max(initial=-1)) + 1)
        link = np.where(lane >= 0, self._segments.lane_link[np.maximum(lane, 0)], -1) if len(self._segments) else lane * 0 - 1
        is_same = self._generation[slots] == generation
        entered = (link >= 0) & is_same & (self._link[slots] != link)
        self._entered += np.bincount(link[entered], minlength=len(self._segments))
        known = link >= 0  # across a gap in the map the last link stays, so that nobody enters it twice
        self._link[slots[known | ~is_same]] = link[known | ~is_same]
        self._generation[slots] = generation

    def sample(self, lane: Ints, speed_mps: Floats, time_us: int) -> Batch | None:
        """Take a sample of all vehicles if it is due; gives the interval's result when that is over."""
        if not self._start_us or (self._start_us - time_us) / 1e6 > _BACKWARD_S:
            self._restart(time_us)
        if (time_us - self._sampled_us) / 1e6 < SAMPLE_S:
            return None
        span_s = min((time_us - self._sampled_us) / 1e6, INTERVAL_S)
        self._sampled_us = time_us
        placed = (lane >= 0) & np.isfinite(speed_mps)
        placed[placed] = self._segments.lane_link[lane[placed]] >= 0
        link = self._segments.lane_link[lane[placed]]
        n = len(self._segments)
        self._time_s += np.bincount(link, minlength=n) * span_s
        self._way_m += np.bincount(link, weights=speed_mps[placed], minlength=n) * span_s
        return self._result(time_us) if (time_us - self._start_us) / 1e6 >= INTERVAL_S else None

    def _result(self, time_us: int) -> Batch:
        """Rows of the links that had vehicles or entries lately."""
        s, span_s = self._segments, (time_us - self._start_us) / 1e6
        self._past.append(self._entered)
        counted = np.sum(self._past, axis=0)
        rows = np.flatnonzero((self._time_s > 0) | (counted > 0))
        time_s, way_m = self._time_s[rows], self._way_m[rows]
        present = time_s > 0
        speed = np.where(present, way_m / np.where(present, time_s, 1.0), np.nan)
        result = Batch(
            {
                "link": rows,
                "time_us": np.full(len(rows), time_us, np.int64),
                "interval_s": np.full(len(rows), span_s),
                "flow_vph": counted[rows] * 3600.0 / (len(self._past) * INTERVAL_S),
                "entered": self._entered[rows],
                "mean_speed_mps": speed,
                "density_vpkm": time_s / span_s / (s.length_m[rows] / 1000.0 * s.lanes[rows]),
                "congestion_index": congestion_index(s.free_flow_mps[rows], speed),
                "vehicles": time_s / span_s,
            }
        )
        self._begin(time_us)
        return result

    def _restart(self, time_us: int) -> None:
        self._past.clear()
        self._begin(time_us)
        self._sampled_us = time_us

    def _begin(self, time_us: int) -> None:
        self._start_us = time_us
        self._time_s, self._way_m = np.zeros(len(self._segments)), np.zeros(len(self._segments))
        self._entered = np.zeros(len(self._segments), np.int64)

    def _fit(self, capacity: int) -> None:
        added = capacity - len(self._link)
        if added > 0:
            self._link = np.concatenate([self._link, np.full(added, -1)])
            self._generation = np.concatenate([self._generation, np.full(added, -1)])


def congestion_index(free_flow_mps: Floats, mean_speed_mps: Floats) -> Floats:
    """Travel-time index: free-flow speed over mean speed, from 1 (free) to `WORST_INDEX`; NaN where nobody was there."""
    slow = np.maximum(mean_speed_mps, free_flow_mps / WORST_INDEX)
    return np.where(np.isnan(mean_speed_mps), np.nan, np.clip(free_flow_mps / np.maximum(slow, 1e-9), 1.0, WORST_INDEX))
