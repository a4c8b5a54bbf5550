"""`chelu replay`: recordings as live traffic; `chelu load`: as much traffic as asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError
from simulators import cli_surroundings

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
    app.command("load")(load)
    cli_surroundings.register(app)


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


Vehicles = Annotated[int, typer.Option(help="Vehicles that send BSMs.")]
Rate = Annotated[float, typer.Option(help="BSMs a second of each vehicle.")]
Total = Annotated[float | None, typer.Option(help="BSMs a second of all vehicles together, in place of --rate.")]
Seconds = Annotated[float, typer.Option(help="How long.")]
LoadSeed = Annotated[int, typer.Option(help="Decides every byte, with the other options and the start.")]
Mix = Annotated[str, typer.Option(help="Shapes of BSMs, in equal parts or with weights: core,optional,path or core=5,path=1.")]
Streams = Annotated[str, typer.Option("--stream", help="Of bsm, rsm, spat; the last two from each roadside unit at 10 Hz.")]
Via = Annotated[str, typer.Option(help="direct: each vehicle a bare frame; rsu: roadside units' envelopes.")]
FaultOptions = Annotated[
    list[str] | None, typer.Option("--fault", help="As often as wanted: loss=0.01, delay=0.01:500, churn=0.05 …")
]
LoadCheck = Annotated[bool, typer.Option("--check", help="Compare what was sent with what the platform stored and dropped.")]
Qos = Annotated[int, typer.Option(help="0, or 1: with sequence numbers, kept until the platform's receipt.")]
Rsus = Annotated[int | None, typer.Option(help="Roadside units; else one for 250 vehicles.")]
FramesAtOnce = Annotated[int, typer.Option("--frames", help="With --via rsu: most BSMs in an envelope.")]
Sessions = Annotated[int, typer.Option("--connections", help="So many devices with a session and a credential of their own.")]
Gateways = Annotated[int | None, typer.Option(help="Gateways for the others; else one for each hundred others.")]
LoadSite = Annotated[str, typer.Option("--site", help="The site to register the devices at; made where there is none.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the report here.")]


def load(
    vehicles: Vehicles = 100,
    rate: Rate = 10.0,
    total: Total = None,
    seconds: Seconds = 10.0,
    seed: LoadSeed = 0,
    mix: Mix = "core=5,optional=3,path=2",
    stream: Streams = "bsm",
    via: Via = "direct",
    qos: Qos = 0,
    rsus: Rsus = None,
    frames: FramesAtOnce = 255,
    connections: Sessions = 0,
    gateways: Gateways = None,
    site: LoadSite = "load",
    json_file: JsonFile = None,
    fault: FaultOptions = None,
    patience: Patience = 20.0,
    data: Data = None,
    *,
    check: LoadCheck = False,
) -> None:
    """Send as much traffic as asked, evenly and on time, and say what was sent."""
    with extra("simulators"):
        from simulators.load.command import Request, run
        from simulators.load.faults import read_faults
        from simulators.load.settings import LoadSettings, rate_of, read_mix
    settings = LoadSettings(
        vehicles=vehicles,
        rate_hz=rate if total is None else rate_of(total, vehicles),
        seconds=seconds,
        seed=seed,
        mix=read_mix(mix),
        streams=tuple(stream.split(",")),
        via=via,
        qos=qos,
        rsus=rsus,
        frames=frames,
        connections=connections,
        gateways=gateways,
        site=site,
    )
    faults = read_faults(fault or ())
    faults.fit(settings)
    if not 0 <= patience < LONGEST_S:
        raise ConfigurationError("--patience", patience, "a number of seconds")
    request = Request(settings, faults=faults, has_check=check, patience_s=patience, json_file=json_file, data=data)
    raise typer.Exit(run(request))
