"""Counters (loops, radars, roadside computers): what they say of a segment's flow, and how far each is believed.

A counter is judged by itself (times that go back or lie ahead, figures that cannot be, figures that never change) and against
vehicles that speak: their share among those counted is about the same everywhere, so a counter at which it is far from the median
of all is wrong, whichever way. What is wrong is named and counted; the counter's weight falls, and what cannot be is left out.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from services.inference.city.state.layout import Layout, Scope
from services.inference.city.state.passed import Passed
from services.inference.city.state.tally import mean_of, tally
from services.inference.picture import ranks, resized
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

AHEAD_US = 5_000_000
MOST_VPH = 3000.0  # of a lane: more than any road carries
FASTEST_MPS = 70.0
FROZEN_NATS = 14.0  # so unlikely is it that true counts repeat so often: one in a million
APART = 4.0  # standard deviations
SCATTER = 2.0  # standard deviations by which counts and probes of the same minutes differ though everybody speaks
ENOUGH = 20.0  # vehicles, counted and probes together, to be judged by
MEMORY_S = 900.0
KEPT_US = 1_200_000_000  # longer than the longest period
DOUBTED = 0.1  # the weight of who disagrees
SILENT_PERIODS, SILENT_US = 3, 30_000_000


class Wrong(StrEnum):
    """What is wrong with a counter's report, or with the counter."""

    TIME_BACK = "time_back"
    TIME_AHEAD = "time_ahead"
    IMPOSSIBLE = "impossible"
    NOWHERE = "nowhere"  # on no segment of this network
    FROZEN = "frozen"
    DISAGREES = "disagrees"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Counts:
    """n reports: counter (n,), a number that stays; its segment, −1 unknown; period; vehicles in it; mean speed, NaN unknown."""

    counter: Ints
    segment: Ints
    from_us: Ints
    to_us: Ints
    vehicles: Floats
    speed_mps: Floats

    def __len__(self) -> int:
        return len(self.counter)


@dataclass(frozen=True, slots=True)
class Counted:
    """By segment (s,): vehicles per second as counters say of a period, NaN without any; in how many seconds of it they counted.

    weight: 0 … 1; speed_mps: in the mean; at_us: the end of the newest report. Where none of the period is told yet, the newest
    report stands for it, with its own seconds.
    """

    rate_ps: Floats
    seconds: Floats
    weight: Floats
    speed_mps: Floats
    at_us: Ints


@dataclass(frozen=True, slots=True)
class _Reports:
    """Reports that were taken (n,), by the counter's row."""

    row: Ints
    from_us: Ints
    to_us: Ints
    vehicles: Floats
    speed_mps: Floats


