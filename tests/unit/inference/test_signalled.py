"""Turn signals: ways to the side that is shown count as likelier, near a junction, and so left turns are told of earlier."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.ahead import Ahead
from services.inference.motion_model import OnnxMotionModel, shipped
from services.inference.network import NetworkRoads
from services.inference.reports import Lamp
from services.inference.signalled import by_signal
from tests.unit.inference.scenes import Car, drive, raised, site
from tests.unit.inference.small_roads import LANE_M, crossing

SPLIT = np.array([0.2, 0.6, 0.2])


def _ahead(junction_m: float = 40.0, tracks: int = 1) -> Ahead:
    """Of each track a way to the left, one straight on, one to the right."""
    n = 3 * tracks
    zero, row = np.zeros(n), np.repeat(np.arange(tracks), 3)
    turn = np.tile([-90.0, 0.0, 90.0], tracks)
    return Ahead(row, np.arange(n), zero, zero, zero, zero + junction_m, turn, np.zeros((n, 3)), zero + 14.0, np.full(n, 3))


@pytest.mark.parametrize(("lamp", "way"), [(Lamp.LEFT, 0), (Lamp.RIGHT, 2)])
def test_a_way_to_the_side_that_is_shown_becomes_the_likeliest(lamp: Lamp, way: int) -> None:
    weight = by_signal(SPLIT, _ahead(), np.array([int(lamp)]))
    assert weight.argmax() == way
    assert weight[way] == pytest.approx(2.4 / 3.04)
    assert weight[2 - way] == pytest.approx(0.04 / 3.04)
    assert weight.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("lights", [0, int(Lamp.HAZARD), int(Lamp.HAZARD | Lamp.LEFT)])
def test_without_a_signal_or_with_hazard_lights_nothing_changes(lights: int) -> None:
    np.testing.assert_array_equal(by_signal(SPLIT, _ahead(), np.array([lights])), SPLIT)


def test_far_from_the_junction_a_signal_is_for_a_change_of_lanes() -> None:
    np.testing.assert_array_equal(by_signal(SPLIT, _ahead(120.0), np.array([int(Lamp.LEFT)])), SPLIT)


def test_each_tracks_ways_are_weighed_by_its_own_signal() -> None:
    both = by_signal(np.tile(SPLIT, 2), _ahead(tracks=2), np.array([0, int(Lamp.RIGHT)]))
    np.testing.assert_allclose(both[:3], SPLIT)
    assert both[3:].argmax() == 2


def test_who_shows_that_it_will_turn_left_is_told_of_the_oncoming_one_before_it_turns() -> None:
    told = {}
    for lights in (0, int(Lamp.LEFT)):
        slows = Car(1, (LANE_M / 2, -70.0, 0), 0, 9, lambda t: -1.0 if 1 <= t < 4 else 0.0, lights=lights)
        oncoming = Car(2, (-LANE_M / 2, 118.0, 0), 180, 12)
        place = site(roads=NetworkRoads(crossing()), model=OnnxMotionModel(shipped()))
        told[lights] = [one.host.vehicle_id for _, one in raised(drive([slows, oncoming], 8.5, place), "lta")]
    assert told == {0: [], int(Lamp.LEFT): [1]}
