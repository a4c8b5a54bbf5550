"""Places and segments on the district's road network: lanes, stacked decks, counting."""

from pathlib import Path

import numpy as np
import pytest

from chelu.codec import columns
from chelu.roads import sumo
from services.inference.city.segments import SegmentMonitor, Segments, congestion_index
from services.inference.network import NetworkRoads
from services.inference.picture import Picture
from services.inference.placing import Placement
from services.inference.reports import Participant
from tests.unit.inference.scenes import EPOCH_US, Car, drive, raised, report, site
from tests.unit.roads.networks import edge, net

NOT_KNOWN = np.array([-1, -1])  # which lanes two were on before
FILE = Path(__file__).parents[3] / "simulators" / "data" / "district.net.xml.gz"


@pytest.fixture(scope="module")
def network():
    return sumo.read(FILE.read_bytes())


@pytest.fixture(scope="module")
def roads(network):
    return NetworkRoads(network)


def _crossing(network):
    """Two lanes that lie above each other and cross: where, with both headings and heights."""
    shape, stack = network.lanes.shape, network.stacked
    for lower, upper in zip(stack.lower.tolist(), stack.upper.tolist(), strict=True):
        for i in range(len(shape[lower]) - 1):
            for j in range(len(shape[upper]) - 1):
                one, two = shape[lower][i : i + 2], shape[upper][j : j + 2]
                step = np.stack([one[1] - one[0], two[0] - two[1]], axis=1)[:2]
                if abs(np.linalg.det(step)) < 0.7 * np.prod(np.linalg.norm(step, axis=0)):
                    continue
                s, t = np.linalg.solve(step, (two[0] - one[0])[:2])
                if 0 <= s <= 1 and 0 <= t <= 1:
                    place = one[0] + s * (one[1] - one[0])
                    ways = [np.degrees(np.arctan2(*(end - begin)[:2])) % 360 for begin, end in (one, two)]
                    return place, (two[0] + t * (two[1] - two[0]))[2], ways, (lower, upper)
    pytest.fail("the district has no stacked crossing")


def test_vehicles_on_two_decks_of_the_interchange_do_not_warn_each_other(network, roads) -> None:
    place, upper, (one, two), _ = _crossing(network)
    cars = [
        Car(1, (*(place[:2] - 60 * np.array([np.sin(np.radians(one)), np.cos(np.radians(one))])), place[2]), one, 14),
        Car(2, (*(place[:2] - 60 * np.array([np.sin(np.radians(two)), np.cos(np.radians(two))])), upper), two, 14),
    ]
    where = site(roads=roads)
    assert raised(drive(cars, 6, where)) == []
    picture, _ = columns.unpack(where.broadcast({}, EPOCH_US + 6_000_000))
    lane = where.placement.lane[picture["slot"]]
    assert (lane >= 0).all()
    assert picture["deck"].tolist() == network.lanes.deck[lane].tolist()
    assert picture["key"].tolist() == [1, 2]
    assert picture["deck"][0] < picture["deck"][1]


@pytest.mark.parametrize("errors", [(15, -15), (-15, 15), (15, 15), (8, 0), (0, -8), (20, 20)])
def test_heights_that_are_far_off_put_nobody_onto_another_deck(network, roads, errors) -> None:
    """7 m apart, and 8 m off: by what is sent the two would be on one deck."""
    place, upper, (one, two), _ = _crossing(network)
    cars = [
        Car(name, (*(place[:2] - 60 * np.array([np.sin(np.radians(way)), np.cos(np.radians(way))])), up + off), way, 14)
        for name, way, up, off in zip((1, 2), (one, two), (place[2], upper), errors, strict=True)
    ]
    assert raised(drive(cars, 6, site(roads=roads))) == []


@pytest.mark.parametrize("errors", [(15, -15), (-15, 15), (0, 12)])
def test_heights_that_are_far_off_part_nobody_who_is_on_one_road(network, roads, errors) -> None:
    shape = network.lanes.shape
    lane = int(np.flatnonzero((network.lanes.length_m > 250) & (network.lane_kind() == 0) & (network.lanes.users & 1 > 0))[0])
    start, end = shape[lane][0], shape[lane][1]
    way = (end - start) / np.linalg.norm(end - start)
    heading = float(np.degrees(np.arctan2(*way[:2])) % 360)
    fast, slow = (start + way * along for along in (5.0, 95.0))
    for one, off in zip((fast, slow), errors, strict=True):
        one[2] = roads.place(np.array([[*one[:2], np.nan]]), np.array([heading]), np.array([-1])).heights_m[0, 0] + off
    found = raised(drive([Car(1, tuple(fast), heading, 16), Car(2, tuple(slow), heading, 0)], 4, site(roads=roads)), "fcw")
    assert [one.host.vehicle_id for _, one in found] == [1]


