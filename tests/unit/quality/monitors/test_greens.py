from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chelu.lights import Light
from chelu.quality.monitors.catalogue import monitor_of, site_parameters
from chelu.quality.monitors.greens import Pair, pairs
from chelu.quality.monitors.junctions import junctions
from chelu.quality.monitors.run import run
from tests.unit.quality.monitors import crossing as at

BEGIN_US, END_US = at.BEGIN_US, at.BEGIN_US + round(at.SECONDS * 1e6)
STRAIGHT, LEFT, ACROSS, ACROSS_LEFT = 1, 2, 3, 4


def test_a_left_turn_gives_way_to_who_comes_towards_it_and_nobody_to_who_comes_from_the_side() -> None:
    (found,) = junctions({"nodes": [at.node()]})
    assert pairs(found) == (
        Pair(STRAIGHT, LEFT, yields=LEFT),
        Pair(STRAIGHT, ACROSS, yields=0),
        Pair(STRAIGHT, ACROSS_LEFT, yields=0),
        Pair(LEFT, ACROSS, yields=0),
        Pair(LEFT, ACROSS_LEFT, yields=0),
        Pair(ACROSS, ACROSS_LEFT, yields=ACROSS_LEFT),
    )


def test_two_left_turns_towards_one_another_do_not_cross() -> None:
    """North and south turn left under one phase, and east and west under two: no pair of left turns that face each other."""
    node = at.node()
    for ways in (lane["connects_to"] for link in node["in_links"][2:3] for lane in link["lanes"]):
        for way in ways:
            way["phase_id"] += 10  # the north's own phases: 11 straight, 12 left
    (found,) = junctions({"nodes": [node]})
    named = {(pair.one, pair.two): pair.yields for pair in pairs(found)}
    assert (2, 12) not in named
    assert (1, 11) not in named
    assert named[1, 12] == 12
    assert named[2, 11] == 2


@pytest.mark.parametrize(
    ("left", "straight", "is_found"),
    [
        (Light.PERMISSIVE_GREEN, Light.PROTECTED_GREEN, False),
        (Light.PERMISSIVE_GREEN, Light.PERMISSIVE_GREEN, False),
        (Light.PROTECTED_GREEN, Light.PERMISSIVE_GREEN, True),
        (Light.PROTECTED_GREEN, Light.PROTECTED_GREEN, True),
        (Light.RED, Light.PROTECTED_GREEN, False),
        (Light.YELLOW, Light.PROTECTED_GREEN, False),
    ],
)
def test_a_round_green_may_stand_beside_what_it_yields_to_and_an_arrow_may_not(left, straight, is_found) -> None:
    clean = at.crossing()
    phase, shows = clean.spat["phase_id"], np.full(len(clean.spat), Light.RED)
    shows = np.where(phase == STRAIGHT, straight, np.where(phase == LEFT, left, shows))
    heard = replace(clean, spat=clean.spat.with_columns(light=shows.astype(np.uint8)))
    report = run(heard, site_parameters({}, where=""), from_us=BEGIN_US, to_us=END_US, monitors=[monitor_of("green-conflict")])
    assert [event.value for event in report.events] == ([1002.0] if is_found else [])
