"""Stages between picture and applications: futures, pairs, fusion, places."""

import itertools
from typing import Any

import numpy as np
import pytest

from chelu.errors import ConfigurationError
from chelu.motion.kinematics import constant_curvature
from services.inference import pairs as pairs_
from services.inference.ahead import Ahead
from services.inference.fusion import Twins
from services.inference.futures import AHEAD_S, STEPS, Futures
from services.inference.history import Recent
from services.inference.motion_model import KNOTS_S, PACES, Outlook
from services.inference.pairs import _neighbours, common_instant_us
from services.inference.parameters import read_site_values
from services.inference.picture import Picture
from services.inference.placing import may_share_deck
from services.inference.site import SiteParameters, site_parameters
from services.inference.ways import OnWays
from tests.unit.inference.crossroads import ways
from tests.unit.inference.scenes import EPOCH_US, Car, report, site


def _picture(cars, ticks=20):
    picture = Picture()
    for tick in range(ticks):
        picture.update(report(cars, tick * 0.1))
    return picture


def test_physics_stops_a_braking_car_and_ends_a_turn_where_the_road_does() -> None:
    picture = _picture([Car(1, (0, 0, 0), 0, 10, lambda t: -4.0 if t > 1 else 0.0), Car(2, (100, 0, 0), 0, 8, yaw=20)])
    futures = Futures()
    futures.update(picture, np.array([0, 1]), np.array([np.nan, 45.0]))
    stopped, turned = futures.xy[:2]
    np.testing.assert_allclose(stopped[-1], stopped[-2], atol=1e-9)
    assert futures.heading_deg[1, -1] == pytest.approx(picture.floats["heading_deg"][1] + 45.0, abs=1e-6)
    assert np.hypot(*(turned[-1] - turned[-2])) == pytest.approx(8 * 0.2, rel=1e-6)


def test_aligned_futures_start_later_by_the_shift() -> None:
    picture = _picture([Car(1, (0, 0, 0), 90, 10)])
    futures = Futures()
    futures.update(picture, np.array([0]), np.array([np.nan]))
    xy, heading = futures.aligned(np.array([0]), np.array([0.33]))
    np.testing.assert_allclose(xy[0, :, 0] - futures.xy[0, 0, 0], 10 * (AHEAD_S[: xy.shape[1]] + 0.33), atol=1e-9)
    np.testing.assert_allclose(heading, 90.0)


def test_futures_between_two_samples_are_off_by_less_than_seven_centimetres() -> None:
    """Steps of 0.2 s, straight in between, whatever tyres can do: so finer steps would show nothing."""
    random, n = np.random.default_rng(3), 2000
    zero, speed = np.zeros(n), random.uniform(0.0, 35.0, n)
    curvature = random.uniform(-1, 1, n) * np.minimum(0.2, 9.0 / np.maximum(speed, 1.0) ** 2)
    paths = [
        constant_curvature(np.zeros((n, 2)), zero, speed, zero - rate, curvature, times).xy
        for rate in (0.0, 9.0)
        for times in (AHEAD_S, AHEAD_S[:-1] + 0.1)
    ]
    for coarse, between_samples in (paths[:2], paths[2:]):
        off = np.linalg.norm((coarse[:, 1:] + coarse[:, :-1]) / 2 - between_samples, axis=2)
        assert 0.01 < off.max() < 0.07


class _Scripted:
    """Says of every way what it was told to, 2 m to the right at once, and goes on as physics does."""

    def __init__(self, *chances: float) -> None:
        self._chances = chances

    def outlook(self, now: Recent, ahead: Ahead) -> Outlook:
        zero = np.zeros((len(ahead), PACES, len(KNOTS_S)))
        chance = np.array([self._chances[way] for way in ahead.way.tolist()])
        return Outlook(
            chance, np.full((len(ahead), PACES), 0.5), zero, zero, np.full((len(ahead), len(KNOTS_S)), 2.0), zero[:, 0]
        )


def _on_lane(lane, *along_m):
    return OnWays(ways(), np.full(len(along_m), lane), np.array(along_m))


def test_the_model_is_asked_only_where_the_rule_allows_and_on_the_lanes_way() -> None:
    cars = [
        Car(1, (-150, 0, 0), 90, 10),
        Car(2, (-150, 1, 0), 90, 10, lambda t: -5.0),
        Car(3, (-150, 2, 0), 90, 1),
        Car(4, (-150, 0.5, 0), 90, 10),
        Car(5, (-150, 40, 0), 90, 10),
    ]
    picture = _picture(cars, 18)
    futures = Futures(_Scripted(0, 0, 0, 1.0))
    turn = np.array([0.0, 0.0, 0.0, np.nan, 0.0])
    futures.update(picture, np.arange(5), turn, _on_lane(1, 67, 60, 51, 67, 67))
    # braking hard, creeping, lane unknown, and too far from the lane's way
    assert futures.is_modelled[:5].tolist() == [True, False, False, False, False]
    np.testing.assert_allclose(futures.xy[0, 3:, 1], -2.0, atol=1e-9)
    np.testing.assert_allclose(futures.xy[0, :, 0] - futures.xy[0, 0, 0], 10 * AHEAD_S, atol=1e-9)
    assert futures.xy.shape[1] == STEPS
    assert (futures.weight[:5] == 1.0).all()