def test_an_error_of_the_height_is_learned_where_the_map_leaves_no_choice(network, roads) -> None:
    lane = int(np.flatnonzero((network.lanes.length_m > 150) & (network.lane_kind() == 0) & (network.lanes.users & 1 > 0))[0])
    start, end = network.lanes.shape[lane][:2]
    heading = float(np.degrees(np.arctan2(*(end - start)[:2])) % 360)
    picture, placement = Picture(), Placement(roads, moved_m=1.0)
    for tick in range(20):
        placement.update(picture, picture.update(report([Car(1, (*start[:2], start[2] + 13), heading, 8)], tick * 0.1)).slots)
    assert placement.height_error_m[0] == pytest.approx(13, abs=1.5)
    assert placement.heights_m[0, 0] == pytest.approx(start[2], abs=1.5)


def test_who_is_far_from_every_road_in_height_is_on_none_of_them(network, roads) -> None:
    start, end = network.lanes.shape[0][:2]
    heading = float(np.degrees(np.arctan2(*(end - start)[:2])) % 360)
    picture, placement = Picture(), Placement(roads, moved_m=1.0)
    placement.update(picture, picture.update(report([Car(1, (*start[:2], start[2] + 60), heading, 8)], 0.0)).slots)
    assert placement.heights_m[0, 0] == pytest.approx(start[2] + 60)
    assert placement.height_error_m[0] == 0


def test_how_far_a_track_slants_on_its_lane_is_told_in_a_bend_as_on_a_straight(network, roads) -> None:
    shape = network.lanes.shape
    lanes = np.flatnonzero((network.lanes.users & 1 > 0) & (np.diff(shape.start) >= 6) & (network.lanes.length_m > 12))
    for lane in lanes[:40].tolist():
        line = shape[lane]
        way = line[3] - line[2]
        if np.linalg.norm(way[:2]) < 0.5:
            continue
        heading = np.degrees(np.arctan2(*way[:2]))
        middle = np.array([(line[2] + line[3]) / 2])
        before = np.array([lane])
        found = roads.place(middle, np.array([heading % 360]), before)
        if found.lane[0] == lane:
            assert abs(found.slant_deg[0]) < 12
            turned = roads.place(middle, np.array([(heading + 5) % 360]), before)
            assert turned.slant_deg[0] - found.slant_deg[0] == pytest.approx(5, abs=0.1)


@pytest.fixture(scope="module")
def avenue():
    """Two lanes that run north, the right one along the axis."""
    lanes = "".join(
        f'<lane id="avenue_{index}" index="{index}" speed="20" length="400" width="3.5" shape="{east},-100 {east},300"/>'
        for index, east in enumerate((0.0, -3.5))
    )
    return NetworkRoads(sumo.read(net(f'<edge id="avenue" from="a" to="b" priority="1">{lanes}</edge>')))


@pytest.mark.parametrize(("slant", "is_warned"), [(0.0, False), (-1.0, False), (-4.0, True)])
def test_who_drifts_out_of_its_own_lane_beside_another_is_warned_on_a_map(avenue, slant, is_warned) -> None:
    cars = [Car(1, (0, 0, 0), slant, 15), Car(2, (-3.5, 0, 0), 0, 15)]
    found = raised(drive(cars, 1.2, site(roads=avenue)), "lcw")
    assert (1 in {one.host.vehicle_id for _, one in found}) == is_warned


@pytest.fixture(scope="module")
def bending():
    """A road with a lane each way that runs north and bends 3° to the right at 60 m; the oncoming lane is on the left."""
    turn = np.radians(3.0)
    end = np.array([0.0, 60.0]) + 300 * np.array([np.sin(turn), np.cos(turn)])
    left = end + 3.5 * np.array([-np.cos(turn), np.sin(turn)])
    points = {
        "out": f"0,-100 0,60 {end[0]:.2f},{end[1]:.2f}",
        "back": f"{left[0]:.2f},{left[1]:.2f} -3.5,60 -3.5,-100",
    }
    return NetworkRoads(sumo.read(net("".join(edge(name, shape) for name, shape in points.items()))))


@pytest.mark.parametrize(("slant", "is_warned"), [(0.0, False), (-4.0, True)])
def test_who_comes_to_a_bend_behind_another_does_not_pull_out_to_overtake(bending, slant, is_warned) -> None:
    turn = np.radians(3.0)
    along = np.array([np.sin(turn), np.cos(turn)])
    ahead = np.array([0.0, 60.0]) + 15 * along
    comes = np.array([0.0, 60.0]) + 75 * along + 3.5 * np.array([-np.cos(turn), np.sin(turn)])
    cars = [Car(1, (0, 50, 0), slant, 14), Car(2, (*ahead, 0), 3.0, 10), Car(3, (*comes, 0), 183.0, 14)]
    found = raised(drive(cars, 0.6, site(roads=bending)), "dnpw")
    assert bool(found) == is_warned


