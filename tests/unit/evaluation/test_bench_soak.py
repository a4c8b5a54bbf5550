"""What a soak is offered, and how many workers share it: those who reached the top where that is known."""

from __future__ import annotations

import pytest

from evaluation.bench.context import Context
from evaluation.bench.results import Findings, Results
from evaluation.bench.soak import load_of


def context(rate_per_s: float | None, *, workers: int | None = None) -> Context:
    results = Results({}, is_quick=False)
    if workers is not None:
        results.add("ladder", Findings([], {"top": {"rate_per_s": 120_000.0, "cores": 2, "workers": workers}}), 1.0)
    return Context(results=results, rate_per_s=rate_per_s)


@pytest.mark.parametrize("workers", [1, 2])
def test_whoever_reached_the_top_is_soaked(workers: int) -> None:
    assert load_of(context(None, workers=workers)) == (60_000, workers)
    assert load_of(context(50_000, workers=workers)) == (50_000, workers)


@pytest.mark.parametrize(("cores", "workers"), [([0], 1), ([0, 1], 2), ([0, 1, 2, 3], 2)])
def test_without_a_ladder_a_rate_has_a_worker_for_each_core(
    monkeypatch: pytest.MonkeyPatch, cores: list[int], workers: int
) -> None:
    monkeypatch.setattr("evaluation.bench.soak.cores_of_the_machine", lambda: cores)
    assert load_of(context(1500)) == (1500, workers)
