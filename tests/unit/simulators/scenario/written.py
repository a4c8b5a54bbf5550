"""Scenarios as text, for tests: a base that is valid, with parts replaced."""

from __future__ import annotations

from textwrap import dedent, indent

from simulators.scenario.cases import Cases, Request, cases_of
from simulators.scenario.description import Description
from simulators.scenario.reading import read_text
from simulators.scenario.trace import Trace

REQUIREMENTS = "requirements: [{metric: minimum_distance_m, of: [ego, other], above: 0}]"


def scenario(*, road: str = "", actors: str = "", manoeuvres: str = "", more: str = "", after_s: float = 10) -> str:
    """The text of one; parts are YAML."""
    road = road or "shipped: {name: straight, length_m: 2000, lanes: 2}"
    actors = (
        actors
        or "ego: {under_test: true, start: {way: main, along_m: 100, speed_kmh: 72}}\nother: {start: {ahead_of: ego, gap_m: 50}}"
    )
    parts = ["scenario: tried\ntitle: Tried\nquestion: Does it work?", f"road:\n{indent(dedent(road), '  ')}"]
    parts.append(f"actors:\n{indent(dedent(actors), '  ')}")
    if manoeuvres:
        parts.append(f"manoeuvres:\n{indent(dedent(manoeuvres), '  ')}")
    return "\n".join([*parts, f"end: {{after_s: {after_s}}}", REQUIREMENTS, dedent(more)])


def described(text: str) -> Description:
    """What the text says."""
    return read_text(text, "tried.yaml")


def ran(text: str, request: Request | None = None) -> Trace:
    """Every case of it."""
    from simulators.scenario.engine import run

    description = described(text)
    return run(description, cases(description, request))


def cases(description: Description, request: Request | None = None) -> Cases:
    """Its cases: the default one unless asked for others."""
    return cases_of(description, request or Request())
