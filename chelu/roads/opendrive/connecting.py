"""Connections of the house's road network from OpenDRIVE's lane links; a path across a junction is the `via` of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chelu.roads.network import Connections, Floats
from chelu.roads.opendrive.model import OpenDrive
from chelu.roads.opendrive.onward import LaneAt, onward

STRAIGHT_DEG, TURN_DEG = 30.0, 150.0
Groups = Mapping[tuple[str, int, bool], tuple[int, int]]  # (road, lane, along s) → signal row and group


def connections_of(model: OpenDrive, rows: Mapping[LaneAt, int], shapes: Sequence[Floats], groups: Groups) -> Connections:
    """Of all lanes that are in the network; rows: which each of them is."""
    found = [(at, to, via) for at in rows for to, via in _from(model, at, rows)]
    held = [_held(groups, at, via) for at, _, via in found]
    return Connections(
        from_lane=np.array([rows[at] for at, _, _ in found], np.int32),
        to_lane=np.array([rows[to] for _, to, _ in found], np.int32),
        via=np.array([-1 if via is None else rows[via] for _, _, via in found], np.int32),
        direction=np.array([_direction(shapes[rows[at]], shapes[rows[to]]) for at, to, _ in found], np.str_),
        signal=np.array([signal for signal, _ in held], np.int32),
        group=np.array([group for _, group in held], np.int32),
    )


def _from(model: OpenDrive, at: LaneAt, rows: Mapping[LaneAt, int]) -> list[tuple[LaneAt, LaneAt | None]]:
    """Where one goes on to from a lane, and over which path of a junction."""
    is_inside = model.roads[at.road].junction is not None
    found: list[tuple[LaneAt, LaneAt | None]] = []
    for to in onward(model, at):
        if to not in rows:
            continue
        if is_inside or model.roads[to.road].junction is None:
            found.append((to, None))
        else:
            found += [(beyond, to) for beyond in _beyond(model, to) if beyond in rows]
    return found


def _beyond(model: OpenDrive, path: LaneAt) -> list[LaneAt]:
    """The lanes at the other side of a junction to which a path leads, over all its sections."""
    waiting, seen, found = [path], {path}, list[LaneAt]()
    while waiting:
        for to in onward(model, waiting.pop()):
            if model.roads[to.road].junction is None:
                found.append(to)
            elif to not in seen:
                seen.add(to)
                waiting.append(to)
    return found


def _held(groups: Groups, at: LaneAt, via: LaneAt | None) -> tuple[int, int]:
    """The signal and group that hold a connection: at the path across, else at the lane before it."""
    for one in (via, at):
        if one is not None and (one.road, one.lane, one.is_along) in groups and (one is via or via is not None):
            return groups[one.road, one.lane, one.is_along]
    return -1, -1


def _direction(before: Floats, after: Floats) -> str:
    a, b = before[-1] - before[-2], after[1] - after[0]
    turn = np.degrees(np.angle(np.exp(1j * (np.arctan2(b[1], b[0]) - np.arctan2(a[1], a[0])))))
    if abs(turn) <= STRAIGHT_DEG:
        return "s"
    return "t" if abs(turn) >= TURN_DEG else "l" if turn > 0 else "r"
