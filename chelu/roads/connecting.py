"""Connections of a network whose format says lane by lane where one drives on; a lane across a junction is the `via` of one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from chelu.roads.network import Connections, Floats

STRAIGHT_DEG, TURN_DEG = 30.0, 150.0
LOOK_M = 8.0  # of a lane beside its end: its last piece alone may be a few centimetres

At = TypeVar("At", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Ways(Generic[At]):
    """What a format says of its lanes.

    onward: where one drives on to from a lane. is_inside: whether a lane is a path across a junction. held: the row in `Signals`
    and the group of what holds the way from a lane over a path (None: straight into the next lane), None for nothing.
    """

    onward: Callable[[At], Iterable[At]]
    is_inside: Callable[[At], bool]
    held: Callable[[At, At | None], tuple[int, int] | None]


def connections_of(ways: Ways[At], rows: Mapping[At, int], shapes: Sequence[Floats]) -> Connections:
    """Of all lanes that are in the network; rows: which each of them is, shapes by row."""
    found = [(at, to, via) for at in rows for to, via in _from(ways, at, rows)]
    held = [ways.held(at, via) or (-1, -1) for at, _, via in found]
    return Connections(
        from_lane=np.array([rows[at] for at, _, _ in found], np.int32),
        to_lane=np.array([rows[to] for _, to, _ in found], np.int32),
        via=np.array([-1 if via is None else rows[via] for _, _, via in found], np.int32),
        direction=np.array([direction(shapes[rows[at]], shapes[rows[to]]) for at, to, _ in found], np.str_).reshape(-1),
        signal=np.array([signal for signal, _ in held], np.int32),
        group=np.array([group for _, group in held], np.int32),
    )


def _from(ways: Ways[At], at: At, rows: Mapping[At, int]) -> list[tuple[At, At | None]]:
    """Where one goes on to from a lane, and over which path of a junction."""
    found: list[tuple[At, At | None]] = []
    for to in ways.onward(at):
        if to not in rows:
            continue
        if ways.is_inside(at) or not ways.is_inside(to):
            found.append((to, None))
        else:
            found += [(beyond, to) for beyond in _beyond(ways, to) if beyond in rows]
    return found


def _beyond(ways: Ways[At], path: At) -> list[At]:
    """The lanes at the other side of a junction to which a path leads, over all its sections."""
    waiting, seen, found = [path], {path}, list[At]()
    while waiting:
        for to in ways.onward(waiting.pop()):
            if to in seen:
                continue
            seen.add(to)
            (waiting if ways.is_inside(to) else found).append(to)
    return found


def direction(before: Floats, after: Floats) -> str:
    """s, l, r or t: how one turns from the end of one line (k, 3) to the beginning of another, both looked at over `LOOK_M`."""
    a, b = -_first(before[::-1]), _first(after)
    turn = np.degrees(np.angle(np.exp(1j * (np.arctan2(b[1], b[0]) - np.arctan2(a[1], a[0])))))
    if abs(turn) <= STRAIGHT_DEG:
        return "s"
    return "t" if abs(turn) >= TURN_DEG else "l" if turn > 0 else "r"


def _first(line: Floats) -> Floats:
    """From a line's first point to the last one within `LOOK_M`, the second at least."""
    beyond = np.flatnonzero(np.hypot(*(line - line[0])[:, :2].T) > LOOK_M)
    last = int(beyond[0]) - 1 if len(beyond) else len(line) - 1
    return np.asarray(line[max(1, last)] - line[0])
