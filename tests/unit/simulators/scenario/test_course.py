"""The course of a run in real time: who is warned acts on it, and what was told before stays true."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from simulators.scenario.cases import Design, Request
from simulators.scenario.course import OPTIONS, Course, awaited
from simulators.scenario.engine import simulate
from simulators.scenario.plan import plan
from tests.unit.simulators.scenario.test_performing import REACTS, warnings
from tests.unit.simulators.scenario.written import cases, described, scenario

NEAR = ("near", "ego", "other")
STRETCH_S = 0.1


@pytest.fixture
def course() -> Iterator[Course]:
    description = described(REACTS)
    with Course(plan(description, cases(description))) as found:
        yield found


def test_what_is_awaited_is_told_with_how_soon_somebody_acts_on_it() -> None:
    text = scenario(
        manoeuvres="""
            - name: brakes
              actor: ego
              when:
                any_of: [{warned: {application: fcw, after_s: 1}}, {delay_s: 0.25, warned: {application: ebw, after_s: 0.5}}]
              speed: {to_kmh: 0, rate_mps2: 5}
            - {name: stops, actor: ego, when: {warned: {application: fcw, after_s: 0.4}}, speed: {to_kmh: 0, rate_mps2: 9}}
        """
    )
    assert awaited(described(text)) == {("fcw", "ego", ""): 0.4, ("ebw", "ego", ""): 0.75}


def test_nothing_changes_until_the_instant_at_which_somebody_acts(course: Course) -> None:
    before = course.trace
    course.warned(warnings([(0, 3.03, *NEAR)]), through_s=3.2)
    assert not course.turned(3.2 + STRETCH_S), "what is told until then is the same"
    assert course.turned(4.1)
    assert course.late_s == 0.0
    until = round(4.03 / before.step_s) + 1
    for name in ("xy", "speed_mps"):
        old, new = getattr(before, name), getattr(course.trace, name)
        assert np.array_equal(old[:until], new[:until])
        assert not np.array_equal(old, new)
    assert course.trace.fired["reacts"] == pytest.approx(4.04)


def test_who_should_have_acted_already_acts_on_what_was_not_told_yet_and_is_late(course: Course) -> None:
    course.warned(warnings([(0, 3.0, *NEAR)]), through_s=4.2)
    assert course.turned(4.2 + STRETCH_S)
    assert course.late_s == pytest.approx(0.2)
    assert course.trace.fired["reacts"] == pytest.approx(4.2)


def test_the_first_warning_counts_and_only_of_whom_it_is_waited_for(course: Course) -> None:
    course.warned(warnings([(0, 2.0, "near", "other", "ego"), (0, 2.0, "far", "ego", "other")]), through_s=2.2)
    assert not course.turned(9.0)
    course.warned(warnings([(0, 3.0, *NEAR), (0, 2.5, *NEAR)]), through_s=3.2)
    course.warned(warnings([(0, 1.0, *NEAR)]), through_s=3.3)
    assert course.turned(3.6)
    assert course.trace.fired["reacts"] == pytest.approx(3.5)
    assert not course.turned(9.0)


def test_the_course_is_that_of_a_run_in_memory_with_the_same_warning(course: Course) -> None:
    course.warned(warnings([(0, 3.03, *NEAR)]), through_s=3.2)
    assert course.turned(4.1)
    made = plan(course.made.description, cases(course.made.description, Request(Design.DEFAULT)))
    wanted = simulate(made, {NEAR: np.array([3.03])})
    assert np.array_equal(course.trace.xy, wanted.xy)


def test_a_run_in_which_nobody_waits_is_told_as_far_ahead_as_ever(course: Course) -> None:
    assert course.pace.ahead_s < course.pace.look_ahead_s < OPTIONS.look_ahead_s
    description = described(scenario())
    with Course(plan(description, cases(description))) as calm:
        assert calm.pace == OPTIONS
        assert not calm.may_change
