from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chelu.quality.monitors.assessments import Verdict
from chelu.quality.monitors.catalogue import BY_NAME, monitor_of, site_parameters
from chelu.quality.monitors.run import Known, Report, look, run, stretches
from chelu.quality.monitors.window import Heard, window
from tests.unit.quality.monitors import crossing as at
from tests.unit.quality.monitors.faults import FAULTS

PARAMETERS = site_parameters({}, where="")
BEGIN_US, END_US = at.BEGIN_US, at.BEGIN_US + round(at.SECONDS * 1e6)


@pytest.fixture(scope="module")
def clean() -> Heard:
    return at.crossing()


@pytest.fixture(scope="module")
def quiet(clean) -> Report:
    return run(clean, PARAMETERS, from_us=BEGIN_US, to_us=END_US)


def one(heard: Heard, name: str, **values: float) -> Report:
    parameters = site_parameters({name: values}, where="a test")
    return run(heard, parameters, from_us=BEGIN_US, to_us=END_US, monitors=[monitor_of(name)])


def test_there_is_a_fault_for_every_monitor() -> None:
    assert set(FAULTS) == set(BY_NAME)


@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_monitor_judges_the_clean_crossing_and_finds_nothing(quiet, name) -> None:
    whole = quiet.of_monitor(name)
    assert whole.judged > 0
    assert whole.bad == 0, whole


def test_nobody_is_told_anything_of_the_clean_crossing(quiet) -> None:
    assert quiet.events == []
    assert quiet.notifications() == []


@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_monitor_finds_its_fault_and_somebody_is_told(clean, name) -> None:
    found = one(FAULTS[name](clean), name, fewest=1)
    assert {event.monitor for event in found.events} == {name}
    assert [told.monitor for told in found.notifications()][:1] == [name]


@pytest.mark.parametrize("name", ["spat-rate", "spat-zero", "spat-transition", "stop-line-red", "information-age", "bsm-outside"])
def test_minutes_tell_what_the_whole_tells(clean, name) -> None:
    faulty = FAULTS[name](clean)
    whole, by_minutes, known = one(faulty, name), Report(PARAMETERS), Known()
    for begin, end in stretches(BEGIN_US, END_US, length_us=20_000_000):
        seen = window(faulty, begin, end, junctions_before=known.junctions, known=known.expected(begin))
        look(seen, by_minutes, [monitor_of(name)])
        known.learn(seen)
    assert by_minutes.hours == whole.hours
    assert sorted(event.time_us for event in by_minutes.events) == sorted(event.time_us for event in whole.events)


