"""Cases outside what a device is made for are skipped, with the reason; inside they are judged."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from rich.console import Console

from simulators.scenario.cases import Design, Request, cases_of
from simulators.scenario.domain import domain_given, numbers_of
from simulators.scenario.engine import run
from simulators.scenario.judging import judge_driven
from simulators.scenario.odd import Domain, outside
from simulators.scenario.reading import ScenarioError
from simulators.scenario.running import command
from simulators.scenario.running_options import Options
from simulators.scenario.verdict import Outcome
from tests.unit.simulators.scenario.written import described, scenario

WORDS = ("urban", "motorway", "tunnel", "rain")
NUMBERS = {"friction": 0.5, "gradient": 0.08, "sight_m": 60.0, "radius_m": 15.0}


@pytest.mark.parametrize(
    ("made_for", "reason"),
    [
        ({}, ""),
        ({"areas": ["urban"]}, ""),
        ({"areas": ["rural"]}, "areas urban, motorway, made for rural"),
        ({"roads": ["junction"]}, "roads tunnel, made for junction"),
        ({"roads": ["junction", "tunnel"]}, ""),
        ({"weather": ["dry", "wet"]}, "weather rain, made for dry, wet"),
        ({"light": ["day"]}, ""),  # the scenario says nothing of it
        ({"least_friction": 0.6}, "friction 0.5, made for at least 0.6"),
        ({"least_friction": 0.5}, ""),
        ({"least_sight_m": 100}, "sight_m 60, made for at least 100"),
        ({"most_gradient": 0.05}, "gradient 0.08, made for at most 0.05"),
        ({"least_radius_m": 20}, "radius_m 15, made for at least 20"),
        ({"speed_kmh": {"high": 60}}, "80 km/h, made for 0 to 60"),
        ({"speed_kmh": {"low": 20, "high": 80}}, ""),
    ],
)
def test_a_domain_is_held_against_words_numbers_and_speeds(made_for: dict[str, object], reason: str) -> None:
    (found,) = outside(Domain.model_validate(made_for), WORDS, NUMBERS, np.array([80.0]))
    assert found == (f"outside the operational design domain: {reason}" if reason else "")


def test_a_word_belongs_to_its_kind() -> None:
    with pytest.raises(ValidationError, match="'rain' is none of its words: urban"):
        Domain.model_validate({"areas": ["rain"]})
    with pytest.raises(ValidationError, match="nearest: hairpin"):
        Domain.model_validate({"roads": ["hairpins"]})


def test_cases_outside_are_skipped_and_the_others_judged() -> None:
    text = scenario(
        actors="""
            ego: {under_test: true, start: {way: main, along_m: 100, speed_kmh: v}}
            other: {start: {ahead_of: ego, gap_m: 50}}
        """,
        more="parameters: {v: {default: 72, choices: [10, 72, 90]}}\nmade_for: {speed_kmh: {high: 80}}",
    )
    description = described(text)
    cases = cases_of(description, Request(Design.GRID))
    found = judge_driven(run(description, cases), description)
    assert found.outcome.tolist() == [Outcome.PASS, Outcome.FAIL, Outcome.SKIPPED]
    assert found.requirements[0].reason[2] == "outside the operational design domain: 90 km/h, made for 0 to 80"


def test_numbers_come_from_the_road_and_the_weather() -> None:
    road = "ways: {main: {lanes: 2, pieces: [{length_m: 900, gradient: -0.07}, {length_m: 200, radius_m: 30}]}}"
    found = numbers_of(described(scenario(road=road, more="weather: {friction: 0.4, sight_m: 80}")))
    assert found == {"friction": 0.4, "gradient": 0.07, "sight_m": 80.0, "radius_m": 30.0}


def test_a_domain_of_a_file_replaces_the_scenario_s(tmp_path: Path) -> None:
    file, domain = tmp_path / "mine.yaml", tmp_path / "odd.yaml"
    file.write_text(scenario(more="tags: {odd: [motorway, dry]}"))
    domain.write_text("areas: [urban]\n")
    console = Console(file=StringIO(), width=200)
    assert command(Options(str(file), odd=domain), console) == 4
    domain.write_text("areas: [urban, motorway]\n")
    assert command(Options(str(file), odd=domain), console) == 1
    domain.write_text("area: [urban]\n")
    with pytest.raises(ScenarioError, match=r"odd.yaml:1: area: there is no such key here"):
        domain_given(domain)
