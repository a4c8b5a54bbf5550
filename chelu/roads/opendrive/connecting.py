"""Connections of the house's road network from OpenDRIVE's lane links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chelu.roads import connecting
from chelu.roads.network import Connections, Floats
from chelu.roads.opendrive.model import OpenDrive
from chelu.roads.opendrive.onward import LaneAt, onward

Groups = Mapping[tuple[str, int, bool], tuple[int, int]]  # (road, lane, along s) → signal row and group


def connections_of(model: OpenDrive, rows: Mapping[LaneAt, int], shapes: Sequence[Floats], groups: Groups) -> Connections:
    """Of all lanes that are in the network; rows: which each of them is."""

    def is_inside(at: LaneAt) -> bool:
        return model.roads[at.road].junction is not None

    def held(at: LaneAt, via: LaneAt | None) -> tuple[int, int] | None:
        """At the path across, else at the lane before it."""
        if via is None:
            return None
        return groups.get((via.road, via.lane, via.is_along)) or groups.get((at.road, at.lane, at.is_along))

    return connecting.connections_of(connecting.Ways(lambda at: onward(model, at), is_inside, held), rows, shapes)
