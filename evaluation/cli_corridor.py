"""`chelu evaluate corridor`: an ambulance through a town's traffic, led and not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError
from chelu.signal_control import AUTOMATIC
from evaluation.cli_district import Begin, Json, Net, Route


def corridor(
    *,
    seeds: Annotated[str, typer.Option(help="How many, or which ones: 5, or 3,4,9.")] = "8",
    scale: Annotated[float, typer.Option(min=0.1, max=10, help="Of the district's usual demand at eight in the morning.")] = 2.5,
    controller: Annotated[str, typer.Option(help=f"Who decides at every signal: {', '.join(AUTOMATIC)}.")] = "predictive",
    warns: Annotated[
        float, typer.Option(min=0, max=1000, help="Metres ahead on its way from which vehicles are warned.")
    ] = 100.0,
    net: Net = None,
    route: Route = None,
    begin: Begin = 0.0,
    mission: Annotated[
        list[str] | None, typer.Option(help="FROM:TO, roads of the network; as often as wanted, by seed in turn.")
    ] = None,
    json: Json = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the runs into this file, .png or .svg.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the runs that the file of --json already has.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Runs at once, each a process.")] = 2,
) -> None:
    """Judge the emergency corridor: travel time saved, cost to others, recovery, safety; against nothing done, seed by seed."""
    if (net is None) != (route is None):
        raise ConfigurationError("--route" if route is None else "--net", None, "both --net and --route, or neither")
    if controller not in AUTOMATIC:
        raise ConfigurationError("--controller", controller, ", ".join(AUTOMATIC))
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.corridor.command import MISSIONS, Request, run
        from evaluation.signals.options import seeds_of
    missions = tuple(_mission(one) for one in mission or ()) or (MISSIONS if net is None else ())
    if not missions:
        raise ConfigurationError("--mission", None, "FROM:TO, with --net")
    request = Request(seeds_of(seeds), scale, controller, warns, net, route, begin, missions, json, picture, resume, workers)
    raise typer.Exit(run(request, Console()))


def _mission(text: str) -> tuple[str, str]:
    begin, colon, end = text.partition(":")
    if not colon or not begin or not end:
        raise ConfigurationError("--mission", text, "FROM:TO, two roads of the network")
    return begin, end