def test_where_ways_part_the_two_likeliest_are_kept_with_how_likely_they_are() -> None:
    picture = _picture([Car(1, (0, -60, 0), 0, 10), Car(2, (0, -195, 0), 0, 10)], 18)
    futures = Futures(_Scripted(0.3, 0.1, 0.6, 0.0))
    futures.update(picture, np.arange(2), np.zeros(2), _on_lane(0, 157, 22))
    assert futures.weight[:2].tolist() == [0.6, 0.3]  # whose ways part too far ahead to matter stays on the first
    assert futures.other_weight[:2].tolist() == [0.3, 0.0]
    right, straight = futures.xy[0, -1], futures.other_xy[0, -1]
    assert right[0] > 2.0
    assert straight[0] == pytest.approx(2.0)
    assert futures.low[0, 0] <= 0.0 < right[0] <= futures.high[0, 0]
    assert futures.heading_deg[0, 0] == 0.0  # as it says itself


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_neighbours_are_those_of_the_all_pairs_loop(share) -> None:
    random = np.random.default_rng(3)
    n = 200
    centre, radius = random.uniform(0, 800, (n, 2)), random.uniform(1, 90, n)
    changed = random.random(n) < share
    a, b, is_crowded = _neighbours(centre, radius, changed)
    assert not is_crowded
    found = {frozenset(pair) for pair in zip(a.tolist(), b.tolist(), strict=True)}
    expected = {
        frozenset((i, j))
        for i, j in itertools.combinations(range(n), 2)
        if (changed[i] or changed[j]) and np.hypot(*(centre[i] - centre[j])) <= radius[i] + radius[j]
    }
    assert len(found) == len(a)
    assert found == expected


def test_in_a_crowd_the_nearest_are_looked_at(monkeypatch) -> None:
    monkeypatch.setattr(pairs_, "MOST_PAIRS", 1000)
    random, n = np.random.default_rng(3), 200
    centre, radius = random.uniform(0, 40, (n, 2)), np.full(n, 20.0)
    a, b, is_crowded = _neighbours(centre, radius, np.ones(n, np.bool_))
    found = {frozenset(pair) for pair in zip(a.tolist(), b.tolist(), strict=True)}
    apart = np.linalg.norm(centre[:, None] - centre, axis=2) + np.diag(np.full(n, np.inf))
    assert is_crowded
    assert len(found) == len(a) <= 1000
    assert {frozenset((one, int(apart[one].argmin()))) for one in range(n)} <= found


def test_one_wrong_clock_does_not_move_the_common_instant() -> None:
    assert common_instant_us(np.array([100] * 19 + [99_999_999])) == 100
    assert common_instant_us(np.array([5, 9])) == 9
    assert common_instant_us(np.empty(0, np.int64)) == 0


def test_decks_are_compared_where_the_tracks_meet() -> None:
    nan = np.nan
    one = np.array([[0.0, nan], [0.0, nan], [0.0, nan], [nan, nan], [nan, 0.0]])
    two = np.array([[7.0, nan], [7.0, nan], [2.0, nan], [9.0, nan], [7.0, 0.5]])
    rise = np.array([0.0, 6.0, 0.0, 0.0, 0.0])
    shared = may_share_deck(one, two, rise, np.zeros(5), np.full(5, 2.5))
    # apart; a ramp that climbs to the upper deck; nearly level; nothing known; the lower of two candidate decks
    assert shared.tolist() == [False, True, True, True, True]


def test_the_younger_of_two_roadside_views_is_the_elders_twin() -> None:
    picture = Picture()
    rows = report([Car(1, (0, 0, 0), 0, 10, is_seen=True), Car(2, (1, 0, 0), 3, 10, is_seen=True)], 0.0)
    rows.device_key[1] = 901
    slots = picture.update(rows).slots
    twins = Twins()
    twins.update(picture, slots)
    assert twins.twin[slots].tolist() == [-1, 0]


def test_two_participants_of_one_roadside_unit_are_never_twins() -> None:
    picture = Picture()
    rows = report([Car(1, (0, 0, 0), 0, 10, is_seen=True), Car(2, (1, 0, 0), 0, 10, is_seen=True)], 0.0)
    slots = picture.update(rows).slots
    twins = Twins()
    twins.update(picture, slots)
    assert twins.twin[slots].tolist() == [-1, -1]


def test_rows_without_place_or_speed_disturb_nobody() -> None:
    place = site()
    rows = report([Car(1, (0, 0, 0), 0, 10), Car(2, (0, 20, 0), 0, 10), Car(3, (0, 40, 0), 0, 10)], 0.0)
    rows.xyz[0] = np.nan
    rows.speed_mps[1] = np.nan
    rows.heading_deg[2] = np.nan
    for tick in range(3):
        rows.time_us[:] += 100_000
        rows.arrival_us[:] += 100_000
        assert place.step(rows, int(rows.arrival_us.max())) == [], tick
    assert place.broadcast({}, EPOCH_US)


def test_site_values_replace_defaults_and_wrong_ones_are_named(tmp_path) -> None:
    file = tmp_path / "parameters.toml"
    file.write_text("[north.fcw]\nwarn_mps2 = 4\n")
    values = read_site_values(file)
    assert site_parameters(values["north"], where="here").applications["fcw"].warn_mps2 == 4.0
    assert site_parameters({}, where="here") == SiteParameters()
    wrongs: list[dict[str, Any]] = [
        {"fcw": {"warn_mps2": 99}},
        {"fcw": {"no_such": 1}},
        {"fcw": {"warn_mps2": "high"}},
        {"abc": {}},
    ]
    for wrong in wrongs:
        with pytest.raises(ConfigurationError, match="here"):
            site_parameters(wrong, where="here")
