"""How a benchmark says what it measured: two sides run interleaved in one process, and the ratio against its bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours against another way: rates in `unit` per second, and the ratio that is asked for (None: for information)."""

    path: str
    ours_per_s: float
    other: str
    other_per_s: float
    unit: str
    bar: float | None

    @property
    def ratio(self) -> float:
        return self.ours_per_s / self.other_per_s

    @property
    def is_met(self) -> bool:
        """Whether the bar is reached; true where there is none."""
        return self.bar is None or self.ratio >= self.bar


def interleaved(*sides: Callable[[], int], rounds: int = 5) -> tuple[float, ...]:
    """Units per second of each side, the median over `rounds`; a side does its work once a round and returns its units."""
    rates: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, measured in zip(sides, rates, strict=True):
            start = time.perf_counter()
            units = side()
            measured.append(units / (time.perf_counter() - start))
    return tuple(median(measured) for measured in rates)


def show(rows: Iterable[Ratio], console: Console) -> bool:
    """Print the ratios as a table; answers whether every bar is met."""
    table = Table("path", "ours /s", "against", "its /s", "ratio", "bar", "")
    met = True
    for row in rows:
        met &= row.is_met
        bar = "" if row.bar is None else f"≥ {row.bar:g}"
        verdict = "" if row.bar is None else "[green]met" if row.is_met else "[red]missed"
        table.add_row(
            row.path, f"{row.ours_per_s:,.0f} {row.unit}", row.other, f"{row.other_per_s:,.0f}", f"{row.ratio:.2f}", bar, verdict
        )
    console.print(table)
    return met
