"""`chelu agents`: many simulated agents, and campaigns tried on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError

MOST = 20_000
CAMPAIGNS = ("config", "upgrade")


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.command("agents")(agents)


def agents(
    count: Annotated[int, typer.Option(help="How many agents.")] = 1000,
    fault: Annotated[
        list[str] | None, typer.Option(help="Share of agents that are lossy, silent, stray, double, late, liar, pretender, full.")
    ] = None,
    campaign: Annotated[str, typer.Option(help="Of config and upgrade, in this order.")] = "config,upgrade",
    seed: Annotated[int, typer.Option(help="Decides which agents have which fault, and what is lost.")] = 0,
    site: Annotated[str, typer.Option(help="The site to register them at; made where there is none.")] = "agents",
    lasting: Annotated[float, typer.Option(help="Seconds that an agent has to answer.")] = 60.0,
    at_once: Annotated[int, typer.Option(help="Most agents at it at the same time.")] = 200,
    most_failed: Annotated[float, typer.Option(help="Share that may fail before all are taken back.")] = 1.0,
    package_kb: Annotated[int, typer.Option(help="Size of the package.")] = 1024,
    data: Annotated[Path | None, typer.Option(help="The site's data directory (else CHELU_HOME or ./chelu-data).")] = None,
) -> None:
    """Let simulated agents take a configuration and a package in campaigns, and hold every state against what they really did."""
    with extra("simulators"):
        from simulators.agents.command import Request, run
        from simulators.agents.traits import read_faults
    if not 1 <= count <= MOST:
        raise ConfigurationError("--count", count, f"1 to {MOST}")
    campaigns = campaign.split(",")
    if set(campaigns) - set(CAMPAIGNS):
        raise ConfigurationError("--campaign", campaign, "config, upgrade, or both with a comma between them")
    if not 1 <= package_kb <= 1 << 20:
        raise ConfigurationError("--package-kb", package_kb, f"1 to {1 << 20}")
    request = Request(
        count=count,
        faults=read_faults(fault or ()),
        campaigns=campaigns,
        seed=seed,
        site=site,
        lasting_s=lasting,
        most_at_once=at_once,
        most_failed=most_failed,
        package_bytes=package_kb << 10,
        data=data,
    )
    raise typer.Exit(run(request))
