"""`chelu openv2x`: a simulated RSU that speaks as those of the OpenV2X platform do."""

from __future__ import annotations

from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError

MOST_CARS = 1000


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.command("openv2x")(openv2x)


def openv2x(
    device: Annotated[str, typer.Argument(help="Id of a registered RSU with the profile openv2x; it gets a new secret.")],
    cars: Annotated[int, typer.Option(help="How many cars drive past it.")] = 12,
    seconds: Annotated[float, typer.Option(help="How long.")] = 60.0,
) -> None:
    """Speak as an OpenV2X RSU: cars that drive past, an RSM each 0.1 s, a heartbeat each 10 s."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.openv2x_run import drive
    if not 0 <= cars <= MOST_CARS:
        raise ConfigurationError("--cars", cars, f"0 to {MOST_CARS}")
    if not 0 < seconds < 1e9:
        raise ConfigurationError("--seconds", seconds, "above 0")
    raise typer.Exit(drive(device, cars, seconds, Console()))
