"""`chelu scenario compare` as a person calls it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from chelu.cli import build
from chelu.errors import CheluError
from simulators.scenario.comparison import rate


def document(*verdicts):
    requirement = {"title": "ttc_s of ego, other ≥ 1.5"}
    each = [
        {"verdict": verdict, "parameters": {"gap_m": float(gap)}, "requirements": [{"verdict": verdict, "margin": 0.5}]}
        for gap, verdict in enumerate(verdicts)
    ]
    return {"format": "chelu.scenario.verdict/1", "requirements": [requirement], "each": each}


@pytest.fixture
def compare(tmp_path):
    def called(before, now):
        files = [tmp_path / name for name in ("before.json", "now.json")]
        for file, content in zip(files, (before, now), strict=True):
            file.write_text(json.dumps(content), "utf-8")
        return CliRunner().invoke(build(), ["scenario", "compare", *map(str, files)])

    return called


def test_what_got_worse_is_told_first_and_is_no_success(compare) -> None:
    found = compare(document("pass", "fail", "pass"), document("fail", "pass", "pass"))
    assert found.exit_code == 1
    lines = found.stdout.splitlines()
    assert lines[1].startswith("worse")
    assert "gap_m 0" in lines[1]
    assert lines[2].startswith("better")
    assert lines[-3] == "1 worse, 1 better, 1 same"
    assert lines[-2] == "before: 2 of 3 cases that were judged passed, pass rate 20.8% to 93.9% (95 %)"


def test_what_only_got_better_is_a_success(compare) -> None:
    assert compare(document("fail", "pass"), document("pass", "pass")).exit_code == 0
    assert compare(document("pass"), document("pass")).stdout.splitlines()[0] == "1 same"


def test_how_often_a_case_that_ran_again_came_out_otherwise_is_told() -> None:
    document_ = document("pass", "fail", "pass", "error", "pass")
    for run, gap in zip(document_["each"], (1, 1, 1, 2, 2), strict=True):
        run["parameters"] = {"gap_m": gap, "seed": run["parameters"]["gap_m"]}
    found = rate(document_)
    assert (found.passed, found.judged, found.repeated) == (3, 4, 2)
    assert found.flake_rate == pytest.approx((1 / 3 + 0) / 2)  # an error is no outcome of the case
    assert (found.low, found.high) == pytest.approx((0.3006, 0.9544), abs=1e-4)  # Wilson 1927, 3 of 4


def test_what_is_no_verdict_is_refused_by_name(compare) -> None:
    found = compare({"format": "another"}, document("pass"))
    assert isinstance(found.exception, CheluError)
    assert "before.json is no verdict" in str(found.exception)
