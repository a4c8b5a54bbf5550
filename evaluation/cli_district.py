"""`chelu district run`: a whole town through a site of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError
from chelu.signal_control import AUTOMATIC, OFF

Hours = Annotated[float, typer.Option(min=1 / 120, max=168, help="Simulated hours.")]
BeginHour = Annotated[int, typer.Option("--begin-hour", min=0, max=23, help="Hour of the district's day to begin at.")]
Net = Annotated[Path | None, typer.Option(help="Another SUMO network than the district.")]
Route = Annotated[Path | None, typer.Option(help="Its demand.")]
Begin = Annotated[float, typer.Option(min=0, help="With --route: second of the demand to begin at.")]
Controller = Annotated[str, typer.Option(help=f"Who decides at every signal: {', '.join((*AUTOMATIC, OFF))}.")]
Share = Annotated[float, typer.Option(min=0, max=1, help="Of the vehicles that speak; the others are seen by roadside units.")]
Pace = Annotated[float, typer.Option(min=0, max=1000, help="At most so many times real time; 0: as fast as it goes.")]
Keep = Annotated[Path | None, typer.Option(help="Keep what is needed to go on there.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what --keep holds.")]
Json = Annotated[Path | None, typer.Option(help="Write the figures there.")]


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    district = typer.Typer(no_args_is_help=True, help="A simulated town behind a real site: signals in the closed loop.")
    district.command("run")(run)
    app.add_typer(district, name="district")


def run(
    hours: Hours = 1.0,
    begin_hour: BeginHour = 8,
    net: Net = None,
    route: Route = None,
    begin: Begin = 0.0,
    controller: Controller = "predictive",
    share: Share = 0.7,
    seed: Annotated[int, typer.Option(min=0, help="Decides who drives when, and who speaks.")] = 1,
    pace: Pace = 0.0,
    keep: Keep = None,
    json: Json = None,
    *,
    resume: Resume = False,
) -> None:
    """Drive a town through broker, ingest, inference and its signals' own agents, and say what came of it."""
    if (net is None) != (route is None):
        raise ConfigurationError("--route" if route is None else "--net", None, "both --net and --route, or neither")
    if controller not in (*AUTOMATIC, OFF):
        raise ConfigurationError("--controller", controller, ", ".join((*AUTOMATIC, OFF)))
    with extra("evaluation"):
        from rich.console import Console

        from chelu.local.targets import check_writable
        from evaluation.district.command import Request, run
    check_writable({"--json": json})
    request = Request(hours, begin_hour, net, route, begin, controller, share, seed, pace, json, keep, resume)
    raise typer.Exit(run(request, Console()))
