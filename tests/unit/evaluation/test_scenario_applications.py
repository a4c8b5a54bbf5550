"""Chelu's applications as a device in memory: who must be warned is, by what the actors say, alone and in any company."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.scenarios.applications import COLUMNS
from evaluation.scenarios.hearing import EPOCH_US, heard
from evaluation.scenarios.roadside import light_rows
from simulators.scenario.cases import Cases, Design, Request, cases_of
from simulators.scenario.description import Description
from simulators.scenario.metrics.messages import first_s, raised
from simulators.scenario.performing import perform
from simulators.scenario.reading import read_text
from simulators.scenario.suite.library import suite_of
from simulators.scenario.trace import Trace

APPLICATIONS = suite_of("applications")


def description_of(name: str) -> Description:
    return next(APPLICATIONS.source(item).description for item in APPLICATIONS.suite.items if item.scenario == name)


def cases(description: Description, **values: float | list[float]) -> Cases:
    from simulators.scenario.description import Parameter

    choices = {name: tuple(np.atleast_1d(value).tolist()) for name, value in values.items()}
    given = {name: Parameter(default=some[0], choices=some) for name, some in choices.items()}
    others = {name: Parameter(default=one.default) for name, one in description.parameters.items() if name not in given}
    return cases_of(description, Request(Design.GRID, fixed={**others, **given}))


def first(trace: Trace, application: str, host: str = "ego") -> list[float]:
    warnings = raised(trace, application, host)
    assert warnings is not None
    return [float(one) for one in first_s(trace, warnings)]


def test_a_run_turns_out_the_same_alone_and_in_any_company() -> None:
    description = description_of("fcw")
    some = cases(description, ego_kmh=[50, 70], aside_m=[0, 3.5])
    together = perform(description, some, "applications").warnings
    assert together is not None
    assert set(together["run"].tolist()) == {0, 2}  # who is on the next lane is not warned of
    alone = perform(description, some.take(slice(2, 3)), "applications").warnings
    assert alone is not None
    whole = together.take(np.asarray(together["run"] == 2))
    assert all(np.array_equal(whole[name], alone[name]) for name in COLUMNS if name != "run")


def test_what_an_actor_says_of_itself_is_heard_from_then_on() -> None:
    description = description_of("avw")
    trace = perform(description, cases(description, says_s=[2, 100]), "applications")
    for run, begins_s in enumerate((2.0, np.inf)):
        hearing = heard(description, trace, run)
        says = hearing.reports.events[hearing.reports.own_key == 2] > 0
        at_s = (hearing.reports.time_us[hearing.reports.own_key == 2] - 1_700_000_000_000_000) / 1e6
        assert np.array_equal(says, at_s >= begins_s)
    assert first(trace, "avw")[1] == np.inf
    assert 2.0 < first(trace, "avw")[0] < 9.0


def test_who_has_no_radio_and_is_not_seen_is_not_warned_of() -> None:
    description = description_of("vrucw")
    seen = perform(description, cases(description, apart_s=0), "applications")
    unheard = description.model_copy(update={"radio": description.radio.model_copy(update={"unheard": ("walker",)})})
    assert np.isfinite(first(seen, "vrucw")[0])
    assert first(perform(unheard, cases(unheard, apart_s=0), "applications"), "vrucw") == [np.inf]


def test_later_messages_warn_later() -> None:
    description = description_of("ebw")
    when = [first(perform(one, cases(one, rate_mps2=8), "applications"), "ebw")[0] for one in (description, _late(description))]
    assert 0.25 < when[1] - when[0] < 2 * 0.25 + 0.11  # there and back; what is found late and urgent is not confirmed first


def _late(description: Description) -> Description:
    later = description.radio.model_copy(update={"latency_s": description.radio.latency_s + 0.25})
    return description.model_copy(update={"radio": later})


def test_lost_messages_are_lost_alike_each_time() -> None:
    text = APPLICATIONS.source(APPLICATIONS.suite.items[0]).text
    lossy = read_text(text.replace("end: {after_s", "radio: {loss: 0.3, noise_m: 0.5}\n\nend: {after_s"), "lossy")
    trace = perform(lossy, cases(lossy))
    one, other = heard(lossy, trace, 0).reports, heard(lossy, trace, 0).reports
    assert np.array_equal(one.xyz, other.xyz)
    assert len(one) / len(heard(description_of("fcw"), trace, 0).reports) == pytest.approx(0.7, abs=0.1)
    assert np.std(one.xyz[one.own_key == 1, 0]) == pytest.approx(0.5, abs=0.1)


def test_what_is_lost_of_a_run_does_not_hang_on_how_long_it_lasts() -> None:
    """Whoever is warned and brakes makes it longer: what was heard before must stay as it was."""
    text = APPLICATIONS.source(APPLICATIONS.suite.items[0]).text
    lossy = read_text(text.replace("end: {after_s", "radio: {loss: 0.3, noise_m: 0.5}\n\nend: {after_s"), "lossy")
    trace = perform(lossy, cases(lossy))
    shorter = replace(trace, last=trace.last // 2)
    whole, begun = heard(lossy, trace, 0).reports, heard(lossy, shorter, 0).reports
    same = whole.take(np.flatnonzero(whole.time_us < EPOCH_US + int(shorter.last[0] * trace.step_s * 1e6)))
    assert 0 < len(begun) < len(whole)
    assert np.array_equal(same.time_us, begun.time_us)
    assert np.array_equal(same.xyz, begun.xyz)


def test_signals_say_when_they_change_also_beyond_the_runs_end() -> None:
    description = description_of("glosa")
    trace = perform(description, cases(description, red_s=24))
    assert trace.instants * trace.step_s < 6
    assert light_rows(description, trace, 0, 1.0)["likely_end_s"] == pytest.approx([23.0])
    still = description_of("svw")
    trace = perform(still, cases(still, green_s=[0, 4]))
    assert light_rows(still, trace, 1, 1.0)["likely_end_s"] == pytest.approx([3.0])
    assert light_rows(still, trace, 0, 1.0)["light"].tolist() == [3]
