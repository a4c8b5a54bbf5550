"""A scenario that cannot be is refused before it runs: with the file's line, the key, the value and what is allowed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from simulators.scenario.cases import Design, Request, cases_of
from simulators.scenario.description import Description
from simulators.scenario.listing import schema_text
from simulators.scenario.possible import problems_of_cases
from simulators.scenario.reading import Problem, ScenarioError, read_text
from simulators.scenario.suite.description import Suite
from tests.unit.simulators.scenario.written import REQUIREMENTS, described, ran, scenario

SIGNAL = """
    shipped: {name: straight, length_m: 2000, lanes: 2}
    signals:
      north: {way: main, stop_line_m: 500, stages: [{shows: green, for_s: 30}, {shows: yellow, for_s: 3}]}
"""


def refused(text: str, key: str) -> Problem:
    """What is said of a key."""
    with pytest.raises(ScenarioError) as caught:
        read_text(text, "tried.yaml")
    found = {one.key: one for one in caught.value.problems}
    assert key in found, str(caught.value)
    return found[key]


def begins(when: str, more: str = "", road: str = "", after_s: float = 10) -> str:
    """A scenario with a manoeuvre that begins at this trigger."""
    brakes = f"- {{name: brakes, actor: ego, when: {when}, speed: {{to_kmh: 0, rate_mps2: 5}}}}\n{more}"
    return scenario(manoeuvres=brakes, road=road, after_s=after_s)


@pytest.mark.parametrize(
    ("actors", "key", "sentence"),
    [
        (
            "ego: {start: {way: main, along_m: 2100}}",
            "actors.ego.start.along_m",
            "a place on main, 0 to 2000 m along it, and not at 2100 m",
        ),
        (
            "ego: {start: {way: main, along_m: 100}}\nother: {start: {behind: ego, gap_m: 120}}",
            "actors.other.start.gap_m",
            "0 to 2000 m along it, and not at -24.8 m",
        ),
        (
            "ego: {start: {way: main, along_m: 100, aside_m: 20}}",
            "actors.ego.start.aside_m",
            "at most 6 m beside the lanes of main",
        ),
        (
            "ego: {start: {way: main, along_m: 100}}\nother: {start: {way: main, along_m: 104}}",
            "actors.other.start",
            "a place of its own: ego begins there, too",
        ),
        (
            "ego: {start: {way: main, along_m: 100}}\nother: {start: {behind: ego, gap_m: -1}}",
            "actors.other.start",
            "a place of its own: ego begins there, too",
        ),
    ],
)
def test_nobody_begins_off_the_road_or_in_anothers_place(actors: str, key: str, sentence: str) -> None:
    text = scenario(actors=actors).replace("of: [ego, other]", "of: [ego, other]" if "other" in actors else "of: ego")
    if "other" not in actors:
        text = text.replace("minimum_distance_m, of: ego, above: 0", "contact, of: ego, equals: 0")
    problem = refused(text, key)
    assert sentence in problem.allowed
    assert problem.line > 1


def test_who_walks_may_begin_beside_the_road_and_bumpers_may_touch() -> None:
    actors = """
        ego: {start: {way: main, along_m: 100}}
        walker: {kind: pedestrian, start: {way: main, along_m: 100, aside_m: 20}}
        other: {start: {ahead_of: ego, gap_m: 0}}
    """
    assert len(described(scenario(actors=actors)).actors) == 3


def test_two_on_two_decks_are_not_in_one_place() -> None:
    actors = "ego: {start: {way: main, along_m: 400}}\nother: {start: {way: side, along_m: 400}}"
    road = "shipped: {name: crossing, length_m: 800, lanes: 1, side_above_m: 6}"
    assert described(scenario(actors=actors, road=road)).road.shipped is not None
    assert "ego begins there" in refused(scenario(actors=actors, road=road.replace("6}", "0}")), "actors.other.start").allowed


@pytest.mark.parametrize(
    ("when", "key", "sentence"),
    [
        ("{time_s: 11}", "time_s", "at most 10 s, when the run ends"),
        ("{time_s: 6, delay_s: 11}", "delay_s", "at most 10 s"),
        ("{passes_m: 2001}", "passes_m", "at most 2000 m: main ends there"),
        ("{travels_m: {above: 1950}}", "travels_m.above", "at most 1900 m: main ends there"),
        ("{gap_m: {to: other, above: 2500}}", "gap_m.above", "at most 2000 m"),
        ("{ttc_s: {to: other, below: 0}}", "ttc_s.below", "above 0: ttc_s is never below that"),
        ("{speed_kmh: {below: 0}}", "speed_kmh.below", "above 0: speed_kmh is never below that"),
        ("{stands: {for_s: 12}}", "stands", "at most 10 s"),
        ("{light: {signal: north, shows: red}}", "light.shows", "one of green, yellow: north shows nothing else"),
        ("{light: {signal: north, shows: yellow}}", "light.shows", "yellow comes at 30 s"),
        ("{light: {signal: noth, shows: red}}", "light.signal", "there is no signal 'noth', nearest: north"),
        ("{ttc_s: {to: othr, below: 2}}", "ttc_s.to", "there is no actor 'othr', nearest: other"),
        ("{after: {manoeuvre: waits}}", "after", "they wait for one another"),
        ("{after: {manoeuvre: late, by_s: 3}}", "after", "late begins at 8 s at the earliest"),
        ("{any_of: [{time_s: 11}, {passes_m: 3000}]}", "any_of.0.time_s", "at most 10 s"),
        ("{all_of: [{time_s: 1}, {passes_m: 3000}]}", "all_of.1.passes_m", "at most 2000 m"),
    ],
)
def test_a_trigger_that_cannot_fire_is_refused(when: str, key: str, sentence: str) -> None:
    more = """
