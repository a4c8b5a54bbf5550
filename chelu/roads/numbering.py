"""The numbers that nodes and lanes of a network have on the air (MAP, SPAT, cooperation), where the network itself has names.

A network whose nodes are named by numbers keeps them. Otherwise the signalised nodes come first, by name, from 1 (as in the
simulators' SPAT), then the others. Lanes of a link are numbered from the left, from 1 (YD/T 3709-2020, LaneID); not pavements.
"""

from __future__ import annotations

import numpy as np

from chelu.roads.network import VEHICLES, RoadNetwork

LAST_NUMBER = 65_535


def node_numbers(network: RoadNetwork) -> dict[int, int]:
    """Number → row of `network.nodes`; nodes beyond the last number have none."""
    names = [str(name) for name in network.nodes.id.tolist()]
    if names and all(name.isascii() and name.isdigit() and int(name) <= LAST_NUMBER for name in names):
        return {int(name): row for row, name in enumerate(names)}
    signalised = set(network.signals.node.tolist()) - {-1}
    order = sorted(range(len(names)), key=lambda row: (row not in signalised, names[row]))
    return {number: row for number, row in enumerate(order, 1) if number <= LAST_NUMBER}


def lane_numbers(network: RoadNetwork) -> dict[int, int]:
    """Lane row → its number within its link, for lanes that vehicles may use."""
    lanes = network.lanes
    rows = np.flatnonzero((lanes.users & int(VEHICLES)) != 0)
    rows = rows[np.lexsort((-lanes.index[rows], lanes.link[rows]))]
    numbers: dict[int, int] = {}
    former, number = -1, 0
    for row in rows.tolist():
        link = int(lanes.link[row])
        number = number + 1 if link == former else 1
        former = link
        numbers[row] = number
    return numbers
