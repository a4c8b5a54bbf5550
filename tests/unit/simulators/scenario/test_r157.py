"""UN R157's sweeps: the published grids, what is known of their outcomes, and the plain way as a second opinion."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from chelu.errors import ConfigurationError
from evaluation.bench.plain_r157 import collides
from simulators.scenario.r157.command import command
from simulators.scenario.r157.drivers import DRIVERS
from simulators.scenario.r157.grids import Grid, cases_of
from simulators.scenario.r157.sweep import Sweep, run, sweeps

SAMPLE, SEED = 250, 7
TIES = [(0.0, 1.0), (0.01, 1.0), (-0.01, 1.0), (0.0, 1 + 1e-6), (0.0, 1 - 1e-6)]  # a hair aside: m, share of the lateral speed


@pytest.mark.parametrize(
    ("grid", "count"),
    [(Grid.CUT_IN_LOW, 15_930), (Grid.CUT_IN_HIGH, 14_040), (Grid.CUT_OUT, 5_850), (Grid.DECELERATION, 1_121)],
)
def test_the_grids_have_as_many_cases_as_were_published(grid: Grid, count: int) -> None:
    assert len(cases_of(grid)) == count


@pytest.mark.parametrize(("driver", "collisions"), [("competent", 0), ("fsm", 0), ("rss", 21)])
def test_behind_a_braking_leader_the_drivers_collide_as_often_as_in_the_study(driver: str, collisions: int) -> None:
    (outcome,) = run([Sweep(Grid.DECELERATION, driver)])
    assert outcome.collisions == collisions


@pytest.mark.parametrize(
    ("grid", "collisions"),
    [
        (Grid.CUT_IN_LOW, {"competent": 3728, "fsm": 901, "rss": 880, "regulation": 2252}),
        (Grid.CUT_IN_HIGH, {"competent": 3552, "fsm": 1649, "rss": 1491, "regulation": 2869}),
    ],
)
def test_of_the_cut_ins_as_many_end_in_a_collision_as_with_the_studys_own_program(grid: Grid, collisions: dict[str, int]) -> None:
    assert {one.sweep.driver: one.collisions for one in run(sweeps([grid]))} == collisions


@pytest.mark.parametrize("grid", [Grid.CUT_IN_LOW, Grid.CUT_IN_HIGH])
@pytest.mark.parametrize("driver", DRIVERS)
def test_the_plain_way_agrees_but_for_ties(grid: Grid, driver: str) -> None:
    (outcome,) = run([Sweep(grid, driver)])
    columns = cases_of(grid).columns()
    differing = 0
    for row in np.random.default_rng(SEED).choice(len(outcome.has_collided), SAMPLE, replace=False):
        ego, other, distance, lateral = (columns[name][row] for name in ("ego_kmh", "other_kmh", "distance_m", "lateral_mps"))
        ours = bool(outcome.has_collided[row])
        differing += collides(ego, other, distance, lateral, driver) != ours
        assert ours in {collides(ego, other, distance + aside, lateral * share, driver) for aside, share in TIES}
    assert differing <= SAMPLE // 50


def test_a_vehicle_that_stays_in_its_lane_is_never_touched() -> None:
    for outcome in run(sweeps([Grid.CUT_IN_HIGH, Grid.CUT_IN_LOW])):
        assert not outcome.has_collided[cases_of(outcome.sweep.grid).lateral_mps == 0].any()


def test_leaders_that_are_run_into_and_drivers_that_see_late_make_cut_outs_dangerous() -> None:
    cases = cases_of(Grid.CUT_OUT)
    for outcome in run(sweeps([Grid.CUT_OUT])):
        by_speed = [outcome.has_collided[cases.ego_kmh == speed].mean() for speed in np.unique(cases.ego_kmh)]
        assert by_speed[0] < 0.02
        assert by_speed[-1] > 0.1


def test_several_processes_find_the_same() -> None:
    wanted = sweeps([Grid.CUT_IN_LOW, Grid.DECELERATION])
    alone, together = run(wanted), run(wanted, workers=2)
    assert [one.sweep for one in alone] == [one.sweep for one in together] == wanted
    assert all(np.array_equal(one.has_collided, other.has_collided) for one, other in zip(alone, together, strict=True))


def test_a_driver_for_cut_ins_only_is_left_out_elsewhere() -> None:
    assert [sweep.driver for sweep in sweeps([Grid.CUT_OUT])] == ["competent", "fsm", "rss"]
    with pytest.raises(ConfigurationError, match="cut-ins only"):
        command(["cut-out"], ["regulation"], 1, None, Console(quiet=True))


def test_every_case_is_written(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    assert command(["deceleration"], ["rss"], 1, file, Console(quiet=True)) == 0
    document = json.loads(file.read_text())
    assert document["summary"] == [{"grid": "deceleration", "model": "rss", "cases": 1121, "collisions": 21}]
    assert sum(row["collision"] for row in document["cases"]) == 21
    assert document["cases"][0] == {
        "grid": "deceleration",
        "model": "rss",
        "ego_kmh": 12.0,
        "other_kmh": 12.0,
        "distance_m": 0.0,
        "lateral_mps": 0.0,
        "deceleration_g": 0.05,
        "collision": False,
    }


@pytest.mark.parametrize(("grids", "drivers", "what"), [(["cut-up"], [], "cut-up"), ([], ["racer"], "racer")])
def test_another_name_is_refused_with_those_that_are(grids: list[str], drivers: list[str], what: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{what}.*one of"):
        command(grids, drivers, 1, None, Console(quiet=True))
