"""The three manoeuvres in front of the ego, each for many cases at once: whether the ego touches the other vehicle.

Sums run as the study's do, step by step and in its order: many cases lie exactly on a threshold, where the last bit decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from simulators.scenario.r157.drivers import GRAVITY_MPS2, Bools, Driver, Floats, Judgement, Situation
from simulators.scenario.r157.ego import LENGTH_M, RATE_HZ, WIDTH_M, Egos, is_touching
from simulators.scenario.r157.grids import Cases

STEPS = 350
BESIDE_M, AWAY_M = 1.6, 4.0  # free between the lanes' vehicles before a cut-in; how far a cut-out goes
LATERAL_MPS2 = 1.5
WANDERING_M = 0.375  # across the road from the lane's middle, within which a driver sees no lane change
THINNED_EVERY = 8  # steps after which decided cases are taken out

Rows = npt.NDArray[np.intp]


def cut_in(cases: Cases, driver: Driver) -> Bools:
    """(n,) whether the ego touches a slower vehicle that changes into its lane."""
    paths, row = _cut_in_paths(cases)
    start_m = cases.distance_m + LENGTH_M
    other_mps, has_touched = cases.other_mps, np.zeros(len(cases), np.bool_)
    egos, left = Egos(driver, paths.ego_m[row], cases.ego_mps), np.arange(len(cases))
    is_over = np.zeros(len(cases), np.bool_)
    for step in range(paths.steps):
        other_m = paths.other_m[step][row] + start_m
        seen = egos.situation(other_m, paths.side_m[step][row], other_mps, paths.lateral_mps[step][row])
        judgement = driver.cut_in(seen)
        touching = is_touching(seen) & (step <= paths.last[row])
        has_touched[left[touching]] = True
        egos.move(judgement)
        is_over |= touching if judgement.is_over is None else touching | judgement.is_over
        if step % THINNED_EVERY == 0:
            is_past = seen.is_ahead & (seen.gap_m > 0) & (egos.speed_mps >= other_mps)
            is_kept_off = ~seen.is_ahead & (seen.gap_m > 0) & (egos.speed_mps <= other_mps)
            rows = np.flatnonzero(~(is_over | is_past | is_kept_off | (step >= paths.last[row])))
            left, row, start_m, other_mps, is_over = left[rows], row[rows], start_m[rows], other_mps[rows], is_over[rows]
            egos.keep(rows)
            if not len(left):
                break
    return has_touched


def cut_out(cases: Cases, driver: Driver) -> Bools:
    """(n,) whether the ego touches a vehicle that stands, seen once its leader leaves the lane, or a leader that ran into it."""
    follow, distance_m = _following(driver)
    gap_m = distance_m(cases.ego_mps)
    laterals, row = np.unique(cases.lateral_mps, return_inverse=True)
    side_m = np.stack([_path(_lateral(-lateral, AWAY_M), AWAY_M) - AWAY_M for lateral in laterals], axis=1)
    leader_m, ego_m = (np.cumsum(np.tile(cases.ego_mps, (STEPS, 1)), axis=0) / RATE_HZ for _ in range(2))
    leader_m = leader_m + (gap_m + LENGTH_M)
    standing_m = gap_m + LENGTH_M + cases.distance_m + LENGTH_M
    egos = Egos(driver, ego_m[0], cases.ego_mps)
    has_touched, has_crashed, has_stopped = (np.zeros(len(cases), np.bool_) for _ in range(3))
    crash_m, crash_side_m, nothing = np.zeros(len(cases)), np.zeros(len(cases)), np.zeros(len(cases))
    for step in range(STEPS - 1):
        beside_m = side_m[step][row]
        crashing = (np.abs(beside_m) - WIDTH_M / 2 - WIDTH_M / 2 < 0) & ~has_crashed
        crashing &= np.abs(standing_m - leader_m[step]) - LENGTH_M / 2 - LENGTH_M / 2 < 0
        crash_m, crash_side_m = np.where(crashing, leader_m[step], crash_m), np.where(crashing, beside_m, crash_side_m)
        has_crashed |= crashing
        is_seen = has_crashed | (beside_m < -WANDERING_M)
        target_m, across_m = np.where(has_crashed, crash_m, standing_m), np.where(has_crashed, crash_side_m, 0.0)
        seen = egos.situation(target_m, across_m, nothing, nothing)
        has_touched |= is_touching(seen) & is_seen & ~has_stopped
        has_stopped |= is_seen & (egos.speed_mps == 0)
        judgement = follow(seen)
        egos.move(replace(judgement, is_danger=judgement.is_danger & is_seen))
        egos.position_m = np.where(is_seen, egos.position_m, ego_m[step + 1])
    return has_touched


def deceleration(cases: Cases, driver: Driver) -> Bools:
    """(n,) whether the ego touches its leader, which brakes to rest."""
    follow, distance_m = _following(driver)
    speed_mps, rate_mps2 = cases.ego_mps, GRAVITY_MPS2 * cases.deceleration_g
    leader_mps = np.maximum(speed_mps - np.arange(STEPS)[:, None] * rate_mps2 / RATE_HZ, 0.0)
    leader_m = np.cumsum(leader_mps, axis=0) / RATE_HZ + (distance_m(speed_mps) + LENGTH_M)
    nothing, has_touched, has_stopped = np.zeros(len(cases)), np.zeros(len(cases), np.bool_), np.zeros(len(cases), np.bool_)
    egos = Egos(driver, speed_mps / RATE_HZ, speed_mps)
    for step in range(STEPS - 1):
        seen = egos.situation(leader_m[step], nothing, leader_mps[step], nothing)
        has_touched |= is_touching(seen) & ~has_stopped
        has_stopped |= egos.speed_mps == 0
        egos.move(follow(seen))
        if (has_touched | has_stopped).all():
            break
    return has_touched


def _following(driver: Driver) -> tuple[Callable[[Situation], Judgement], Callable[[Floats], Floats]]:
    """How it follows and how far behind; ValueError for a driver that is defined for cut-ins only."""
    if driver.following is None or driver.distance_m is None:
        raise ValueError("this driver is defined for vehicles that cut in only")
    return driver.following, driver.distance_m


@dataclass(frozen=True, slots=True)
class _Paths:
    """Of each combination of speeds and lateral speed, (steps, combinations): where both are when they begin at 0, and when.

    last: the step after which a combination's run ends.
    """

    other_m: Floats
    side_m: Floats
    lateral_mps: Floats
    ego_m: Floats
    last: npt.NDArray[np.int64]

    @property
    def steps(self) -> int:
        return len(self.other_m) - 1


def _cut_in_paths(cases: Cases) -> tuple[_Paths, Rows]:
    """The paths, and which of them each case has."""
    keys = np.stack([cases.ego_mps, cases.other_mps, cases.lateral_mps], axis=1)
    unique, row = np.unique(keys, axis=0, return_inverse=True)
    begin_m = BESIDE_M + WIDTH_M
    made = []
    for ego_mps, other_mps, lateral_mps in unique:
        swerving = np.arange(0, -lateral_mps, -LATERAL_MPS2 / RATE_HZ)  # the lateral speed is reached where the distance counts
        before = [np.full(len(swerving), speed) for speed in (ego_mps, other_mps)]
        across = _lateral(-lateral_mps, begin_m)
        made.append(
            (
                _led_up_to(before[1], np.full(STEPS, other_mps), 0.0),
                _led_up_to(swerving, across, begin_m),
                np.concatenate([-swerving, [lateral_mps], -across]),
                _led_up_to(before[0], np.empty(0), 0.0)[0],
                STEPS + len(swerving) - 1,
            )
        )
    other_m, side_m, lateral, ego_m, last = zip(*made, strict=True)
    return _Paths(_even(other_m), _even(side_m), _even(lateral), np.array(ego_m), np.array(last)), row.reshape(-1)


def _led_up_to(before_mps: Floats, after_mps: Floats, at_m: float) -> Floats:
    """Positions of a path that is at `at_m` after it moved so for a while, and moves so from there."""
    led = np.cumsum(-before_mps[::-1] / RATE_HZ)[::-1] + at_m
    return np.concatenate([led, [at_m], _path(after_mps, at_m)])


def _path(speed_mps: Floats, at_m: float) -> Floats:
    """Positions after each step."""
    return np.cumsum(speed_mps) / RATE_HZ + at_m


def _lateral(lateral_mps: float, way_m: float) -> Floats:
    """(STEPS,) lateral speed of a lane change over a distance."""
    if lateral_mps == 0:
        return np.zeros(STEPS)
    steps = int(np.abs(RATE_HZ * way_m) // np.abs(lateral_mps) + 1)
    return np.concatenate([np.full(steps, lateral_mps), np.zeros(max(0, STEPS - steps))])[:STEPS]


def _even(paths: tuple[Floats, ...]) -> Floats:
    """(steps, paths) with the shorter ones' last value repeated."""
    longest = max(map(len, paths))
    return np.stack([np.pad(path, (0, longest - len(path)), mode="edge") for path in paths], axis=1)
