"""What `chelu agents` does: agents enrolled and connected, campaigns run on them, and what came of them in figures."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chelu import tls
from chelu.api import Client
from chelu.clock import SystemClock
from chelu.local import interrupts
from chelu.local.files import Layout, environment, home
from chelu.signing import Signer
from simulators.agents import trial
from simulators.agents.fetching import Packages
from simulators.agents.fleet import Fleet, agents_of
from simulators.agents.traits import Trait, spread
from simulators.agents.trial import Outcome
from simulators.connection import broker_address
from simulators.load.command import SPARE_FILES, need_files
from simulators.load.settings import CHONGQING

SECRETS = "agents-secrets.json"
FACTORY = {trial.NAME: "1.0"}


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options. campaigns: of ``config`` and ``upgrade``, in this order."""

    count: int
    faults: Mapping[Trait, float]
    campaigns: Sequence[str]
    seed: int = 0
    site: str = "agents"
    lasting_s: float = 60.0
    most_at_once: int = 200
    most_failed: float = 1.0
    package_bytes: int = 1 << 20
    data: Path | None = None
    outcomes: list[Outcome] = field(default_factory=list)


def run(request: Request, console: Console | None = None) -> int:
    """Run it; 1 when a state is not so."""
    console = console or Console(stderr=True)
    environ = environment(request.data)
    layout, clock = Layout(home(environ)), SystemClock()
    need_files(request.count + SPARE_FILES)
    names = [f"{request.site}-{number:05d}" for number in range(1, request.count + 1)]
    traits = spread(request.count, request.faults, request.seed)
    agents = agents_of(names, traits, seed=request.seed, late_s=request.lasting_s + 2, versions=FACTORY)
    signer, maker = Signer.new(), f"{request.site}-{secrets.token_hex(4)}"
    with (
        interrupts.once(),
        Client.find(environ) as client,
        tempfile.TemporaryDirectory(prefix="chelu-agents-") as directory,
    ):
        with console.status(f"registering {request.count:,} agents"):
            url, file = broker_address(environ, layout), layout.data / SECRETS
            accounts = trial.enrolled(client, names, site=request.site, origin=CHONGQING, broker_url=url, secrets=file)
        packages = Packages(Path(directory), {maker: signer.public_key}, tls.authority(environ))
        with console.status(f"connecting {request.count:,} agents"):
            fleet = Fleet(agents, accounts, clock, packages, seed=request.seed)
            fleet.__enter__()
        try:
            trial.await_known(client, request.site, request.count, clock, within_s=60)
            for topic in request.campaigns:
                campaign = _campaign(client, topic, request, signer, maker)
                request.outcomes.append(_tried(client, f"{topic}-{secrets.token_hex(4)}", campaign, fleet, request, console))
        finally:
            fleet.__exit__()
            for sentence in _left(client, request, maker):
                console.print(sentence, markup=False, highlight=False)
    Console().print(table(request, fleet, packages))
    false = [sentence for outcome in request.outcomes for sentence in outcome.false]
    for sentence in false[:20]:
        console.print(f"[red]{sentence}[/red]")
    return int(bool(false))


def _left(client: Client, request: Request, maker: str) -> list[str]:
    """Trust the maker no more, and say what stays on the site, and how it goes."""
    found = [
        f"left at site {request.site}: {request.count:,} devices of model {trial.MODEL}, which have said good-bye; another run"
        f" takes them up again. `chelu thresholds set offline --site {request.site} --off` keeps their alarms quiet, and"
        " `chelu device lifecycle NAME --to retired` takes one out of service"
    ]
    if maker in {key["name"] for key in client.people("GET", "signing-keys") if not key["revoked"]}:
        client.people("DELETE", "signing-keys", maker)
        mine = [one for one in client.people("GET", "packages") if one["key"] == maker]
        names = ", ".join(f"{one['package_id']} ({one['name']} {one['version']})" for one in mine) or "none"
        found.append(
            f"left in the registry: packages {names}, as long as a campaign names them; the maker's key {maker} is revoked"
        )
    return found


def _campaign(client: Client, topic: str, request: Request, signer: Signer, maker: str) -> dict[str, Any]:
    common = {
        "most_at_once": request.most_at_once,
        "most_failed": request.most_failed,
        "lasting_s": request.lasting_s,
        "on_failure": "roll back",
    }
    if topic == "config":
        return {**common, "change": {"heartbeat_s": 5, "log_level": "DEBUG"}}
    client.people("POST", "signing-keys", json={"name": maker, "public_key": signer.public_key})
    version = f"2.0-{secrets.token_hex(4)}"
    return {**common, "package_id": trial.add_package(client, signer, maker, version, os.urandom(request.package_bytes))}


def _tried(client: Client, name: str, campaign: dict[str, Any], fleet: Fleet, request: Request, console: Console) -> Outcome:
    clock = SystemClock()
    begun_s = clock.monotonic_s()
    trial.begin(client, name, fleet.agents, **campaign)
    with console.status(f"campaign {name}") as status:

        def told(found: Mapping[str, Any]) -> None:
            sums = {what: sum(wave[what] for wave in found["waves"]) for what in ("waiting", "open", "good", "bad")}
            status.update(f"campaign {name}: {found['phase']}, {sums}")

        within_s = 20 * request.lasting_s + 60
        ended = trial.follow(client, name, clock, within_s=within_s, told=told)
        seconds = clock.monotonic_s() - begun_s
        clock.sleep(3.0 if request.faults.get(Trait.LATE) else 0.5)  # late words
    return trial.judged(client, ended, fleet.agents, seconds)


def table(request: Request, fleet: Fleet, packages: Packages) -> Table:
    """The figures."""
    counts = f"{fleet.heard:,} messages heard, {fleet.said:,} said, {fleet.lost_sessions:,} sessions lost"
    found = Table(title=f"{request.count:,} agents, {counts}")
    for name in ("campaign", "ended as", "seconds", "orders by state", "sent, times", "states that are not so"):
        found.add_column(name)
    for outcome in request.outcomes:
        states = ", ".join(f"{count:,} {state}" for state, count in sorted(outcome.orders.items()))
        reason = f" ({outcome.campaign['reason']})" if outcome.campaign["reason"] else ""
        phase = f"{outcome.campaign['phase']}{reason}"
        row = (
            outcome.campaign["topic"],
            phase,
            f"{outcome.seconds:.1f}",
            states,
            f"{outcome.attempts:,}",
            f"{len(outcome.false):,}",
        )
        found.add_row(*row)
    if packages.bytes:
        found.caption = f"{packages.bytes / 1e6:,.1f} MB of packages fetched and checked"
    return found
