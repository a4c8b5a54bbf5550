"""``chelu edge …``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    edge = typer.Typer(name="edge", help="The agent on roadside units, vehicles, sensors and signals.", no_args_is_help=True)
    edge.command("run")(run)
    edge.command("check")(check)
    edge.command("schema")(schema)
    app.add_typer(edge)


def run(config: Annotated[Path, typer.Option(help="the agent's TOML file, see docs/edge.md")]) -> None:
    """Run one agent until it is told to end."""
    with extra("edge"):
        from edge import main
    main.run(config, os.environ)


def check(config: Annotated[Path, typer.Option(help="the agent's TOML file, see docs/edge.md")]) -> None:
    """Read a configuration file and the files that it names, and say whether they are right."""
    with extra("edge"):
        from edge import settings
        from edge.check import read_files
    read = settings.load(config, os.environ)
    found = list(read_files(read))
    typer.echo(f"{config}: {read.kind} {read.id or '(to join)'} with {len(read.sources)} source(s)")
    for line in found:
        typer.echo(line)


def schema() -> None:
    """Print the JSON schema of an object list's line."""
    with extra("edge"):
        from edge import objects
    typer.echo(json.dumps(objects.schema(), indent=2, ensure_ascii=False))
