"""A campaign tried on simulated agents: registered, connected, ordered through the API, and each state held against the truth."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chelu.api import Client, NewDevice, Site
from chelu.bus.messages import Address
from chelu.clock import Clock
from chelu.errors import UnreachableError
from chelu.local.files import read_json, write_json
from chelu.signing import Signer, Statement
from simulators.agents.agent import SimulatedAgent
from simulators.agents.fleet import KIND, filters_of, will_of
from simulators.agents.truth import untrue
from simulators.enrolment import renewed
from simulators.load.connection import Account
from simulators.scene import Origin

MODEL = "simulated"
NAME = "sim-os"  # the package's
POLL_S = 0.2
PAGE = 5000
LIVE = frozenset({"running", "rolling back"})
OPEN = frozenset({"queued", "sent", "delivered"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a campaign came to. orders: by state; traits: by (trait, state); false: sentences on states that are not so."""

    campaign: Mapping[str, Any]
    seconds: float
    orders: Counter[str]
    traits: Counter[tuple[str, str]]
    attempts: int
    false: list[str] = field(default_factory=list)


def enrolled(client: Client, names: Sequence[str], *, site: str, origin: Origin, broker_url: str, secrets: Path) -> list[Account]:
    """Register the site and the agents where they are missing; their accounts, in order."""
    if site not in {each.site_id for each in client.sites()}:
        where = origin.latitude_deg, origin.longitude_deg, origin.elevation_m
        client.add_site(Site(site_id=site, name=site, latitude_deg=where[0], longitude_deg=where[1], elevation_m=where[2]))
    present = {device.device_id for device in client.devices(site=site, limit=10_000)}
    wanted = [NewDevice(device_id=name, kind=KIND, site_id=site, model=MODEL) for name in names if name not in present]
    made = {entry.device_id: entry.secret for entry in client.add_devices(wanted) if entry.secret} if wanted else {}
    known: dict[str, str] = {**{name: it for name, it in read_json(secrets).items() if isinstance(it, str)}, **made}
    for name in names:
        if name not in known:
            known[name] = renewed(client, name)
    write_json(secrets, known)
    address = Address.read(broker_url)
    return [Account(address, name, name, known[name], filters_of(name), will_of(name)) for name in names]


def await_known(client: Client, site: str, count: int, clock: Clock, *, within_s: float) -> None:
    """Return when the registry has heard from every agent which versions it has; UnreachableError when time is over."""
    until_s, known = clock.monotonic_s() + within_s, 0
    while clock.monotonic_s() < until_s:
        page = client.people("GET", "config", params={"site": site, "limit": count})
        known = sum(bool(row["versions"]) for row in page["configurations"])
        if known >= count:
            return
        clock.sleep(POLL_S)
    raise UnreachableError("the agents", site, f"{known} of {count} have said who they are within {within_s:g} s")


def add_package(client: Client, signer: Signer, maker: str, version: str, content: bytes) -> int:
    """Sign a package, and let every simulated agent have it; its id."""
    statement = Statement("firmware", NAME, version, len(content), hashlib.sha256(content).hexdigest())
    query = {"component": "firmware", "name": NAME, "version": version, "key": maker, "signature": signer.sign(statement)}
    headers = {"Content-Type": "application/octet-stream"}
    package = client.people("POST", "packages", params=query, content=content, headers=headers)
    client.people("POST", "packages", str(package["package_id"]), "rules", json={"model": MODEL})
    return int(package["package_id"])


def begin(client: Client, name: str, agents: Sequence[SimulatedAgent], **campaign: Any) -> None:
    """Begin a campaign for these agents."""
    body = {"campaign_id": name, "selection": {"devices": [agent.device_id for agent in agents]}, **campaign}
    client.people("POST", "campaigns", json=body)


def follow(
    client: Client, name: str, clock: Clock, *, within_s: float, told: Callable[[Mapping[str, Any]], None]
) -> Mapping[str, Any]:
    """The campaign when it has ended; a registry that is away for a while is waited for. UnreachableError when time is over."""
    until_s = clock.monotonic_s() + within_s
    while clock.monotonic_s() < until_s:
        try:
            found: Mapping[str, Any] = client.people("GET", "campaigns", name)
        except UnreachableError:
            clock.sleep(POLL_S)
            continue
        told(found)
        if found["phase"] not in LIVE:
            return found
        clock.sleep(POLL_S)
    raise UnreachableError("the campaign", name, f"it has not ended within {within_s:g} s")


def judged(client: Client, campaign: Mapping[str, Any], agents: Sequence[SimulatedAgent], seconds: float) -> Outcome:
    """Every order of a campaign, its state held against what its agent really did."""
    by_name = {agent.device_id: agent for agent in agents}
    orders = list(orders_of(client, campaign["dispatch_id"]))
    return Outcome(
        campaign,
        seconds,
        Counter(order["state"] for order in orders),
        Counter((by_name[order["device_id"]].trait.value, order["state"]) for order in orders),
        sum(order["attempts"] for order in orders),
        untrue(orders, by_name),
    )


def orders_of(client: Client, dispatch: int) -> Iterator[Mapping[str, Any]]:
    """All orders of a dispatch."""
    after: int | None = 0
    while after is not None:
        page = client.people("GET", "dispatches", str(dispatch), "orders", params={"after": after, "limit": PAGE})
        yield from page["orders"]
        after = page["next"]
