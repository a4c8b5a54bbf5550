"""`chelu surroundings`: sensors of weather, water, air, a port's gate and people, and what they measured until now."""

from __future__ import annotations

from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError

MOST_HOURS = 24.0 * 400
MOST_STEP_S = 3600


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.command("surroundings")(surroundings)


def surroundings(
    site: Annotated[str, typer.Option(help="The site to register them at; made where there is none.")] = "surroundings",
    parts: Annotated[
        str, typer.Option(help="Of weather, water, air, gate, crowd, berths, weighbridge.")
    ] = "weather,water,air,gate,crowd",
    stage: Annotated[str, typer.Option(help="What is at its height now, of flood, fog, queue, berths, overweight.")] = "",
    roads: Annotated[str, typer.Option(help="Roads of the site, with commas between, that the river floods and fog slows.")] = "",
    zero: Annotated[float, typer.Option(help="Height of the gauge's zero, metres above the ellipsoid.")] = 0.0,
    hours: Annotated[float, typer.Option(help="How long until now.")] = 24.0,
    step: Annotated[int, typer.Option(help="Seconds from reading to reading.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Decides every reading, with the other options and the time.")] = 0,
) -> None:
    """Let simulated sensors of the surroundings send what they measured in the last hours, through the broker."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.surroundings.command import Request, run
        from simulators.surroundings.scene import PARTS, PORT, STAGES
    chosen, staged = _words("--parts", parts, (*PARTS, *PORT)), _words("--stage", stage, STAGES)
    if not 0 < hours <= MOST_HOURS:
        raise ConfigurationError("--hours", hours, f"above 0 and at most {MOST_HOURS:g}")
    if not 1 <= step <= MOST_STEP_S:
        raise ConfigurationError("--step", step, f"1 to {MOST_STEP_S}")
    named = [one for one in roads.split(",") if one]
    raise typer.Exit(run(Request(site, chosen, staged, named, zero, hours, step, seed), Console()))


def _words(option: str, text: str, allowed: tuple[str, ...]) -> list[str]:
    words = [one for one in text.split(",") if one]
    if strange := [one for one in words if one not in allowed]:
        raise ConfigurationError(option, ",".join(strange), ", ".join(allowed))
    return words