@pytest.mark.parametrize("name", ["spat-rate", "spat-zero", "phase-alignment"])
def test_stretches_longer_than_a_window_are_judged_once_each(clean, name) -> None:
    parameters = site_parameters({name: {"stretch_s": 60.0}}, where="a test")
    faulty, by_windows, known = FAULTS[name](clean), Report(parameters), Known()
    from_us = -(-BEGIN_US // 60_000_000) * 60_000_000  # after which all streams have begun
    whole = run(faulty, parameters, from_us=from_us, to_us=END_US, monitors=[monitor_of(name)]).of_monitor(name)
    for begin, end in stretches(from_us, END_US, length_us=20_000_000):
        seen = window(faulty, begin, end, junctions_before=known.junctions, known=known.expected(begin))
        look(seen, by_windows, [monitor_of(name)])
        known.learn(seen)
    assert by_windows.of_monitor(name) == whole
    assert whole.judged > 1


def test_too_little_is_no_verdict(clean) -> None:
    """Three vehicles took the same way that is not in the map, which is an event each and not yet a share."""
    found = one(FAULTS["way-not-in-map"](clean), "way-not-in-map")
    assert len(found.events) == 3
    assert found.notifications() == []
    verdicts = {tally.verdict(PARAMETERS["way-not-in-map"]) for tally in found.hours["way-not-in-map"].values()}
    assert verdicts == {Verdict.TOO_LITTLE}


def test_a_signal_that_is_not_mapped_is_counted_and_not_judged(clean) -> None:
    unmapped = replace(clean, map=clean.map.take(np.zeros(len(clean.map), np.bool_)))
    for name in ("phase-alignment", "green-conflict"):
        whole = one(unmapped, name).of_monitor(name)
        assert whole.judged == 0
        assert set(whole.passed) == {"no MAP of this junction was heard"}


def test_a_map_that_contradicts_itself_judges_nobody(clean) -> None:
    node = at.node()
    node["in_links"][1]["upstream_node_id"] = node["in_links"][0]["upstream_node_id"]
    wrong = replace(clean, contents=({"nodes": [node]},))
    for name in ("phase-alignment", "green-conflict", "stop-line-red", "stop-at-green", "lane-direction", "bsm-outside"):
        whole = one(wrong, name).of_monitor(name)
        assert whole.judged == 0
        assert set(whole.passed) == {"its MAP contradicts itself"}


def test_nothing_at_all_is_no_finding() -> None:
    report = run(Heard(), PARAMETERS, from_us=BEGIN_US, to_us=END_US)
    assert report.events == []
    assert all(not hours for hours in report.hours.values())


def test_dark_time_is_counted_once(clean) -> None:
    """35 s of darkness: three whole stretches for the zero rate, none of them for the rate."""
    dark = FAULTS["spat-zero"](clean)
    zero, rate = one(dark, "spat-zero").of_monitor("spat-zero"), one(dark, "spat-rate").of_monitor("spat-rate")
    assert (zero.judged, zero.bad) == (18, 3)
    assert rate.judged == 15
    assert sum(rate.passed.values()) == 3


def test_a_stream_that_was_there_before_is_missed(clean) -> None:
    silent = replace(clean, spat=at.between(clean.spat, 0.0, 20.0))
    known = Known()
    known.learn(window(clean, BEGIN_US - 60_000_000, BEGIN_US + 10_000_000))
    seen = window(silent, BEGIN_US + 150_000_000, END_US, junctions_before=known.junctions, known=known.expected(END_US))
    report = Report(PARAMETERS)
    look(seen, report, [monitor_of("spat-zero")])
    assert report.of_monitor("spat-zero").bad == 3


def test_a_map_sent_on_occasion_has_no_rate(clean) -> None:
    rare = replace(clean, map=clean.map.take(np.array([3, 90])))
    whole = one(rare, "map-rate").of_monitor("map-rate")
    assert whole.judged == 0
    assert set(whole.passed) == {"it came less than three times: sent on occasion, no rate to hold it to"}


def test_site_values_change_what_counts(clean) -> None:
    slow = FAULTS["spat-rate"](clean)
    assert one(slow, "spat-rate").of_monitor("spat-rate").bad == 18
    assert one(slow, "spat-rate", lowest_hz=5.0).of_monitor("spat-rate").bad == 0


@pytest.mark.parametrize(("name", "stream"), [("spat-count", "spat"), ("rsm-count", "participant")])
def test_a_format_without_a_count_is_not_judged_by_it(clean, name, stream) -> None:
    rows = getattr(clean, stream)
    uncounted = {stream: rows.with_columns(message_count=np.zeros(len(rows), np.uint8))}
    devices = frozenset(np.unique(rows["device_key"]).tolist())
    whole = one(replace(clean, **uncounted, uncounted=devices), name).of_monitor(name)
    assert (whole.judged, set(whole.passed)) == (0, {"its format has no message count"})
    assert one(replace(clean, **uncounted), name).of_monitor(name).bad > 0, "where there is one, a count that stands is bad"
    again = one(replace(FAULTS[name](clean), uncounted=devices), name).of_monitor(name)
    assert again.bad == one(FAULTS[name](clean), name).of_monitor(name).bad, "one that is given all the same is judged"
