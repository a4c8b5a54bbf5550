"""The judge of the rules of events and signs, and of the weather: staged as said, judged by the rule, and able to find fault."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.v2x import rules_events, weather
from evaluation.v2x.actors import film
from evaluation.v2x.judge import SHORT, report, tasks
from evaluation.v2x.measured import nominal
from evaluation.v2x.ordinary import Roadside
from evaluation.v2x.rules_events import CASES, NAMES, figures, stage, trial
from evaluation.v2x.trial import Outcome, Spell

FEW = 60


@pytest.mark.parametrize("name", NAMES)
def test_half_of_the_vehicles_have_to_be_told_and_every_case_is_staged(name) -> None:
    rules = stage(name, 500, 3)
    assert 0.4 < rules.concerns.mean() < 0.6
    assert {CASES[number].name for number in np.unique(rules.case)} == {one.name for one in CASES if one.is_of(name)}
    assert len(rules.told) == 1000


@pytest.mark.parametrize("name", NAMES)
def test_who_has_to_be_told_is_there_when_it_is_said(name) -> None:
    """The places of the events are those that the vehicles come to, within what the two units are off."""
    rules = stage(name, FEW, 4)
    for row in np.flatnonzero(rules.concerns).tolist():
        told = rules.told[2 * row]
        at = told.place[:2] if told.place is not None else told.paths[0].points[0, :2]
        shown = film(rules.encounters.actors.take(np.array([row])), np.array([rules.enters_s[row]])).xy[0, 0]
        assert np.hypot(*(shown - at)) <= told.radius_m + 3.5


def test_the_same_seed_stages_the_same_and_another_other() -> None:
    one, two, other = stage("hlw", FEW, 5), stage("hlw", FEW, 5), stage("hlw", FEW, 6)
    np.testing.assert_array_equal(one.enters_s, two.enters_s)
    np.testing.assert_array_equal(one.encounters.actors.start, two.encounters.actors.start)
    assert not np.array_equal(one.enters_s, other.enters_s)


@pytest.mark.parametrize("name", NAMES)
def test_in_nominal_conditions_everybody_is_told_in_time_and_nobody_needlessly(name) -> None:
    rules = stage(name, FEW, 1)
    found = figures(rules, trial(rules, nominal(FEW), 1))
    assert (found["recall"], found["false_staged"], found["missed_of"]) == (1.0, 0, {})


def test_a_site_that_heard_of_nothing_is_found_to_miss_everything() -> None:
    rules = stage("hlw", FEW, 1)
    found = figures(rules, trial(replace(rules, told=()), nominal(FEW), 1))
    assert found["recall"] == 0.0
    assert sum(found["missed_of"].values()) == found["avoidable"]


def _outcome(rules, raised_s, *, times: int = 1) -> Outcome:
    spells = [
        Spell(row, 0, float(at), float(at) + 1.0) for row, at in enumerate(raised_s) if np.isfinite(at) for _ in range(times)
    ]
    return Outcome(rules.encounters.application, spells, np.full(len(raised_s), np.inf))


def test_told_late_counts_as_missed_and_told_to_others_early_or_twice_as_false() -> None:
    rules = stage("hlw", FEW, 2)
    ideal = np.where(rules.concerns, rules.enters_s - 6.0, np.inf)
    assert figures(rules, _outcome(rules, ideal))["recall"] == 1.0
    assert figures(rules, _outcome(rules, ideal + 3.0))["recall"] == 0.0
    assert figures(rules, _outcome(rules, ideal))["false_staged"] == 0
    assert figures(rules, _outcome(rules, np.full(FEW, 0.1)))["false_staged"] >= (~rules.concerns).sum()
    assert figures(rules, _outcome(rules, np.where(rules.concerns, 0.0, np.inf)))["false_staged"] > 0
    assert figures(rules, _outcome(rules, ideal, times=2))["false_staged"] == rules.concerns.sum()


def test_the_judge_has_their_tasks_and_reports_the_keys() -> None:
    named = tasks(SHORT, Roadside(Path()))
    assert {f"{name}, {how}" for name in NAMES for how in ("nominal", "varied")} <= set(named)
    found = report({"ivs, nominal": rules_events.judge("ivs", 20, 1, is_varied=False), "weather, fcw": {"dry": {}}})
    keys = {"recall", "false_per_vehicle_hour", "lead_p5_s", "lead_p50_s", "baseline_recall", "n"}
    assert keys <= set(found["applications"]["ivs"])
    assert found["weather"] == {"fcw": {"dry": {}}}


def test_in_bad_weather_nobody_is_warned_later_and_those_who_can_brake_are_warned() -> None:
    found = weather.drive("icw", 60, 1, lambda share: None)
    assert set(found) == {"dry", "rain", "ice", "fog"}
    assert found["ice"]["avoidable"] < found["dry"]["avoidable"]  # what brakes on ice can do is less
    for name in ("rain", "ice", "fog"):
        assert found[name]["recall"] == 1.0
        assert found[name]["later_than_dry"] == 0
        assert found[name]["earlier_p50_s"] > 0.3


def test_in_fog_a_red_light_is_told_of_earlier(monkeypatch) -> None:
    monkeypatch.setattr(weather, "SKIES", {name: weather.SKIES[name] for name in ("dry", "fog")})
    found = weather.at_lights(30, 1, lambda share: None)
    assert found["dry"]["avoidable"] == found["fog"]["avoidable"] >= 8
    assert found["fog"]["recall"] == 1.0
    assert found["fog"]["later_than_dry"] == 0
    assert found["fog"]["earlier_p50_s"] > 0.5
