"""Traffic lights and rights of way of a lanelet2 file: what holds which lanelet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from chelu.roads.lanelet2.model import Lanelet2, Regulation
from chelu.roads.lanelet2.tracks import At, Track
from chelu.roads.network import Signals

LIGHT, RIGHT_OF_WAY = "traffic_light", "right_of_way"
FIRST, YIELDS = 1, 0  # `Links.priority`; -1 where nothing is said


def lights_of(model: Lanelet2) -> dict[str, Regulation]:
    """The traffic lights among a file's regulatory elements."""
    return {name: one for name, one in model.regulations.items() if one.subtype == LIGHT}


def stop_line_nodes(model: Lanelet2, light: Regulation) -> set[str]:
    """The nodes of a light's stop lines."""
    ways = (model.lines.get(name) for name in light.members.get("ref_line", ()))
    return {node for way in ways if way is not None for node in way.nodes}


def held_by(model: Lanelet2, tracks: Mapping[At, Track]) -> dict[At, str]:
    """The light that holds each track: the first that its lanelet names; else a light that nobody names, at its stop line."""
    lights = lights_of(model)
    found: dict[At, str] = {}
    for at, track in tracks.items():
        named = [one for one in track.lanelet.regulations if one in lights]
        if named and at.is_forward:
            found[at] = named[0]
    unnamed = set(lights) - {one for lanelet in model.lanelets.values() for one in lanelet.regulations}
    for name in (name for name in lights if name in unnamed):
        line = stop_line_nodes(model, lights[name])
        for at, track in tracks.items():
            if line.issuperset(track.end) and not line.issuperset(track.begin):
                found.setdefault(at, name)
    return found


def signals_of(
    model: Lanelet2, held: Mapping[At, str], node: Mapping[At, int], names: Mapping[int, str]
) -> tuple[Signals, dict[At, tuple[int, int]]]:
    """A controller for each node with lights, a group for each of these; and which of them holds which track.

    node: the row of the node at which a track is held. The format has no programmes: groups have no phases.
    """
    at_node: dict[int, list[str]] = defaultdict(list)
    for light in lights_of(model):
        for row in dict.fromkeys(node[at] for at, name in held.items() if name == light):
            at_node[row].append(light)
    rows = {row: number for number, row in enumerate(at_node)}
    table = Signals(
        id=np.array([names[row] for row in at_node], np.str_).reshape(-1),
        node=np.array(list(at_node), np.int32),
        offset_s=np.zeros(len(at_node)),
        phase_signal=np.empty(0, np.int32),
        phase_duration_s=np.empty(0),
        phase_state=np.empty(0, np.str_),
    )
    return table, {at: (rows[node[at]], at_node[node[at]].index(light)) for at, light in held.items()}


def priorities(model: Lanelet2) -> dict[str, int]:
    """What the rights of way say of each lanelet that they name; to yield anywhere is to yield."""
    found: dict[str, int] = {}
    for one in (one for one in model.regulations.values() if one.subtype == RIGHT_OF_WAY):
        found |= {lanelet: found.get(lanelet, FIRST) for lanelet in one.members.get("right_of_way", ())}
        found |= dict.fromkeys(one.members.get("yield", ()), YIELDS)
    return found
