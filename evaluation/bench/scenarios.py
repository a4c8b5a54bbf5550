"""The scenario engine on one core: actor-steps a second, and all cases at once against one case after the other."""

from __future__ import annotations

import time

import numpy as np

from chelu import memory
from evaluation.bench.report import Figure, Ratio, interleaved
from simulators.scenario.cases import Cases, Design, Request, cases_of
from simulators.scenario.chunks import cases_per_chunk
from simulators.scenario.description import Description
from simulators.scenario.engine import run as run_engine
from simulators.scenario.library import source_of

BAR_PER_S = 10e6
SCENARIO = "cut-in"
ROUNDS, QUICK_ROUNDS = 7, 2
ALONE, QUICK_ALONE = 10, 2


def run(*, quick: bool = False) -> list[Figure | Ratio]:
    """`scenario_actor_steps_per_s` of a grid that ships, from values to contacts; `scenario_vs_one_by_one`."""
    memory.keep()  # as in every worker of a sweep
    rounds = QUICK_ROUNDS if quick else ROUNDS
    description = source_of(SCENARIO).description
    cases = cases_of(description, Request(Design.GRID))
    chunk = cases.take(slice(0, cases_per_chunk(description)))
    steps = _steps(description, chunk)
    rates = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        run_engine(description, chunk)
        rates.append(steps / (time.perf_counter() - began))
    alone = QUICK_ALONE if quick else ALONE
    ours, theirs = interleaved(
        lambda: _all_at_once(description, chunk), lambda: _one_by_one(description, chunk, alone), rounds=rounds
    )
    return [
        Figure(
            what=f"scenario engine, {len(chunk):,} cases of {SCENARIO} at once, one core",
            values=tuple(rates[1:]),  # the first finds no memory that is its own yet
            unit="actor-steps/s",
            key="scenario_actor_steps_per_s",
            bar=BAR_PER_S,
        ),
        Ratio("scenario engine, one core", ours, "one case after the other", theirs, "cases", None, "scenario_vs_one_by_one"),
    ]


def _steps(description: Description, cases: Cases) -> int:
    instants = round(description.end.after_s / description.step_s) + 1
    return instants * len(cases) * len(description.actors)


def _all_at_once(description: Description, cases: Cases) -> int:
    return run_engine(description, cases).runs


def _one_by_one(description: Description, cases: Cases, count: int) -> int:
    return sum(run_engine(description, cases.take(np.array([row]))).runs for row in range(count))
