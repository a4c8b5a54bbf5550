"""What a build made better or worse: two verdict documents, case by case and requirement by requirement."""

from __future__ import annotations

import enum
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chelu.errors import CheluError
from simulators.scenario.evidence.document import FORMAT
from simulators.scenario.repeats import SEED, wilson
from simulators.scenario.verdict import Outcome

Key = tuple[str, str, int]
PASS, FAIL = Outcome.PASS.word, Outcome.FAIL.word
RANKS = {outcome.word: int(outcome) for outcome in Outcome}


class Change(enum.StrEnum):
    """From the earlier document to the later one."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    NEW = "new"
    GONE = "gone"


class NoVerdictError(CheluError):
    """A file that is no verdict document."""

    def __init__(self, file: Path, reason: str) -> None:
        self.file, self.reason = file, reason
        super().__init__(f"{file} is no verdict of chelu scenario run: {reason}")


@dataclass(frozen=True, slots=True)
class Difference:
    """One requirement in one case; before and now: verdicts, empty where there is none; the margins, None where there is none."""

    case: str
    requirement: str
    change: Change
    before: str
    now: str
    margin_before: float | None
    margin_now: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that is not the same, the worst first; how many of each kind."""

    differences: tuple[Difference, ...]
    counts: Mapping[Change, int]

    @property
    def is_worse(self) -> bool:
        """Whether anything got worse, or is new and did not pass."""
        return any(
            one.change is Change.WORSE or (one.change is Change.NEW and one.now != Outcome.PASS.word) for one in self.differences
        )


def compared(before: Mapping[str, Any], now: Mapping[str, Any]) -> Comparison:
    """Cases are the same by their parameters, requirements by what they say; repeated cases in their order."""
    old, new = _rows(before), _rows(now)
    found = [_difference(key, old.get(key), new.get(key)) for key in {**old, **new}]
    order = list(Change)
    differing = sorted((one for one in found if one.change is not Change.SAME), key=lambda one: order.index(one.change))
    return Comparison(tuple(differing), dict(Counter(one.change for one in found)))


@dataclass(frozen=True, slots=True)
class Rate:
    """Of the cases that passed or failed how many passed, the 95 % interval of that rate, and how often repeated ones differ.

    flake_rate: the mean over the `repeated` cases that ran more than once.
    """

    passed: int
    judged: int
    low: float
    high: float
    repeated: int
    flake_rate: float


def rate(document: Mapping[str, Any]) -> Rate:
    """How sure a document's pass rate is."""
    outcomes = Counter[str]()
    by_case: dict[str, list[str]] = {}
    for case in document["each"]:
        outcomes[case["verdict"]] += 1
        by_case.setdefault(_case(case), []).append(case["verdict"])
    passed, judged = outcomes[PASS], outcomes[PASS] + outcomes[FAIL]
    low, high = wilson(passed, judged)
    again = [Counter(verdicts) for verdicts in by_case.values() if len(verdicts) > 1]
    flakes = [min(one[PASS], one[FAIL]) / (one[PASS] + one[FAIL]) for one in again if one[PASS] + one[FAIL]]
    return Rate(passed, judged, low, high, len(again), sum(flakes) / len(flakes) if flakes else 0.0)


def read(file: Path) -> Mapping[str, Any]:
    """A verdict document; NoVerdictError."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise NoVerdictError(file, str(error)) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise NoVerdictError(file, f"its format is not {FORMAT}")
    return found


def _rows(document: Mapping[str, Any]) -> dict[Key, Mapping[str, Any]]:
    titles = [one["title"] for one in document["requirements"]]
    found: dict[Key, Mapping[str, Any]] = {}
    seen = Counter[tuple[str, str]]()
    for run in document["each"]:
        case = _case(run)
        for title, judged in zip(titles, run["requirements"], strict=True):
            found[case, title, seen[case, title]] = judged
            seen[case, title] += 1
    return found


def _case(run: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_said(value)}" for name, value in sorted(run["parameters"].items()) if name != SEED)


def _difference(key: Key, before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> Difference:
    case, title, _ = key
    words = [each["verdict"] if each else "" for each in (before, now)]
    margins = [_number(each["margin"]) if each else None for each in (before, now)]
    return Difference(case, title, _change(*words), words[0], words[1], margins[0], margins[1])


def _change(before: str, now: str) -> Change:
    if not before:
        return Change.NEW
    if not now:
        return Change.GONE
    if RANKS[before] == RANKS[now]:
        return Change.SAME
    return Change.WORSE if RANKS[now] > RANKS[before] else Change.BETTER


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)


def _said(value: float | str | None) -> str:
    return f"{value:g}" if isinstance(value, float | int) else str(value)
