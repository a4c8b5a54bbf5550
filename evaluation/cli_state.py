"""`chelu evaluate state`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra


def evaluate(
    *,
    json: Annotated[Path | None, typer.Option(help="Write the figures there.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw plots (PNG) into this directory.")] = None,
    recordings: Annotated[Path, typer.Option(help="Keep the drives there.")] = Path("recordings"),
    seed: Annotated[int, typer.Option(min=0, help="Decides the demand and who speaks.")] = 1,
    scale: Annotated[float, typer.Option(min=0.1, max=2.0, help="Of the district's demand.")] = 1.0,
    quarters: Annotated[int, typer.Option(min=1, max=16, help="Quarters of an hour that are driven.")] = 1,
    loops: Annotated[float, typer.Option(help="Share of the segments with loops that count.")] = 0.2,
) -> None:
    """Judge traffic state against SUMO's own detectors, at 100, 30, 10 and 5 % of vehicles that speak."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.state.command import Request, run
    raise typer.Exit(run(Request(json, plots, recordings, seed, scale, quarters, loops), Console()))


def day(
    *,
    json: Annotated[Path | None, typer.Option(help="Write the figures there.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw the day (PNG) into this directory.")] = None,
    recordings: Annotated[Path, typer.Option(help="Keep the drives there.")] = Path("recordings"),
    seed: Annotated[int, typer.Option(min=0, help="Decides who drives when.")] = 1,
    minutes: Annotated[int, typer.Option(min=1, max=60, help="Of each hour that are driven, after a warm-up.")] = 10,
    every: Annotated[int, typer.Option(min=1, max=12, help="Hours from one that is driven to the next.")] = 1,
    scale: Annotated[float, typer.Option(min=0.1, max=2.0, help="Of the district's demand, in the busiest hour.")] = 1.0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Drives at once, each a process.")] = 2,
) -> None:
    """Show the network's index over a working day of the hillside district, driven in SUMO: minutes of every hour."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.state.day import Request, run
    raise typer.Exit(run(Request(json, plots, recordings, seed, minutes, every, scale, workers), Console()))
