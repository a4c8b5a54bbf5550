"""Traffic state of a site: sightings and counts in; every five seconds, minute, five minutes and quarter of an hour, rows out.

Time is the site's event time: a step holds the newest sighting of every track, steps come once or twice a second, and periods end
at whole multiples of themselves. Pure but for what is remembered; owned by one thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chelu.messages import Batch
from chelu.roads.network import RoadNetwork
from services.inference.city.state import combine, emission
from services.inference.city.state.counters import Counters, Counts
from services.inference.city.state.free_speed import FreeSpeeds
from services.inference.city.state.indices import Congestion, IndexParameters
from services.inference.city.state.layout import Layout, Scope, layout_of
from services.inference.city.state.matching import Matcher
from services.inference.city.state.passed import Passed
from services.inference.city.state.queues import SPILL_M, queues
from services.inference.city.state.reach import reach_of
from services.inference.city.state.rows import rows_of, with_network_index
from services.inference.city.state.sightings import Sightings
from services.inference.city.state.sums import Most, Sum, Sums
from services.inference.city.state.tally import tally
from services.inference.city.state.tracks import Step, Tracks
from services.inference.reports import Floats, Ints

PERIODS_S = (5, 60, 300, 900)
_STEP_US = PERIODS_S[0] * 1_000_000
_BACKWARD_US = 10_000_000  # event time going back further is a new run
_LONGEST_STEP_S = 2.0  # a queue is not taken to have stood for longer because nobody looked


@dataclass(frozen=True, slots=True)
class Result:
    """What a period came to: rows by scope; turns and trips (from, to, vehicles, as seen); share of probes in the network."""

    period_s: int
    end_us: int
    rows: Mapping[Scope, Batch]
    turns: Batch
    trips: Batch
    share: float


class StateMonitor:
    """All of it for one site."""

    def __init__(self, network: RoadNetwork, parameters: IndexParameters | None = None) -> None:
        self.layout: Layout = layout_of(network)
        self._p = parameters or IndexParameters()
        link_m = np.where(self.layout.first_lane >= 0, self.layout.length_m[self.layout.first_lane], 0.0)
        reach = reach_of(network, link_m)
        self._matcher = Matcher(network, self.layout, reach)
        self._tracks = Tracks(self.layout, reach)
        segments = len(self.layout.places[Scope.SEGMENT])
        self.counters, self._passed = Counters(self.layout), Passed(segments, _STEP_US)
        self._free = FreeSpeeds(self.layout)
        self._congestion = Congestion(self.layout, self._p)
        turns = self.layout.turns
        self._turn_key = turns[:, 0] * segments + turns[:, 1]
        self._segments, self._begins, self._ends = segments, self.layout.begins(), self.layout.ends()
        self._step_us = self._begin_us = 0
        self._sums, self._totals = self._nothing()

    @property
    def faults(self) -> Counter[str]:
        """Sightings that did not count, or not as they were told, by `tracks.Fault`, since the start."""
        return self._tracks.faults

    def hear(self, counts: Counts, now_us: int) -> None:
        """Take in what counters say."""
        self.counters.hear(counts, self._passed, now_us)

    def step(self, seen: Sightings, now_us: int) -> list[Result]:
        """Take in the newest sighting of every track; gives the periods that are over by now."""
        if not self._step_us or now_us < self._step_us - _BACKWARD_US:
            self._step_us = self._begin_us = now_us - now_us % _STEP_US
            self._sums, self._totals = self._nothing()
        on = self._matcher.match(seen.slot, seen.generation, seen.time_us, seen.fronts(), seen.heading_deg)
        moved = self._tracks.step(seen, on)
        self._add(seen, moved, min((now_us - self._step_us) / 1e6, _LONGEST_STEP_S))
        self._step_us = now_us
        return self._close(now_us) if now_us >= self._begin_us + _STEP_US else []

    def _add(self, seen: Sightings, moved: Step, passed_s: float) -> None:
        """A step's share of the five seconds."""
        added, lanes = self._sums.added, len(self.layout.length_m)
        one = moved.stretches
        free = np.where(self.layout.segment >= 0, self._free.mps[self.layout.segment], self.layout.limit_mps)
        co2, nox = emission.rates(moved.speed_mps, seen.acceleration_mps2, self.layout.gradient[moved.lane])
        co2, nox = np.nan_to_num(co2), np.nan_to_num(nox)
        added[Sum.TIME_S] += tally(one.lane, lanes, one.seconds)
        added[Sum.WAY_M] += tally(one.lane, lanes, one.metres)
        added[Sum.SEEN_S] += tally(one.lane, lanes, one.seconds * seen.is_seen[one.row])
        added[Sum.DELAY_S] += tally(one.lane, lanes, one.seconds - one.metres / free[one.lane])
        added[Sum.CO2_G] += tally(one.lane, lanes, one.seconds * co2[one.row])
        added[Sum.NOX_G] += tally(one.lane, lanes, one.seconds * nox[one.row])
        added[Sum.FLAWED_S] += tally(one.lane, lanes, one.seconds * (moved.speed_mps != seen.speed_mps)[one.row])
        added[Sum.ENTERED] += tally(moved.entered.lane, lanes)
        added[Sum.LEFT] += tally(moved.left.lane, lanes)
        took = np.isfinite(moved.left.took_s)
        added[Sum.TOOK_S] += tally(moved.left.lane[took], lanes, moved.left.took_s[took])
        added[Sum.TAKEN] += tally(moved.left.lane[took], lanes)
        added[Sum.STOPS] += tally(moved.lane[moved.stopped], lanes)
        self._free.take(self.layout.segment[moved.left.lane], moved.left.took_s)
        self._turn(moved)
        self._queue(seen, moved, passed_s)

    def _turn(self, moved: Step) -> None:
        entered = moved.entered
        key = entered.came_from * self._segments + self.layout.segment[entered.lane]
        place = np.minimum(np.searchsorted(self._turn_key, key), max(len(self._turn_key) - 1, 0))
        is_turn = (entered.came_from >= 0) & (self._turn_key[place] == key) if len(self._turn_key) else key < 0
        self._sums.turns += np.bincount(place[is_turn], minlength=len(self._turn_key))

    def _queue(self, seen: Sightings, moved: Step, passed_s: float) -> None:
        stands = np.flatnonzero(moved.stands & (moved.lane >= 0))
        found = queues(moved.lane[stands], moved.offset_m[stands], seen.length_m[stands])
        added, most, lane = self._sums.added, self._sums.most, found.lane
        added[Sum.QUEUE_S, lane] += found.vehicles * passed_s
        added[Sum.STANDING_S, lane] += found.standing * passed_s
        added[Sum.QUEUED_S, lane] += passed_s
        back_m = self.layout.length_m[lane] - found.rear_m
        added[Sum.REACH_S, lane] += back_m * passed_s
        added[Sum.SPILLED_S, lane] += np.where((found.rear_m <= SPILL_M) & (self.layout.segment[lane] >= 0), passed_s, 0.0)
        for row, value in (
            (Most.QUEUE_VEHICLES, found.vehicles),
            (Most.QUEUE_M, found.head_m - found.rear_m),
            (Most.REACH_M, back_m),
        ):
            most[row, lane] = np.maximum(most[row, lane], value)

    def _close(self, now_us: int) -> list[Result]:
        """End the five seconds, and the longer periods that end with them."""
        end_us = self._begin_us + _STEP_US
        self._sums.seconds = _STEP_US / 1e6
        self._sums.trips.append(self._tracks.ended(end_us))
        self._passed.add(self._through(), end_us)
        results = []
        for period_s, total in self._totals.items():
            total.add(self._sums)
            if end_us % (period_s * 1_000_000) == 0:
                results.append(self._result(period_s, total, end_us))
                self._totals[period_s] = Sums.nothing(self.layout)
        if end_us % (PERIODS_S[-1] * 1_000_000) == 0:
            self._free.learn(PERIODS_S[-1])
        self._sums = Sums.nothing(self.layout)
        self._begin_us = now_us - now_us % _STEP_US
        return results

    def _through(self) -> Floats:
        """Vehicles that drove through every lane, into the sums; and by segment (s,)."""
        added, on = self._sums.added, np.flatnonzero(self.layout.segment >= 0)
        segment = self.layout.segment[on]
        part = np.maximum(added[Sum.WAY_M, on], 0.0) / np.maximum(self.layout.places[Scope.SEGMENT].road_m[segment], 1.0)
        part = np.where(self._begins[segment], added[Sum.LEFT, on], np.where(self._ends[segment], added[Sum.ENTERED, on], part))
        added[Sum.THROUGH, on] = part
        return tally(segment, self._segments, part)

    def _result(self, period_s: int, total: Sums, end_us: int) -> Result:
        network_share, share = self.counters.shares()
        period = combine.whole(
            self.layout, total, self.counters.of(end_us - round(total.seconds * 1e6), end_us), share, network_share
        )
        seen_s = total.added[Sum.TIME_S]
        rows = {scope: rows_of(self.layout, scope, period, seen_s, self._free.mps, self._p, end_us) for scope in Scope}
        rows[Scope.NETWORK] = with_network_index(rows[Scope.NETWORK], rows[Scope.SEGMENT], self.layout, self._p)
        if period_s == PERIODS_S[1]:
            for scope in Scope:
                self._congestion.take(scope, rows[scope]["level"], total.seconds, end_us)
        rows = {scope: one.with_columns(congested_s=self._congestion.seconds[scope]) for scope, one in rows.items()}
        return Result(period_s, end_us, rows, self._turns(total.turns), self._trips(total.trips), network_share)

    def _turns(self, turns: Ints) -> Batch:
        """Turns that were taken, with their share among those who left the same segment."""
        row = np.flatnonzero(turns)
        one, two = self.layout.turns[row].T
        left = tally(self.layout.turns[:, 0], self._segments, turns)
        return Batch({"from": one, "to": two, "vehicles": turns[row], "share": turns[row] / left[one]})

    def _trips(self, trips: Sequence[Ints]) -> Batch:
        whole = np.concatenate([np.empty((0, 2), np.int64), *trips])
        pairs, vehicles = np.unique(whole, axis=0, return_counts=True)
        return Batch({"from": pairs[:, 0], "to": pairs[:, 1], "vehicles": vehicles})

    def _nothing(self) -> tuple[Sums, dict[int, Sums]]:
        """Of the five seconds at hand, and of all periods."""
        return Sums.nothing(self.layout), {period: Sums.nothing(self.layout) for period in PERIODS_S}
