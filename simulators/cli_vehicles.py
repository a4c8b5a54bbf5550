"""`chelu vehicles`: many cars that speak GB/T 32960 or JT/T 808 over TCP to a gateway."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.endpoint import host_and_port
from chelu.errors import ConfigurationError

MOST = 100_000
MOST_SECONDS = 1_000_000


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
    if protocol not in EDITIONS:
        raise ConfigurationError("--protocol", protocol, " or ".join(EDITIONS))
    chosen = EDITIONS[protocol][-1] if edition is None else edition
    if chosen not in EDITIONS[protocol]:
        raise ConfigurationError("--edition", edition, " or ".join(map(str, EDITIONS[protocol])))
    _check_numbers(count, interval, seconds)
    _check_places({"--list": write_list, "--acknowledged": acknowledged}, watch)
    if write_list:
        write_list.write_text(device_list(count, site=site, gateway=parent), encoding="ascii")
        if gateway is None:
            return
    host, port = _address(gateway)
    plan = Plan(host, port, count, interval, seconds, protocol, chosen, seed, acknowledged)
    raise typer.Exit(drive(plan, Console(), watch=watch))


def _check_numbers(count: int, interval: float, seconds: float) -> None:
    if not 1 <= count <= MOST:
        raise ConfigurationError("--count", count, f"1 to {MOST}")
    if not 1 <= interval <= 3600:
        raise ConfigurationError("--interval", interval, "1 to 3600 seconds: times on the wire are whole seconds")
    if not 0 < seconds <= MOST_SECONDS:
        raise ConfigurationError("--seconds", seconds, f"above 0 and at most {MOST_SECONDS}")


def _check_places(files: Mapping[str, Path | None], watch: int | None) -> None:
    for name, path in files.items():
        if path and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise ConfigurationError(name, str(path), "a file in a directory that is there")
    if watch is not None and not Path(f"/proc/{watch}/stat").exists():
        raise ConfigurationError("--watch", watch, "the number of a process that runs here")


def _address(gateway: str | None) -> tuple[str, int]:
    if gateway is None:
        raise ConfigurationError("gateway", None, "HOST:PORT, or --list FILE to write a list only")
    try:
        return host_and_port(gateway)
    except ValueError as error:
        raise ConfigurationError("gateway", gateway, str(error)) from None
