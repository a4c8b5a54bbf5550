"""Runs the parts of the benchmark one after the other: progress meanwhile, then tables, JSON and plots, and the verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from chelu.errors import ConfigurationError
from chelu.local import interrupts
from chelu.local.targets import check_writable
from evaluation.bench import machine
from evaluation.bench.agreed import missing
from evaluation.bench.context import Context, Part
from evaluation.bench.report import Ratio, show
from evaluation.bench.results import Findings, Results

INTERRUPTED = 130  # the shell's convention for a command ended by Ctrl-C


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The command's options. parts: none means all that judge design's bars.

    minutes, rate_per_s: of the soak; rows: of export.
    """

    parts: Sequence[str] = ()
    json: Path | None = None
    plots: Path | None = None
    is_quick: bool = False
    is_resumed: bool = False
    minutes: float = 10.0
    rate_per_s: float | None = None
    rows: int | None = None


def _pure(module: str, context: Context) -> Findings:
    """A part of one process, whose ratios and figures need nothing but the machine."""
    rows = import_module(f"evaluation.bench.{module}").run(quick=context.is_quick)
    return Findings([row.figure() if isinstance(row, Ratio) else row for row in rows])


def _whole(module: str, context: Context) -> Findings:
    """A part that runs services as processes of their own."""
    found: Findings = import_module(f"evaluation.bench.{module}").run(context)
    return found


PURE = ("codec", "telemetry", "bus", "store", "inference", "sweep", "scenarios", "forecast", "state")
WHOLE, ASKED_FOR = ("stages", "ladder", "site", "damage", "naive", "warning", "replay", "api", "export"), ("soak", "console")
PARTS: Mapping[str, Part] = {
    **{name: partial(_pure, name) for name in PURE},
    **{name: partial(_whole, name) for name in (*WHOLE, *ASKED_FOR)},
}


def run(request: Request, console: Console, parts: Mapping[str, Part] = PARTS) -> int:
    """Measure; returns 0, 1 when a bar is missed, 130 when interrupted. A quick run judges none."""
    names = _chosen(request, parts)
    check_writable({"--json": request.json})
    if request.plots:
        request.plots.mkdir(parents=True, exist_ok=True)
    results = Results(machine.describe(), request.is_quick, request.json)
    if request.is_resumed:
        results.resume()
    console.print(machine.sentence(dict(results.machine)))
    is_whole = _measure([name for name in names if name not in results.parts], parts, request, results, console)
    is_met = show(results.figures, console, is_judged=not request.is_quick)
    is_met = _has_agreed(results, console) and is_met
    _tell_more(results, request, console)
    if not is_whole:
        return INTERRUPTED
    return 0 if is_met else 1


def _chosen(request: Request, parts: Mapping[str, Part]) -> list[str]:
    unknown = [name for name in request.parts if name not in parts]
    if unknown:
        raise ConfigurationError("part", ", ".join(unknown), "some of " + ", ".join(parts))
    return [name for name in parts if name in request.parts] or [name for name in parts if name not in ASKED_FOR]


def _measure(names: list[str], parts: Mapping[str, Part], request: Request, results: Results, console: Console) -> bool:
    """Run parts; false when it was interrupted, with the finished ones kept."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    try:
        with interrupts.once(), Progress(*columns, console=console, transient=True) as progress:
            for number, name in enumerate(names, 1):
                task = progress.add_task("")
                context = Context(
                    results=results,
                    tell=_teller(progress, task, f"{name} ({number} of {len(names)})"),
                    minutes=request.minutes,
                    rate_per_s=request.rate_per_s,
                    rows=request.rows,
                )
                context.tell("measuring")
                began = time.monotonic()
                results.add(name, parts[name](context), time.monotonic() - began)
                progress.remove_task(task)
                console.print(f"{name}: {time.monotonic() - began:.0f} s")
    except KeyboardInterrupt:
        kept = f"; `--resume` takes {request.json} up again" if request.json else ""
        console.print(f"[yellow]interrupted: {len(results.parts)} parts are done{kept}")
        return False
    return True


def _has_agreed(results: Results, console: Console) -> bool:
    """Whether the parts that ran found every key that is agreed; a quick run need not."""
    keys = [] if results.is_quick else missing(results)
    if keys:
        console.print(f"[red]not measured, or without a bar: {', '.join(keys)}")
    return not keys


def _teller(progress: Progress, task: int, name: str) -> Callable[[str], None]:
    from rich.progress import TaskID

    return lambda words: progress.update(TaskID(task), description=f"{name}: {words}")


def _tell_more(results: Results, request: Request, console: Console) -> None:
    """What is not a figure: tables of stages and processes, and the files."""
    from evaluation.bench import tables

    for table in tables.of(results.series):
        console.print(table)
    files = [request.json] if request.json else []
    if request.plots:
        from evaluation.bench import plots

        files += plots.draw(results.series, request.plots)
    if files:
        console.print("written: " + ", ".join(map(str, files)))
