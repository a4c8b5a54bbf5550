"""How far an event is: along the lanes of a map, and the same wherever the road points and on whichever side one drives."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.roads import sumo
from chelu.roads.network import VEHICLES
from services.inference.events.lanes import LaneWays
from services.inference.events.nearing import nearing
from tests.unit.inference.rsis import P, event, movers, path, rsi, spot, table
from tests.unit.inference.scenes import EPOCH_US

FILE = Path(__file__).parents[3] / "simulators" / "data" / "district.net.xml.gz"


@pytest.fixture(scope="module")
def network():
    return sumo.read(FILE.read_bytes())


@pytest.fixture(scope="module")
def lanes(network):
    return LaneWays(network)


def _on(network, lane: int, offset_m: float) -> tuple[float, float, float, float]:
    """A place on a lane and the lane's heading there."""
    shape = network.lanes.shape[lane]
    step = np.diff(shape, axis=0)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(step, axis=1))])
    piece = min(int(np.searchsorted(along, offset_m, side="right")) - 1, len(step) - 1)
    place = shape[piece] + (offset_m - along[piece]) / np.linalg.norm(step[piece]) * step[piece]
    return (*place.tolist(), float(np.degrees(np.arctan2(*step[piece][:2])) % 360))


def _found(events, lane: int, offset_m: float, place) -> list[tuple[float, bool]]:
    holding = events.holding(EPOCH_US)
    where = movers(place, lane=lane, offset_m=offset_m)
    found = nearing(holding, where, EPOCH_US, P)
    return list(zip(found.distance_m.tolist(), found.is_inside.tolist(), strict=True))


def _long_lane(network, lanes) -> tuple[int, int, int]:
    """A lane, the path over the next junction and the lane behind that, all of some length."""
    links = network.connections
    for one, via, two in zip(links.from_lane.tolist(), links.via.tolist(), links.to_lane.tolist(), strict=True):
        if (
            via >= 0
            and lanes.length_m[one] > 80
            and lanes.length_m[two] > 80
            and network.links.kind[network.lanes.link[one]] == 0
        ):
            return one, via, two
    pytest.fail("no such lanes")


def test_over_a_junction_the_way_is_that_of_the_lanes(network, lanes) -> None:
    one, via, two = _long_lane(network, lanes)
    *there, _ = _on(network, two, 40.0)
    events = table(rsi(event(401, event_pos=spot(*there), event_radius_m=2.0)), lanes=lanes)
    start = lanes.length_m[one] - 60.0
    ((left, inside),) = _found(events, one, start, _on(network, one, start))
    assert left == pytest.approx(60.0 + lanes.length_m[via] + 38.0, abs=1.0)
    assert not inside
    assert _found(events, two, 40.0, _on(network, two, 40.0)) == [(0.0, True)]
    assert _found(events, two, 50.0, _on(network, two, 50.0)) == []


def test_a_lane_that_leads_elsewhere_has_nothing_to_do_with_it(network, lanes) -> None:
    one, via, two = _long_lane(network, lanes)
    *there, _ = _on(network, two, 40.0)
    events = table(rsi(event(401, event_pos=spot(*there), event_radius_m=2.0)), lanes=lanes)
    concerned = set(events.holding(EPOCH_US).rows.lane.tolist())
    assert {one, via, two} <= concerned
    opposite = np.flatnonzero(network.links.from_node == network.links.to_node[network.lanes.link[two]])
    back = [
        lane for lane in np.flatnonzero(np.isin(network.lanes.link, opposite)).tolist()
        if network.links.to_node[network.lanes.link[lane]] == network.links.from_node[network.lanes.link[two]]
    ]  # fmt: skip
    assert back
    assert not concerned & set(back)


def test_a_path_lies_on_the_lanes_of_its_direction_and_deck(network, lanes) -> None:
    driven = (network.lanes.users & int(VEHICLES)) > 0
    both = driven[network.stacked.lower] & driven[network.stacked.upper] & (lanes.length_m[network.stacked.lower] > 30)
    pair = int(np.flatnonzero(both & (lanes.length_m[network.stacked.upper] > 30))[0])
    lower, upper = int(network.stacked.lower[pair]), int(network.stacked.upper[pair])
    for lane, other in ((lower, upper), (upper, lower)):
        points = [tuple(_on(network, lane, share * lanes.length_m[lane])[:3]) for share in (0.02, 0.3, 0.6, 0.95)]
        events = table(rsi(event(305, reference_paths=[path(*points, radius_m=2.0)])), lanes=lanes)
        rows = events.holding(EPOCH_US).rows
        on = set(rows.lane[np.isfinite(rows.from_m)].tolist())
        assert lane in on
        assert other not in on


