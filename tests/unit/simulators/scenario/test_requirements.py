"""What may stand under `requirements` and `validity`, and what is said of what may not."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from simulators.scenario.metrics.table import METRICS
from simulators.scenario.reading import ScenarioError
from simulators.scenario.requirements import PARAMETERS, Limit, Requirement, Validity
from tests.unit.simulators.scenario.written import REQUIREMENTS, described, scenario


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({"metric": "ttc_s", "of": ["ego", "other"], "at_least": 1.5}, "ttc_s of ego, other ≥ 1.5"),
        ({"metric": "tet_s", "of": ["ego", "other"], "below_s": 2, "below": "a + 1"}, "tet_s (below_s 2) of ego, other < a + 1"),
        (
            {"metric": "speed_kmh", "of": "ego", "equals": 50, "within": 2, "from": "cut_in"},
            "speed_kmh of ego = 50 ± 2 from cut_in",
        ),
        ({"metric": "message_loss", "at_most": 0.01}, "message_loss ≤ 0.01"),
        ({"metric": "contact", "of": "ego", "equals": 0, "name": "no contact"}, "no contact"),
        (
            {"warning": {"application": "fcw", "host": "ego", "other": "other", "by_ttc_s": 2.7}},
            "fcw to ego about other by TTC 2.7 s",
        ),
        ({"warning": {"application": "fcw", "host": "ego", "never": True}}, "fcw to ego never"),
    ],
)
def test_requirements_say_what_they_ask(given, title) -> None:
    assert Requirement.model_validate(given).title == title


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"metric": "ttc", "of": ["ego", "other"], "at_least": 1},
            "there is no metric 'ttc', nearest: .*; metrics: minimum_distance_m, ttc_s",
        ),
        ({"metric": "pet_s", "of": "ego", "at_least": 1}, r"pet_s is about two actors, as \[one, other\]"),
        ({"metric": "ttc_s", "at_least": 1}, r"ttc_s is about one actor or two actors, as \[one, other\]"),
        ({"metric": "ttc_s", "of": ["ego", "ego"], "at_least": 1}, "two different actors"),
        ({"metric": "ttc_s", "of": ["ego", "other"]}, "a bound: at_least, at_most, above, below, equals"),
        ({"metric": "ttc_s", "of": ["ego", "other"], "at_least": 1, "above": 1}, "one of at_least and above"),
        ({"metric": "ttc_s", "of": ["ego", "other"], "at_least": 1, "within": 1}, "within goes with equals"),
        ({"metric": "tet_s", "of": ["ego", "other"], "at_most": 1}, r"tet_s wants below_s \(TTC\*"),
        ({"metric": "ttc_s", "of": ["ego", "other"], "at_least": 1, "below_s": 2}, "below_s is no parameter of ttc_s"),
        ({"metric": "pet_s", "of": ["ego", "other"], "at_least": 1, "from": 2}, "from and until do not go with pet_s"),
        ({"metric": "lag_s", "of": "ego", "at_most": 1}, "lag_s is about nobody"),
        ({}, "exactly one of metric and warning"),
        ({"warning": {"application": "fcw", "host": "ego"}}, "at least one of by_ttc_s"),
        ({"warning": {"application": "fcw", "host": "ego", "by_ttc_s": 2}}, "want other"),
        ({"warning": {"application": "fcw", "host": "ego", "never": True, "by_s": 2}}, "either never or by_s"),
        ({"warning": {"application": "fcw", "host": "ego", "never": True}, "at_least": 2}, "at_least does not go with warning"),
        ({"metric": "ttc_s", "of": ["ego", "other"], "at_leats": 1}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_a_requirement_is_refused_with_what_can(given, sentence) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Requirement.model_validate(given)


def test_validity_is_a_limit_or_a_manoeuvre_that_began() -> None:
    assert Validity.model_validate({"fired": "cut_in"}).manoeuvres() == ("cut_in",)
    assert Validity.model_validate({"metric": "sample_rate_hz", "at_least": 50}).title == "sample_rate_hz ≥ 50"
    with pytest.raises(ValidationError, match="exactly one of metric and fired"):
        Validity.model_validate({"fired": "cut_in", "metric": "lag_s", "at_most": 1})


def test_every_parameter_of_every_metric_can_be_given() -> None:
    assert set(PARAMETERS) <= set(Limit.model_fields)
    texts = {one.name for metric in METRICS.values() for one in metric.parameters if one.is_text}
    assert texts == {"application", "message", "signal", "other_signal"}


def test_from_is_written_as_in_the_file() -> None:
    limit = Limit.model_validate({"metric": "speed_mps", "of": "ego", "at_most": 3, "from": "cut_in", "until": 4.5})
    assert limit.model_dump(by_alias=True, exclude_none=True)["from"] == "cut_in"
    assert limit.manoeuvres() == ("cut_in",)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            "requirements: [{metric: contact, of: nobody, equals: 0}]",
            "requirements.0.of = 'nobody': there is no actor 'nobody'; actors: ego, other",
        ),
        (
            "requirements: [{warning: {application: fcw, host: ego, other: him, by_ttc_s: 2}}]",
            "requirements.0.warning.other = 'him': there is no actor 'him'; actors: ego, other",
        ),
        (
            REQUIREMENTS + "\nvalidity: [{metric: speed_kmh, of: him, at_most: 3}]",
            "validity.0.of = 'him': there is no actor 'him'",
        ),
        (REQUIREMENTS + "\nvalidity: [{fired: cut_in}]", "validity.0.fired = 'cut_in': there is no manoeuvre 'cut_in'"),
        (
            "requirements: [{metric: red_light_passage, of: ego, equals: 0, signal: north}]",
            "requirements.0.signal = 'north': there is no signal 'north'; signals: there are none",
        ),
    ],
)
def test_who_and_what_a_requirement_names_must_be_in_the_scenario(lines, sentence) -> None:
    text = scenario().replace(REQUIREMENTS, lines)
    with pytest.raises(ScenarioError) as found:
        described(text)
    assert sentence in str(found.value)
