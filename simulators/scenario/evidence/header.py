"""What stands above a verdict: what was asked, of what, with which versions and seeds, when."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np

LIBRARIES = ("chelu", "numpy", "pydantic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """scenario: its name; title, question and clause as described. mode: `memory`, `platform` …; began: ISO 8601, UTC.

    hashes: by what was hashed; seeds: by what they seed; versions: by name. under_test: who or what. tags: of the ODD and others.
    """

    scenario: str
    title: str = ""
    question: str = ""
    clause: str = ""
    mode: str = "memory"
    began: str = ""
    under_test: str = ""
    tags: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    seeds: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def versions() -> dict[str, str]:
    """Of what made the evidence."""
    return {**{name: version(name) for name in LIBRARIES}, "python": platform.python_version()}


def number(value: float, digits: int = 4) -> str:
    """For a person: a dash for none, ∞, a true minus, no tail of noughts."""
    if np.isnan(value):
        return "–"
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{digits}g}" if abs(value) < 1e5 else f"{value:,.0f}"
    return "0" if text == "-0" else text.replace("-", "−")


def with_unit(value: float, unit: str) -> str:
    """A number and its unit; none where there is no number."""
    text = number(value)
    return f"{text} {unit}" if unit and text != "–" else text
