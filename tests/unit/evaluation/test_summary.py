"""The demo's verdict: rows must add up, staged conflicts must be met, decks must stay apart."""

from dataclasses import replace

import numpy as np

from evaluation.demo.summary import NAMES, Measured, StreamCount, at_least_accounted, latency_sentence, percentiles, summarise
from services.inference.v2x.catalogue import APPLICATIONS

GOOD = Measured(
    seconds=10.0,
    published={"bsm": 100, "spat": 50},
    counted={"bsm": StreamCount(100, 98, {"late": 0, "truncated": 2}), "spat": StreamCount(50, 50, {})},
    warnings={"icw": 2, "fcw": 1},
    publish_to_stored_ms=np.arange(1.0, 101.0),
    publish_to_warning_ms=np.array([4.0]),
    staged_failures=(),
    cross_deck=(),
)


def test_a_run_that_adds_up_passes() -> None:
    summary = summarise(GOOD)
    assert summary["failures"] == []
    assert (summary["published"], summary["received"], summary["stored"]) == (150, 150, 148)
    assert summary["dropped"]["truncated"] == 2
    assert summary["rate_per_s"] == 14.8
    assert list(summary["warnings"]) == ["fcw", "icw"]
    assert summary["latency_ms"]["publish_to_warning"] == {"p50": 4.0, "p95": 4.0, "p99": 4.0, "samples": 1}


def test_a_row_that_is_neither_stored_nor_dropped_fails_the_run() -> None:
    (failure,) = summarise(replace(GOOD, published={"bsm": 101, "spat": 50}))["failures"]
    assert "bsm: 101 rows published, but 100 stored or dropped" in failure


def test_losses_of_one_stream_are_not_hidden_by_doubles_of_another() -> None:
    assert len(summarise(replace(GOOD, published={"bsm": 99, "spat": 51}))["failures"]) == 2


def test_a_stream_that_never_arrived_fails_the_run() -> None:
    assert any("map: 3" in failure for failure in summarise(replace(GOOD, published={"map": 3}))["failures"])


def test_missed_conflicts_and_cross_deck_warnings_fail_the_run() -> None:
    failures = summarise(replace(GOOD, staged_failures=("hard brake missed",), cross_deck=("decks 1 and 3",)))["failures"]
    assert failures == ["hard brake missed", "decks 1 and 3"]


def test_a_run_without_latency_samples_does_not_pass() -> None:
    nothing = np.empty(0)
    assert len(summarise(replace(GOOD, publish_to_stored_ms=nothing, publish_to_warning_ms=nothing))["failures"]) == 2
    assert percentiles(nothing) == {"p50": None, "p95": None, "p99": None, "samples": 0}


def test_latencies_are_told_in_whole_milliseconds() -> None:
    assert latency_sentence(percentiles(np.array([4.4]))) == "4 ms (p50), 4 ms (p95), 4 ms (p99) of 1 samples"
    assert latency_sentence(percentiles(np.empty(0))) == "no samples"


def test_no_more_is_shown_as_stored_than_as_published() -> None:
    counted = {"bsm": StreamCount(12, 10, {"duplicate": 2}), "spat": StreamCount(1, 1, {})}
    assert at_least_accounted({"bsm": 5, "spat": 7, "participant": 3}, counted) == {"bsm": 12, "spat": 7, "participant": 3}
    assert at_least_accounted({"bsm": 5}, {}) == {"bsm": 5}


def test_every_application_has_a_name_for_people() -> None:
    assert set(NAMES) == {one.name for one in APPLICATIONS}
