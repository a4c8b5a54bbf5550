"""Sweeps on Ray: to the byte what this machine's processes make, and a killed worker costs its task only."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from simulators.scenario import sweeping
from simulators.scenario.cases import Design, Request
from simulators.scenario.chunks import WorkerLostError
from simulators.scenario.engines import Engine, done
from tests.unit.simulators.scenario.mortal import Doomed, Mortal
from tests.unit.simulators.scenario.written import cases, described, scenario

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray", "ignore::ResourceWarning", "ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # Ray leaves sockets to the collector
]


def test_ray_makes_the_same_bytes_as_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "cases_per_chunk", lambda *_: 4)
    description = described(
        scenario(
            actors="""
                ego: {start: {way: main, along_m: 100, speed_kmh: 60}, driver: {model: competent}}
                other: {start: {ahead_of: ego, gap_m: gap}}
            """,
            more="parameters: {gap: {default: 9, low: 5, high: 75, step: 5}}",
            after_s=8,
        )
    )
    some = cases(description, Request(design=Design.GRID))
    told: list[int] = []
    for engine in Engine:
        verdicts = sweeping.sweep(description, some, tmp_path / engine, workers=2, engine=engine, tell=told.append)
        assert verdicts is not None
    files = sorted(path.name for path in (tmp_path / "local").glob("*.npz"))
    assert len(files) == 4
    for name in files:
        assert (tmp_path / "local" / name).read_bytes() == (tmp_path / "ray" / name).read_bytes()
    assert sum(told) == 2 * len(some)


def test_a_killed_worker_costs_its_task_only(tmp_path: Path) -> None:
    tasks = [Mortal(tmp_path / f"{number}", tmp_path / "grave" if number == 1 else None) for number in range(4)]
    assert sorted(done(tasks, 2, Engine.RAY)) == [1, 1, 1, 1]
    assert (tmp_path / "grave").exists()
    assert all(task.file.read_bytes() == task.file.name.encode() for task in tasks)


def test_a_task_that_kills_every_worker_ends_the_sweep(tmp_path: Path) -> None:
    with pytest.raises(WorkerLostError):
        list(done([Doomed(tmp_path / "never")], 1, Engine.RAY))
