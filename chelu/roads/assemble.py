"""Puts a network's tables together and works out what no map says: gradients, stacks, decks, the spatial index."""

from __future__ import annotations

import numpy as np

from chelu.errors import MalformedError
from chelu.messages import DropReason
from chelu.roads.decks import decks, stacked
from chelu.roads.network import (
    FEWEST_POINTS,
    Connections,
    Floats,
    Integers,
    Kind,
    Lanes,
    Lines,
    Links,
    Nodes,
    RoadNetwork,
    Signals,
    Strings,
)
from chelu.roads.pieces import cut

STEEP_OVER_M = 2.0  # shorter pieces say more about rounding than about the road


def assemble(
    *,
    nodes: Nodes,
    links: Links,
    lane_id: Strings,
    lane_link: Integers,
    lane_index: Integers,
    width_m: Floats,
    speed_limit_mps: Floats,
    length_m: Floats,
    users: Integers,
    shape: Lines,
    connections: Connections,
    signals: Signals,
) -> RoadNetwork:
    """A network of a reader's tables; columns as in `chelu.roads.network`, all lane columns of one length.

    MalformedError for a lane that is no line.
    """
    short = np.flatnonzero(np.diff(shape.start) < FEWEST_POINTS)
    if len(short):
        count = int(np.diff(shape.start)[short[0]])
        raise MalformedError(DropReason.UNDECODABLE, f"lane {lane_id[short[0]]}: {count} points, a line has two at least")
    pieces = cut(shape)
    is_area = links.kind[lane_link] == Kind.WALKING_AREA  # an outline, not a path: it would seem to overlap whatever it touches
    stack = stacked(pieces, np.where(is_area, 0.0, width_m))
    mean, steepest = gradients(shape)
    lanes = Lanes(
        id=lane_id,
        link=lane_link,
        index=lane_index,
        width_m=width_m,
        speed_limit_mps=speed_limit_mps,
        length_m=length_m,
        users=users,
        gradient=mean,
        steepest_gradient=steepest,
        deck=decks(lane_link, connections, stack),
        shape=shape,
    )
    lane_of = {str(name): index for index, name in enumerate(lane_id.tolist())}
    return RoadNetwork(nodes, links, lanes, connections, signals, stack, pieces, lane_of)


def gradients(shape: Lines) -> tuple[Floats, Floats]:
    """Mean and steepest rise over run (n,) of each line, uphill in its direction positive; 0 for lines without length."""
    step = np.diff(shape.points, axis=0, prepend=shape.points[:1])
    step[shape.start[:-1][shape.start[:-1] < len(step)]] = 0.0
    run, rise = np.hypot(step[:, 0], step[:, 1]), step[:, 2]
    line = np.repeat(np.arange(len(shape)), np.diff(shape.start))
    total_run, total_rise = (np.bincount(line, part, minlength=len(shape)) for part in (run, rise))
    mean = np.divide(total_rise, total_run, out=np.zeros(len(shape)), where=total_run > 0)
    local = np.divide(rise, run, out=np.zeros(len(run)), where=run >= STEEP_OVER_M)
    order = np.lexsort((np.abs(local), line))
    steepest = np.zeros(len(shape))
    steepest[line[order]] = local[order]  # the last of each line, its largest, stays
    return mean, steepest
