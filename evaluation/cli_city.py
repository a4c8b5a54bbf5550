"""`chelu evaluate anomalies` and `chelu evaluate incidents`: judges of the city's applications."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra

Json = Annotated[Path | None, typer.Option(help="Write the figures there.")]
Plots = Annotated[Path | None, typer.Option(help="Draw plots (PNG) into this directory.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed stages the same.")]


def anomalies(
    *,
    data: Annotated[
        Path | None,
        typer.Option(help="Labelled series: CSV files and windows.json. Staged ones alone without it."),
    ] = None,
    json: Json = None,
    plots: Plots = None,
    quick: Annotated[bool, typer.Option("--quick", help="A fifth of the staged series: a first look.")] = False,
    seed: Seed = 0,
    utc_offset: Annotated[float, typer.Option(min=-12, max=14, help="Local time of the series' time stamps, in hours.")] = 0.0,
) -> None:
    """Judge anomaly detection against plain methods: found, false alarms a day, time to detect, the public benchmark's score."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.anomalies.command import Request, run
    raise typer.Exit(run(Request(data, json, plots, quick, seed, utc_offset), Console()))


def incidents(
    *,
    json: Json = None,
    plots: Plots = None,
    seed: Seed = 1,
    recordings: Annotated[Path | None, typer.Option(help="Keep the drives there, and find them again.")] = None,
    minutes: Annotated[int, typer.Option(min=10, max=600, help="Of traffic with staged incidents.")] = 60,
    ordinary: Annotated[int, typer.Option(min=5, max=1440, help="Minutes of traffic without, for false alarms.")] = 120,
) -> None:
    """Judge the detection of incidents staged in SUMO: found, time to detect, false alarms a day; 100, 30 and 10 % speak."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.incidents.command import Request, run
    raise typer.Exit(run(Request(json, plots, recordings, seed, 60 * minutes, 60 * ordinary), Console()))


def environment(
    *,
    json: Json = None,
    plots: Plots = None,
    seed: Seed = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A few days of two of each: a first look.")] = False,
) -> None:
    """Judge outlooks of rivers and air, closures of riverside roads, and slot advice at a gate, on simulated surroundings."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.environment.command import Request, run
    raise typer.Exit(run(Request(json, plots, seed, quick), Console()))


def city(
    *,
    json: Annotated[Path, typer.Option(help="Write the figures of all parts there, after each part anew.")],
    plots: Annotated[Path, typer.Option(help="Draw plots (PNG) into this directory.")] = Path("plots"),
    keep: Annotated[Path, typer.Option(help="Keep parts' documents and drives there, for --resume.")] = Path("city-judged"),
    data: Annotated[Path | None, typer.Option(envvar="CHELU_DATA", help="Recordings; without, a part is left out.")] = None,
    seed: Seed = 1,
    parts: Annotated[str, typer.Option(help="Which, with commas between; else all, or of --quick the short ones.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="The short form: less of everything, too little to judge by.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Take over the parts that are done.")] = False,
) -> None:
    """Judge the whole city brain: state, forecast, incidents, anomalies, signals, corridor, surroundings, the district."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.city.command import Request, run
    chosen = [one for one in parts.split(",") if one]
    raise typer.Exit(run(Request(json, plots, keep, data, seed, chosen, quick, resume), Console()))
