"""`chelu scenario …`: scenario tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError

MOST_WORKERS = 256

app = typer.Typer(no_args_is_help=True, help="Scenario tests: from a question to a verdict with evidence.")


def register(whole: typer.Typer) -> None:
    """Add this part's commands."""
    whole.add_typer(app, name="scenario")


@app.callback()
def scenario() -> None:
    """Scenario tests: from a question to a verdict with evidence."""


@app.command("r157")
def r157(
    grid: Annotated[
        list[str] | None, typer.Option(help="cut-in-low, cut-in-high, cut-out, deceleration; again for several; else all.")
    ] = None,
    driver: Annotated[
        list[str] | None, typer.Option(help="competent, fsm, rss, regulation; again for several; else all.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes; the outcome is the same with any number.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every case and its outcome there.")] = None,
) -> None:
    """Sweep UN R157's published grids with its driver models: who collides where."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.r157.command import command
    if not 1 <= workers <= MOST_WORKERS:
        raise ConfigurationError("--workers", workers, f"1 to {MOST_WORKERS}")
    raise typer.Exit(command(grid or [], driver or [], workers, json_file, Console()))
