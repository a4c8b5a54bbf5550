"""Sweeps in chunks: the same on any number of processes, kept when interrupted, whole only once all shards are there."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from chelu.errors import CannotStartError
from simulators.scenario import chunks, sweeping
from simulators.scenario.cases import Cases, Design, Request
from simulators.scenario.chunks import WorkerLostError, worked
from simulators.scenario.description import Description
from simulators.scenario.sweeping import OtherSweepError, Shard, sweep
from simulators.scenario.verdict import Outcome, Verdicts
from tests.unit.simulators.scenario.mortal import Errand, doomed, doubled, refused
from tests.unit.simulators.scenario.written import cases, described, scenario


@pytest.fixture
def gridded(monkeypatch: pytest.MonkeyPatch) -> tuple[Description, Cases]:
    """Fourteen cases in chunks of four, some of which end in contact."""
    monkeypatch.setattr(sweeping, "cases_per_chunk", lambda *_: 4)
    description = described(
        scenario(
            actors="""
                ego: {start: {way: main, along_m: 100, speed_kmh: fast}, driver: {model: competent}}
                other: {start: {ahead_of: ego, gap_m: gap}}
            """,
            more="parameters: {fast: {default: 90, choices: [30, 90]}, gap: {default: 25, low: 5, high: 65, step: 10}}",
            after_s=8,
        )
    )
    return description, cases(description, Request(design=Design.GRID))


def equal(one: Verdicts | None, other: Verdicts | None) -> bool:
    assert one is not None
    assert other is not None
    return all(
        np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name != "reason")
        for a, b in zip((*one.requirements, *one.validity), (*other.requirements, *other.validity), strict=True)
        for name in ("outcome", "value", "limit", "margin", "at_s", "reason")
    )


def test_outcomes_are_the_same_on_one_process_and_on_two(gridded: tuple[Description, Cases], tmp_path: Path) -> None:
    one, two = (sweep(*gridded, tmp_path / str(workers), workers=workers) for workers in (1, 2))
    assert equal(one, two)
    assert one is not None
    assert one.runs == 14
    assert 0 < one.count(Outcome.FAIL) < 14
    assert sorted(path.name for path in (tmp_path / "2").glob("*.npz")) == [f"{chunk:06d}.npz" for chunk in range(4)]


def test_chunks_that_are_done_are_not_run_again(gridded: tuple[Description, Cases], tmp_path: Path) -> None:
    whole = sweep(*gridded, tmp_path)
    (tmp_path / "000002.npz").unlink()
    (tmp_path / "000001.4711.part").write_bytes(b"half")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    told: list[int] = []
    assert equal(sweep(*gridded, tmp_path, tell=told.append), whole)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert told == [4, 4, 2, 4]


def test_shards_add_up(gridded: tuple[Description, Cases], tmp_path: Path) -> None:
    assert sweep(*gridded, tmp_path / "parts", shard=Shard(1, 2)) is None
    assert equal(sweep(*gridded, tmp_path / "parts", shard=Shard(0, 2)), sweep(*gridded, tmp_path / "whole"))


def test_a_directory_of_another_sweep_is_refused(gridded: tuple[Description, Cases], tmp_path: Path) -> None:
    description, some = gridded
    sweep(description, some, tmp_path)
    with pytest.raises(OtherSweepError, match="another scenario's or other cases' results"):
        sweep(description, some.take(slice(0, 3)), tmp_path)
    (tmp_path / sweeping.HEADER).write_text("{")
    with pytest.raises(OtherSweepError):
        sweep(description, some, tmp_path)


def test_a_worker_that_is_killed_costs_its_chunk_only(tmp_path: Path) -> None:
    errands = [Errand(number, tmp_path / "grave" if number == 3 else None) for number in range(8)]
    assert list(worked(doubled, errands, 2)) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert (tmp_path / "grave").exists()


def test_a_chunk_that_kills_every_worker_ends_the_sweep() -> None:
    with pytest.raises(WorkerLostError, match=f"chunk 0 ended its worker {chunks.TRIES} times"):
        list(worked(doomed, [Errand(1), Errand(2)], 2))


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_worker_refuses_is_said_as_it_said_it(workers: int) -> None:
    with pytest.raises(CannotStartError, match="number 3 is taken; take another"):
        list(worked(refused, [Errand(3), Errand(4)], workers))


def test_a_chunk_that_the_disk_has_no_room_for_is_named(gridded: tuple[Description, Cases], tmp_path: Path) -> None:
    (tmp_path / f"000000.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(CannotStartError, match=r"000000\.npz cannot be written \(No space left on device\); make room"):
        sweep(*gridded, tmp_path)
