"""The table of benchmarks can be read in a terminal of 80 columns, and a quick run judges nothing."""

from __future__ import annotations

import io

from rich.console import Console

from evaluation.bench.report import Ratio, show

SLOW = Ratio("one evaluation, 1000 all changed", 50.0, "a loop over all pairs", 100.0, "participants", 1.0)
FAST = Ratio("BSM batch → database", 7_247_560.0, "COPY of prepared bytes", 48_289.0, "rows", 60.0)
KNOWN = Ratio("BSM from wire to columns", 7.0, "paho + asn1tools", 2.0, "messages", None)


def shown(*rows: Ratio, is_judged: bool = True) -> tuple[bool, str]:
    out = io.StringIO()
    met = show(rows, Console(file=out, width=80), is_judged=is_judged)
    return met, out.getvalue()


def test_a_missed_bar_is_told_and_fails() -> None:
    met, text = shown(SLOW, FAST, KNOWN)
    assert not met
    assert "1 of 2 bars missed" in text
    assert shown(FAST, KNOWN)[0]


def test_a_quick_run_shows_the_bars_and_judges_none() -> None:
    met, text = shown(SLOW, FAST, is_judged=False)
    assert met
    assert "missed" not in text
    assert "≥ 60" in text


def test_numbers_are_whole_in_a_narrow_terminal() -> None:
    _, text = shown(SLOW, FAST, KNOWN)
    assert "7,247,560" in text
    assert "150.09" in text
    assert "…" not in text
