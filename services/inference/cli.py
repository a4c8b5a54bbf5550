"""The command `chelu explain`. Its parts are imported when it runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError
from chelu.local.database import database_url
from chelu.local.targets import check_writable

DRAWN = {".svg", ".png"}


def register(app: typer.Typer) -> None:
    """Add this part's command."""
    app.command()(explain)


def explain(
    warning: Annotated[Optional[str], typer.Argument(help="Its id, or how it begins; the newest are listed without one.")] = None,  # noqa: UP045 - typer reads it
    site: Annotated[Optional[str], typer.Option(help="Only of this site.")] = None,  # noqa: UP045 - as above
    data: Annotated[
        Path | None,
        typer.Option(
            help="The directory of a site that runs here.", show_default="$CHELU_DATABASE_URL, $CHELU_HOME or ./chelu-data"
        ),
    ] = None,
    plot: Annotated[Optional[Path], typer.Option(help="Draw both from above into this file, .svg or .png.")] = None,  # noqa: UP045 - as above
    before: Annotated[float, typer.Option(help="So many seconds before it the replay begins.", min=3, max=3600)] = 30.0,
    application: Annotated[Optional[str], typer.Option(help="List only this one's, also advice.")] = None,  # noqa: UP045 - as above
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000, help="How many are listed without an id.")] = 20,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say why a warning was raised, and whether a replay of what is stored raises it again."""
    if plot is not None and plot.suffix not in DRAWN:
        raise ConfigurationError("--plot", str(plot), "a file that ends in .svg or .png")
    check_writable({"--plot": plot})
    with extra("inference"):
        from services.inference.explain import command, telling
        from services.inference.settings import load
    url = database_url(os.environ, data)
    if warning is None:
        found = command.latest(url, site, application, count)
        typer.echo(json.dumps([one.raised.detail for one in found], ensure_ascii=False) if as_json else telling.listed(found))
        return
    explanation = command.explain(url, load(os.environ), command.Request(warning, site, before))
    typer.echo(json.dumps(explanation, ensure_ascii=False) if as_json else telling.told(explanation))
    if plot is not None:
        _draw(explanation, plot)


def _draw(explanation: dict[str, object], file: Path) -> None:
    with extra("evaluation"):
        from services.inference.explain.drawing import draw
    draw(explanation, file)
    typer.echo(f"drawn: {file}", err=True)
