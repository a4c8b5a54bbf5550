"""What a lanelet2 file says, as Chelu keeps it: points in local metres, lines between them, lanelets, what regulates them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads.left_out import LeftOut
from chelu.roads.network import Floats

Nodes = tuple[str, ...]  # ids of a line's nodes, in its order


@dataclass(frozen=True, slots=True)
class Line:
    """A way: its nodes, its tags, its line in the file."""

    id: str
    nodes: Nodes
    tags: Mapping[str, str]
    line: int


@dataclass(frozen=True, slots=True)
class Lanelet:
    """A piece of a lane between two borders, both in its direction of travel, the left one to the left.

    centre: the nodes of its own centre line, empty for none. regulations: ids of the elements that it names.
    """

    id: str
    left: Nodes
    right: Nodes
    centre: Nodes
    tags: Mapping[str, str]
    regulations: Nodes
    line: int


@dataclass(frozen=True, slots=True)
class Regulation:
    """A regulatory element: its subtype, the ids of its members by role (refers, ref_line, right_of_way, yield, …), its tags."""

    id: str
    subtype: str
    members: Mapping[str, Nodes]
    tags: Mapping[str, str]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanelet2:
    """A whole file. file: what errors call it. points (n, 3): in local metres, rows: node id → row.

    frame: where on Earth these metres begin; None for a map that says local coordinates alone. left_out: what was not read.
    notes: what is doubtful and was read, or left, all the same.
    """

    file: str
    frame: LocalFrame | None
    points: Floats
    rows: Mapping[str, int]
    lines: Mapping[str, Line]
    lanelets: Mapping[str, Lanelet]
    regulations: Mapping[str, Regulation]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    def places(self, nodes: Nodes) -> Floats:
        """Points (k, 3) of nodes."""
        return np.asarray(self.points[[self.rows[node] for node in nodes]]).reshape(-1, 3)
