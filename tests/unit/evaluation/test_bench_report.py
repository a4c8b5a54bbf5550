"""The table of benchmarks can be read in a terminal of 80 columns, and a quick run judges nothing."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from evaluation.bench.report import Figure, Ratio, interleaved, number, show

SLOW = Ratio(
    "one evaluation, 1000 all changed", (50.0, 49.0, 51.0), "a loop over all pairs", (100.0,) * 3, "participants", 1.0, "slow"
)
FAST = Ratio("BSM batch → database", (7_247_560.0,), "COPY of prepared bytes", (48_289.0,), "rows", 60.0)
KNOWN = Ratio("BSM from wire to columns", (7.0,), "paho + asn1tools", (2.0,), "messages", None)
LATE = Figure(what="publish → warning, p99", values=(18.0, 22.0, 30.0), unit="ms", key="late", bar=20.0, is_limit=True)


def shown(*rows: Ratio | Figure, is_judged: bool = True) -> tuple[bool, str]:
    out = io.StringIO()
    figures = [row.figure() if isinstance(row, Ratio) else row for row in rows]
    met = show(figures, Console(file=out, width=80), is_judged=is_judged)
    return met, out.getvalue()


def test_a_missed_bar_is_told_and_fails() -> None:
    met, text = shown(SLOW, FAST, KNOWN)
    assert not met
    assert "missed: slow is 0.50 ×, and ≥ 1 is asked for" in text
    assert "1 of 2 bars missed" in text
    assert shown(FAST, KNOWN)[0]


def test_a_limit_is_missed_from_above() -> None:
    met, text = shown(LATE)
    assert not met
    assert "missed: late is 22 ms, and ≤ 20 is asked for" in " ".join(text.split())


@pytest.mark.parametrize(("values", "is_limit", "worst"), [((0.0, 0.0, 3.0), True, 3), ((9.0, 9.0, 2.0), False, 2)])
def test_what_has_to_hold_each_time_is_judged_by_its_worst_value(values: tuple[float, ...], is_limit: bool, worst: int) -> None:
    bar = 0.0 if is_limit else 5.0
    median = Figure(what="rows", values=values, unit="rows", key="rows", bar=bar, is_limit=is_limit)
    each = replace(median, is_by_worst=True)
    assert median.is_met
    assert not each.is_met
    assert not Figure.of(each.document()).is_met
    sign = "≤" if is_limit else "≥"
    assert f"missed: rows is {worst} rows, and each {sign} {bar:g} is asked for" in " ".join(shown(each)[1].split())


def test_a_quick_run_shows_the_bars_and_judges_none() -> None:
    met, text = shown(SLOW, FAST, LATE, is_judged=False)
    assert met
    assert "missed" not in text
    assert "≥ 60" in text


def test_numbers_are_whole_in_a_narrow_terminal() -> None:
    _, text = shown(SLOW, FAST, KNOWN)
    assert "7,247,560" in text
    assert "150" in text
    assert "0.49 – 0.51" in text
    assert "…" not in text


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    ratio = Ratio("path", (10.0, 30.0, 60.0), "other", (10.0, 10.0, 10.0), "rows", None).figure()
    swift = Ratio("path", (10.0, 30.0, 60.0), "other", (1.0, 30.0, 20.0), "rows", None).figure()
    assert (ratio.median, ratio.values) == (3.0, (1.0, 3.0, 6.0))
    assert swift.values == (10.0, 1.0, 3.0)
    assert swift.median == 3.0


def test_sides_take_turns() -> None:
    turns: list[str] = []

    def side(name: str) -> int:
        turns.append(name)
        return 1

    rates = interleaved(lambda: side("ours"), lambda: side("theirs"), rounds=3)
    assert turns == ["ours", "theirs"] * 3
    assert [len(side) for side in rates] == [3, 3]
    assert min(min(side) for side in rates) > 0


def test_digits_are_as_many_as_one_reads() -> None:
    assert [number(value) for value in (123_456.7, 45.67, 0.1234, 0.0)] == ["123,457", "45.7", "0.12", "0"]
