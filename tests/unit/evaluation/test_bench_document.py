"""A document gets the tables of a run where it asks for them, and keeps the rest."""

from __future__ import annotations

import pytest

from chelu.errors import ConfigurationError
from evaluation.bench.document import filled, joined
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings, Results

MACHINE = {
    "cores": 2,
    "processor": "a fast one",
    "memory_gib": 24,
    "python": "3.11",
    "numpy": "2.4",
    "is_native": False,
    "mosquitto": "2.0.11",
    "postgresql": "18.4",
}
TEXT = "before\n<!-- bench: figures -->\nold\n<!-- end -->\nbetween\n<!-- bench: stages -->\nkept\n<!-- end -->\nafter\n"


def run(**series: object) -> Results:
    results = Results(MACHINE, is_quick=False)
    missed = Figure(what="rate", values=(90_000.0, 80_000.0, 85_000.0), unit="rows/s", key="rate", bar=100_000.0)
    results.add("one", Findings([missed, Figure(what="told only", values=(1.0,), unit="s")], series), 1.0)
    return results


def test_a_table_takes_the_place_of_what_stood_there() -> None:
    text = filled(TEXT, run().document())
    assert "| `rate` | 85,000 | 80,000 – 90,000 | 3 | rows/s | ≥ 100,000 | **missed** |" in text
    assert "2 cores of a fast one" in text
    assert "old" not in text
    assert "told only" not in text


def test_what_the_run_does_not_have_stays() -> None:
    text = filled(TEXT, run().document())
    assert "<!-- bench: stages -->\nkept\n<!-- end -->" in text
    assert [line for line in text.splitlines() if line in {"before", "between", "after"}] == ["before", "between", "after"]


def test_filling_twice_changes_nothing() -> None:
    stages = [{"stage": "decode", "median_us": 1.0, "min_us": 0.9, "max_us": 1.2}]
    once = filled(TEXT, run(stages=stages).document())
    assert filled(once, run(stages=stages).document()) == once
    assert "| decode | 1.00 | 0.90 – 1.20 | 100% |" in once


def test_parts_of_several_runs_stand_together_and_the_later_counts() -> None:
    first, second = run().document(), run().document()
    again = Figure(what="rate", values=(120_000.0,), unit="rows/s", key="rate", bar=100_000.0)
    second["parts"] = {"one": {"figures": [again.document()], "series": {}}, "two": first["parts"]["one"]}
    text = filled(TEXT, joined([first, second]))
    assert "| `rate` | 120,000 |" in text
    assert "| `rate` | 85,000 |" in text


def test_runs_of_two_machines_are_not_put_into_one_table() -> None:
    other = {**run().document(), "machine": {**MACHINE, "cores": 4}}
    with pytest.raises(ConfigurationError, match="4 cores"):
        joined([run().document(), other])
