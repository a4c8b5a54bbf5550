"""The corridor's judge: pairs of runs become means with their intervals, and how long others need to recover."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from evaluation.corridor.command import recovers_s, summary, tables


def run(travel_s: float, delay_s: float, queues: list[int], **more: Any) -> dict[str, Any]:
    breaches = {"conflicting_greens": 0, "short_greens": 0}
    about = {
        "stops": 1,
        "granted": 3,
        "refused": 0,
        "warned": 2,
        "reroutes": 0,
        "own_collisions": 0,
        "collisions": 0,
        "breaches": breaches,
    }
    return {"travel_s": travel_s, "others": {"delay_s": delay_s}, "queues": queues, **about, **more}


def test_seeds_that_have_both_runs_are_paired_and_others_wait() -> None:
    flat = [5] * 1500
    done = {
        "1/none": run(300, 10.0, flat), "1/corridor": run(200, 11.0, flat),
        "2/none": run(260, 12.0, flat), "2/corridor": run(220, 12.5, flat),
        "3/none": run(999, 99.0, flat),
    }  # fmt: skip
    found = summary(done)
    assert found["seeds"] == 2
    assert (found["travel_s"], found["with_s"], found["saved_s"], found["saved_percent"]) == (280.0, 210.0, 70.0, 25.0)
    assert (found["others_more_s"], found["recovers_s"], found["unsafe"]) == (0.75, 0.0, 0)
    assert found["saved_half_s"] > 300  # of two runs little is known


def test_whatever_was_unsafe_in_either_run_counts() -> None:
    flat = [5] * 1500
    bad = run(200, 11.0, flat, own_collisions=1, breaches={"conflicting_greens": 2, "short_greens": 0})
    found = summary({"1/none": run(300, 10.0, flat), "1/corridor": bad})
    assert (found["unsafe"], found["runs"][0]["with_own_collisions"]) == (2, 1)


def test_others_have_recovered_when_no_more_stand_than_without_it() -> None:
    without = [10] * 400
    own = [10] * 100 + [20] * 60 + [10] * 240
    assert recovers_s(without, own, 100) == 59  # half a minute's mean
    assert recovers_s(without, without, 100) == 0
    assert recovers_s(without, [20] * 400, 100) == 300


def test_without_runs_there_is_nothing_to_say() -> None:
    assert summary({})["seeds"] == 0


def test_on_a_usual_terminal_nothing_of_the_tables_is_cut() -> None:
    flat, many = [5] * 1500, {"stops": 12, "granted": 24, "refused": 12, "collisions": 10}
    done = {f"{seed}/{arm}": run(1234 + seed, 123.4, flat, **many) for seed in (9001, 9002) for arm in ("none", "corridor")}
    printed = io.StringIO()
    for shown in tables(summary(done)):
        Console(file=printed, width=80).print(shown)
    said = printed.getvalue()
    for head in (
        "without s",
        "saved s",
        "refused",
        "delay s",
        "more s",
        "recovers s",
        "collisions",
        "unsafe",
        "10235",
        "10 → 10",
    ):
        assert head in said
    assert "…" not in said
    assert tables(summary({}))[0].row_count == 0
