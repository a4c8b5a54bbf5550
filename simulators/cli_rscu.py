"""`chelu rscu`: a recording as a roadside computer of T/ITS 0180.1 perceives it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.command("rscu")(rscu)


def rscu(
    file: Annotated[Path, typer.Argument(help="A recording, as `chelu replay` takes it.")],
    device: Annotated[str, typer.Option(help="The roadside computer's id; registered where there is none.")] = "rscu-1",
    site: Annotated[str, typer.Option(help="Its site; made where there is none.")] = "rscu",
    speed: Annotated[float, typer.Option(help="Times as fast as it was.")] = 1.0,
    start: Annotated[float, typer.Option(help="Begin this many seconds into the recording.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="End this many seconds into the recording.")] = None,
    *,
    ack: Annotated[bool, typer.Option("--ack", help="Ask for an answer to every document of participants.")] = False,
) -> None:
    """Speak as a roadside computer that perceives everyone in a recording, and its signals, in JSON of T/ITS 0180.1."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.rscu_run import Request, run
    if not 0 < speed <= 1000:
        raise ConfigurationError("--speed", speed, "above 0 and at most 1000")
    for name, value in (("--start", start), ("--end", end)):
        if value is not None and not abs(value) < 1e12:
            raise ConfigurationError(name, value, "a number of seconds")
    raise typer.Exit(run(Request(file, device, site, speed, start, end, ack), Console()))
