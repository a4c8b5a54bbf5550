"""The MAP messages of a simulated site's roadside units: one at each junction with a signal, which tells of that junction alone.

How nodes, lanes and ways are written is `chelu.roads.mapdata.writing`'s affair; here they get the numbers under which the
simulators' SPAT speaks of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads.mapdata.writing import Style, frame_of, nodes_of
from chelu.roads.network import RoadNetwork
from chelu.roads.numbering import node_numbers


def map_frames(network: RoadNetwork, frame: LocalFrame, intersections: Mapping[str, int], *, region: int = 0) -> list[bytes]:
    """One frame for each signal that holds lanes; intersections: the number on the air of each signal's name."""
    names = network.nodes.id.tolist()
    numbers = {str(names[row]): number for row, number in node_ids(network, intersections).items()}
    told = {node["id"]["id"]: node for node in nodes_of(network, frame, Style(numbers=numbers, region=region))}
    wanted = (intersections[str(name)] for name in network.signals.id.tolist())
    return [frame_of([told[number]]) for number in wanted if number in told]


def node_ids(network: RoadNetwork, intersections: Mapping[str, int]) -> dict[int, int]:
    """Row of `network.nodes` → number on the air: those with signals as given, others as usual unless that is given away."""
    signals = zip(_nodes_of_signals(network), network.signals.id.tolist(), strict=True)
    found = {node: intersections[str(name)] for node, name in signals if node >= 0}
    taken = set(intersections.values())
    free = itertools.count(max((*taken, *node_numbers(network)), default=0) + 1)
    for number, row in node_numbers(network).items():
        if row not in found:
            found[row] = number if number not in taken else next(free)
    return found


def _nodes_of_signals(network: RoadNetwork) -> list[int]:
    """Of each signal its node; of one that is named otherwise than its junction the node at which most of its lanes end."""
    ways, found = network.connections, network.signals.node.tolist()
    for row in (row for row, node in enumerate(found) if node < 0):
        ends = network.links.to_node[network.lanes.link[ways.from_lane[ways.signal == row]]]
        ends = ends[ends >= 0]
        found[row] = int(np.bincount(ends).argmax()) if len(ends) else -1
    return [int(node) for node in found]
