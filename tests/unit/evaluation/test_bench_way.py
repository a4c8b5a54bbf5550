"""The way of a warning: instants joined with when it was published, and what each stage took."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.bench.document import filled
from evaluation.bench.way import STAGES, Heard, passed, stages


def test_a_warning_that_was_not_stored_as_published_is_left_out() -> None:
    heard = [Heard("a", 0, 1_000, 3_000, 9_000), Heard("b", 5, 6, 7, 8)]
    assert passed(heard, {"a": 8_000}).tolist() == [[0, 1_000, 3_000, 8_000, 9_000]]


def test_nothing_that_was_heard_is_no_rows() -> None:
    assert passed([], {}).shape == (0, 5)


def test_means_of_the_stages_add_up_to_the_whole_also_of_the_slowest() -> None:
    steps = np.random.default_rng(1).integers(100, 9_000, (500, 4))
    instants = np.concatenate([np.zeros((500, 1), np.int64), np.cumsum(steps, axis=1)], axis=1)
    *parts, whole = stages(instants)
    assert [one["stage"] for one in parts] == list(STAGES)
    for name in ("mean_ms", "slowest_ms"):
        assert sum(one[name] for one in parts) == pytest.approx(whole[name])
    assert whole["p99_ms"] == pytest.approx(np.percentile(steps.sum(axis=1), 99) / 1e3)
    assert whole["slowest_ms"] > whole["p99_ms"] > whole["p50_ms"]


def test_the_stages_become_a_table_of_the_document() -> None:
    rows = stages(np.array([[0, 1_000, 3_000, 8_000, 9_000]]))
    run = {"parts": {"warning": {"figures": [], "series": {"warning_way": rows}}}}
    text = filled("<!-- bench: warning_way -->\n<!-- end -->\n", run)
    assert f"| {STAGES[2]} | 5.00 | 5.00 | 5.00 | 5.00 |" in text
    assert "| all | 9.00 |" in text
