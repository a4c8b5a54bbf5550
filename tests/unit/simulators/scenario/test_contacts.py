"""First contacts, which are looked for on legs that may have one, are those of whole ways."""

from __future__ import annotations

import numpy as np
import pytest

from chelu.motion.conflict import Futures
from chelu.motion.sweep import first_touch_s
from simulators.scenario.contacts import DECK_M, first_contacts
from simulators.scenario.trace import Actor
from simulators.scenario.ways import Floats, Places

STEP_S, INSTANTS, RUNS = 0.1, 80, 600
ACTORS = (
    Actor("one", "car", 4.6, 1.8, 1500.0),
    Actor("two", "truck", 12.0, 2.5, 12000.0),
    Actor("three", "pedestrian", 0.5, 0.5, 75.0),
)


def wandering(speed_mps: float) -> tuple[Floats, Floats]:
    """Places (t, n, a, 2) and headings (t, n, a) of actors who turn as they like within some tens of metres."""
    draw = np.random.default_rng(11)
    shape = INSTANTS, RUNS, len(ACTORS)
    heading = np.cumsum(draw.normal(0, 4, shape), axis=0) + draw.uniform(0, 360, shape[1:])
    ahead = np.stack([np.sin(np.radians(heading)), np.cos(np.radians(heading))], axis=-1)
    way = np.cumsum(ahead * draw.uniform(0, speed_mps, (*shape[1:], 1)) * STEP_S, axis=0)
    return draw.uniform(-25, 25, (*shape[1:], 2)) + way, np.mod(heading, 360.0)


def of_whole_ways(xy: Floats, heading_deg: Floats, height_m: Floats) -> Floats:
    """When the first two touch (n,), every leg of everybody looked at."""
    first = np.full(RUNS, np.inf)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        apart = np.abs(height_m[:, :, a] - height_m[:, :, b]) > DECK_M
        sides = []
        for column in (a, b):
            size = np.tile([ACTORS[column].length_m, ACTORS[column].width_m], (RUNS, 1))
            sides.append(Futures(xy[:, :, column].transpose(1, 0, 2), heading_deg[:, :, column].T, size))
        lower = Futures(np.where(apart.T[..., None], np.nan, sides[1].xy), sides[1].heading_deg, sides[1].size_m)
        first = np.minimum(first, first_touch_s(sides[0], lower, STEP_S))
    return first


@pytest.mark.parametrize("speed_mps", [3.0, 60.0])
def test_contacts_on_legs_that_may_have_one_are_those_of_whole_ways(speed_mps: float) -> None:
    xy, heading = wandering(speed_mps)
    height = np.where(np.arange(RUNS)[None, :, None] % 3 == 0, [0.0, 6.0, 0.0], 0.0) + np.zeros((INSTANTS, 1, 1))
    nothing = np.zeros_like(heading)
    found = first_contacts(ACTORS, Places(xy, height, heading, nothing, nothing), heading, STEP_S)
    wanted = of_whole_ways(xy, heading, height)
    assert np.array_equal(found.first_s, wanted)
    assert 50 < np.isfinite(wanted).sum() < RUNS
    assert np.array_equal(found.actors[:, 0] >= 0, np.isfinite(wanted))


def test_nobody_touches_whom_nobody_comes_near() -> None:
    xy, heading = wandering(3.0)
    nothing = np.zeros_like(heading)
    apart = xy + np.arange(len(ACTORS))[:, None] * 1000.0
    found = first_contacts(ACTORS, Places(apart, nothing, heading, nothing, nothing), heading, STEP_S)
    assert np.isinf(found.first_s).all()
    assert (found.actors == -1).all()