@pytest.mark.parametrize(("aside", "is_warned"), [(0.0, False), (-1.7, False), (-3.2, True)])
def test_oncoming_lanes_part_who_keeps_to_them_however_near_places_seem_and_not_who_drives_on_the_wrong_one(
    bending, aside, is_warned
) -> None:
    cars = [Car(1, (aside, -80, 0), 0, 12), Car(2, (-3.3, 20, 0), 180, 12)]
    found = raised(drive(cars, 3.0, site(roads=bending)), "fcw")
    assert {one.host.vehicle_id for _, one in found} == ({1, 2} if is_warned else set())


@pytest.mark.parametrize("speed_mps", [0.0, 1.4])
@pytest.mark.parametrize(
    ("place", "is_warned"), [((0.9, 0.0), True), ((0.9, 2.3), False), ((0.0, 0.0), True), ((0.0, 0.8), True)]
)
def test_who_stands_or_walks_on_the_pavement_is_not_warned_of_however_near_the_host_seems(
    avenue, place, is_warned, speed_mps
) -> None:
    """place: how far host and walker seem to be to the right of the lane's middle."""
    host, walker = place
    cars = [
        Car(1, (host, -60, 0), 0, 14),
        Car(2, (walker, 0, 0), 180, speed_mps, is_seen=True, kind=Participant.PEDESTRIAN, size=(0.5, 0.5)),
    ]
    assert bool(raised(drive(cars, 4.5, site(roads=avenue)), "vrucw")) == is_warned


def test_who_turns_back_into_its_lane_beside_another_is_not_warned_on_a_map(avenue) -> None:
    swings = Car(1, (0, 0, 0), -4.0, 15, yaw=8.0)  # half a second, and it points along the lane
    assert raised(drive([swings, Car(2, (-3.5, 0, 0), 0, 15)], 0.5, site(roads=avenue)), "lcw") == []


def test_a_place_with_a_height_gets_the_height_of_its_lane(network, roads) -> None:
    place, upper, (one, two), lanes = _crossing(network)
    found = roads.place(np.array([place, [*place[:2], upper + 0.8]]), np.array([one, two]), NOT_KNOWN)
    assert (network.lanes.deck[found.lane] == network.lanes.deck[list(lanes)]).all()
    np.testing.assert_allclose(found.heights_m[:, 0], [place[2], upper], atol=0.3)


def test_an_unknown_height_gives_every_deck_that_runs_along_the_heading(network, roads) -> None:
    place, upper, (one, two), _ = _crossing(network)
    found = roads.place(np.array([[*place[:2], np.nan]] * 2), np.array([one, two]), NOT_KNOWN)
    assert np.nanmin(np.abs(found.heights_m[0] - place[2])) < 0.3
    assert np.nanmin(np.abs(found.heights_m[1] - upper)) < 0.3


def test_lanes_lead_to_those_that_follow_and_not_to_their_neighbours(network, roads) -> None:
    links = network.connections
    first, second = links.from_lane[:50].astype(np.int64), links.to_lane[:50].astype(np.int64)
    assert roads.leads_to(first, second).all()
    assert roads.leads_to(first, first).all()
    multi = np.flatnonzero(np.bincount(network.lanes.link) > 1)[0]
    right, left = np.flatnonzero(network.lanes.link == multi)[:2]
    assert not roads.leads_to(np.array([right]), np.array([left]))[0]
    assert roads.leads_to(np.array([-1, right]), np.array([left, -1])).all()


def test_a_track_that_has_not_moved_is_not_matched_again(roads, network) -> None:
    class Counting:
        calls = 0

        def place(self, xyz, heading, before):
            Counting.calls += len(xyz)
            return roads.place(xyz, heading, before)

        def __getattr__(self, name):
            return getattr(roads, name)

    picture, placement = Picture(), Placement(Counting(), moved_m=1.0)
    start = tuple(network.lanes.shape[0][0])
    for tick in range(20):
        change = picture.update(report([Car(1, start, 0, 0.0), Car(2, start, 0, 5.0)], tick * 0.1))
        placement.update(picture, change.slots)
    assert Counting.calls <= 1 + 10


def _monitor():
    return SegmentMonitor(Segments(np.array([100.0, 500.0]), np.array([1, 2]), np.array([10.0, 20.0]), np.array([0, 1, 1, -1])))