def test_a_disc_covers_every_lane_within_it_and_no_other(network, lanes) -> None:
    *there, _ = _on(network, _long_lane(network, lanes)[2], 40.0)
    events = table(rsi(event(305, event_pos=spot(*there[:2]), event_radius_m=60.0)), lanes=lanes)
    rows = events.holding(EPOCH_US).rows
    covered = {lane: span for lane, *span in zip(*(column[np.isfinite(rows.from_m)].tolist() for column in
               (rows.lane, rows.from_m, rows.to_m)), strict=True)}  # fmt: skip
    checked = 0
    for lane in np.flatnonzero((network.lanes.users & 1) > 0).tolist():
        for offset in np.arange(0.5, lanes.length_m[lane], 7.0):
            far = np.hypot(*(np.array(_on(network, lane, offset)[:2]) - there[:2]))
            if abs(far - 60.0) > 1.0 and far < 200:
                low, high = covered.get(lane, (1.0, 0.0))
                assert (low <= offset <= high) == (far < 60.0) or low <= offset <= high
                checked += 1
    assert checked > 100


def test_ways_upstream_are_the_shortest_there_are(network, lanes) -> None:
    """Against a plain search over the connections."""
    *_, two = _long_lane(network, lanes)
    rows = lanes.upstream(np.array([two]), np.array([10.0]), np.array([20.0]), reach_m=P.reach_m)
    links = network.connections
    before: dict[int, set[int]] = {}
    for one, via, to in zip(links.from_lane.tolist(), links.via.tolist(), links.to_lane.tolist(), strict=True):
        for first, second in ((one, via), (via, to)) if via >= 0 else ((one, to),):
            before.setdefault(second, set()).add(first)
    best, queue = {two: 10.0}, [two]
    while queue:
        lane = queue.pop(0)
        for other in before.get(lane, ()):
            way = best[lane] + lanes.length_m[other]
            if way < best.get(other, np.inf) and best[lane] <= P.reach_m:
                best[other] = way
                queue.append(other)
    found = dict(zip(rows.lane.tolist(), rows.to_go_m.tolist(), strict=True))
    assert found[two] == 10.0
    for lane, way in found.items():
        assert way == pytest.approx(best[lane], abs=1e-6)
    assert {lane for lane, way in best.items() if way <= P.reach_m} <= set(found)


PLACES = st.floats(-3000, 3000)


@functools.cache
def _scene() -> tuple[tuple[float, ...], ...]:
    """Vehicles along a bent road and about it."""
    random = np.random.default_rng(4)
    spots = ((-120, -1, 84), (-60, 4, 84), (-20, 7, 84), (20, 30, 50), (45, 47, 50), (62, 80, 7), (66, 104, 7), (70, 130, 7))
    return tuple(
        (*(np.array(spot[:2]) + random.uniform(-4, 4, 2)), 0.0, (spot[2] + float(random.uniform(-25, 25))) % 360)
        for spot in spots * 8
    )


def _seen(by_deg: float, east: float, north: float, *, mirrored: bool = False):
    """What sixty vehicles have to do with three events, the world turned, moved and mirrored."""
    angle = np.radians(by_deg)

    def at(x: float, y: float) -> tuple[float, float]:
        x = -x if mirrored else x
        return x * np.cos(angle) + y * np.sin(angle) + east, y * np.cos(angle) - x * np.sin(angle) + north

    bend = path(*(at(*point) for point in ((-100, 0), (0, 10), (60, 60), (70, 140))), radius_m=12.0)
    events = table(
        rsi(event(401, 1, event_pos=spot(*at(20, 30)), event_radius_m=15.0),
            event(501, 2, event_pos=spot(*at(66, 100)), event_radius_m=10.0, reference_paths=[bend]),
            event(305, 3, reference_paths=[bend]))
    )  # fmt: skip
    vehicles = [(*at(x, y), up, ((-heading if mirrored else heading) + by_deg) % 360) for x, y, up, heading in _scene()]
    holding = events.holding(EPOCH_US)
    found = nearing(holding, movers(*vehicles), EPOCH_US, P)
    keys = [(vehicle, holding.things[one].code) for vehicle, one in zip(found.mover.tolist(), found.thing.tolist(), strict=True)]
    return dict(zip(keys, zip(found.distance_m.tolist(), found.is_inside.tolist(), strict=True), strict=True))


@settings(deadline=None, max_examples=25, derandomize=True)
@given(by_deg=st.floats(0, 360), east=PLACES, north=PLACES, mirrored=st.booleans())
def test_turning_moving_and_mirroring_the_world_changes_no_way(by_deg, east, north, mirrored) -> None:
    plain, found = _seen(0.0, 0.0, 0.0), _seen(by_deg, east, north, mirrored=mirrored)
    assert len(plain) > 15
    for key in set(plain) & set(found):
        assert found[key][0] == pytest.approx(plain[key][0], abs=0.1)
    assert len(set(plain) ^ set(found)) <= 1  # one may lie on an edge: places travel in units of a centimetre


def test_a_vehicle_without_a_place_has_no_events() -> None:
    events = table(rsi(event(401, event_pos=spot(0, 50), event_radius_m=10.0)))
    where = movers((0, 0, 0, 0))
    lost = replace(where, xyz=np.full((1, 3), np.nan), heading_deg=np.array([np.nan]))
    assert len(nearing(events.holding(EPOCH_US), lost, EPOCH_US, P)) == 0
