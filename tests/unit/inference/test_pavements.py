"""Where people walk beside roads, and that who stays there is no danger to a host that keeps to its road."""

import numpy as np
import pytest

from chelu.roads import sumo
from services.inference.network import NetworkRoads
from services.inference.reports import Participant
from tests.unit.inference.scenes import EPOCH_US, Car, drive, raised, report, site
from tests.unit.roads.networks import edge, net


@pytest.fixture(scope="module")
def street():
    """A lane that runs north with a pavement of 2.5 m to its right, and an area of 4 by 4 m where the pavement ends at 40 m."""
    pavement = '<lane id="street_0" index="0" speed="1.4" length="240" width="2.5" allow="pedestrian" shape="3,-200 3,40"/>'
    lane = '<lane id="street_1" index="1" speed="14" length="240" width="3.5" disallow="pedestrian" shape="0,-200 0,40"/>'
    area = (
        '<edge id=":b_w0" function="walkingarea"><lane id=":b_w0_0" index="0" speed="1" length="4" width="4" '
        'allow="pedestrian" shape="1.75,40 5.75,40 5.75,44 1.75,44"/></edge>'
    )
    return NetworkRoads(sumo.read(net(f'<edge id="street" from="a" to="b" priority="1">{pavement}{lane}</edge>{area}')))


@pytest.mark.parametrize(
    ("place", "off_m"),
    [
        ((3.0, 0.0, 0.0), 0.0),
        ((1.0, 0.0, 0.0), 0.75),
        ((0.0, 0.0, np.nan), 1.75),
        ((5.0, 0.0, 0.0), 0.75),
        ((3.8, 42.2, 0.0), 0.0),
        ((1.0, 42.0, 0.0), 0.75),
        ((3.0, 45.0, 0.0), 1.0),
        ((3.0, 0.0, 8.0), np.inf),
        ((300.0, 0.0, 0.0), np.inf),
    ],
)
def test_how_far_a_place_is_off_the_next_pavement_on_its_deck(street, place, off_m) -> None:
    assert street.off_pavements_m(np.array([place]))[0] == pytest.approx(off_m)


def test_of_no_places_nothing_is_told(street) -> None:
    assert len(street.off_pavements_m(np.zeros((0, 3)))) == 0


def _walker(place, heading, speed):
    return Car(2, (*place, 0), heading, speed, is_seen=True, kind=Participant.PEDESTRIAN, size=(0.5, 0.5))


@pytest.mark.parametrize(
    ("walker", "is_warned"),
    [
        (_walker((0.6, 0), 180, 1.4), False),  # on the pavement, and seems 1.2 m off it
        (_walker((0.6, 0), 90, 0.0), False),  # waits at the kerb
        (_walker((0.0, 0), 90, 0.0), True),  # stands in the road
        (_walker((4.5, 0), 270, 1.2), True),  # steps down and crosses
        (_walker((0.9, 0), 270, 1.2), True),
    ],
)
def test_who_stays_on_the_pavement_is_not_warned_of_and_who_leaves_it_is(street, walker, is_warned) -> None:
    meets_s = 3.9 if walker.speed == 1.2 and walker.start[0] > 2 else 0.9 if walker.heading == 270 else 4.0
    host = Car(1, (0, -14 * meets_s, 0), 0, 14)
    assert bool(raised(drive([host, walker], meets_s, site(roads=street)), "vrucw")) == is_warned


@pytest.mark.parametrize(("stands_m", "is_warned"), [(0.6, False), (-0.2, True)])
def test_one_place_that_is_far_off_does_not_take_who_waits_at_the_kerb_into_the_road(street, stands_m, is_warned) -> None:
    """Seen at 0.6 m all the time, which is on the pavement as far as errors allow, and once, when a car is near, in its way."""
    place, told = site(roads=street), list[str]()
    host = Car(1, (0, -28, 0), 0, 14)
    for tick in range(20):
        seen = _walker((0.1 if tick == 14 else stands_m, 0), 90, 0.0)
        notices = place.step(report([host, seen], 0.1 * tick), EPOCH_US + 100_000 * tick)
        told += [one.application for one in notices if one.state == "raised"]
    assert ("vrucw" in told) == is_warned


def test_who_begins_to_walk_is_where_it_was_seen_last(street) -> None:
    place = site(roads=street)
    for tick in range(20):
        walker = _walker((0.6 + 0.1 * (tick % 2), 0), 270, 1.2 if tick == 19 else 0.0)
        place.step(report([walker], 0.1 * tick), EPOCH_US + 100_000 * tick)
        (slot,) = place.picture.live().tolist()
        off_m = place.placement.lingers_m(np.array([slot]))[0]
        assert off_m == pytest.approx([0.0, 0.0] if tick in {0, 19} else [0.05 - 0.1 * (tick % 2), 0.0], abs=0.026)


def test_who_stays_on_the_pavement_is_warned_of_when_the_host_leaves_its_road(street) -> None:
    angle = np.radians(35.0)
    host = Car(1, (3 - 28 * np.sin(angle), -28 * np.cos(angle), 0), 35, 14)
    assert raised(drive([host, _walker((3.0, 0), 180, 0.0)], 2.0, site(roads=street)), "vrucw")


@pytest.fixture(scope="module")
def corner():
    """A lane that runs north and turns left across a junction, with a radius of 8 m, round an area where people wait."""
    arc = [(8 * np.cos(angle) - 8, 40 + 8 * np.sin(angle)) for angle in np.linspace(0, np.pi / 2, 10)]
    path = " ".join(f"{east:.2f},{north:.2f}" for east, north in arc)
    area = (
        '<edge id=":b_w0" function="walkingarea"><lane id=":b_w0_0" index="0" speed="1" length="4" width="4" '
        'allow="pedestrian" shape="-7,40 -3,40 -3,44 -7,44"/></edge>'
    )
    roads = edge("in", "0,-200 0,40") + edge(":b_0", path, 'function="internal"') + edge("out", "-8,48 -200,48")
    links = (
        '<connection from="in" to="out" fromLane="0" toLane="0" via=":b_0_0" dir="l"/>'
        '<connection from=":b_0" to="out" fromLane="0" toLane="0" dir="l"/>'
    )
    return NetworkRoads(sumo.read(net(roads + area + links)))


@pytest.mark.parametrize(
    ("walker", "is_warned"),
    [
        (_walker((-2.6, 44.4), 45, 0.0), False),  # waits at the kerb, half a metre beside the car's flank
        (_walker((-1.6, 45.4), 45, 0.0), True),  # stands in the way
        (_walker((-3.2, 43.8), 45, 1.4), True),  # steps down
    ],
)
def test_who_waits_at_the_corner_is_not_warned_of_when_the_host_turns_round_it(corner, walker, is_warned) -> None:
    host = Car(1, (0, 40, 0), 0, 5, yaw=-np.degrees(5 / 8))
    assert bool(raised(drive([host, walker], 0.8, site(roads=corner)), "vrucw")) == is_warned
