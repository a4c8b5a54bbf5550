"""What a lane shows of how far places are off: errors are learned, and movements to the side stay what they are."""

from dataclasses import replace

import numpy as np
import pytest

from chelu.roads import sumo
from services.inference.network import NetworkRoads
from services.inference.picture import Picture
from services.inference.placing import Placement
from tests.unit.inference.scenes import Car, drive, raised, report, site
from tests.unit.roads.networks import net


@pytest.fixture(scope="module")
def avenue():
    """Two lanes that run north, the right one along the axis."""
    lanes = "".join(
        f'<lane id="avenue_{index}" index="{index}" speed="20" length="600" width="3.5" shape="{east},-200 {east},400"/>'
        for index, east in enumerate((0.0, -3.5))
    )
    return NetworkRoads(sumo.read(net(f'<edge id="avenue" from="a" to="b" priority="1">{lanes}</edge>')))


def _learned(roads, car, seconds=5.0, *, sigma=np.nan):
    """Error to the right that is learned of a car, and how far beside its lane it seems then."""
    picture, placement = Picture(), Placement(roads, moved_m=1.0)
    for tick in range(round(seconds * 10)):
        rows = replace(report([car], tick * 0.1), place_sigma_m=np.array([sigma]))
        placement.update(picture, picture.update(rows).slots)
    return placement.keeping.error_m[0, 0], placement.asides_m(np.array([0]))[0]


@pytest.mark.parametrize("off_m", [-1.0, -0.4, 0.7, 1.1])
def test_an_error_to_the_side_is_learned_of_who_drives_along_its_lane(avenue, off_m) -> None:
    error, aside = _learned(avenue, Car(1, (off_m, 0, 0), 0, 12))
    assert error == pytest.approx(off_m, abs=0.1)
    assert aside == pytest.approx(0.0, abs=0.1)


def test_who_moves_over_by_intention_is_where_it_is(avenue) -> None:
    """1 m/s to the left: after 2.5 s it is between the lanes."""
    error, aside = _learned(avenue, Car(1, (0, 0, 0), -np.degrees(np.arcsin(1 / 12)), 12), 1.6)
    assert abs(error) < 0.1
    assert aside == pytest.approx(-1.5, abs=0.15)


def test_who_knows_its_place_well_is_taken_at_its_word(avenue) -> None:
    error, aside = _learned(avenue, Car(1, (0.8, 0, 0), 0, 12), sigma=0.05)
    assert abs(error) <= 0.125
    assert aside == pytest.approx(0.8 - 0.125, abs=0.01)


def test_of_who_stands_beside_the_middle_and_was_never_seen_to_drive_nothing_is_learned(avenue) -> None:
    error, aside = _learned(avenue, Car(1, (1.2, 0, 0), 0, 0))
    assert error == 0.0
    assert aside == pytest.approx(1.2)


def test_who_is_too_far_from_every_middle_to_keep_to_a_lane_is_where_it_is(avenue) -> None:
    error, aside = _learned(avenue, Car(1, (2.6, 0, 0), 0, 12))
    assert error < 0.4
    assert aside > 2.2


def test_an_error_belongs_to_the_road_user_and_not_to_its_slot(avenue) -> None:
    picture, placement = Picture(), Placement(avenue, moved_m=1.0)
    for tick in range(50):
        placement.update(picture, picture.update(report([Car(1, (1.0, 0, 0), 0, 12)], tick * 0.1)).slots)
    picture.expire(2_000_000_000_000_000)
    placement.update(picture, picture.update(report([Car(2, (0.2, 0, 0), 0, 12)], 9.0)).slots)
    assert placement.keeping.error_m[0, 0] == pytest.approx(0.2)


@pytest.mark.parametrize("host_off_m", [0.0, 1.0])
def test_a_queue_on_the_next_lane_that_seems_nearer_than_it_is_is_not_warned_of(avenue, host_off_m) -> None:
    """Both seem 2 m nearer to one another than their lanes are; both have driven there."""
    queue = Car(1, (-1.6, 60, 0), 0, 10, lambda t: -2.0)
    cars = [queue, Car(2, (-3.5 + host_off_m + 0.3, -60, 0), 0, 13)]
    found = raised(drive([replace(queue, start=(-1.0, 60, 0)), cars[1]], 9, site(roads=avenue)), "fcw")
    assert found == []


def test_a_queue_on_the_own_lane_is_warned_of_whatever_places_are_off(avenue) -> None:
    cars = [Car(1, (-0.8, 60, 0), 0, 10, lambda t: -2.0), Car(2, (0.8, -60, 0), 0, 13)]
    assert {one.host.vehicle_id for _, one in raised(drive(cars, 9, site(roads=avenue)), "fcw")} == {2}


@pytest.mark.parametrize(("aside_m", "is_warned"), [(0.5, True), (1.4, False)])
def test_two_who_say_that_they_are_far_apart_on_one_lane_are_not_both_in_its_middle(avenue, aside_m, is_warned) -> None:
    """Drivers straddle lanes, too: 2.8 m between two cars of 1.8 m are not all errors."""
    cars = [Car(1, (-aside_m, 40, 0), 0, 6), Car(2, (aside_m, -60, 0), 0, 14)]
    assert bool(raised(drive(cars, 10.5, site(roads=avenue)), "fcw")) == is_warned
