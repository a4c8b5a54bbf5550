"""`chelu roads …`: look at road files before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Road files: what they hold, what is not read of them, what is doubtful.")


def register(whole: typer.Typer) -> None:
    """Add this part's commands."""
    whole.add_typer(app, name="roads")


@app.callback()
def roads() -> None:
    """Road files: what they hold, what is not read of them, what is doubtful."""


@app.command("check")
def check(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="OpenDRIVE, lanelet2 and SUMO files, or directories of them.")
    ],
    *,
    is_brief: Annotated[bool, typer.Option("--brief", help="One line for each file.")] = False,
) -> None:
    """Read road files; say what is in them, what is left out and what is doubtful. Exit code 1 when one cannot be read."""
    from chelu.roads.telling import told

    raise typer.Exit(told(paths, typer.echo, is_brief=is_brief))
