"""The swept conflict: nothing is too fast, headings wrap, chances are honest, and shared areas have the right times."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu import native
from chelu.motion import conflict, kinematics
from chelu.motion.footprints import forward
from chelu.motion.normal import normal_cdf
from chelu.motion.passage import passages, yielding_deceleration_mps2
from chelu.motion.sweep import Spread, first_touch_s, meet, meet_among
from tests.unit.motion.overlaps import first_overlap

CAR = np.array([4.6, 1.8])


def _straight(xy, heading, speed, step_s=0.2, last_s=4.0):
    times = np.arange(0, last_s + 1e-9, step_s)
    xy, heading, speed = (np.asarray(one, float) for one in (xy, heading, speed))
    path = kinematics.constant_velocity(np.atleast_2d(xy), np.atleast_1d(heading), np.atleast_1d(speed), times)
    return conflict.Futures(path.xy, path.heading_deg, np.broadcast_to(CAR, (len(path.xy), 2)))


def _spread(futures, sigma=0.0):
    each = np.full(futures.xy.shape[:2], float(sigma))
    return Spread(each, each, np.arange(len(each)))


def _meet(a, b, step_s=0.2, sigma=0.0):
    return meet(a, b, step_s, _spread(a, sigma), _spread(b, sigma))


def test_a_crossing_too_fast_for_instants_half_a_second_apart_is_seen() -> None:
    a, b = _straight((0, -22.5), 0, 30, 0.5), _straight((-22.5, 0), 90, 30, 0.5)
    assert first_overlap(a, b)[0] == -1  # at 0.5 s they are 7.5 m before the place, at 1.0 s 7.5 m behind it
    assert _meet(a, b, 0.5).first_s[0] == pytest.approx((22.5 - 3.2) / 30, abs=1e-6)


def test_what_is_certain_touches_first_when_it_would_by_chance_as_well() -> None:
    draw = np.random.default_rng(4)
    a, b = (_straight(draw.uniform(-30, 30, (200, 2)), draw.uniform(0, 360, 200), draw.uniform(0, 20, 200)) for _ in "ab")
    found = first_touch_s(a, b, 0.2)
    assert np.array_equal(found, _meet(a, b, sigma=1.0).first_s)
    assert 10 < np.isfinite(found).sum() < 150


def test_two_that_come_head_on_at_twenty_each_meet_when_the_gap_is_used_up() -> None:
    a, b = _straight((0, 0), 0, 20), _straight((0, 80.6), 180, 20)
    assert _meet(a, b).first_s[0] == pytest.approx(76.0 / 40.0, abs=1e-9)


def test_straight_futures_meet_when_the_closed_form_says_so() -> None:
    random, n = np.random.default_rng(5), 3000
    offset, headings = random.uniform(-40, 40, (n, 2)), random.uniform(0, 360, (n, 2))
    speed = random.uniform(0, 30, (n, 2))
    velocity = forward(headings) * speed[..., None]
    exact = conflict.ttc_plane_s(offset, velocity[:, 0], velocity[:, 1], headings, np.broadcast_to(CAR, (n, 2, 2)))
    a, b = _straight(np.zeros((n, 2)), headings[:, 0], speed[:, 0]), _straight(offset, headings[:, 1], speed[:, 1])
    found = _meet(a, b).first_s
    assert (exact <= 4.0).sum() > 50
    np.testing.assert_allclose(found[exact <= 4.0], exact[exact <= 4.0], atol=1e-6)
    assert np.isinf(found[exact > 4.0]).all()


def test_turning_futures_meet_when_fine_samples_do() -> None:
    random, n = np.random.default_rng(2), 200
    fine, coarse = np.arange(0, 4.0001, 0.01), np.arange(0, 4.0001, 0.2)
    start, headings = random.uniform(-25, 25, (2, n, 2)), random.uniform(0, 360, (2, n))
    speed, curve = random.uniform(2, 14, (2, n)), random.uniform(-0.1, 0.1, (2, n))
    sides = []
    for times in (fine, coarse):
        paths = [
            kinematics.constant_curvature(start[side], headings[side], speed[side], np.zeros(n), curve[side], times)
            for side in (0, 1)
        ]
        sides.append([conflict.Futures(one.xy, one.heading_deg, np.broadcast_to(CAR, (n, 2))) for one in paths])
    first = first_overlap(*sides[0])
    found = _meet(*sides[1]).first_s
    hit = first >= 0
    assert hit.sum() > 20
    assert np.isfinite(found[hit]).all()  # what really meets is never missed
    assert np.median(np.abs(found[hit] - fine[first[hit]])) < 0.03
    assert np.mean(np.isfinite(found[~hit])) < 0.05  # only near misses may be taken for contacts


def test_from_359_to_1_degree_is_no_spin() -> None:
    """A car whose heading passes north turns by 2°, and its flank stays where it is."""
    a = conflict.Futures(np.array([[[0.0, 0.0], [0.0, 2.0]]]), np.array([[359.0, 1.0]]), CAR[None])
    beside = conflict.Futures(np.array([[[2.0, 0.0], [2.0, 2.0]]]), np.array([[1.0, 359.0]]), CAR[None])
    assert np.isinf(_meet(a, beside).first_s[0])


def test_a_footprint_is_turned_with_the_heading_and_not_against_it() -> None:
    """A truck that points north-east reaches the place to its front right, and not the one to its front left."""
    truck = conflict.Futures(np.zeros((1, 2, 2)), np.full((1, 2), 45.0), np.array([[12.0, 2.5]]))
    for east, is_touched in ((3.5, True), (-3.5, False)):
        post = conflict.Futures(np.full((1, 2, 2), [east, 3.5]), np.zeros((1, 2)), np.array([[0.5, 0.5]]))
        assert np.isfinite(_meet(truck, post).first_s[0]) == is_touched


places = st.floats(-30, 30)


@given(places, places, st.floats(0, 360), st.floats(0, 360), st.floats(0, 20), st.floats(0, 20), st.floats(0, 360), places)
def test_meetings_do_not_depend_on_where_the_world_lies(east, north, one, two, slow, fast, turn, moved) -> None:
    a, b = _straight((0, 0), one, slow), _straight((east, north), two, fast)
    plain = _meet(a, b, sigma=0.7)
    angle = np.radians(turn)
    spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    changed = [
        (conflict.Futures(x.xy @ spin + moved, np.mod(x.heading_deg + turn, 360.0), x.size_m) for x in (a, b)),
        (conflict.Futures(x.xy * [-1, 1], np.mod(-x.heading_deg, 360.0), x.size_m) for x in (a, b)),
        (b, a),
    ]
    for one_side, other_side in changed:
        found = _meet(one_side, other_side, sigma=0.7)
        assert abs(found.probability[0] - plain.probability[0]) < 1e-6
        grazes = abs(plain.probability[0] - 0.5) < 0.2
        assert grazes or np.isfinite(found.first_s[0]) == np.isfinite(plain.first_s[0])


def test_the_chance_of_a_contact_is_no_less_than_what_trials_show_and_not_much_more() -> None:
    random, trials = np.random.default_rng(1), 4000
    for aside in (0.0, 1.5, 2.5, 4.0, 6.0):
        a, b = _straight((0, 0), 0, 10), _straight((aside, 30), 180, 10)
        said = _meet(a, b, sigma=0.75).probability[0]
        moved = random.normal(0, 0.75, (2, trials, 2))
        hit = np.isfinite(
            _meet(_straight(moved[0], np.zeros(trials), np.full(trials, 10.0)),
                  _straight(moved[1] + [aside, 30], np.full(trials, 180.0), np.full(trials, 10.0))).first_s
        )  # fmt: skip
        assert said == pytest.approx(hit.mean(), abs=0.03)


def _crowd(random, n):
    """Tracks of all kinds near one another, some abreast, some on one way, some standing; and what is unsure of them."""
    times = np.arange(0, 4.0001, 0.2)
    heading, speed = random.uniform(0, 360, n), random.choice([0.0, 1.3, 9.0, 25.0], n)
    heading[: n // 3], speed[: n // 4] = 359.5, 9.0
    path = kinematics.constant_curvature(
        random.uniform(-25, 25, (n, 2)), heading, speed, np.zeros(n), random.choice([0.0, 0.0, 0.03, -0.1], n), times
    )
    size = np.where(random.random((n, 1)) < 0.2, [0.5, 0.5], [4.6, 1.8])
    along, across = random.uniform(0, 1.5, (2, n, 1)) * np.linspace(0.5, 2.0, len(times))
    along[0], across[0] = 0.0, 0.0
    return conflict.Futures(path.xy, path.heading_deg, size), Spread(along, across, np.arange(n))


@pytest.mark.parametrize("seed", range(4))
def test_native_code_finds_the_same_meetings(seed, monkeypatch, native_code) -> None:
    random = np.random.default_rng(seed)
    tracks, spread = _crowd(random, 150)
    a, b = np.triu_indices(150, 1)
    monkeypatch.setattr(native, "library", lambda: native_code)
    found = meet_among(tracks, spread, a, b, 0.2)
    monkeypatch.setattr(native, "library", lambda: None)
    plain = meet_among(tracks, spread, a, b, 0.2)
    assert 300 < np.isfinite(plain.first_s).sum() < len(a) / 2
    for name in ("first_s", "probability", "likeliest_s"):
        np.testing.assert_allclose(getattr(found, name), getattr(plain, name), rtol=1e-9, atol=1e-9, err_msg=name)


def test_native_code_is_given_no_pair_of_tracks_that_are_not_there(monkeypatch, native_code) -> None:
    monkeypatch.setattr(native, "library", lambda: native_code)
    tracks, spread = _crowd(np.random.default_rng(0), 5)
    for wrong in (-1, 5):
        with pytest.raises(IndexError, match="there are 5"):
            meet_among(tracks, spread, np.array([0]), np.array([wrong]), 0.2)
    assert len(meet_among(tracks, spread, np.empty(0, np.int64), np.empty(0, np.int64), 0.2).first_s) == 0


def test_the_normal_distribution_is_that_of_the_error_function() -> None:
    x = np.linspace(-6, 6, 241)
    np.testing.assert_allclose(normal_cdf(x), [0.5 * (1 + math.erf(one / math.sqrt(2))) for one in x], atol=2e-7)


def test_the_shared_area_of_a_crossing_is_entered_and_left_at_the_right_times() -> None:
    a, b = _straight((0, -30), 0, 10), _straight((-50, 0), 90, 20)
    found = passages(a, b, 0.2, np.array([4.0]))
    assert found.enter_a_s[0] == pytest.approx(2.68, abs=0.21)  # 30 m less half of length and width, at 10 m/s
    assert found.leave_b_s[0] == pytest.approx((50 + 3.2) / 20, abs=0.21)
    assert found.way_a_m[0] <= 26.8
    assert found.way_a_m[0] >= 26.8 - 2.1
    assert found.pet_s[0] < 0  # both inside at once
    late = passages(_straight((0, -30), 0, 10), _straight((-20, 0), 90, 20), 0.2, np.array([4.0]))
    assert late.pet_s[0] == pytest.approx(2.68 - 23.2 / 20, abs=0.41)


@pytest.mark.parametrize("seed", range(4))
def test_native_code_finds_the_same_shared_areas(seed, monkeypatch, native_code) -> None:
    random = np.random.default_rng(seed)
    tracks, _ = _crowd(random, 60)
    a, b = (tracks.take(rows) for rows in np.triu_indices(60, 1))
    until_s = random.choice([0.0, 0.35, 2.0, 6.0, 1e3], len(a.xy))
    found = []
    for code in (native_code, None):
        monkeypatch.setattr(native, "library", lambda code=code: code)
        found.append(passages(a, b, 0.2, until_s))
    assert 100 < np.isfinite(found[1].way_a_m).sum() < len(a.xy) - 100
    for name in ("way_a_m", "enter_a_s", "leave_a_s", "way_b_m", "enter_b_s", "leave_b_s", "pet_s"):
        np.testing.assert_allclose(getattr(found[0], name), getattr(found[1], name), rtol=1e-9, err_msg=name)


def test_futures_that_do_not_belong_together_are_not_handed_to_native_code(monkeypatch, native_code) -> None:
    monkeypatch.setattr(native, "library", lambda: native_code)
    tracks, _ = _crowd(np.random.default_rng(0), 5)
    with pytest.raises(ValueError, match="do not belong together"):
        passages(tracks, tracks.take(np.arange(4)), 0.2, np.full(5, 4.0))


def test_ways_that_never_meet_share_nothing() -> None:
    found = passages(_straight((0, 0), 0, 10), _straight((5, 0), 0, 10), 0.2, np.array([4.0]))
    assert np.isnan(found.way_a_m[0])
    assert np.isnan(found.pet_s[0])


@given(st.floats(1, 30), st.floats(1, 80), st.floats(0.2, 6), st.floats(0, 1))
def test_yielding_deceleration_is_just_enough(speed, way, clear, reaction) -> None:
    need = float(yielding_deceleration_mps2(*(np.array([float(one)]) for one in (speed, way, clear, reaction)))[0])
    if need == 0:
        assert speed * clear <= way + 1e-6 or clear <= reaction
    elif np.isfinite(need) and 0.01 < need < 100:
        assert not _enters(speed, way, clear, reaction, need * 1.02)
        assert _enters(speed, way, clear, reaction, need * 0.95)
    elif np.isinf(need):
        assert speed * reaction >= way - 1e-6


def _enters(speed, way, clear, reaction, rate):
    """Step the vehicle: is it in the area before `clear`?"""
    times = np.linspace(0, clear, 4000)
    braked = np.minimum(np.maximum(times - reaction, 0), speed / rate)
    driven = speed * np.minimum(times, reaction) + speed * braked - 0.5 * rate * braked**2
    return bool(np.any(driven > way))


def test_the_chance_of_two_that_pass_side_by_side_is_that_of_their_offset() -> None:
    """Parallel, straight, unsure across only: Φ((w − d)/σ) − Φ((−w − d)/σ) with σ² of both and w the mean of the widths."""
    for aside in (0.0, 1.0, 1.8, 2.6, 3.5):
        a, b = _straight((0, 0), 0, 10), _straight((aside, 30), 180, 10)
        each = np.full((1, a.xy.shape[1]), 0.6)
        unsure = Spread(np.full_like(each, 1e-3), each, np.zeros(1, np.int64))
        sigma = 0.6 * math.sqrt(2.0)
        phi = [0.5 * (1 + math.erf((side * 1.8 - aside) / sigma / math.sqrt(2))) for side in (1, -1)]
        assert meet(a, b, 0.2, unsure, unsure).probability[0] == pytest.approx(phi[0] - phi[1], abs=1e-6)


speeds = st.floats(3, 25)


@given(speeds, speeds, st.floats(-60, -10), st.floats(-60, -10), st.floats(40, 140))
def test_the_shared_area_of_straight_ways_has_the_times_and_the_pet_of_the_closed_form(fast, slow, one, two, heading) -> None:
    """Rectangles cover a stretch of the other's band from when to when; sampled ways are too wide by two steps at most."""
    a, b = _straight((0, one), 0, fast, last_s=8.0), _along(heading, two, slow)
    found = passages(a, b, 0.2, np.array([8.0]))
    sine, cosine = abs(math.sin(math.radians(heading))), abs(math.cos(math.radians(heading)))
    half = (
        1.8 + 1.8 * cosine
    ) / 2 / sine + 4.6 / 2  # from the crossing of the middles to where a bumper touches the other's band
    exact = [((-way - half) / speed, (-way + half) / speed) for way, speed in ((one, fast), (two, slow))]
    if max(leave for _, leave in exact) > 7.0 or min(enter for enter, _ in exact) < 0.3:
        return
    for (enter, leave), said_enter, said_leave in zip(
        exact, (found.enter_a_s[0], found.enter_b_s[0]), (found.leave_a_s[0], found.leave_b_s[0]), strict=True
    ):
        assert -0.41 <= said_enter - enter <= 1e-6
        assert -1e-6 <= said_leave - leave <= 0.41
    first, second = sorted(exact)
    assert abs(found.pet_s[0] - (second[0] - first[1])) <= 0.83 or abs(exact[0][0] - exact[1][0]) < 0.42


