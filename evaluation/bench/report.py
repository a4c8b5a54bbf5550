"""How a benchmark says what it measured: figures with their spread and bar, and the rates of sides that ran interleaved."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

Rates = tuple[float, ...]  # units per second, one of each round


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured quantity: a value of each repetition, judged by their median, or by the worst of them.

    key: its name in the JSON file, empty where there is none; bar: what is asked for (None: for information), reached from below,
    or from above when `is_limit`; is_by_worst: each value has to reach it, as of what may never be lost; sides: the median rates
    that a ratio was made of.
    """

    what: str
    values: tuple[float, ...]
    unit: str
    key: str = ""
    bar: float | None = None
    is_limit: bool = False
    is_by_worst: bool = False
    sides: tuple[float, float] | None = None

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def judged(self) -> float:
        """What is held against the bar."""
        if not self.is_by_worst:
            return self.median
        return max(self.values) if self.is_limit else min(self.values)

    @property
    def is_met(self) -> bool:
        """Whether the bar is reached; true where there is none."""
        if self.bar is None:
            return True
        return self.judged <= self.bar if self.is_limit else self.judged >= self.bar

    @property
    def bar_text(self) -> str:
        """The bar as a person reads it."""
        if self.bar is None:
            return ""
        return f"{'each ' if self.is_by_worst else ''}{'≤' if self.is_limit else '≥'} {self.bar:,g}"

    def document(self) -> dict[str, Any]:
        """As in the JSON file."""
        found: dict[str, Any] = {
            "what": self.what,
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "bar": self.bar,
            "is_limit": self.is_limit,
            "is_by_worst": self.is_by_worst,
            "is_met": self.is_met,
            "unit": self.unit,
            "n": len(self.values),
            "values": list(self.values),
        }
        if self.sides is not None:
            found |= {"ours_per_s": self.sides[0], "other_per_s": self.sides[1]}
        return found if not self.key else {"key": self.key, **found}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Figure:
        """The figure that a `document` tells of."""
        sides = (document["ours_per_s"], document["other_per_s"]) if "ours_per_s" in document else None
        return cls(
            what=document["what"],
            values=tuple(document["values"]),
            unit=document["unit"],
            key=document.get("key", ""),
            bar=document["bar"],
            is_limit=document["is_limit"],
            is_by_worst=document.get("is_by_worst", False),
            sides=sides,
        )


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours against another way, in `unit` per second: each round gives a ratio of its own, and the bar is for their median."""

    path: str
    ours: Rates
    other: str
    theirs: Rates
    unit: str
    bar: float | None
    key: str = ""

    def figure(self) -> Figure:
        """The ratio with its spread."""
        ratios = tuple(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))
        return Figure(
            what=f"{self.path} ({self.unit})\nagainst {self.other}",
            values=ratios,
            unit="×",
            key=self.key,
            bar=self.bar,
            sides=(median(self.ours), median(self.theirs)),
        )


def interleaved(*sides: Callable[[], int], rounds: int = 5) -> tuple[Rates, ...]:
    """Units per second of each side in each of `rounds`; a side does its work once a round and returns its units."""
    rates: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, measured in zip(sides, rates, strict=True):
            start = time.perf_counter()
            units = side()
            measured.append(units / (time.perf_counter() - start))
    return tuple(map(tuple, rates))


def show(figures: Sequence[Figure], console: Console, *, is_judged: bool) -> bool:
    """Print the figures as tables, and a sentence on the bars: are all met? True when not judged."""
    ratios, others = [one for one in figures if one.sides], [one for one in figures if not one.sides]
    if ratios:
        console.print(_ratio_table(ratios, is_judged=is_judged))
    if others:
        console.print(_table(others, is_judged=is_judged))
    missed, bars = [one for one in figures if not one.is_met], sum(one.bar is not None for one in figures)
    if not is_judged:
        console.print("a first look: bars are shown, not judged; a real measurement is `chelu bench`")
        return True
    for one in missed:
        what = one.key or one.what.replace("\n", " ")
        console.print(f"[red]missed: {what} is {number(one.judged)} {one.unit}, and {one.bar_text} is asked for")
    if bars:
        console.print(f"[red]{len(missed)} of {bars} bars missed" if missed else f"[green]all {bars} bars met")
    return not missed


def number(value: float) -> str:
    """As many digits as one reads: whole from a hundred on."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _ratio_table(figures: Sequence[Figure], *, is_judged: bool) -> Table:
    table = _columns("path", "ours /s", "its /s", "ratio", "min – max", "bar", "")
    for one in figures:
        ours, theirs = one.sides or (0.0, 0.0)
        table.add_row(one.what, number(ours), number(theirs), *_spread(one), one.bar_text, _verdict(one, is_judged=is_judged))
    return table


def _table(figures: Sequence[Figure], *, is_judged: bool) -> Table:
    table = _columns("figure", "median", "min – max", "unit", "bar", "")
    for one in figures:
        table.add_row(one.what, *_spread(one), one.unit, one.bar_text, _verdict(one, is_judged=is_judged))
    return table


def _columns(first: str, *others: str) -> Table:
    table = Table(first, box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _spread(figure: Figure) -> tuple[str, str]:
    low, high = min(figure.values), max(figure.values)
    return number(figure.median), f"{number(low)} – {number(high)}" if low != high else ""


def _verdict(figure: Figure, *, is_judged: bool) -> str:
    if figure.bar is None or not is_judged:
        return ""
    return "[green]met" if figure.is_met else "[red]missed"
