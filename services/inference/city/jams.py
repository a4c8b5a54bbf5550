"""Jams that the site sees in its own picture: stretches of road on which traffic has crawled for a minute.

A minute, since a queue at a red light is no jam: over a whole cycle it moves on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from chelu.applications.common import JamParameters
from chelu.messages import Batch
from services.inference.city.segments import Segments, congestion_index
from services.inference.events.holding import Thing
from services.inference.events.kinds import Meaning, Users
from services.inference.events.lanes import LaneRows, LaneWays
from services.inference.reports import Floats, Ints

SEEN_CODE = 0  # nobody told of it


@dataclass(frozen=True, slots=True)
class Jam:
    """A jammed link: where on it the queue ends, metres from its begin, and the mean speed."""

    link: int
    tail_m: float
    mean_speed_mps: float


class JamMonitor:
    """Keeps the last intervals' results. Owned by one thread; time is the site's event time."""

    def __init__(self, segments: Segments, parameters: JamParameters) -> None:
        self._segments, self._p = segments, parameters
        self._past: deque[Batch] = deque()
        self._jammed = np.zeros(len(segments), np.bool_)

    def use(self, parameters: JamParameters) -> None:
        """From the next interval on."""
        self._p = parameters

    def update(self, result: Batch, lane: Ints, offset_m: Floats, speed_mps: Floats) -> list[Jam]:
        """The jams after another interval (`SegmentMonitor.sample`); where all vehicles are now says where the queues end."""
        self._keep(result)
        s, n = self._segments, len(self._segments)
        time_s, way_m, whole_s = np.zeros(n), np.zeros(n), 0.0
        for one in self._past:
            spent = one["vehicles"] * one["interval_s"]
            time_s[one["link"]] += spent
            way_m[one["link"]] += np.nan_to_num(one["mean_speed_mps"]) * spent
            whole_s += float(one["interval_s"][0])
        speed = np.where(time_s > 0, way_m / np.where(time_s > 0, time_s, 1.0), np.nan)
        index = congestion_index(s.free_flow_mps, speed)
        density = time_s / max(whole_s, 1e-9) / (s.length_m / 1000.0 * s.lanes)
        begins = (index >= self._p.index) & (density >= self._p.density_vpkm) & (whole_s >= self._p.lasting_s)
        self._jammed = begins | (self._jammed & (index >= self._p.over_index))
        tail = self._tails(lane, offset_m, speed_mps)
        return [Jam(link, float(tail[link]), float(speed[link])) for link in np.flatnonzero(self._jammed).tolist()]

    def _keep(self, result: Batch) -> None:
        if not len(result):
            self._past.clear()
            return
        time_us = int(result["time_us"][0])
        if self._past and not 0 < time_us - int(self._past[-1]["time_us"][0]) <= self._p.lasting_s * 1e6:
            self._past.clear()
        self._past.append(result)
        while len(self._past) > 1 and time_us - int(self._past[0]["time_us"][0]) >= self._p.lasting_s * 1e6:
            self._past.popleft()

    def _tails(self, lane: Ints, offset_m: Floats, speed_mps: Floats) -> Floats:
        """Where the last slow vehicle is on each link (k,), 0 where there is none to see."""
        s = self._segments
        placed = np.flatnonzero((lane >= 0) & np.isfinite(speed_mps))
        link = s.lane_link[lane[placed]]
        slow = (link >= 0) & (speed_mps[placed] <= s.free_flow_mps[np.maximum(link, 0)] / self._p.over_index)
        tail = np.full(len(s), np.inf)
        np.minimum.at(tail, link[slow], offset_m[placed[slow]])
        return np.where(np.isfinite(tail), tail, 0.0)


def placed(jams: Sequence[Jam], ways: LaneWays, *, reach_m: float) -> list[tuple[Thing, LaneRows]]:
    """Jams as things of the road, on the lanes that they are on and those that lead to them."""
    return [(_thing(jam, ways), _rows(jam, ways, reach_m)) for jam in jams if len(ways.lanes_of(jam.link))]


def _rows(jam: Jam, ways: LaneWays, reach_m: float) -> LaneRows:
    lane = ways.lanes_of(jam.link)
    return ways.upstream(lane, np.minimum(jam.tail_m, ways.length_m[lane]), ways.length_m[lane], reach_m=reach_m)


def _thing(jam: Jam, ways: LaneWays) -> Thing:
    place = ways.place(int(ways.lanes_of(jam.link)[0]), jam.tail_m)
    return Thing(
        key=key_of(ways.link_id(jam.link)),
        meaning=Meaning.CONGESTION,
        is_sign=False,
        code=SEEN_CODE,
        name="congestion",
        text=f"{jam.mean_speed_mps * 3.6:.0f} km/h",
        priority=0,
        place=place,
        start_us=0,
        limit_mps=float("nan"),
        users=Users(0),
    )


def key_of(link_id: str) -> int:
    """A jam's number for life: that of its link."""
    return int.from_bytes(blake2b(f"jam {link_id}".encode(), digest_size=8).digest(), "big") >> 2 | 1