- {name: waits, actor: other, when: {after: {manoeuvre: brakes}}, speed: {to_kmh: 0, rate_mps2: 5}}
- {name: late, actor: other, when: {time_s: 8}, speed: {to_kmh: 0, rate_mps2: 5}}
"""
    problem = refused(begins(when, more, road=SIGNAL), f"manoeuvres.0.when.{key}")
    assert sentence in problem.allowed


@pytest.mark.parametrize(
    "when",
    [
        "{time_s: 10}",
        "{any_of: [{time_s: 11}, {time_s: 3}]}",
        "{passes_m: 2000}",
        "{light: {signal: north, shows: green}}",
        "{after: {manoeuvre: late, by_s: 2}}",
        "{speed_kmh: {below: 30}}",
    ],
)
def test_a_trigger_that_may_fire_is_not(when: str) -> None:
    more = "\n- {name: late, actor: other, when: {time_s: 8}, speed: {to_kmh: 0, rate_mps2: 5}}"
    assert described(begins(when, more, road=SIGNAL)).manoeuvres


def test_the_first_light_of_a_signal_is_known_by_its_beginning() -> None:
    """It begins 31 s before: the yellow is on, and the green comes 2 s later."""
    early = SIGNAL.replace("stages:", "begins_s: -31, stages:")
    assert described(begins("{light: {signal: north, shows: yellow}}", road=early)).manoeuvres
    assert described(begins("{light: {signal: north, shows: green}}", road=early, after_s=3)).manoeuvres
    assert (
        "green comes at 2 s"
        in refused(
            begins("{light: {signal: north, shows: green}}", road=early, after_s=1), "manoeuvres.0.when.light.shows"
        ).allowed
    )


def test_what_is_not_needed_may_wait_in_vain_in_some_cases_but_not_in_all() -> None:
    parameters = "parameters: {at: {default: 20, low: 0, high: 20}}"
    text = begins("{time_s: at}").replace("speed: {to", "is_needed: false, speed: {to") + f"\n{parameters}"
    assert described(text).manoeuvres
    assert refused(text.replace("time_s: at", "time_s: 20"), "manoeuvres.0.when.time_s")
    assert refused(text.replace("is_needed: false, ", ""), "manoeuvres.0.when.time_s").value == "'at'"


@pytest.mark.parametrize(
    ("old", "new", "key", "sentence"),
    [
        ("speed_kmh: 72", "speed_kmh: -1", "actors.ego.start.speed_kmh", "0 to 400"),
        ("speed_kmh: 72", "speed_kmh: 500", "actors.ego.start.speed_kmh", "0 to 400"),
        ("speed_kmh: 72", "speed_kmh: 100 - share * 1000", "actors.ego.start.speed_kmh", "0 to 400, and not -400"),
        ("loss: 0", "loss: 1.2", "radio.loss", "0 to 1"),
        ("loss: 0", "loss: share * 3", "radio.loss", "0 to 1, and not 1.5"),
        ("loss: 0", "noise_m: -1", "radio.noise_m", "0 to 1000"),
        ("loss: 0", "rate_hz: 0", "radio.rate_hz", "at least 1"),
        ("friction: 0.9", "friction: 2", "weather.friction", "at most 1.2"),
        ("friction: 0.9", "sight_m: 0", "weather.sight_m", "above 0"),
        ("default: 0.5", "default: 1.5", "parameters.share.default", "0 to 1, the parameter's own range"),
        ("high: 1", "high: 1, occurs: {kind: normal, mean: 60, sd: 1}", "parameters.share.occurs", "next to nothing there"),
        ("high: 1", "high: .inf", "parameters.share.high", "finite"),
        ("above: 0", "abvoe: 0", "requirements.0.abvoe", "no such key"),
        ("minimum_distance_m", "minimal_distance_m", "requirements.0.metric", "nearest: minimum_distance_m"),
        ("of: [ego, other]", "of: [ego, othr]", "requirements.0.of.1", "there is no actor 'othr', nearest: other"),
        ("odd: [dry]", "odd: [drry]", "tags.odd.0", "there is no condition 'drry', nearest: dry"),
        ("to_lane: 1, lateral_mps: 1", "to_lane: 1, lateral_mps: 0", "manoeuvres.0.lane_change.lateral_mps", "above 0"),
        (
            "to_lane: 1, lateral_mps: 1",
            "to_lane: 3, lateral_mps: 1",
            "manoeuvres.0.lane_change.to_lane",
            "1 (the rightmost) to 2",
        ),
        (
            "to_lane: 1, lateral_mps: 1",
            "lane_of: ego, lanes_left: 2, lateral_mps: 1",
            "manoeuvres.0.lane_change.lanes_left",
            "-1 to 1: the way has 2 lanes",
        ),
    ],
)
def test_every_number_and_name_has_its_bounds(old: str, new: str, key: str, sentence: str) -> None:
    text = scenario(
        manoeuvres="- {name: moves, actor: ego, when: {time_s: 1}, lane_change: {to_lane: 1, lateral_mps: 1}}",
        more="""
            parameters: {share: {default: 0.5, low: 0, high: 1}}
            radio: {loss: 0}
            weather: {friction: 0.9}
            tags: {odd: [dry]}
        """,
    )
    assert described(text)
    assert old in text
    problem = refused(text.replace(old, new), key)
    assert sentence in problem.allowed
    assert problem.line > 1


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ("requirements: [{warning: {application: fwc, host: ego, never: true}}]", "requirements.0.warning.application"),
        (
            "requirements: [{metric: false_warnings, of: [ego, other], application: fwc, below_s: 2, at_most: 0}]",
            "requirements.0.application",
        ),
    ],
)
def test_a_misspelt_application_does_not_pass_for_ever(lines: str, key: str) -> None:
    problem = refused(scenario().replace(REQUIREMENTS, lines), key)
    assert problem.value == "'fwc'"
    assert "there is no application 'fwc', nearest: fcw" in problem.allowed
    assert described(scenario(more="applications: [fwc]").replace(REQUIREMENTS, lines)).applications == ("fwc",)


def test_a_stop_line_and_what_is_told_are_on_the_road() -> None:
    far = SIGNAL.replace("stop_line_m: 500", "stop_line_m: 2100")
    assert "at most 2000 m: main ends there" in refused(scenario(road=far), "road.signals.north.stop_line_m").allowed
    told = "shipped: {name: straight, length_m: 2000}\ntold: {works: {way: main, event: 501, from_m: 2500}}"
    assert "at most 2000 m" in refused(scenario(road=told), "road.told.works.from_m").allowed


def test_of_many_cases_the_first_impossible_one_is_named() -> None:
    text = scenario(
        actors="ego: {start: {way: main, along_m: 100}}\nother: {start: {ahead_of: ego, gap_m: gap}}",
        more="parameters: {gap: {default: 5, low: -5, high: 20, step: 5}}",
    )
    description = described(text)
    cases = cases_of(description, Request(Design.GRID))
    ((path, sentence),) = problems_of_cases(description, cases)
    assert path == ("actors", "other", "start")
    assert sentence.endswith("(in 1 of 6 cases, the first with gap -5)")
    assert not problems_of_cases(description, cases.take(np.flatnonzero(cases.columns["gap"] >= 0)))


def test_who_leaves_the_road_makes_the_run_an_error() -> None:
    from simulators.scenario.judging import judge_driven

    actors = (
        "ego: {under_test: true, start: {way: main, along_m: 1900, speed_kmh: 72}}\nother: {start: {way: main, along_m: 100}}"
    )
    found = judge_driven(ran(scenario(actors=actors)), described(scenario(actors=actors)))
    assert found.exit_code == 3
    assert "everybody stays on the road: off_road_m is 100 m, must be ≤ 0" in found.requirements[0].reason[0]


def test_the_schemas_publish_the_bounds() -> None:
    scenarios, suites = (json.loads(schema_text(one)) for one in (Description, Suite))
    parts = scenarios["$defs"]
    assert {"type": "number", "minimum": 0.0, "maximum": 1.0} in parts["Radio"]["properties"]["loss"]["anyOf"]
    assert parts["Weather"]["properties"]["friction"]["maximum"] == 1.2
    assert "hairpin" in json.dumps(parts["Tags"])
    assert suites["$defs"]["Turn"]["properties"]["tolerance"]["exclusiveMinimum"] == 0
    assert "suite" in suites["required"]


def test_every_application_that_can_be_named_is_one_that_chelu_has() -> None:
    from chelu.applications import LONGEST_NAME, WARNING_APPLICATIONS
    from services.inference.v2x.catalogue import APPLICATIONS

    assert {one.name for one in APPLICATIONS} == set(WARNING_APPLICATIONS)
    assert max(map(len, WARNING_APPLICATIONS)) <= LONGEST_NAME