class Counters:
    """What is remembered of every counter. Owned by one thread."""

    def __init__(self, layout: Layout) -> None:
        places = layout.places[Scope.SEGMENT]
        self._segments, self._most_ps = len(places), MOST_VPH / 3600.0 * places.lanes
        self._row: dict[int, int] = {}
        self.faults: Counter[tuple[int, str]] = Counter()
        self._reports: deque[_Reports] = deque()
        self._number: Ints = np.empty(0, np.int64)
        self._segment: Ints = np.empty(0, np.int64)
        self._from_us: Ints = np.empty(0, np.int64)
        self._to_us: Ints = np.empty(0, np.int64)
        self._vehicles: Floats = np.empty(0)
        self._speed: Floats = np.empty(0)
        self._frozen_nats: Floats = np.empty(0)
        self._counted: Floats = np.empty(0)  # over the last quarter of an hour, older ones less
        self._probes: Floats = np.empty(0)
        self.weight: Floats = np.empty(0)

    def hear(self, counts: Counts, passed: Passed, now_us: int) -> None:
        """Take in reports; passed: the probes that entered every segment lately."""
        if not len(counts):
            return
        row = np.array([self._row.setdefault(number, len(self._row)) for number in counts.counter.tolist()], np.int64)
        self._fit(len(self._row))
        order = np.lexsort((counts.to_us, row))
        for rank in ranks(row[order]):
            chosen = order[rank]
            self._take(row[chosen], counts, chosen, passed, now_us)
        self._weigh(np.unique(row))

    def shares(self) -> tuple[float, Floats]:
        """Share of probes among vehicles: of the network, and of every segment (s,); NaN while nobody counts.

        All are taken to speak until counts show that it is fewer.
        """
        trusted = (self.weight >= 0.5) & (self._counted > 0)
        if not trusted.any():
            return float("nan"), np.full(self._segments, np.nan)
        counted = tally(self._segment[trusted], self._segments, self._counted[trusted])
        probes = tally(self._segment[trusted], self._segments, self._probes[trusted])
        missed, chance = float(counted.sum() - probes.sum()), SCATTER * float(np.sqrt(counted.sum()))
        whole = 1.0 if missed <= chance else float(probes.sum() / counted.sum())
        return whole, np.clip((probes + ENOUGH * whole) / (counted + ENOUGH), 0.0, 1.0)

    def of(self, from_us: int, to_us: int) -> Counted:
        """What counters say of a period; those that have fallen silent say nothing."""
        span = self._to_us - self._from_us
        is_silent = (self._to_us > 0) & (to_us - self._to_us > SILENT_PERIODS * span + SILENT_US)
        says = np.flatnonzero((self._to_us > 0) & ~is_silent & (self.weight > 0))
        self._blame(self._number[is_silent], Wrong.SILENT)
        vehicles, seconds = self._within(from_us, to_us)
        is_told = seconds[says] > 0
        vehicles = np.where(is_told, vehicles[says], self._vehicles[says])
        seconds = np.where(is_told, seconds[says], span[says] / 1e6)
        segment, weight = self._segment[says], self.weight[says]
        best, at_us = np.zeros(self._segments), np.zeros(self._segments, np.int64)
        np.maximum.at(best, segment, weight)
        np.maximum.at(at_us, segment, self._to_us[says])
        rate, told, speed = (
            mean_of(segment, self._segments, weight, one) for one in (vehicles / seconds, seconds, self._speed[says])
        )
        return Counted(rate, told, best, speed, at_us)

    def _within(self, from_us: int, to_us: int) -> tuple[Floats, Floats]:
        """Vehicles of every counter within a period, in proportion where a report reaches over its ends, and seconds told of."""
        while self._reports and int(self._reports[0].to_us.max(initial=0)) < to_us - KEPT_US:
            self._reports.popleft()
        vehicles, seconds = np.zeros(len(self._number)), np.zeros(len(self._number))
        for one in self._reports:
            inside = np.maximum(np.minimum(one.to_us, to_us) - np.maximum(one.from_us, from_us), 0)
            vehicles += tally(one.row, len(vehicles), one.vehicles * inside / (one.to_us - one.from_us))
            seconds += tally(one.row, len(vehicles), inside / 1e6)
        return vehicles, seconds

    def _take(self, row: Ints, counts: Counts, chosen: Ints, passed: Passed, now_us: int) -> None:
        """One report of each of several counters."""
        segment, vehicles, speed = counts.segment[chosen], counts.vehicles[chosen], counts.speed_mps[chosen]
        from_us, to_us = counts.from_us[chosen], counts.to_us[chosen]
        seconds = (to_us - from_us) / 1e6
        lanes_ps = np.where(segment >= 0, self._most_ps[np.maximum(segment, 0)], 0.0)
        is_impossible = ~((vehicles >= 0) & (vehicles <= lanes_ps * seconds + 3.0)) | (speed < 0) | (speed > FASTEST_MPS)
        wrong: dict[str, Mask] = {
            Wrong.NOWHERE: segment < 0,
            Wrong.TIME_BACK: (to_us <= self._to_us[row]) | (seconds <= 0),
            Wrong.TIME_AHEAD: to_us > now_us + AHEAD_US,
            Wrong.IMPOSSIBLE: is_impossible & (segment >= 0),
        }
        for name, mask in wrong.items():
            self._blame(counts.counter[chosen[mask]], name)
        keep = ~np.any(list(wrong.values()), axis=0)
        row, segment, vehicles, speed = row[keep], segment[keep], vehicles[keep], speed[keep]
        from_us, to_us, seconds = from_us[keep], to_us[keep], seconds[keep]
        repeats = (vehicles == self._vehicles[row]) & ((speed == self._speed[row]) | np.isnan(speed)) & (vehicles > 0)
        nats = np.where(np.isnan(speed), np.maximum(0.5 * np.log(2 * np.pi * np.maximum(vehicles, 0.2)), 0.2), 3.0)
        self._frozen_nats[row] = np.where(repeats, self._frozen_nats[row] + nats, 0.0)
        fades = 0.5 ** (seconds / MEMORY_S)
        self._counted[row] = self._counted[row] * fades + vehicles
        self._probes[row] = self._probes[row] * fades + passed.between(segment, from_us, to_us)
        self._number[row] = counts.counter[chosen[keep]]
        self._segment[row], self._from_us[row], self._to_us[row] = segment, from_us, to_us
        self._vehicles[row], self._speed[row] = vehicles, speed
        self._reports.append(_Reports(row, from_us, to_us, vehicles, speed))

    def _weigh(self, heard: Ints) -> None:
        """How far each counter is believed now; those heard are blamed if it is less than wholly."""
        is_frozen = self._frozen_nats >= FROZEN_NATS
        disagrees = self._disagrees(~is_frozen)
        self.weight = np.where(self._to_us <= 0, 0.0, np.where(is_frozen, 0.0, np.where(disagrees, DOUBTED, 1.0)))
        self._blame(self._number[heard[is_frozen[heard]]], Wrong.FROZEN)
        self._blame(self._number[heard[disagrees[heard]]], Wrong.DISAGREES)

    def _disagrees(self, is_heard: Mask) -> Mask:
        """Whose share of probes is far from the median of all; and who counts fewer than speak."""
        both = self._counted + self._probes
        is_enough = (both >= ENOUGH) & is_heard & (self._to_us > 0)
        if not is_enough.any():
            return np.zeros(len(both), np.bool_)
        usual = float(np.median(np.minimum(self._probes[is_enough] / np.maximum(self._counted[is_enough], 1e-9), 1.0)))
        expected = self._counted * usual
        spread = np.sqrt(np.maximum(expected * max(1.0 - usual, 0.03) + self._probes * 0.03, 0.0) + 2.0)
        return np.asarray(is_enough & (np.abs(self._probes - expected) > APART * spread + 0.05 * expected))

    def _blame(self, counters: Ints, wrong: str) -> None:
        for counter in counters.tolist():
            self.faults[counter, wrong] += 1

    def _fit(self, count: int) -> None:
        for name in ("_number", "_segment", "_from_us", "_to_us", "_vehicles", "_speed", "_frozen_nats", "_counted", "_probes"):
            setattr(self, name, resized(getattr(self, name), count))
        self.weight = resized(self.weight, count)
