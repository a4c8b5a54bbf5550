"""What a stretch of load is judged by: every row, the rate, the queue, and memory from a quarter of the run on."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.bench import plots, tables
from evaluation.bench.damage import figures as damage_figures
from evaluation.bench.ladder import summary
from evaluation.bench.report import Figure
from evaluation.bench.road import Step
from evaluation.bench.site import BAR_PER_S, figures, growth_mb, retreats
from evaluation.bench.soak import cut, growth_share
from evaluation.bench.soak import figures as soak_figures

SECONDS = 60
WELL = Step(
    offered_per_s=1000.0,
    seconds=60.0,
    sent=60_000,
    stored=60_000,
    dropped={},
    rate_per_s=998.0,
    behind_ms=50.0,
    latencies=np.stack([np.arange(600) / 10, np.linspace(10, 50, 600)], axis=1),
    late_ms=2.0,
    progress=[(float(second), 1000 * second) for second in range(1, SECONDS + 1)],
    cpu_s={"ingest": 0.6, "ingest-2": 0.6, "broker": 0.3},
    rss_mb={"ingest": [100.0] * 30 + [150.0] * 90, "ingest-2": [100.0] * 120, "broker": [10.0] * 120, "database": [300.0] * 120},
    rss_at_s=[look / 2 for look in range(120)],
)


def by_key(found: list[Figure]) -> dict[str, Figure]:
    return {one.key: one for one in found if one.key}


def test_a_step_is_kept_up_with_when_all_is_well() -> None:
    assert WELL.is_kept_up_with
    assert WELL.latency_ms == pytest.approx((30, 48, 49.6), abs=0.1)
    assert WELL.cpu_us_a_row() == pytest.approx({"ingest": 10, "ingest-2": 10, "broker": 5})


@pytest.mark.parametrize(
    "fault",
    [
        {"stored": 59_999},
        {"stored": 59_900, "dropped": {"queue_full": 100}},
        {"behind_ms": 1500.0},
        {"rate_per_s": 940.0},
        {"latencies": np.stack([np.arange(600) / 10, np.linspace(10, 2000, 600)], axis=1)},
        {"latencies": np.empty((0, 2))},
        {"sent": 50_000, "stored": 50_000},
        {"sent": 0, "stored": 0, "rate_per_s": 0.0},
    ],
)
def test_a_step_with_one_fault_is_not(fault: dict[str, object]) -> None:
    assert not replace(WELL, **fault).is_kept_up_with  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offered_per_s", "stored_per_s", "is_held"),
    [(33_750.0, 32_445.0, True), (131_953.0, 125_597.0, True), (140_977.0, 124_841.0, False)],
)
def test_a_short_step_may_fall_behind_by_its_own_start_and_not_by_a_queue(
    offered_per_s: float, stored_per_s: float, is_held: bool
) -> None:
    rows = round(offered_per_s * 5)
    step = replace(WELL, offered_per_s=offered_per_s, seconds=5.0, sent=rows, stored=rows, rate_per_s=stored_per_s)
    assert step.is_kept_up_with == is_held


def test_rows_that_were_spoilt_are_not_missed_in_the_rate() -> None:
    damaged = replace(WELL, stored=57_000, dropped={"undecodable": 3000}, spoilt=3000, rate_per_s=930.0)
    assert damaged.is_kept_up_with
    assert not replace(damaged, rate_per_s=890.0).is_kept_up_with


def test_rows_that_were_spoilt_may_be_dropped_and_no_others() -> None:
    damaged = replace(WELL, stored=59_000, dropped={"undecodable": 1000}, spoilt=1000)
    assert damaged.is_kept_up_with
    assert not replace(damaged, stored=58_999, dropped={"undecodable": 1001}).is_kept_up_with
    assert not replace(damaged, stored=58_999).is_kept_up_with


def test_damage_is_judged_by_the_rate_that_is_left_and_by_whole_rows_lost() -> None:
    damaged = replace(WELL, rate_per_s=0.85 * 998, stored=59_000, dropped={"undecodable": 1000}, spoilt=1000)
    found = by_key(damage_figures([WELL, WELL], [damaged, damaged]))
    assert found["damage_rate_share"].values == pytest.approx((0.85, 0.85))
    assert found["damage_rate_share"].is_met
    assert found["damage_lost"].is_met
    found = by_key(damage_figures([WELL], [replace(damaged, rate_per_s=790.0, stored=58_999)]))
    assert not found["damage_rate_share"].is_met
    assert not found["damage_lost"].is_met


def test_rows_that_nobody_accounts_for_are_lost_and_dropped_ones_are_not() -> None:
    step = replace(WELL, stored=59_000, dropped={"queue_full": 900})
    assert step.lost == 100
    assert not by_key(figures([step]))["end_to_end_lost"].is_met


def test_one_run_of_many_that_lost_a_row_or_grew_too_much_misses() -> None:
    lossy = replace(WELL, stored=59_999)
    rising = replace(WELL, rss_mb={**WELL.rss_mb, "broker": [100.0 + look for look in range(120)]})
    found = by_key(figures([WELL, lossy, WELL, rising, WELL]))
    assert not found["end_to_end_lost"].is_met
    assert not found["end_to_end_rss_growth_mb"].is_met
    assert not by_key(damage_figures([WELL] * 3, [WELL, lossy, WELL]))["damage_lost"].is_met


def test_memory_that_was_found_in_the_first_quarter_does_not_count_as_growth() -> None:
    assert growth_mb(WELL) == 0
    rising = replace(WELL, rss_mb={"ingest": [100.0 + look for look in range(120)], "broker": [10.0] * 120})
    assert growth_mb(rising) == pytest.approx(87)
    assert not by_key(figures([rising]))["end_to_end_rss_growth_mb"].is_met


def test_memory_of_the_second_worker_counts_and_that_of_the_database_does_not() -> None:
    rising = [100.0 + look for look in range(120)]
    second = replace(WELL, rss_mb={**WELL.rss_mb, "ingest-2": rising})
    assert growth_mb(second) == pytest.approx(87)
    found = soak_figures(second, cut(second, [(0.0, 5.0), (60.0, 65.0)], 10.0, SECONDS))
    assert not by_key(found)["soak_memory_growth_percent"].is_met
    assert growth_mb(replace(WELL, rss_mb={**WELL.rss_mb, "database": rising})) == 0


def test_a_rate_below_the_bar_is_missed_and_one_at_it_is_met() -> None:
    assert not by_key(figures([WELL]))["end_to_end_per_s"].is_met
    assert by_key(figures([replace(WELL, rate_per_s=100_000.0)]))["end_to_end_per_s"].is_met


def test_a_step_of_which_nothing_was_stored_can_be_written() -> None:
    nothing = replace(WELL, stored=0, latencies=np.empty((0, 2)))
    assert nothing.latency_ms == (math.inf,) * 3
    assert summary(nothing)["latency_ms"] == {"p50": None, "p95": None, "p99": None}


def test_a_soak_in_windows_has_the_rate_and_the_latency_of_each() -> None:
    windows = cut(WELL, [(0.0, 5.0), (30.0, 35.0), (60.0, 65.0)], 10.0, SECONDS)
    assert [window["minute"] for window in windows] == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1])
    assert [window["rate_per_s"] for window in windows] == pytest.approx([1000] * 6)
    assert windows[0]["p99_ms"] < 17 < windows[2]["p99_ms"]
    assert (windows[0]["disk_mb"], windows[-1]["disk_mb"]) == (5.0, 65.0)


def test_a_soak_whose_memory_grows_by_a_tenth_is_missed() -> None:
    assert growth_share([100.0] * 100) == 0
    growing = replace(WELL, rss_mb={"ingest": [100.0 + look / 10 for look in range(120)], "broker": [0.0] * 120})
    windows = cut(growing, [(0.0, 5.0), (60.0, 65.0)], 10.0, SECONDS)
    found = by_key(soak_figures(growing, windows))
    assert not found["soak_memory_growth_percent"].is_met
    assert found["soak_per_s"].is_met


def test_series_become_plots_and_tables(tmp_path: Path) -> None:
    broken = replace(WELL, offered_per_s=1500.0, stored=50_000, latencies=np.empty((0, 2)))
    memory = {"seconds": list(WELL.rss_at_s), "mb": {name: list(values) for name, values in WELL.rss_mb.items()}}
    series = {
        "rate_against_cores": [
            {"cores": 1, "workers": 1, "rate_per_s": 1000.0},
            {"cores": 2, "workers": 1, "rate_per_s": 1900.0},
        ],
        "latency_against_load": [summary(WELL), summary(broken)],
        "memory_over_time": {**memory, "settled_share": 0.25},
        "long_runs": [summary(WELL)],
        "stages": [{"stage": "decode", "median_us": 1.0, "min_us": 0.9, "max_us": 1.2}],
        "soak": {"offered_per_s": 1000.0, "windows": cut(WELL, [(0.0, 5.0), (60.0, 9.0)], 10.0, SECONDS), "memory": memory},
    }
    files = plots.draw(series, tmp_path)
    assert [file.name for file in files] == [f"{name}.png" for name in plots.DRAWINGS]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    assert [table.title for table in tables.of(series)] == [
        "stages of ingest",
        "load and latency",
        "processors in the long runs",
    ]


def test_the_last_retreat_offers_little_more_than_the_bar_asks() -> None:
    for top_per_s in (200_000.0, 140_977.0, 110_000.0):
        rates = retreats(top_per_s)
        assert rates == sorted(rates, reverse=True)
        assert rates[0] == top_per_s
        assert BAR_PER_S < rates[-1] < 1.05 * BAR_PER_S


def test_a_top_below_the_bar_is_retreated_from_by_shares() -> None:
    assert retreats(50_000.0) == [50_000.0, 47_500.0, 45_000.0, 40_000.0]
