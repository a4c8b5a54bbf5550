"""Who comes when and goes where: trips through a network, from its beginnings to the ends that can be reached. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from simulators.scenario.kinds import KINDS

Drawn = TypeVar("Drawn")
CLASSES: Mapping[str, str] = {"car": "passenger", "bus": "bus", "truck": "truck", "motorcycle": "motorcycle"}


@dataclass(frozen=True, slots=True)
class Trip:
    """One vehicle's: what it is, when it comes in, the links at which it begins and ends."""

    kind: str
    time_s: float
    begin: str
    end: str


def trips(network: RoadNetwork, kinds: Mapping[str, float], *, per_hour: float, lasts_s: float, seed: int) -> list[Trip]:
    """As many as come in so long on the average, spread evenly, in order of time; the same for the same seed."""
    random = np.random.default_rng(seed)
    ways = reachable(network)
    found: list[Trip] = []
    for time_s in sorted(random.uniform(0.0, lasts_s, random.poisson(per_hour * lasts_s / 3600.0)).tolist()):
        begin = _drawn(random, list(ways), [_lanes(network, link) for link in ways])
        end = _drawn(random, ways[begin], [1.0] * len(ways[begin]))
        kind = _drawn(random, list(kinds), list(kinds.values()))
        found.append(Trip(kind, time_s, *(str(network.links.id[link]) for link in (begin, end))))
    return found


def routes(kinds: Iterable[str], made: Sequence[Trip]) -> str:
    """The route file of SUMO: each trip's vehicle is called by its number."""
    lines = [_type(name) for name in kinds]
    for number, one in enumerate(made):
        lines.append(
            f'  <trip id="{number}" type="{one.kind}" depart="{one.time_s:.2f}" from="{one.begin}" to="{one.end}" '
            'departLane="best" departSpeed="max"/>'
        )
    return "\n".join(["<routes>", *lines, "</routes>", ""])


def reachable(network: RoadNetwork) -> dict[int, list[int]]:
    """By each link at which traffic begins, the links at which it may end: none leads to the one, the other leads nowhere."""
    kind = network.lane_kind()
    is_driven = ((network.lanes.users & int(VEHICLES)) != 0) & np.isin(kind, [Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE])
    driven = sorted(set(network.lanes.link[is_driven].tolist()))
    onward: dict[int, set[int]] = {link: set() for link in driven}
    for one, other in zip(network.connections.from_lane.tolist(), network.connections.to_lane.tolist(), strict=True):
        if is_driven[one] and is_driven[other]:
            onward[int(network.lanes.link[one])].add(int(network.lanes.link[other]))
    led_to = {link for each in onward.values() for link in each}
    begins = [link for link in driven if link not in led_to] or driven
    ends = {link for link in driven if not onward[link]} or set(driven)
    found = {begin: sorted(ends & _from(begin, onward)) for begin in begins}
    return {begin: each for begin, each in found.items() if each}


def _from(begin: int, onward: Mapping[int, set[int]]) -> set[int]:
    seen, waiting = set[int](), deque([begin])
    while waiting:
        for link in sorted(onward[waiting.popleft()]):
            if link not in seen:
                seen.add(link)
                waiting.append(link)
    return seen


def _lanes(network: RoadNetwork, link: int) -> float:
    return float(np.count_nonzero(network.lanes.link == link))


def _drawn(random: np.random.Generator, each: Sequence[Drawn], weights: Sequence[float]) -> Drawn:
    share = np.array(weights) / np.sum(weights)
    return each[int(random.choice(len(each), p=share))]


def _type(name: str) -> str:
    kind = KINDS[name]
    return f'  <vType id="{name}" vClass="{CLASSES[name]}" length="{kind.length_m}" width="{kind.width_m}"/>'
