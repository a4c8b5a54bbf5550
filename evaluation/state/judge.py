"""Runs the state monitor over a drive, with some of the vehicles and errors of place, and compares it with the detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.roads.network import RoadNetwork
from evaluation.state.drive import LOOP_S, SAMPLES, WARM_UP_S
from evaluation.state.truth import Truth
from services.inference.city.state.counters import Counts
from services.inference.city.state.layout import Scope
from services.inference.city.state.monitor import Result, StateMonitor
from services.inference.city.state.sightings import Sightings

Floats = npt.NDArray[np.float64]
BASE_US = 1_777_622_400_000_000  # a whole quarter of an hour
MINUTE_S, QUARTER_S = 60, 900
BUSY_VEHICLES = 20  # segments with fewer vehicles in a quarter of an hour say nothing of per cents


@dataclass(frozen=True, slots=True)
class Trial:
    """What is known of the drive: share of vehicles that speak, how far places are off, and the share of segments with loops."""

    penetration: float
    place_sigma_m: float = 0.0
    loops: float = 0.2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Drive:
    """Sightings second by second: columns sorted by time, and where each second begins."""

    columns: Mapping[str, npt.NDArray[Any]]
    start: npt.NDArray[np.int64]
    seconds: int

    @classmethod
    def read(cls, home: Path, seconds: int) -> Drive:
        """Of a recording."""
        with np.load(home / SAMPLES, allow_pickle=False) as archive:
            columns = {name: archive[name] for name in archive.files}
        start = np.searchsorted(columns["time_s"], np.arange(1, WARM_UP_S + seconds + 2) - 0.25)
        return cls(columns, start, seconds)


def run(network: RoadNetwork, drive: Drive, truth: Truth, trial: Trial) -> tuple[StateMonitor, list[Result]]:
    """The results of the time after the warm-up."""
    rng = np.random.default_rng(trial.seed)
    monitor = StateMonitor(network)
    vehicles = len(drive.columns["names"])
    speaks = rng.random(vehicles) < trial.penetration
    bias = rng.normal(0.0, trial.place_sigma_m, (vehicles, 3)) * np.array([1.0, 1.0, 2.0])
    segments = len(monitor.layout.places[Scope.SEGMENT])
    with_loops = np.flatnonzero(rng.random(segments) < trial.loops)
    results: list[Result] = []
    for second in range(WARM_UP_S + drive.seconds):
        rows = np.arange(drive.start[second], drive.start[second + 1])
        rows = rows[speaks[drive.columns["vehicle"][rows].astype(np.int64)]]
        now_us = BASE_US + (second + 1 - WARM_UP_S) * 1_000_000
        results += monitor.step(_sightings(drive.columns, rows, now_us, bias), now_us)
        minute = (second + 1 - WARM_UP_S) // LOOP_S - 1
        if minute >= 0 and (second + 1 - WARM_UP_S) % LOOP_S == 0:
            monitor.hear(_counts(truth, with_loops, minute, now_us), now_us)
    return monitor, [one for one in results if one.end_us > BASE_US]


def _sightings(columns: Mapping[str, npt.NDArray[Any]], rows: npt.NDArray[np.int64], now_us: int, bias: Floats) -> Sightings:
    """The vehicles' middles, as they would say them."""
    vehicle = columns["vehicle"][rows].astype(np.int64)
    heading, length = columns["heading"][rows], columns["length"][rows]
    turn = np.radians(heading)
    back = np.column_stack([np.sin(turn), np.cos(turn), np.zeros(len(rows))]) * (length / 2.0)[:, None]
    xyz = placed(columns, rows) - back + bias[vehicle]
    return Sightings(
        vehicle, np.zeros(len(rows), np.int64), np.full(len(rows), now_us), xyz, heading, columns["speed"][rows],
        columns["acceleration"][rows], length, np.zeros(len(rows), np.bool_),
    )  # fmt: skip


def placed(columns: Mapping[str, npt.NDArray[Any]], rows: npt.NDArray[np.int64]) -> Floats:
    """The vehicles' fronts (n, 3)."""
    return np.column_stack([columns[axis][rows] for axis in "xyz"])


