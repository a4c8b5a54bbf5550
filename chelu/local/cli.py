"""The commands `chelu up`, `status`, `logs` and `down`. Their parts are imported when they run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from chelu.cli import extra
from chelu.local import cli_certs

Data = Annotated[Optional[Path], typer.Option("--data", help="The site's directory.", show_default="$CHELU_HOME or ./chelu-data")]  # noqa: UP045 - typer reads it
Port = Annotated[Optional[int], typer.Option(help="Instead of the usual or a free port.", min=1, max=65_535)]  # noqa: UP045 - as above


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.command()(up)
    app.command()(status)
    app.command()(logs)
    app.command()(down)
    app.add_typer(cli_certs.CERTS, name="certs")


def up(
    data: Data = None,
    host: Annotated[str, typer.Option(help="Where broker and API listen; 0.0.0.0 for devices on the network.")] = "127.0.0.1",
    mqtt_port: Port = None,
    api_port: Port = None,
    database_port: Port = None,
    broker: Annotated[str, typer.Option(help="auto, installed, fetched (mosquitto) or amqtt.")] = "auto",
    workers: Annotated[
        Optional[int],  # noqa: UP045 - typer reads it
        typer.Option(help="Processes of ingest.", show_default="$CHELU_INGEST_WORKERS or 1", min=1, max=16),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Broker and API on TLS alone, as CHELU_TLS=1.")] = False,  # noqa: FBT002 - a flag
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running and return.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Start broker, database, registry, ingest, inference and quality monitors, and keep them running until Ctrl-C."""
    with extra("local"):
        from chelu.local import interrupts, run
    asked = run.Asked(
        host=host,
        mqtt_port=mqtt_port,
        api_port=api_port,
        database_port=database_port,
        broker=broker,
        tls=tls,
        workers=workers,
    )
    directory = _directory(data)
    if detach:
        run.detached(directory, asked)
    else:
        run.foreground(directory, asked)
        interrupts.ignore()  # it has ended, whatever else is pressed


def status(
    data: Data = None,
    seconds: Annotated[int, typer.Option(help="Of how long the traffic is shown.", min=1, max=3600)] = 60,
) -> None:
    """Show the parts of a site and its traffic: in, out, what was dropped or lost on the way, and how far ingest is behind."""
    with extra("local"):
        from chelu.local import run
    run.show_status(_directory(data), seconds=seconds)


def logs(
    name: Annotated[Optional[str], typer.Argument(help="One part; all when left out.")] = None,  # noqa: UP045 - typer reads it
    data: Data = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,  # noqa: FBT002
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines of each.")] = 20,
) -> None:
    """Print what the parts of a site have logged."""
    with extra("local"):
        from chelu.local import run
    run.show_logs(_directory(data), name, lines=lines, follow=follow)


def down(data: Data = None) -> None:
    """Stop a site that runs on this data."""
    with extra("local"):
        from chelu.local import run
    run.take_down(_directory(data))


def _directory(data: Path | None) -> Path:
    from chelu.local import files

    return data.absolute() if data else files.home(os.environ)
