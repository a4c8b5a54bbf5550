"""The command `chelu ingest`: one worker, or several that are kept running. Its parts are imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra


def register(app: typer.Typer) -> None:
    """Add this part's command."""
    app.command()(ingest)


def ingest(
    workers: Annotated[
        int, typer.Option(help="Processes that share the work by MQTT 5's shared subscriptions.", min=1, max=16)
    ] = 1,
    accounts: Annotated[
        Path | None,
        typer.Option(help="JSON {user: password} of the workers' accounts at the broker: ingest, ingest-2 …; else all use one."),
    ] = None,
    logs: Annotated[Path, typer.Option(help="Where several workers log, a file each.")] = Path("logs"),
) -> None:
    """Take what devices publish and store it, until Ctrl-C; needs CHELU_DATABASE_URL and CHELU_MQTT_URL.

    `chelu up` does this by itself. Settings are CHELU_INGEST_…, as docs/ingest.md has them.
    """
    with extra("ingest"):
        from services.ingest.__main__ import main
    if workers == 1:
        raise typer.Exit(main())
    with extra("local"):
        from services.ingest import crew
    crew.run(workers, accounts=accounts, logs=logs)
