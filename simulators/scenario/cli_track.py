"""`chelu scenario track`: a run on the test track."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra


def track(
    what: Annotated[str, typer.Argument(metavar="SCENARIO", help="One that ships, or a YAML file.")],
    site: Annotated[str, typer.Option(help="The site that they are on.")],
    participant: Annotated[
        list[str], typer.Option(help="ACTOR=DEVICE: whose registered device stands for whom; again for others.")
    ],
    output: Annotated[Path, typer.Option(help="Directory for track.json: who was in which state when.")],
    silent: Annotated[float, typer.Option(help="Abort when one has given no sign of life for so many seconds.")] = 2.0,
    arm: Annotated[float, typer.Option(help="Abort when one has not armed after so many seconds.")] = 60.0,
    ready: Annotated[float, typer.Option(help="Abort when one is not ready after so many seconds.")] = 600.0,
    data: Annotated[Path | None, typer.Option(help="The site's data directory (else CHELU_HOME or ./chelu-data).")] = None,
    *,
    at_once: Annotated[bool, typer.Option("--at-once", help="Start when all are ready, without Enter.")] = False,
) -> None:
    """Lead a run on the track: arm, ready, running, done; aborted for all when one is lost. Exit code 3 when it was aborted."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.track.command import Request, command
    request = Request(
        what=what,
        participants=participant,
        output=output,
        site=site,
        silent_s=silent,
        arm_s=arm,
        ready_s=ready,
        is_at_once=at_once,
        data=data,
    )
    raise typer.Exit(command(request, Console()))