def test_segment_state_follows_edies_definitions() -> None:
    monitor = _monitor()
    lane, speed = np.array([0, 1, 2, 3, -1]), np.array([5.0, 10.0, 20.0, 7.0, 7.0])
    results = [monitor.sample(lane, speed, EPOCH_US + tick * 500_000) for tick in range(11)]
    assert results[:-1] == [None] * 10
    rows = results[-1]
    assert rows["link"].tolist() == [0, 1]
    np.testing.assert_allclose(rows["mean_speed_mps"], [5.0, 15.0])
    np.testing.assert_allclose(rows["density_vpkm"], [10.0, 2 / (0.5 * 2)])
    np.testing.assert_allclose(rows["congestion_index"], [2.0, 20 / 15])
    np.testing.assert_allclose(rows["vehicles"], [1.0, 2.0])


def test_entries_are_counted_once_and_not_for_those_already_there() -> None:
    monitor = _monitor()
    slots, generation = np.array([0, 1]), np.array([0, 0])
    monitor.sample(np.array([0]), np.array([1.0]), EPOCH_US)
    for lanes in ([0, 1], [0, 2], [3, 2], [1, -1], [1, 1]):
        monitor.pass_through(slots, generation, np.array(lanes))
    monitor.pass_through(np.array([1]), np.array([1]), np.array([0]))  # another track in slot 1: it appears, it does not enter
    for tick in range(1, 11):
        rows = monitor.sample(np.array([0]), np.array([1.0]), EPOCH_US + tick * 500_000)
    assert rows is not None
    # slot 0 goes from link 0 over a junction to link 1; slot 1 was on link 1 from the start
    assert dict(zip(rows["link"].tolist(), rows["entered"].tolist(), strict=True)) == {0: 0, 1: 1}


def test_flow_is_the_hourly_rate_of_entries_over_the_last_minute() -> None:
    monitor, seen = _monitor(), []
    monitor.sample(np.array([1]), np.array([10.0]), EPOCH_US)
    for tick in range(1, 241):
        if tick % 10 == 5:  # a vehicle every 5 s drives from link 0 to link 1
            slot = np.array([tick])
            monitor.pass_through(slot, np.array([0]), np.array([0]))
            monitor.pass_through(slot, np.array([0]), np.array([1]))
        rows = monitor.sample(np.array([1]), np.array([10.0]), EPOCH_US + tick * 500_000)
        if rows is not None:
            seen.append(dict(zip(rows["link"].tolist(), rows["flow_vph"].tolist(), strict=True))[1])
    np.testing.assert_allclose(seen, 720.0)


def test_congestion_index_is_one_when_free_and_bounded_when_standing() -> None:
    index = congestion_index(np.array([20.0, 20.0, 20.0, 20.0]), np.array([25.0, 10.0, 0.0, np.nan]))
    np.testing.assert_allclose(index, [1.0, 2.0, 10.0, np.nan])


def test_vehicles_on_a_road_give_rows_every_five_seconds_and_a_twin_counts_once(network, roads) -> None:
    lane = int(np.flatnonzero((network.lanes.length_m > 150) & (network.lane_kind() == 0) & (network.lanes.users & 1 > 0))[0])
    start, end = network.lanes.shape[lane][:2]
    heading = float(np.degrees(np.arctan2(*(end - start)[:2])) % 360)
    car = Car(1, tuple(start), heading, 3.0)
    twin = Car(2, tuple(start), heading, 3.0, is_seen=True)
    place, results = site(roads=roads), []
    for tick in range(60):
        rows = report([car, twin], tick * 0.1)
        place.step(rows, int(rows.arrival_us.max()))
        if (result := place.segments()) is not None:
            results.append(result)
    assert len(results) == 1
    link = int(network.lanes.link[lane])
    row = results[0]["link"].tolist().index(link)
    assert results[0]["vehicles"][row] == pytest.approx(1.0, abs=0.1)
    assert results[0]["mean_speed_mps"][row] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("slant", "yaw", "is_warned"), [(0.0, 0.0, True), (-1.5, -4.0, False), (-3.0, 0.0, False), (-3.0, 8.0, True)]
)
def test_who_leaves_its_lane_before_a_queue_is_not_warned_on_a_map_and_who_turns_back_is(avenue, slant, yaw, is_warned) -> None:
    """Half a second at 14 m/s, 2.7 s before the contact: who then moves over passes the queue on the other lane."""
    host = Car(1, (0, 0, 0), slant, 14, yaw=yaw)
    found = raised(drive([host, Car(2, (0.4, 42, 0), 0, 0)], 0.4, site(roads=avenue)), "fcw")
    assert bool(found) == is_warned
