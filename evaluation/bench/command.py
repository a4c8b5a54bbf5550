"""Runs the benchmarks of every part and prints their ratios."""

from __future__ import annotations

from importlib import import_module

from rich.console import Console

from evaluation.bench.report import Ratio, show

PARTS = ("codec", "bus", "store", "inference")  # each a module here with `run(quick)`


def run(*, quick: bool) -> int:
    """Measure all parts one after the other; returns 1 when a bar is missed. A quick run judges none."""
    console = Console()
    rows: list[Ratio] = []
    for part in PARTS:
        with console.status(f"measuring {part} …"):
            rows += import_module(f"evaluation.bench.{part}").run(quick=quick)
    return 0 if show(rows, console, is_judged=not quick) else 1
