"""Which roads lead to a stop line within the distance that is watched, and to which movement a vehicle's route takes it."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.signals.layout import Layout, Way
from evaluation.signals.network import Network


def watched(network: Network, layout: Layout, reach_m: float) -> dict[str, bool]:
    """Roads on which vehicles are looked for: those before a stop line (True), and those that lead there within reach."""
    lines = {road for road, _ in layout.by_edge}
    found = dict.fromkeys(sorted(lines), True)
    waiting = [(road, network.edges[road].length_m) for road in sorted(lines)]
    farthest: dict[str, float] = {}
    while waiting:
        road, behind_m = waiting.pop()
        if behind_m >= reach_m or farthest.get(road, reach_m) <= behind_m:
            continue
        farthest[road] = behind_m
        for before in sorted(network.before.get(road, set()) - lines):
            found.setdefault(before, False)
            waiting.append((before, behind_m + network.edges[before].length_m))
    return found


def ahead(network: Network, layout: Layout, route: Sequence[str], at: int, reach_m: float) -> tuple[tuple[Way, ...], float]:
    """The movements over the next stop line of a route from its road `at` on, and the metres of further roads before the line."""
    further_m = 0.0
    for row in range(at, len(route) - 1):
        if row > at:
            further_m += network.edges[route[row]].length_m
        ways = layout.by_edge.get((route[row], route[row + 1]))
        if ways:
            return ways, further_m
        if further_m > reach_m:
            break
    return (), 0.0
