"""What netconvert reads: plain nodes, edges and connections as values, and as XML."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from simulators.district.curves import Floats


@dataclass(frozen=True, slots=True)
class Node:
    """A junction at (x, y, z); kind as SUMO names it (`priority`, `traffic_light`)."""

    name: str
    x: float
    y: float
    z: float
    kind: str = "priority"


@dataclass(frozen=True, slots=True)
class Edge:
    """One direction of a road; `shape` (n, 3) is the left border of its leftmost lane (SUMO's spread "right")."""

    name: str
    start: str
    end: str
    shape: Floats
    street: str
    lanes: int
    speed_mps: float
    priority: int
    width_m: float = 3.5
    sidewalk_m: float = 0.0
    kind: str = "road"


@dataclass(frozen=True, slots=True)
class Turn:
    """A connection set by hand: edge and lane to edge and lane."""

    start: str
    start_lane: int
    end: str
    end_lane: int


@dataclass(slots=True)
class Plain:
    """A network as it grows."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)

    def write(self, directory: Path) -> tuple[Path, Path, Path]:
        """Write plain.nod.xml, plain.edg.xml, plain.con.xml and give their paths."""
        parts = (("nod", "nodes", self._nodes()), ("edg", "edges", self._edges()), ("con", "connections", self._turns()))
        paths = tuple(directory / f"plain.{suffix}.xml" for suffix, _, _ in parts)
        for path, (_, root, lines) in zip(paths, parts, strict=True):
            path.write_text("\n".join([f"<{root}>", *lines, f"</{root}>", ""]), encoding="utf-8")
        return paths[0], paths[1], paths[2]

    def _nodes(self) -> list[str]:
        return [
            f'  <node id="{node.name}" x="{node.x:.2f}" y="{node.y:.2f}" z="{node.z:.2f}" type="{node.kind}"/>'
            for node in self.nodes.values()
        ]

    def _edges(self) -> list[str]:
        return [_edge(edge) for edge in self.edges]

    def _turns(self) -> list[str]:
        return [
            f'  <connection from="{turn.start}" fromLane="{turn.start_lane}" to="{turn.end}" toLane="{turn.end_lane}"/>'
            for turn in self.turns
        ]


def _edge(edge: Edge) -> str:
    shape = " ".join(f"{x:.2f},{y:.2f},{z:.2f}" for x, y, z in np.round(edge.shape, 2).tolist())
    walk = f' sidewalkWidth="{edge.sidewalk_m:.1f}"' if edge.sidewalk_m else ' disallow="pedestrian bicycle"'
    param = f'<param key="{edge.kind}" value="yes"/>' if edge.kind != "road" else ""
    return (
        f'  <edge id="{edge.name}" from="{edge.start}" to="{edge.end}" name={quoteattr(edge.street)} numLanes="{edge.lanes}" '
        f'speed="{edge.speed_mps:.2f}" priority="{edge.priority}" width="{edge.width_m:.2f}" spreadType="right"{walk} '
        f'shape="{shape}">{param}</edge>'
    )
