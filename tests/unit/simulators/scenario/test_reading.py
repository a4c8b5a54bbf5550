"""What is wrong with a description is said with file, line, key, value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.scenario.reading import LARGEST_BYTES, ScenarioError, read_file, read_text
from tests.unit.simulators.scenario.written import scenario

TEMPLATES = sorted((Path(__file__).parents[4] / "simulators/scenario/templates").glob("*.yaml"))
BASE = scenario(
    manoeuvres="- {name: brakes, actor: ego, when: {time_s: 1}, speed: {to_kmh: 0, rate_mps2: 5}}",
    more="parameters: {gap: {default: 3, low: 1, high: 5, step: 1}}\nwhere: [gap > 0]",
)


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize(
    ("old", "new", "key", "sentence"),
    [
        ("speed_kmh: 72", "speed_kmh: fast", "actors.ego.start.speed_kmh", "there is no parameter 'fast'; parameters: gap"),
        (
            "speed_kmh: 72",
            "speed_kmh: gap ** 2",
            "actors.ego.start.speed_kmh",
            "an expression of parameters with + - * / ( ) min max abs sqrt",
        ),
        ("speed_kmh: 72", "speed_kmh: .nan", "actors.ego.start.speed_kmh", "a finite number"),
        ("speed_kmh: 72", "speed_kmh: true", "actors.ego.start.speed_kmh", "a number, or an expression"),
        ("speed_kmh: 72", "velocity: 72", "actors.ego.start.velocity", "there is no such key here"),
        ("way: main", "way: west", "actors.ego.start.way", "there is no way 'west'; ways: main"),
        ("along_m: 100", "along_m: 100, lane: 3", "actors.ego.start.lane", "1 (the rightmost) to 2"),
        ("ahead_of: ego", "ahead_of: other", "actors.other.start.ahead_of", "another actor: ego"),
        ("ahead_of: ego, ", "", "actors.other.start", "exactly one of along_m, at, ahead_of and behind"),
        ("actor: ego", "actor: nobody", "manoeuvres.0.actor", "there is no actor 'nobody'; actors: ego, other"),
        ("when: {time_s: 1}", "when: {}", "manoeuvres.0.when", "at least one condition"),
        (
            "when: {time_s: 1}",
            "when: {ttc_s: {to: ego, below: 1}}",
            "manoeuvres.0.when.ttc_s.to",
            "another actor than the manoeuvre's",
        ),
        ("rate_mps2: 5", "rate_mps2: 5, over_s: 2", "manoeuvres.0.speed", "exactly one of rate_mps2, over_s, over_m and at_once"),
        ("low: 1, high: 5", "low: 6, high: 5", "parameters.gap.low", "low (6) must not be above high (5)"),
        ("gap > 0", "gap", "where.0", "one comparison"),
        ("gap > 0", "width > 0", "where.0", "there is no parameter 'width'"),
        ("scenario: tried", "scenario: Tried!", "scenario", "a small letter, then at most 63 small letters, digits and hyphens"),
        ("name: straight", "name: round", "road.shipped.name", "'straight', 'two-way' or 'crossing'"),
        ("where: [gap > 0]", "step_s: 1e-9", "step_s", "at least 0.001"),
        ("where: [gap > 0]", "step_s: soon", "step_s", "a number"),
        ("step: 1}", "step: 0}", "parameters.gap.step", "above 0"),
        ("{gap: {default: 3, low: 1, high: 5, step: 1}}", "[gap]", "parameters", "keys with their values"),
        ("[gap > 0]", "gap > 0", "where", "a list"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, key: str, sentence: str) -> None:
    text = BASE.replace(old, new)
    assert text != BASE
    with pytest.raises(ScenarioError) as caught:
        read_text(text, "tried.yaml")
    problem = next(one for one in caught.value.problems if one.key == key)
    assert sentence in problem.allowed
    assert "Input" not in problem.allowed
    assert str(caught.value).startswith("tried.yaml:")
    leaf = key.rsplit(".", maxsplit=1)[-1]
    if f"{leaf}:" in new:
        assert problem.line == line_of(text, new)


def test_all_problems_are_told_at_once() -> None:
    text = BASE.replace("way: main", "way: west").replace("actor: ego", "actor: nobody")
    with pytest.raises(ScenarioError) as caught:
        read_text(text, "tried.yaml")
    assert {one.key for one in caught.value.problems} == {"actors.ego.start.way", "manoeuvres.0.actor"}


def test_actors_placed_by_one_another_in_a_circle_are_refused() -> None:
    actors = "ego: {start: {ahead_of: other, gap_m: 5}}\nother: {start: {ahead_of: ego, gap_m: 5}}"
    with pytest.raises(ScenarioError, match="in a circle"):
        read_text(scenario(actors=actors), "tried.yaml")


def test_a_key_that_stands_twice_is_refused_with_both_lines() -> None:
    with pytest.raises(ScenarioError, match=r"tried.yaml:\d+: title: stands there twice: first in line 2"):
        read_text(BASE + "\ntitle: Again", "tried.yaml")


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "a: &a [*a]", "\t", "[" * 3000])
def test_what_is_no_scenario_is_refused(text: str) -> None:
    with pytest.raises(ScenarioError, match=r"^tried.yaml:\d+: "):
        read_text(text, "tried.yaml")


def test_aliases_of_aliases_that_stand_for_a_billion_values_are_refused() -> None:
    nine = "\n".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 10))
    with pytest.raises(ScenarioError, match=r"^tried.yaml:\d+: its aliases stand for more than 1,048,576 values"):
        read_text(f"{BASE}\na0: &a0 [x]\n{nine}", "tried.yaml")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(ScenarioError):
        read_text(text, "tried.yaml")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"absent.yaml:1: cannot be read: No such file"):
        read_file(tmp_path / "absent.yaml")
    with pytest.raises(ScenarioError, match=r"cannot be read: Is a directory"):
        read_file(tmp_path)
    with pytest.raises(ScenarioError, match=r"/dev/zero:1: cannot be read: Is no file, but a device or a pipe"):
        read_file(Path("/dev/zero"))
    (tmp_path / "large.yaml").write_bytes(b"#" * (LARGEST_BYTES + 1))
    with pytest.raises(ScenarioError, match="at most 1 MiB"):
        read_file(tmp_path / "large.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff")
    with pytest.raises(ScenarioError, match="not UTF-8 at byte 3"):
        read_file(tmp_path / "bytes.yaml")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_that_ship_are_read(path: Path) -> None:
    assert read_file(path).scenario == path.stem
