"""Work goes on round by round, whatever becomes of a round."""

from __future__ import annotations

import logging
import threading

import pytest

from chelu.errors import UnreachableError
from services.registry.rounds import Rounds
from tests.waiting import until


def test_a_round_that_fails_is_told_once_and_the_next_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    away, other = UnreachableError("the database", "here", "away"), ValueError("never thought of")
    outcomes = iter([away, KeyError("nor of this"), None, other, None])
    done: list[str] = []

    def work() -> None:
        outcome = next(outcomes, None)
        done.append("round")
        if outcome is not None:
            raise outcome

    rounds = Rounds.every(0.001, "tried", work, "nothing is done")
    with caplog.at_level(logging.WARNING):
        rounds.start()
        until(lambda: len(done) >= 6, 10, "six rounds")
        rounds.stop()
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["nothing is done"] * 2
    assert [bool(record.exc_info) for record in caplog.records] == [False, True]


def test_one_that_waits_for_long_ends_at_once_when_it_is_woken() -> None:
    something, done = threading.Event(), threading.Event()
    rounds = Rounds("waiting", done.set, "", wait=lambda _: something.wait(600), wake=something.set)
    rounds.start()
    rounds.stop()
    assert not done.is_set()


def test_after_a_round_that_failed_it_pauses_and_ends_at_once_all_the_same() -> None:
    done: list[str] = []

    def work() -> None:
        done.append("round")
        raise UnreachableError("the database", "here", "away")

    rounds = Rounds("pausing", work, "nothing is done", wait=lambda _: None, pause_s=600)
    rounds.start()
    until(lambda: done, 10, "a round")
    rounds.stop()
    assert done == ["round"]
