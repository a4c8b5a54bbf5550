"""`chelu demo` and `chelu bench`: the judges."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError

SHORTEST_DEMO_S = 20.0  # the first staged conflict warns after 13 s, and without a warning there is nothing to judge
LONGEST_DEMO_S = 90.0

Seconds = Annotated[float, typer.Option(help="How long to drive, in seconds of the recording.")]
Summary = Annotated[Path | None, typer.Option(help="Write the summary there, as JSON.")]
Picture = Annotated[Path, typer.Option(help="Write the picture there, as PNG.")]
Data = Annotated[Path | None, typer.Option(help="Keep the site's data there; else it is gone afterwards.")]
Quick = Annotated[bool, typer.Option("--quick", help="Less of everything: a first look, too noisy to judge by.")]


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.command("demo")(demo)
    app.command("bench")(bench)


def demo(seconds: Seconds = 60.0, summary: Summary = None, picture: Picture = Path("demo.png"), data: Data = None) -> None:
    """Run the whole road on this machine: a site, its traffic, warnings, and a verdict."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.demo.run import Request, run
        from evaluation.demo.targets import check_writable
    if not SHORTEST_DEMO_S <= seconds <= LONGEST_DEMO_S:
        raise ConfigurationError(
            "--seconds", seconds, f"{SHORTEST_DEMO_S:g} to {LONGEST_DEMO_S:g}, the length of the shipped recording"
        )
    check_writable({"--summary": summary, "--picture": picture})
    raise typer.Exit(run(Request(seconds, summary, picture, data), Console()))


def bench(*, quick: Quick = False) -> None:
    """Measure speed as ratios within one run, against the plain way and the limit."""
    with extra("evaluation"):
        from evaluation.bench.command import run
    raise typer.Exit(run(quick=quick))
