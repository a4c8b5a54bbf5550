"""One actor as another has it before itself: the gap along the road, the speeds along it, whether it is in the way.

Two on the same way are measured along it, so that a bend does not matter; others in the plane, along the heading of the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chelu.motion.footprints import Floats, forward, rightward
from simulators.scenario.contacts import DECK_M
from simulators.scenario.metrics.metric import Mask
from simulators.scenario.trace import Ints, Trace

CELLS_AT_ONCE = 400_000  # keeps temporaries in tens of megabytes


@dataclass(frozen=True, slots=True)
class Pair:
    """What the first has before itself, all (t, n).

    gap_m: between the bumpers along the road, below 0 side by side. beside_m: between the flanks, below 0 in one another's way.
    Speeds and accelerations are along the road. is_ahead: the other is before the first.
    """

    gap_m: Floats
    beside_m: Floats
    first_mps: Floats
    other_mps: Floats
    first_mps2: Floats
    other_mps2: Floats
    is_ahead: Mask

    @property
    def is_followed(self) -> Mask:
        """Whether the first drives behind the other, which is in its way."""
        return np.asarray(self.is_ahead & (self.beside_m < 0))


def pair(trace: Trace, first: int, other: int) -> Pair:
    """The other as the first has it."""
    same = (trace.way[:, first] == trace.way[:, other]) & (trace.way[:, first] >= 0)
    ahead, aside, turned, turned_other = _in_the_plane(trace, first, other)
    if same.any():
        on_way = _on_the_way(trace, first, other)
        ahead, aside, turned, turned_other = (
            np.where(same, one, two) for one, two in zip(on_way, (ahead, aside, turned, turned_other), strict=True)
        )
    long, wide = _extents(trace, first, turned)
    long_other, wide_other = _extents(trace, other, turned_other)
    along, along_other = np.cos(turned), np.cos(turned_other)
    beside = np.abs(aside) - wide - wide_other
    return Pair(
        np.abs(ahead) - long - long_other,
        np.where(is_on_one_deck(trace, first, other), beside, np.inf),
        trace.speed_mps[:, :, first] * along,
        trace.speed_mps[:, :, other] * along_other,
        trace.acceleration_mps2[:, :, first] * along,
        trace.acceleration_mps2[:, :, other] * along_other,
        np.asarray(ahead > 0),
    )


def is_on_one_deck(trace: Trace, first: int, other: int) -> Mask:
    """(t, n): whether both are so near in height that they can meet."""
    return np.asarray(np.abs(trace.elevation_m[:, :, first] - trace.elevation_m[:, :, other]) <= DECK_M)


def velocity(trace: Trace, actor: int, instants: slice = slice(None)) -> Floats:
    """(t, n, 2) m/s in the plane."""
    return np.asarray(forward(trace.heading_deg[instants, :, actor]) * trace.speed_mps[instants, :, actor, None])


def size(trace: Trace, actor: int) -> Floats:
    """(2,) length and width."""
    one = trace.actors[actor]
    return np.array([one.length_m, one.width_m])


def stretches(trace: Trace) -> Iterator[slice]:
    """Instants in pieces of which all runs together have a bearable number of cells."""
    step = max(1, CELLS_AT_ONCE // max(1, trace.runs))
    for begin in range(0, trace.instants, step):
        yield slice(begin, begin + step)


def _in_the_plane(trace: Trace, first: int, other: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Place of the other's centre ahead and to the right of the first's, and how far both are turned from the first's heading."""
    offset = trace.xy[:, :, other] - trace.xy[:, :, first]
    heading = trace.heading_deg[:, :, first]
    ahead = np.sum(offset * forward(heading), axis=-1)
    aside = np.sum(offset * rightward(heading), axis=-1)
    return ahead, aside, np.zeros_like(ahead), np.radians(trace.heading_deg[:, :, other] - heading)


def _on_the_way(trace: Trace, first: int, other: int) -> tuple[Floats, Floats, Floats, Floats]:
    """The same along and across a common way. Between two beside the line of a bend lies 1 − κ·aside of the line's length."""
    along, aside = trace.along_m, trace.aside_m
    places = [trace.ways.at(_row(trace, actor), along[:, :, actor], aside[:, :, actor]) for actor in (first, other)]
    shares = [1.0 - place.curvature_1pm * aside[:, :, actor] for place, actor in zip(places, (first, other), strict=True)]
    turned = [
        np.radians(trace.heading_deg[:, :, actor] - place.heading_deg)
        for place, actor in zip(places, (first, other), strict=True)
    ]
    ahead = (along[:, :, other] - along[:, :, first]) * (shares[0] + shares[1]) / 2.0
    return np.asarray(ahead), np.asarray(aside[:, :, other] - aside[:, :, first]), turned[0], turned[1]


def _row(trace: Trace, actor: int) -> Ints:
    """The actor's way (n,); those that are on none are asked about way 0 and not used."""
    return np.maximum(trace.way[:, actor], 0)


def _extents(trace: Trace, actor: int, turned: Floats) -> tuple[Floats, Floats]:
    """Half of what an actor covers along and across a direction from which it is turned by so many radians."""
    one = trace.actors[actor]
    cosine, sine = np.abs(np.cos(turned)), np.abs(np.sin(turned))
    return (
        np.asarray(0.5 * (cosine * one.length_m + sine * one.width_m)),
        np.asarray(0.5 * (cosine * one.width_m + sine * one.length_m)),
    )
