"""What is true of staged encounters, worked out from what everybody does and not from what anybody was told.

A contact is an overlap of footprints of host and other. It could be avoided if the host, braking with 4 m/s² one second after the
danger could be foreseen, does not touch the other. A warning without contact was needed all the same when at some moment within
the next 5 s the required deceleration was 2 m/s² or more: if host and other both went on as fast as they then are, each on the
path that it really takes, they would touch; and braking with 2 m/s² the host would touch the other or, where their ways cross,
not stop short of the other's way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.motion.conflict import Futures
from chelu.motion.kinematics import travelled
from chelu.motion.passage import passages
from chelu.motion.sweep import first_touch_s
from evaluation.v2x.actors import Actors, Floats, Ints, film, places
from evaluation.v2x.encounters import Encounters

Mask = npt.NDArray[np.bool_]
STEP_S = 0.05
BRAKE_MPS2, REACTION_S = 4.0, 1.0
NEEDED_MPS2, NEEDED_FOR_S = 2.0, 5.0
_EVERY_S = 0.25  # moments looked at within those five seconds
_AHEAD_S: Floats = np.arange(0.0, 8.0, 2 * STEP_S)
_MOST_ROWS = 20_000
_CROSSING_DEG = 25.0


@dataclass(frozen=True, slots=True)
class Truth:
    """Of n encounters: when host and other touch (inf never), and whether that is of the staged kind and avoidable."""

    contact_s: Floats
    is_avoidable: Mask


def truth_of(encounters: Encounters, *, brake_mps2: float = BRAKE_MPS2) -> Truth:
    """Contacts of blocks 0 and 1; brake_mps2: what a driver can do about them."""
    actors = encounters.actors
    host, other = actors.take(encounters.rows(0)), actors.take(encounters.rows(1))
    times = np.arange(0.0, encounters.lasts_s + STEP_S, STEP_S)
    contact = _touch_s(_driven(host, times), _driven(other, times))
    avoids = ~braking_touches(host, other, encounters.onset_s, REACTION_S, brake_mps2)
    return Truth(contact, (contact <= encounters.ends_s) & avoids & (contact > encounters.onset_s))


def was_needed(encounters: Encounters, rows: Ints, warned_s: Floats, *, needed_mps2: float = NEEDED_MPS2) -> Mask:
    """Whether warnings at these instants, in these encounters, were needed although there was no contact."""
    needed = np.zeros(len(rows), np.bool_)
    for later_s in np.arange(0.0, NEEDED_FOR_S, _EVERY_S):
        needed |= needs_braking(encounters, rows, warned_s + later_s, needed_mps2=needed_mps2)
    return needed


def needs_braking(encounters: Encounters, rows: Ints, at_s: Floats, *, needed_mps2: float = NEEDED_MPS2) -> Mask:
    """Whether the hosts' required deceleration at these instants was 2 m/s² or more, or what is as much in some weather."""
    host, other = (encounters.actors.take(encounters.rows(block)[rows]) for block in (0, 1))
    on, braking = (_going_on(host, at_s, 0.0, rate) for rate in (0.0, needed_mps2))
    speed = film(host, at_s[:, None]).speed_mps[:, 0]
    return requires_braking(on, braking, _going_on(other, at_s, 0.0, 0.0), speed, needed_mps2=needed_mps2)


def requires_braking(
    on: Futures, braking: Futures, other: Futures, speed_mps: Floats, *, needed_mps2: float = NEEDED_MPS2
) -> Mask:
    """Whether hosts that go on touch the others, and braking with 2 m/s² does not help: see above. Samples `2 * STEP_S` apart."""
    first = _touch_s(on, other) * 2.0
    crosses = np.zeros(len(speed_mps), np.bool_)
    rows = np.flatnonzero(np.isfinite(first) & (first > 0))
    if len(rows):
        shared = passages(on.take(rows), other.take(rows), 2 * STEP_S, first[rows] + 1.0)
        step = np.minimum((first[rows] / (2 * STEP_S)).astype(np.int64), on.xy.shape[1] - 1)
        turn = on.heading_deg[rows, step] - other.heading_deg[rows, step]
        slants = np.abs(np.sin(np.radians(turn))) >= np.sin(np.radians(_CROSSING_DEG))
        crosses[rows] = slants & (shared.way_a_m < speed_mps[rows] ** 2 / (2.0 * needed_mps2))
    return np.isfinite(first) & (crosses | np.isfinite(_touch_s(braking, other)))


def braking_touches(host: Actors, other: Actors, from_s: Floats, reaction_s: float, brake_mps2: float) -> Mask:
    """Whether hosts touch others, wherever those really go, if they keep their speed for the reaction and then brake."""
    parts = np.array_split(np.arange(len(host)), max(1, len(host) // _MOST_ROWS))
    hits = []
    for rows in parts:
        one, two, begin_s = host.take(rows), other.take(rows), from_s[rows]
        moved = _going_on(one, begin_s, reaction_s, brake_mps2)
        hits.append(np.isfinite(_touch_s(moved, _driven(two, begin_s[:, None] + _AHEAD_S))))
    return np.concatenate(hits)


def _going_on(actors: Actors, from_s: Floats, reaction_s: float, brake_mps2: float) -> Futures:
    """On their own paths, at their speed of that moment and then braking."""
    begin = film(actors, from_s[:, None])
    speed = begin.speed_mps[:, 0]
    braked, _ = travelled(speed, np.full(len(speed), -brake_mps2), np.maximum(_AHEAD_S - reaction_s, 0.0))
    way = begin.way_m + speed[:, None] * np.minimum(_AHEAD_S, reaction_s) + braked
    xy, heading = places(actors, way)
    aside = begin.xy[:, 0] - places(actors, begin.way_m)[0][:, 0]  # who has moved over stays there
    return Futures(xy + aside[:, None, :], heading, actors.size_m)


def _driven(actors: Actors, times_s: Floats) -> Futures:
    shown = film(actors, times_s)
    return Futures(shown.xy, shown.heading_deg, actors.size_m)


def _touch_s(a: Futures, b: Futures) -> Floats:
    """Instant of the first contact after the first sample, in steps of these futures times their own step."""
    return first_touch_s(a, b, STEP_S)
