"""How a benchmark says what it measured: two sides run interleaved in one process, and the ratio against its bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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


def show(rows: Sequence[Ratio], console: Console, *, is_judged: bool) -> bool:
    """Print the ratios as a table, and a sentence on the bars: are all met? True when not judged."""
    table = Table("path", "against", box=None, pad_edge=False, header_style="bold")
    for name in ("ours /s", "its /s", "ratio", "bar", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        bar = "" if row.bar is None else f"≥ {row.bar:g}"
        verdict = "" if row.bar is None or not is_judged else "[green]met" if row.is_met else "[red]missed"
        path = f"{row.path} ({row.unit})"
        table.add_row(path, row.other, f"{row.ours_per_s:,.0f}", f"{row.other_per_s:,.0f}", f"{row.ratio:.2f}", bar, verdict)
    console.print(table)
    missed, bars = sum(not row.is_met for row in rows), sum(row.bar is not None for row in rows)
    if not is_judged:
        console.print("a first look: bars are shown, not judged; a real measurement is `chelu bench`")
        return True
    console.print(f"[red]{missed} of {bars} bars missed" if missed else f"[green]all {bars} bars met")
    return not missed