def _counts(truth: Truth, segments: npt.NDArray[np.int64], minute: int, now_us: int) -> Counts:
    """What the loops of the last minute say."""
    count = len(segments)
    begin = np.full(count, now_us - LOOP_S * 1_000_000)
    vehicles, speed = truth.loops[segments, minute], truth.loop_speed_mps[segments, minute]
    return Counts(segments.astype(np.int64), segments.astype(np.int64), begin, np.full(count, now_us), vehicles, speed)


def mean_speed_mps(result: Result) -> float:
    """Of all who drive on the segments, in a period."""
    rows = result.rows[Scope.SEGMENT]
    present = rows["vehicles"]
    return float(np.nansum(rows["mean_speed_mps"] * present) / max(float(present.sum()), 1e-9))


def compare(monitor: StateMonitor, results: Sequence[Result], truth: Truth) -> dict[str, Any]:
    """Errors by period: flow and speed of all segments with enough vehicles, as shares of the truth; queues by lane group."""
    busy = np.flatnonzero(truth.loops.sum(axis=1) >= BUSY_VEHICLES)
    found: dict[str, Any] = {"segments": len(busy)}
    for period_s in (MINUTE_S, 300, QUARTER_S):
        chosen = [one for one in results if one.period_s == period_s]
        if chosen:
            found[f"{period_s}_s"] = _period(monitor, chosen, truth, busy, period_s)
    found["queue"] = _queues(monitor, results, truth)
    found["turns"] = _turns(results, truth)
    found["trips"] = _trips(results, truth)
    if quarters := [one for one in results if one.period_s == QUARTER_S]:
        found["delay"] = _delay(quarters, truth, busy)
    found["faults"] = dict(monitor.faults)
    found["share"] = results[-1].share
    return found


def _period(
    monitor: StateMonitor, results: Sequence[Result], truth: Truth, busy: npt.NDArray[np.int64], period_s: int
) -> dict[str, float]:
    minutes = period_s // MINUTE_S
    way, time_s, loops, entered = (
        table.reshape(len(table), -1, minutes).sum(axis=2)[busy]
        for table in (truth.way_m, truth.time_s, truth.loops, truth.entered)
    )
    has_entries = ~monitor.layout.begins()[busy]
    flow, speed, said, vehicles = (
        _column(results, Scope.SEGMENT, name)[busy] for name in ("flow_vph", "mean_speed_mps", "entered", "vehicles")
    )
    flow = flow * period_s / 3600.0
    true_speed = np.where(time_s > 0, way / np.maximum(time_s, 1e-9), np.nan)
    is_known = (time_s > 0) & np.isfinite(speed)
    return {
        "flow_percent": _weighted(np.abs(flow - loops), loops),
        "entered_percent": _weighted(np.abs(said - entered)[has_entries], entered[has_entries]),
        "all_flow_percent": 100.0 * abs(float(flow.sum() / loops.sum()) - 1.0),
        "speed_percent": _weighted(
            np.where(is_known, np.abs(speed - true_speed), 0.0) * time_s, np.where(is_known, true_speed * time_s, 0.0)
        ),
        "speed_worst_percent": 100.0 * float(np.nanmax(np.abs(speed / true_speed - 1.0)[is_known])),
        "density_percent": _weighted(np.abs(vehicles * period_s - time_s), time_s),
        "known_share": float(is_known.sum() / max((time_s > 0).sum(), 1)),
    }


def _column(results: Sequence[Result], scope: Scope, name: str) -> Floats:
    """A figure of every place (k, results)."""
    return np.column_stack([one.rows[scope][name] for one in results])


def _weighted(error: Floats, true: Floats) -> float:
    """The mean error as a share of the mean truth, in per cent."""
    return 100.0 * float(error.sum() / max(float(true.sum()), 1e-9))


