"""R157's sweep against the plain way through the same cases, and how many case-runs a second all cores do."""

from __future__ import annotations

import time

import numpy as np

from evaluation.bench.plain_r157 import collides
from evaluation.bench.processes import cores_of_the_machine
from evaluation.bench.report import Figure, Ratio, interleaved
from simulators.scenario.r157.drivers import DRIVERS
from simulators.scenario.r157.grids import Grid, cases_of
from simulators.scenario.r157.sweep import Sweep, sweeps
from simulators.scenario.r157.sweep import run as run_sweeps

BAR_PER_S = 50_000
CORES = 2
PLAIN_CASES, QUICK_PLAIN_CASES = 400, 40
ROUNDS, QUICK_ROUNDS = 5, 1
SEED = 157


def run(*, quick: bool = False) -> list[Figure | Ratio]:
    """`sweep_runs_per_s` with the processes' start, and `sweep_vs_plain` on one core."""
    rounds, wanted = QUICK_ROUNDS if quick else ROUNDS, sweeps()
    cores = len(cores_of_the_machine()[:CORES])
    count = sum(map(len, wanted))
    rates = []
    for _ in range(rounds):
        began = time.perf_counter()
        run_sweeps(wanted, cores)
        rates.append(count / (time.perf_counter() - began))
    cut_ins = sweeps([Grid.CUT_IN_HIGH])
    ours, theirs = interleaved(lambda: _columns(cut_ins), lambda: _plain(quick=quick), rounds=rounds)
    return [
        Figure(
            what=f"R157 sweep on {cores} cores", values=tuple(rates), unit="case-runs/s", key="sweep_runs_per_s", bar=BAR_PER_S
        ),
        Ratio("R157 cut-ins, one core", ours, "one case after the other", theirs, "case-runs", None, "sweep_vs_plain"),
    ]


def _columns(wanted: list[Sweep]) -> int:
    return sum(len(outcome.has_collided) for outcome in run_sweeps(wanted))


def _plain(*, quick: bool) -> int:
    cases, count = cases_of(Grid.CUT_IN_HIGH), QUICK_PLAIN_CASES if quick else PLAIN_CASES
    some = cases.take(np.random.default_rng(SEED).choice(len(cases), count, replace=False)).columns()
    rows = list(zip(*(some[name].tolist() for name in ("ego_kmh", "other_kmh", "distance_m", "lateral_mps")), strict=True))
    for driver in DRIVERS:
        for ego_kmh, other_kmh, distance_m, lateral_mps in rows:
            collides(ego_kmh, other_kmh, distance_m, lateral_mps, driver)
    return len(rows) * len(DRIVERS)
