"""The verdict as a JSON document: for programs, and to compare the next build with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from simulators.scenario.evidence.shown import Evidence
from simulators.scenario.repeats import Repeats, repeats
from simulators.scenario.verdict import Judged, Outcome

FORMAT = "chelu.scenario.verdict/1"
Document = dict[str, Any]


def document(evidence: Evidence) -> Document:
    """All of it. Numbers that are none are null, infinite ones "inf" and "-inf"."""
    verdicts = evidence.verdicts
    return {
        "format": FORMAT,
        "header": asdict(evidence.header),
        "verdict": verdicts.worst.word,
        "exit_code": verdicts.exit_code,
        "runs": verdicts.runs,
        "outcomes": {outcome.word: verdicts.count(outcome) for outcome in Outcome},
        "requirements": [_described(one) for one in verdicts.requirements],
        "validity": [_described(one) for one in verdicts.validity],
        "repeats": [_repeated(one) for one in repeats(verdicts, evidence.parameters)],
        "each": [_run(evidence, run) for run in range(verdicts.runs)],
    }


def text(evidence: Evidence) -> str:
    """The document, a run a line."""
    whole = document(evidence)
    each = whole.pop("each")
    head = json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1)
    rows = ",\n  ".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in each)
    return f'{head[:-2]},\n "each": [\n  {rows}\n ]\n}}\n'


def _described(one: Judged) -> Document:
    counts = {outcome.word: one.count(outcome) for outcome in Outcome}
    return {
        "title": one.title,
        "metric": one.metric,
        "unit": one.unit,
        "of": list(one.actors),
        "clause": one.clause,
        "outcomes": counts,
    }


def _run(evidence: Evidence, run: int) -> Document:
    verdicts = evidence.verdicts
    return {
        "run": run,
        "verdict": Outcome(int(verdicts.outcome[run])).word,
        "parameters": {name: plain(column[run]) for name, column in evidence.parameters.items()},
        "requirements": [_judged(one, run) for one in verdicts.requirements],
        "validity": [_judged(one, run) for one in verdicts.validity],
    }


def _judged(one: Judged, run: int) -> Document:
    found: Document = {"verdict": one.of_run(run).word}
    found |= {name: plain(getattr(one, name)[run]) for name in ("value", "limit", "margin", "at_s")}
    return {**found, "reason": one.reason[run]} if one.reason[run] else found


def _repeated(one: Repeats) -> Document:
    found: Document = {name: getattr(one, name) for name in ("runs", "judged", "passed", "flake_rate", "is_flaky")}
    parameters: Mapping[str, float] = one.parameters
    return {
        **found,
        "pass_rate_95": [one.low, one.high],
        "parameters": {name: plain(value) for name, value in parameters.items()},
    }


def plain(value: float) -> float | str | None:
    """A number as JSON can hold it."""
    if np.isnan(value):
        return None
    return float(value) if np.isfinite(value) else str(float(value))
