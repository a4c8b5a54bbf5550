"""A stream's score: one vote a monitor, none for one that judged too little, and only of monitors that judge what it says."""

from __future__ import annotations

import pytest

from chelu.messages import STREAMS
from chelu.quality.monitors.assessments import Tally
from chelu.quality.monitors.catalogue import BY_NAME, site_parameters
from chelu.quality.monitors.score import OF_STREAM, scores

PARAMETERS = site_parameters({}, where="a test")


def test_each_monitor_has_one_vote_whatever_the_number_of_its_items() -> None:
    found = {"spat-rate": Tally(100, 50), "spat-content": Tally(1_000_000, 0)}
    assert scores(found, PARAMETERS) == {"spat": pytest.approx(0.75)}


def test_what_judged_too_little_has_no_vote_and_nothing_at_all_is_no_score() -> None:
    assert scores({"spat-rate": Tally(5, 5), "spat-content": Tally(100, 10)}, PARAMETERS) == {"spat": pytest.approx(0.9)}
    assert scores({"spat-rate": Tally(5, 5)}, PARAMETERS) == {}
    assert scores({}, PARAMETERS) == {}


def test_everything_bad_is_a_score_of_nothing_not_no_score() -> None:
    assert scores({"rsm-rate": Tally(100, 100)}, PARAMETERS) == {"participant": 0.0}


def test_what_drivers_do_is_no_quality_of_a_stream() -> None:
    assert scores({"stop-line-red": Tally(100, 100), "lane-direction": Tally(100, 100)}, PARAMETERS) == {}


def test_the_table_names_monitors_and_streams_that_there_are_each_once() -> None:
    named = [name for names in OF_STREAM.values() for name in names]
    assert set(named) <= set(BY_NAME)
    assert len(set(named)) == len(named)
    assert set(OF_STREAM) <= set(STREAMS)
