"""Which tracks that the roadside sees are of vehicles that speak themselves: found anew from stored reports. Pure.

Who is one road user with whom is not stored. What inference finds live it finds from more than places (docs/fusion.md); here a
track that stays beside a speaking one is taken for its twin, so that a map of the past draws the two as one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.registry.past.tracks import MOTOR, SEEN, SPEAKS, Ints, Reports

STEP_US = 500_000  # so often they are compared
NEAR_M = 3.0  # centres: what a roadside sensor is off, and what is left of the motion between the two reports
HEIGHT_M = 4.0  # the least between two decks of a stacked road
SHARE = 0.6  # of the steps in which both are there
MOST_PAIRS = 4_000_000  # of one step; beyond, it is passed over
ALONE = -1


def twins(found: Reports) -> Ints:
    """(m,) by track the speaking track that it is the twin of, `ALONE` for all others."""
    count = len(found.key)
    twin = np.full(count, ALONE, np.int64)
    steps = found.time_us // STEP_US
    votes, both = dict[tuple[int, int], int](), np.zeros(count, np.int64)
    for step in np.unique(steps).tolist():
        rows = np.flatnonzero(steps == step)
        speaking, seen = _newest(found, rows, SPEAKS), _newest(found, rows, SEEN)
        if not len(speaking) or not len(seen) or len(speaking) * len(seen) > MOST_PAIRS:
            continue
        both[found.track[seen]] += 1
        nearest, is_near = _nearest(found, seen, speaking, (step + 1) * STEP_US)
        for pair in zip(found.track[seen[is_near]].tolist(), found.track[speaking[nearest[is_near]]].tolist(), strict=True):
            votes[pair] = votes.get(pair, 0) + 1
    for (track, lead), number in votes.items():
        if number >= SHARE * both[track]:
            twin[track] = lead
    return twin


def _newest(found: Reports, rows: npt.NDArray[np.intp], kind: int) -> npt.NDArray[np.intp]:
    """Of these rows the last of each motor vehicle's track of this kind."""
    track = found.track[rows]
    mine = rows[(found.kind[track] == kind) & (found.participant_type[track] <= MOTOR)]
    _, first = np.unique(found.track[mine][::-1], return_index=True)
    return np.asarray(mine[::-1][first], np.intp)


def _nearest(
    found: Reports, seen: npt.NDArray[np.intp], speaking: npt.NDArray[np.intp], at_us: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Of each who is seen the nearest who speaks, both carried straight on to one instant; and whether that is near enough."""
    one, two = _carried(found, seen, at_us), _carried(found, speaking, at_us)
    apart = np.hypot(one[:, None, 0] - two[None, :, 0], one[:, None, 1] - two[None, :, 1])
    heights = np.abs(one[:, None, 2] - two[None, :, 2])
    apart = np.where(heights > HEIGHT_M, np.inf, apart)  # an unknown height forbids nothing
    nearest = np.argmin(apart, axis=1)
    return nearest, apart[np.arange(len(seen)), nearest] <= NEAR_M


def _carried(found: Reports, rows: npt.NDArray[np.intp], at_us: int) -> npt.NDArray[np.float64]:
    heading, since_s = np.radians(found.heading_deg[rows]), (at_us - found.time_us[rows]) / 1e6
    way = np.nan_to_num(found.speed_mps[rows] * since_s)
    moved = found.xyz[rows].copy()
    moved[:, 0] += np.nan_to_num(np.sin(heading)) * way
    moved[:, 1] += np.nan_to_num(np.cos(heading)) * way
    return moved
