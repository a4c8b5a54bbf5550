"""What is remembered of every track between sightings, and what each new sighting says of it.

What a sighting cannot be used for is named and counted, and moves nothing: times that go back, gaps, places that no road joins,
who is faster than anybody drives, and who does such things again and again. Where the map has a gap an honest vehicle comes from
where no road leads: that is named, too, and held against nobody.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from services.inference.city.state import driving
from services.inference.city.state.driving import Passages, Stretches, Ways
from services.inference.city.state.layout import Layout
from services.inference.city.state.matching import Matched
from services.inference.city.state.reach import Reach
from services.inference.city.state.sightings import Sightings
from services.inference.picture import resized
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

STANDS_MPS = 5.0 / 3.6  # as SUMO's lane area detectors have it: slower than 5 km/h …
STANDS_US = 1_000_000  # … for a second
LONGEST_GAP_US = 8_000_000  # beyond, nobody knows which way it came
FASTEST_MPS = 70.0
SPEED_OFF_MPS = 8.0  # a speed further from what the places say is not believed
SPEED_AFTER_S = 0.9  # places nearer in time say little of speed
LYING = 3  # jumps of one track: from then on it is not believed
_SLACK_M = 20.0  # of places
_SLACK = 1.5  # and of the speed told


class Fault(StrEnum):
    """Why a sighting does not count, or not as it was told."""

    TIME_BACK = "time_back"  # not newer than the one before
    GAP = "gap"  # too long after the one before: it begins anew
    UNPLACED = "unplaced"  # on no road
    UNJOINED = "unjoined"  # at its speed, and yet no road of the map leads there: the map has a gap, or it was on another road
    JUMP = "jump"  # nobody drives so fast, or not so fast as it says
    LIAR = "liar"  # of a track that jumped again and again
    SPEED = "speed"  # the speed told contradicts the places: theirs counts


@dataclass(frozen=True, slots=True)
class Step:
    """What n sightings brought. Rows of stretches and passages are those of the sightings.

    lane, offset_m (n,): −1 where it does not count; speed_mps: as believed; stands: has stood for a second; stopped: rows of
    those who have just come to stand.
    """

    stretches: Stretches
    entered: Passages
    left: Passages
    lane: Ints
    offset_m: Floats
    speed_mps: Floats
    stands: Mask
    stopped: Ints


class Tracks:
    """Columns by slot. Owned by one thread."""

    def __init__(self, layout: Layout, reach: Reach) -> None:
        self._layout, self._reach = layout, reach
        self.faults: Counter[str] = Counter()
        self._lane: Ints = np.empty(0, np.int64)
        self._offset_m: Floats = np.empty(0)
        self._time_us: Ints = np.empty(0, np.int64)
        self._generation: Ints = np.empty(0, np.int64)
        self._road: Ints = np.empty(0, np.int64)  # the last lane it was on that is of a segment
        self._segment: Ints = np.empty(0, np.int64)  # of that lane
        self._origin: Ints = np.empty(0, np.int64)  # the first one it was on
        self._entered_us: Ints = np.empty(0, np.int64)  # its segment; 0 unknown
        self._slow_us: Ints = np.empty(0, np.int64)  # since when it is slow; 0: it is not
        self._is_standing: Mask = np.empty(0, np.bool_)
        self._jumps: Ints = np.empty(0, np.int64)
        self._x: Floats = np.empty(0)
        self._y: Floats = np.empty(0)

    def step(self, seen: Sightings, on: Matched) -> Step:
        """From each track's sighting before to this one; slots are distinct."""
        self._fit(int(seen.slot.max(initial=-1)) + 1)
        slot = seen.slot
        self._reuse(slot, seen.generation)
        is_known = self._lane[slot] >= 0
        passed_us = np.where(is_known, seen.time_us - self._time_us[slot], 1)
        is_gap = is_known & (passed_us > LONGEST_GAP_US)
        is_liar = self._jumps[slot] >= LYING
        counts = (on.lane >= 0) & (passed_us > 0) & ~is_liar
        rows = np.flatnonzero(counts & is_known & ~is_gap)
        ways = self._ways(slot[rows], on.lane[rows], on.offset_m[rows])
        is_driven = ways.is_joined & _is_possible(ways, passed_us[rows])
        anew, is_unjoined = rows[~is_driven], self._is_unjoined(seen, rows, ways, passed_us[rows] / 1e6)[~is_driven]
        self._jumps[slot[anew]] += ~is_unjoined
        self.faults[Fault.UNJOINED] += int(np.count_nonzero(is_unjoined))
        self.faults[Fault.JUMP] += int(np.count_nonzero(~is_unjoined))
        self._count(passed_us <= 0, is_gap, is_liar, on.lane < 0)
        rows, ways = rows[is_driven], ways.take(is_driven)
        speed = self._speeds(seen, rows, ways, passed_us[rows] / 1e6)
        parts = self._drive(seen, rows, ways)
        self._begin(np.concatenate([np.flatnonzero(counts & (~is_known | is_gap)), anew]), seen, on)
        placed = np.flatnonzero(counts)
        self._lane[slot[placed]], self._offset_m[slot[placed]] = on.lane[placed], on.offset_m[placed]
        self._time_us[slot[placed]] = seen.time_us[placed]
        self._x[slot[placed]], self._y[slot[placed]] = seen.xyz[placed, 0], seen.xyz[placed, 1]
        on_road = placed[self._layout.segment[on.lane[placed]] >= 0]
        self._road[slot[on_road]] = on.lane[on_road]
        stands, stopped = self._stand(seen, placed, speed)
        return Step(*parts, np.where(counts, on.lane, -1), on.offset_m, speed, stands, stopped)

    def ended(self, now_us: int) -> Ints:
        """Origin and last segment (e, 2) of the tracks that were not seen for long, which are forgotten."""
        gone = np.flatnonzero((self._lane >= 0) & (self._time_us < now_us - LONGEST_GAP_US))
        return self._end(gone)

    def _ways(self, slot: Ints, lane: Ints, offset_m: Floats) -> Ways:
        """From where each track was.

        Ways across a junction lie on one another where they begin: who seemed to be on another of them came from the same road.
        """
        layout, before = self._layout, self._lane[slot]
        ways = driving.ways_between(layout, self._reach, before, self._offset_m[slot], lane, offset_m)
        again = np.flatnonzero(~ways.is_joined & (layout.segment[before] < 0) & (self._road[slot] >= 0))
        if not len(again):
            return ways
        road = self._road[slot[again]]
        others = driving.ways_between(layout, self._reach, road, layout.length_m[road], lane[again], offset_m[again])
        is_better = others.is_joined & others.crosses
        return ways.with_ways(again[is_better], others.take(is_better).without_first())

    def _is_unjoined(self, seen: Sightings, rows: Ints, ways: Ways, dt_s: Floats) -> Mask:
        """Whether no road leads there, though it went there at the speed that it tells."""
        slot, told = seen.slot[rows], np.nan_to_num(seen.speed_mps[rows])
        metres = np.hypot(seen.xyz[rows, 0] - self._x[slot], seen.xyz[rows, 1] - self._y[slot])
        is_driven = metres <= np.minimum(_SLACK * told, FASTEST_MPS) * dt_s + _SLACK_M
        return np.asarray(~ways.is_joined & is_driven)

    def _reuse(self, slot: Ints, generation: Ints) -> None:
        """Slots that belong to another track now."""
        other = slot[self._generation[slot] != generation]
        self._lane[other], self._jumps[other] = -1, 0
        self._generation[slot] = generation

    def _end(self, slot: Ints) -> Ints:
        pairs = np.column_stack([self._origin[slot], self._segment[slot]])
        self._lane[slot] = -1
        return np.asarray(pairs[(pairs >= 0).all(axis=1)])

    def _speeds(self, seen: Sightings, rows: Ints, ways: Ways, dt_s: Floats) -> Floats:
        """Every sighting's speed: as told, unless the places contradict."""
        speed = seen.speed_mps.copy()
        driven = ways.metres.sum(axis=1) / dt_s
        is_off = (dt_s >= SPEED_AFTER_S) & ~(np.abs(speed[rows] - driven) <= SPEED_OFF_MPS)
        self.faults[Fault.SPEED] += int(np.count_nonzero(is_off & np.isfinite(speed[rows])))
        speed[rows[is_off]] = np.maximum(driven[is_off], 0.0)
        return speed

    def _drive(self, seen: Sightings, rows: Ints, ways: Ways) -> tuple[Stretches, Passages, Passages]:
        """What was driven and passed; each track's segment afterwards."""
        slot, layout = seen.slot[rows], self._layout
        from_us = self._time_us[slot]
        left_us = driving.instants(ways, from_us, seen.time_us[rows])
        driven = driving.stretches(ways, from_us, left_us)
        entered, left, since_us = driving.passages(layout, ways, left_us, self._segment[slot], self._entered_us[slot])
        self._entered_us[slot] = since_us
        segment = layout.segment[ways.lane[:, -1]]
        self._segment[slot] = np.where(segment >= 0, segment, self._segment[slot])
        fresh = self._origin[slot] < 0
        self._origin[slot[fresh]] = self._segment[slot[fresh]]
        driven = Stretches(rows[driven.row], driven.lane, driven.seconds, driven.metres)
        entered, left = (Passages(rows[one.row], one.lane, one.at_us, one.came_from, one.took_s) for one in (entered, left))
        return driven, entered, left

    def _begin(self, rows: Ints, seen: Sightings, on: Matched) -> None:
        """Tracks of which nothing is known that still holds."""
        slot = seen.slot[rows]
        segment = self._layout.segment[on.lane[rows]]
        self._segment[slot], self._origin[slot] = segment, segment
        self._entered_us[slot], self._slow_us[slot], self._is_standing[slot] = 0, 0, False
        self._road[slot] = -1

    def _stand(self, seen: Sightings, placed: Ints, speed_mps: Floats) -> tuple[Mask, Ints]:
        slot, now_us = seen.slot[placed], seen.time_us[placed]
        is_slow = speed_mps[placed] < STANDS_MPS
        since = np.where(is_slow, np.where(self._slow_us[slot] > 0, self._slow_us[slot], now_us), 0)
        self._slow_us[slot] = since
        stands = is_slow & (now_us - since >= STANDS_US)
        stopped = placed[stands & ~self._is_standing[slot]]
        self._is_standing[slot] = stands
        result = np.zeros(len(seen), np.bool_)
        result[placed] = stands
        return result, stopped

    def _count(self, is_back: Mask, is_gap: Mask, is_liar: Mask, is_unplaced: Mask) -> None:
        masks = {Fault.TIME_BACK: is_back, Fault.GAP: is_gap, Fault.LIAR: is_liar, Fault.UNPLACED: is_unplaced}
        for fault, mask in masks.items():
            self.faults[fault] += int(np.count_nonzero(mask))

    def _fit(self, capacity: int) -> None:
        if capacity > len(self._lane):
            capacity = max(capacity, 2 * len(self._lane))
            for name in ("_lane", "_generation", "_road", "_segment", "_origin"):
                setattr(self, name, resized(getattr(self, name), capacity, -1))
            for name in ("_offset_m", "_time_us", "_entered_us", "_slow_us", "_is_standing", "_jumps", "_x", "_y"):
                setattr(self, name, resized(getattr(self, name), capacity))


def _is_possible(ways: Ways, passed_us: Ints) -> Mask:
    metres = ways.metres.sum(axis=1)
    return np.asarray((metres >= -_SLACK_M) & (metres <= FASTEST_MPS * passed_us / 1e6 + _SLACK_M))
