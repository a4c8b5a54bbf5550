"""The judge of what vehicles say of themselves: staged as said, judged by the rule, and able to find fault."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.v2x.actors import film
from evaluation.v2x.judge import SHORT, tasks
from evaluation.v2x.measured import nominal
from evaluation.v2x.ordinary import Roadside
from evaluation.v2x.rules_vehicles import CASES, LANE_M, LENGTH_M, NAMES, figures, stage
from evaluation.v2x.trial import Outcome, Spell, run

FEW = 60


@pytest.mark.parametrize("name", NAMES)
def test_half_of_the_hosts_have_to_be_told_and_every_case_is_staged(name) -> None:
    rules = stage(name, 500, 3)
    assert 0.4 < rules.concerns.mean() < 0.6
    assert {CASES[number].name for number in np.unique(rules.case)} == {one.name for one in CASES if one.is_of(name)}


@pytest.mark.parametrize("name", NAMES)
def test_who_has_to_be_told_is_beside_the_other_when_it_is_said(name) -> None:
    rules = stage(name, 200, 4)
    actors, at_s = rules.encounters.actors, np.where(rules.concerns, rules.level_s, 0.0)
    host, other = (film(actors.take(rules.encounters.rows(block)), at_s[:, None]).xy[:, 0] for block in (0, 1))
    apart = np.hypot(*(host - other).T)[rules.concerns]
    assert apart.max() <= np.hypot(LANE_M + 0.5, LENGTH_M)


@pytest.mark.parametrize("name", NAMES)
def test_in_nominal_conditions_everybody_is_told_in_time_and_nobody_needlessly(name) -> None:
    rules = stage(name, FEW, 1)
    found = figures(rules, run(rules.encounters, nominal(FEW), 1))
    assert (found["recall"], found["false_staged"], found["missed_of"]) == (1.0, 0, {})


@pytest.mark.parametrize("name", NAMES)
def test_others_that_say_nothing_are_found_to_be_missed(name) -> None:
    rules = stage(name, FEW, 1)
    actors = rules.encounters.actors
    silent = replace(actors, events=np.zeros_like(actors.events), is_responding=np.zeros_like(actors.is_responding))
    found = figures(rules, run(replace(rules.encounters, actors=silent), nominal(FEW), 1))
    assert found["recall"] == 0.0
    assert sum(found["missed_of"].values()) == found["avoidable"]


def _outcome(rules, raised_s, *, times: int = 1, block: int = 0) -> Outcome:
    spells = [
        Spell(row, block, float(at), float(at) + 1.0) for row, at in enumerate(raised_s) if np.isfinite(at) for _ in range(times)
    ]
    return Outcome(rules.encounters.application, spells, np.full(len(raised_s), np.inf))


def test_told_late_counts_as_missed_and_told_to_others_early_or_twice_as_false() -> None:
    rules = stage("avw", FEW, 2)
    ideal = np.where(rules.concerns, rules.level_s - 3.5, np.inf)
    assert figures(rules, _outcome(rules, ideal))["recall"] == 1.0
    assert figures(rules, _outcome(rules, ideal))["false_staged"] == 0
    assert figures(rules, _outcome(rules, ideal + 1.5))["recall"] == 0.0
    assert figures(rules, _outcome(rules, np.full(FEW, 0.1)))["false_staged"] == FEW
    assert figures(rules, _outcome(rules, ideal, times=2))["false_staged"] == rules.concerns.sum()
    to_the_other = figures(rules, _outcome(rules, ideal, block=1))
    assert (to_the_other["recall"], to_the_other["false_staged"]) == (0.0, rules.concerns.sum())


def test_the_judge_has_their_tasks() -> None:
    named = tasks(SHORT, Roadside(Path()))
    assert {f"{name}, {how}" for name in NAMES for how in ("nominal", "varied")} <= set(named)
