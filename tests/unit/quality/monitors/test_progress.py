from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chelu.lights import Light
from chelu.messages import Batch
from chelu.quality.monitors.catalogue import monitor_of, site_parameters
from chelu.quality.monitors.progress import GAP, WHOSE_UNKNOWN, is_illegal
from chelu.quality.monitors.run import Report, run
from chelu.quality.monitors.window import Heard
from tests.unit.quality.monitors import crossing as at
from tests.unit.quality.monitors.faults import hasty_countdown

BEGIN_US, END_US = at.BEGIN_US, at.BEGIN_US + round(at.SECONDS * 1e6)
R, FG, G, P, Y, FY, D = (
    *(Light.RED, Light.FLASHING_GREEN, Light.PERMISSIVE_GREEN, Light.PROTECTED_GREEN, Light.YELLOW),
    *(Light.FLASHING_YELLOW, Light.DARK),
)


@pytest.mark.parametrize(("before", "after"), [(Y, G), (Y, P), (Y, FG), (FG, G), (R, FG), (R, Y), (G, R), (FG, R)])
def test_an_illegal_change_is_one(before, after) -> None:
    assert is_illegal(np.array([before]), np.array([after]), has_yellow=True).all()


@pytest.mark.parametrize(
    ("before", "after"),
    [(R, G), (R, P), (G, FG), (G, Y), (FG, Y), (P, G), (G, P), (Y, R), (R, FY), (FY, R), (G, D), (D, G), (D, Y)],
)
def test_a_legal_change_is_none(before, after) -> None:
    assert not is_illegal(np.array([before]), np.array([after]), has_yellow=True).any()


def test_walkers_need_no_yellow_and_some_countries_show_it_with_red() -> None:
    assert not is_illegal(np.array([P]), np.array([R]), has_yellow=False).any()
    assert not is_illegal(np.array([R]), np.array([Y]), has_yellow=True, may_red_yellow=True).any()


def test_a_green_without_a_yellow_is_not_judged_where_nobody_says_whose_it_is() -> None:
    """Phase 9 is in no map, shows no yellow and says nothing of itself; said to be the pedestrians', it is right."""
    clean = at.crossing()
    walkers = clean.spat.take(clean.spat["phase_id"] == 1)
    walkers = walkers.with_columns(
        phase_id=np.full(len(walkers), 9, np.int16), light=np.where(walkers["light"] == Y, R, walkers["light"]).astype(np.uint8)
    )
    unsaid = of_phase(seen(clean, walkers), 9)
    assert unsaid == (2, 0, {WHOSE_UNKNOWN: 3})  # twice it became green, three times red
    said = walkers.with_columns(road_user=np.full(len(walkers), 3, np.uint8), road_user_valid=np.ones(len(walkers), np.bool_))
    assert of_phase(seen(clean, said), 9) == (5, 0, {})


def test_a_change_over_a_silence_is_not_judged() -> None:
    """The yellow of the first cycle was not heard: green became red over four seconds."""
    clean = at.crossing()
    silent = replace(clean, spat=at.without(clean.spat, 19.5, 23.5))
    judged, bad, passed = of_phase(report_of(silent), 1)
    assert (bad, passed) == (0, {GAP: 1})
    assert judged == 6  # of eight, two lie in the silence


def test_a_light_that_changes_before_its_earliest_time_is_found() -> None:
    clean = at.crossing()
    late = clean.spat["min_end_s"] + np.where(
        clean.spat["phase_id"] == 2, 5.0, 0.0
    )  # it promises five seconds more than it keeps
    found = report_of(replace(clean, spat=clean.spat.with_columns(min_end_s=late)), "spat-countdown")
    assert {event.subject.part for event in found.events} == {2}
    assert found.events[0].value == pytest.approx(5.0, abs=0.11)


def test_a_light_that_stays_after_its_end_has_passed_is_found() -> None:
    clean = at.crossing()
    ends = {name: np.where(clean.spat["phase_id"] == 2, -2.0, clean.spat[name]) for name in ("min_end_s", "likely_end_s")}
    found = report_of(replace(clean, spat=clean.spat.with_columns(**ends)), "spat-countdown")
    assert {event.subject.part for event in found.events} == {2}


def seen(clean: Heard, more: Batch) -> Report:
    whole = {name: np.concatenate([clean.spat[name], more[name]]) for name in clean.spat}
    rows = Batch(whole)
    return report_of(replace(clean, spat=rows.take(np.argsort(rows["time_us"], kind="stable"))))


def report_of(heard: Heard, name: str = "spat-transition") -> Report:
    return run(heard, site_parameters({}, where=""), from_us=BEGIN_US, to_us=END_US, monitors=[monitor_of(name)])


def of_phase(report: Report, phase: int) -> tuple[int, int, dict[str, int]]:
    ((_, tally),) = [item for item in report.hours["spat-transition"].items() if item[0][0].part == phase]
    return tally.judged, tally.bad, dict(tally.passed)


def test_a_countdown_in_whole_seconds_is_none_that_goes_backwards() -> None:
    clean = at.crossing()
    ends = {name: np.round(clean.spat[name]) for name in ("min_end_s", "max_end_s", "likely_end_s")}
    rounded = replace(clean, spat=clean.spat.with_columns(**ends))
    assert report_of(rounded, "spat-countdown").of_monitor("spat-countdown").bad == 0
    assert report_of(hasty_countdown(rounded), "spat-countdown").of_monitor("spat-countdown").bad > 0