def _queues(monitor: StateMonitor, results: Sequence[Result], truth: Truth) -> dict[str, float]:
    """By lane group and five seconds: the error where either says that there is a queue, and everywhere."""
    layout = monitor.layout
    group, count = layout.of[Scope.LANE_GROUP], len(layout.places[Scope.LANE_GROUP])
    mine = np.flatnonzero(group >= 0)
    chosen = [one for one in results if one.period_s == 5]
    ours, ours_most = (_column(chosen, Scope.LANE_GROUP, name) for name in ("queue_vehicles", "queue_most_vehicles"))
    true = np.stack([np.bincount(group[mine], column[mine], count) for column in truth.jam.T], axis=1)
    error = ours - true
    is_there = (true > 0.5) | (ours > 0.5)
    most = np.zeros_like(true)
    np.maximum.at(most, group[mine], truth.jam_most[mine])
    off = np.abs(error[is_there])
    return {
        "groups_and_steps": int(is_there.sum()),
        "mean_error": float(error[is_there].mean()),
        "mean_absolute": float(off.mean()),
        "within_one": float((off <= 1.0).mean()),
        "p95": float(np.quantile(off, 0.95)),
        "most_within_one": float((np.abs(ours_most - most)[is_there] <= 1.0).mean()),
        "true_mean": float(true[is_there].mean()),
    }


def _turns(results: Sequence[Result], truth: Truth) -> dict[str, float]:
    """Shares of turns over the whole time, weighed by vehicles."""
    found: dict[tuple[int, int], int] = {}
    for one in (one for one in results if one.period_s == QUARTER_S):
        for row in zip(one.turns["from"].tolist(), one.turns["to"].tolist(), one.turns["vehicles"].tolist(), strict=True):
            found[row[:2]] = found.get(row[:2], 0) + row[2]
    pairs = sorted(set(found) | set(truth.turns))
    ours, theirs = (np.array([table.get(pair, 0) for pair in pairs], float) for table in (found, truth.turns))
    begins = np.array([pair[0] for pair in pairs])
    shares = [counts / np.maximum(np.bincount(begins, counts)[begins], 1.0) for counts in (ours, theirs)]
    return {
        "counts_percent": _weighted(np.abs(ours - theirs), theirs),
        "share_points": 100.0 * float(np.average(np.abs(shares[0] - shares[1]), weights=np.maximum(theirs, 1e-9))),
    }


def _trips(results: Sequence[Result], truth: Truth) -> dict[str, float]:
    """Origins and destinations, as shares of all trips that ended: per cent that lie on other pairs."""
    found: dict[tuple[int, int], int] = {}
    for one in (one for one in results if one.period_s == QUARTER_S):
        for begin, end, count in zip(*(one.trips[name].tolist() for name in ("from", "to", "vehicles")), strict=True):
            found[begin, end] = found.get((begin, end), 0) + count
    pairs = sorted(set(found) | set(truth.trips))
    ours, theirs = (np.array([table.get(pair, 0) for pair in pairs], float) for table in (found, truth.trips))
    shares = [counts / max(float(counts.sum()), 1.0) for counts in (ours, theirs)]
    return {
        "ended": float(ours.sum()),
        "true": float(theirs.sum()),
        "pairs": len(truth.trips),
        "misplaced_points": 50.0 * float(np.abs(shares[0] - shares[1]).sum()),
    }


def _delay(quarters: Sequence[Result], truth: Truth, busy: npt.NDArray[np.int64]) -> dict[str, float]:
    """Seconds lost a vehicle on busy segments in a quarter of an hour, beside SUMO's time loss (to each driver's own wish)."""
    minutes = QUARTER_S // MINUTE_S
    whole = len(quarters) * minutes
    lost, entered = (
        table[:, :whole].reshape(len(table), -1, minutes).sum(axis=2)[busy] for table in (truth.lost_s, truth.entered)
    )
    true_s = lost / np.maximum(entered, 1.0)
    ours_s = np.nan_to_num(_column(quarters, Scope.SEGMENT, "delay_s")[busy])
    return {
        "mean_s": float(np.average(ours_s, weights=entered)),
        "true_s": float(np.average(true_s, weights=entered)),
        "mean_absolute_s": float(np.average(np.abs(ours_s - true_s), weights=entered)),
    }
