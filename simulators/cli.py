"""`chelu replay`: recordings as live traffic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError

LONGEST_S = 1e12  # more seconds than any clock counts

Speed = Annotated[float, typer.Option(help="Times as fast as it was; at 1 vehicles send bare frames, else enveloped ones.")]
Start = Annotated[float, typer.Option(help="Begin this many seconds into the recording.")]
End = Annotated[float | None, typer.Option(help="End this many seconds into the recording.")]
Where = Annotated[
    str | None, typer.Option(metavar="LAT,LON[,ELEVATION]", help="Where the recording's zero point lies; else the site's origin.")
]
Site = Annotated[str | None, typer.Option(help="The site to register the devices at; else one named after the recording.")]
Seed = Annotated[int, typer.Option(help="Decides where each device's message count begins.")]
Check = Annotated[bool, typer.Option("--check", help="Read back what was stored and compare every sample.")]
Patience = Annotated[float, typer.Option(help="With --check: seconds without a new row after which a row is missing.")]
Data = Annotated[Path | None, typer.Option(help="The site's data directory (else CHELU_HOME or ./chelu-data).")]


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.command("replay")(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="A Chelu trace, a trajectory database, or a SinD crossing's folder.")],
    speed: Speed = 1.0,
    start: Start = 0.0,
    end: End = None,
    origin: Where = None,
    site: Site = None,
    seed: Seed = 0,
    patience: Patience = 20.0,
    data: Data = None,
    *,
    check: Check = False,
) -> None:
    """Replay a recording through broker and platform: vehicles as OBUs, pedestrians and signals through a roadside unit."""
    with extra("simulators"):
        from simulators.command import Request, run
    if not 0 < speed <= 1000:
        raise ConfigurationError("--speed", speed, "above 0 and at most 1000")
    for name, value in (("--start", start), ("--end", end), ("--patience", patience)):
        if value is not None and not abs(value) < LONGEST_S:
            raise ConfigurationError(name, value, "a number of seconds")
    if seed < 0:
        raise ConfigurationError("--seed", seed, "0 or above")
    request = Request(
        file=file,
        speed=speed,
        start_s=start,
        end_s=end,
        origin=origin,
        site=site,
        seed=seed,
        has_check=check,
        patience_s=patience,
        data=data,
    )
    raise typer.Exit(run(request))