def _along(heading, from_m, speed):
    """Straight through the origin along a heading, from `from_m` before it."""
    return _straight(np.array([np.sin(np.radians(heading)), np.cos(np.radians(heading))]) * from_m, heading, speed, last_s=8.0)


@given(st.floats(0.2, 1.0), speeds, speeds, st.floats(8, 45), st.floats(8, 45))
def test_who_starts_later_meets_as_much_later(wait, fast, slow, one, two) -> None:
    """Both moved back by what they drive meanwhile: the contact comes later by just that time."""
    now = _meet(_straight((0, -one), 0, fast), _straight((-two, 0), 90, slow), sigma=0.5)
    later = _meet(_straight((0, -one - wait * fast), 0, fast), _straight((-two - wait * slow, 0), 90, slow), sigma=0.5)
    if now.first_s[0] > 0 and now.first_s[0] + wait < 4.0:
        assert later.first_s[0] == pytest.approx(now.first_s[0] + wait, abs=1e-6)


@given(st.floats(0.05, 1.5), st.floats(0.0, 6.0), st.floats(0.05, 2.0))
def test_the_further_aside_the_less_likely_a_contact(sigma, aside, more) -> None:
    a = _straight((0, 0), 0, 10)
    near, far = (_meet(a, _straight((off, 30), 180, 10), sigma=sigma).probability[0] for off in (aside, aside + more))
    assert far <= near + 1e-6
