"""`chelu vehicles`: many cars that speak GB/T 32960 or JT/T 808 over TCP to a gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError

MOST = 100_000


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.command("vehicles")(vehicles)


def vehicles(
    gateway: Annotated[str | None, typer.Argument(help="HOST:PORT of the gateway; leave it out to write a list only.")] = None,
    count: Annotated[int, typer.Option(help="How many vehicles.")] = 100,
    interval: Annotated[float, typer.Option(help="Seconds between two reports of a vehicle.")] = 10.0,
    seconds: Annotated[float, typer.Option(help="How long to report.")] = 60.0,
    protocol: Annotated[str, typer.Option(help="gbt32960 or jt808.")] = "gbt32960",
    edition: Annotated[
        int | None, typer.Option(help="2016 or 2025; of jt808 2013 or 2019. The newer one when it is left out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides the noise in what they measure.")] = 0,
    watch: Annotated[int | None, typer.Option(help="A process whose processor time is told, too.")] = None,
    acknowledged: Annotated[Path | None, typer.Option(help="Append a line there for each report acknowledged.")] = None,
    write_list: Annotated[
        Path | None, typer.Option("--list", help="Write the vehicles there as CSV, for register and gateway.")
    ] = None,
    site: Annotated[str, typer.Option(help="With --list: their site.")] = "site",
    parent: Annotated[str, typer.Option(help="With --list: the gateway's device id.")] = "gateway",
) -> None:
    """Let cars log in at a gateway and report; says what was acknowledged, and how fast."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.vehicle_load import Plan, drive
        from simulators.vehicle_names import device_list
        from simulators.vehicle_speech import EDITIONS
    if not 1 <= count <= MOST:
        raise ConfigurationError("--count", count, f"1 to {MOST}")
    if protocol not in EDITIONS:
        raise ConfigurationError("--protocol", protocol, " or ".join(EDITIONS))
    chosen = EDITIONS[protocol][-1] if edition is None else edition
    if chosen not in EDITIONS[protocol]:
        raise ConfigurationError("--edition", edition, " or ".join(map(str, EDITIONS[protocol])))
    if not 1 <= interval <= 3600:
        raise ConfigurationError("--interval", interval, "1 to 3600 seconds: times on the wire are whole seconds")
    if write_list:
        write_list.write_text(device_list(count, site=site, gateway=parent), encoding="ascii")
    if gateway is None:
        return
    host, separator, port = gateway.rpartition(":")
    if not separator or not port.isdigit():
        raise ConfigurationError("gateway", gateway, "HOST:PORT")
    plan = Plan(host, int(port), count, interval, seconds, protocol, chosen, seed, acknowledged)
    raise typer.Exit(drive(plan, Console(), watch=watch))
