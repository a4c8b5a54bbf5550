"""docs/suites.md says of every item of every suite what was found; some of it is found again here."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from simulators.scenario.suite.description import Suite
from simulators.scenario.suite.library import Found, suite_of, suites
from simulators.scenario.suite.page import section
from simulators.scenario.suite.running import Request, run

PAGE = (Path(__file__).parents[3] / "docs" / "suites.md").read_text("utf-8")
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)
QUIET = Console(file=StringIO())


def part(name: str) -> str:
    """A suite's section of the page."""
    return PAGE.split(f"## `{name}`: ")[1].split("\n## `")[0]


def only(name: str, *items: tuple[str | None, str]) -> Found:
    """A suite with some of its items."""
    found = suite_of(name)
    kept = tuple(one for one in found.suite.items if (one.scenario, one.name) in items)
    assert len(kept) == len(items)
    return replace(found, suite=found.suite.model_copy(update={"items": kept}))


@pytest.mark.parametrize("name", suites())
def test_the_page_has_every_item(name: str) -> None:
    suite: Suite = suite_of(name).suite
    assert ROW.findall(part(name)) == [(one.scenario or "r157", one.name) for one in suite.items]


@pytest.mark.parametrize(
    ("name", "items"),
    [
        ("applications", [("slw", "negative"), ("evw", "boundary"), ("svw", "positive")]),
        ("mountain", [("hairpin-slow", "all values")]),
        ("r157", [(None, "deceleration rss")]),
    ],
)
def test_what_the_page_says_is_found_again(name: str, items: list[tuple[str | None, str]]) -> None:
    found = only(name, *items)
    outcomes = run(found, Request(), QUIET)
    assert outcomes is not None
    rows = [row for row in section(found.suite, outcomes).splitlines() if row.startswith("| `")]
    assert len(rows) == len(items)
    assert all(row in part(name) for row in rows), rows
