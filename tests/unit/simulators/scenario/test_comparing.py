"""`chelu scenario compare` as a person calls it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from chelu.cli import build
from chelu.errors import CheluError


def document(*verdicts):
    requirement = {"title": "ttc_s of ego, other ≥ 1.5"}
    each = [
        {"parameters": {"gap_m": float(gap)}, "requirements": [{"verdict": verdict, "margin": 0.5}]}
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
    assert lines[-1] == "1 worse, 1 better, 1 same"


def test_what_only_got_better_is_a_success(compare) -> None:
    assert compare(document("fail", "pass"), document("pass", "pass")).exit_code == 0
    assert compare(document("pass"), document("pass")).stdout.strip() == "1 same"


def test_what_is_no_verdict_is_refused_by_name(compare) -> None:
    found = compare({"format": "another"}, document("pass"))
    assert isinstance(found.exception, CheluError)
    assert "before.json is no verdict" in str(found.exception)
