"""Every surrogate measure against the check values of the driving-test notes §5.3."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.motion import drivers, exposure, following, rss

# gap, follower, leader, TTC, THW, DRAC, MDRAC(R = 1)
CASES = np.array(
    [
        (30.0, 20.0, 10.0, 3.0, 1.5, 1.6667, 2.5),
        (20.0, 30.0, 25.0, 4.0, 0.6667, 0.625, 0.8333),
        (40.0, 15.0, 0.0, 2.6667, 2.6667, 2.8125, 4.5),
    ]
).T


def test_following_measures_have_their_check_values() -> None:
    gap, follower, leader, ttc, thw, drac, mdrac = CASES
    np.testing.assert_allclose(following.ttc_s(gap, follower, leader), ttc, atol=5e-5)
    np.testing.assert_allclose(following.thw_s(gap, follower), thw, atol=5e-5)
    np.testing.assert_allclose(following.drac_mps2(gap, follower, leader), drac, atol=5e-5)
    np.testing.assert_allclose(following.mdrac_mps2(gap, follower, leader, 1.0), mdrac, atol=5e-5)


def test_modified_ttc_is_the_smallest_positive_root() -> None:
    gap, closing, rate = np.array([30.0, 30.0, 30.0, 30.0]), np.array([10.0, 5.0, 5.0, 10.0]), np.array([2.0, -0.3, -1.0, 0.0])
    np.testing.assert_allclose(following.mttc_s(gap, closing, rate), [2.4162, 7.8475, np.inf, 3.0], atol=5e-5)


def test_modified_ttc_of_an_opening_gap_that_will_close_again() -> None:
    time = following.mttc_s(np.array(10.0), np.array(-2.0), np.array(1.0))
    assert 0.5 * time**2 - 2.0 * time - 10.0 == pytest.approx(0.0, abs=1e-9)


def test_opening_gaps_and_standing_followers_are_no_danger() -> None:
    assert following.ttc_s(np.array(10.0), np.array(5.0), np.array(6.0)) == np.inf
    assert following.drac_mps2(np.array(10.0), np.array(5.0), np.array(6.0)) == 0
    assert following.mdrac_mps2(np.array(10.0), np.array(5.0), np.array(6.0), 1.0) == 0
    assert following.thw_s(np.array(10.0), np.array(0.0)) == np.inf


def test_a_time_to_collision_below_the_reaction_needs_infinite_braking() -> None:
    assert following.mdrac_mps2(np.array(5.0), np.array(20.0), np.array(10.0), 1.0) == np.inf


def test_brake_threat_is_what_is_needed_over_what_there_is() -> None:
    assert following.btn(np.array(3.0), 6.0) == pytest.approx(0.5)


def test_exposure_to_small_ttc_is_counted_and_integrated() -> None:
    ttc = np.array([[4.0, 2.0, 1.0, 0.0, np.inf, 1.5]])
    np.testing.assert_allclose(exposure.tet_s(ttc, 2.5, 0.1), [0.3])
    np.testing.assert_allclose(exposure.tit_s2(ttc, 2.5, 0.1), [0.1 * (0.5 + 1.5 + 1.0)])


def test_post_encroachment_time_counts_from_exit_to_entry_whoever_is_first() -> None:
    assert exposure.pet_s(np.array(3.0), np.array(4.5)) == 1.5
    assert exposure.pet_of_passages_s(np.array(4.5), np.array(6.0), np.array(2.0), np.array(3.0)) == 1.5
    assert exposure.pet_of_passages_s(np.array(2.0), np.array(3.0), np.array(2.5), np.array(4.0)) == -0.5


def test_delta_v_shares_the_impact_by_mass() -> None:
    first = exposure.delta_v_mps(np.array([1500.0]), np.array([1800.0]), np.array([[20.0, 0.0]]), np.array([[10.0, 0.0]]))
    second = exposure.delta_v_mps(np.array([1800.0]), np.array([1500.0]), np.array([[10.0, 0.0]]), np.array([[20.0, 0.0]]))
    np.testing.assert_allclose([first[0], second[0]], [5.4545, 4.5455], atol=5e-5)


@pytest.mark.parametrize(
    ("rear", "front", "response", "expected"),
    [
        (20, 10, rss.Response(0.75, 3, 6, 6), 48.765625),
        (30, 25, rss.Response(0.5, 3.5, 4, 8), 102.3828125),
        (20, 20, rss.Response(1, 2, 4, 8), 56.5),
        (1, 40, rss.Response(0.5, 1, 6, 6), 0.0),
    ],
)
def test_rss_longitudinal_distance_has_its_check_values(rear, front, response, expected) -> None:
    assert rss.longitudinal_m(np.array(float(rear)), np.array(float(front)), response) == pytest.approx(expected, abs=1e-9)


def test_rss_opposite_distance_is_the_sum_of_both_ways_to_a_stop() -> None:
    response = rss.Response(0.5, 2.0, 4.0, 8.0)
    one = 10.5 * 0.5 - 0.5 * 0.5 + (11.0**2) / (2 * 3.0)  # v·ρ + ½aρ² = (v + v_ρ)/2·ρ
    other = (15 + 16) / 2 * 0.5 + 16**2 / 8
    assert rss.opposite_m(np.array(10.0), np.array(-15.0), response, 3.0) == pytest.approx((10 + 11) / 2 * 0.5 + 121 / 6 + other)
    assert one == pytest.approx((10 + 11) / 2 * 0.5 - 0.25 + 121 / 6)


def test_rss_lateral_distance_of_parallel_drift_is_the_margin_and_grows_when_drifting_together() -> None:
    response = rss.Response(0.5, 0.2, 0.8, 0.8)
    apart = rss.lateral_m(np.array(-1.0), np.array(1.0), response, 0.3)
    together = rss.lateral_m(np.array(1.0), np.array(-1.0), response, 0.3)
    towards = (1 + 1.1) / 2 * 0.5 + 1.1**2 / 1.6
    away = (-1 - 1.1) / 2 * 0.5 - 1.1**2 / 1.6
    assert together == pytest.approx(0.3 + towards - away)
    assert apart < together


def test_fuzzy_safety_model_has_its_check_values() -> None:
    p = drivers.FuzzyParameters()
    value = drivers.proactive_surrogate(np.array([60.0, 40.0]), np.array([30.0, 20.0]), np.array([25.0, 20.0]), p)
    np.testing.assert_allclose(value, [0.869801, 0.022959], atol=5e-7)


def _crashes(gap, follower, leader, leader_rate, wait, brake):
    """Step the two vehicles 1 ms at a time."""
    times = np.arange(0, 30, 0.001)
    lead_move = np.minimum(times, leader / -leader_rate if leader_rate < 0 else np.inf)
    lead = gap + leader * lead_move + 0.5 * leader_rate * lead_move**2
    braked = np.minimum(np.maximum(times - wait, 0), follower / brake)
    rear = follower * np.minimum(times, wait) + follower * braked - 0.5 * brake * braked**2
    return np.any(rear > lead + 1e-3)


@pytest.mark.parametrize("wait", [0.0, 0.8])
@pytest.mark.parametrize(
    ("gap", "follower", "leader", "rate"), [(25, 15, 15, -6), (40, 20, 12, -3), (20, 25, 24, -7), (60, 20, 0, 0)]
)
def test_required_deceleration_is_just_enough_in_a_simulation(gap, follower, leader, rate, wait) -> None:
    need = float(following.required_deceleration_mps2(*(np.array(float(x)) for x in (gap, follower, leader, rate, wait))))
    assert 0 < need < np.inf
    assert not _crashes(gap, follower, leader, rate, wait, need * 1.01)
    assert _crashes(gap, follower, leader, rate, wait, need * 0.97)


def test_required_deceleration_is_infinite_when_the_gap_is_gone_before_the_reaction() -> None:
    assert following.required_deceleration_mps2(*(np.array(x) for x in (5.0, 20.0, 0.0, 0.0, 0.8))) == np.inf


positive = st.floats(0.5, 60.0)


@given(positive, positive)
def test_required_deceleration_for_one_that_stands_is_that_of_the_way_left_after_the_reaction(speed, wait) -> None:
    wait = min(wait, 2.0)
    gap = speed * wait + 10.0
    need = following.required_deceleration_mps2(*(np.array(x) for x in (gap, speed, 0.0, 0.0, wait)))
    assert need == pytest.approx(speed**2 / 20.0, rel=1e-9)


@given(positive, positive, positive, st.floats(0.1, 20.0))
def test_required_deceleration_grows_with_speed_and_shrinks_with_the_gap(gap, follower, leader, more) -> None:
    def need(gap_m, follower_mps):
        return float(following.required_deceleration_mps2(*(np.array(x) for x in (gap_m, follower_mps, leader, 0.0, 0.5))))

    assert need(gap, follower + more) >= need(gap, follower) - 1e-12
    assert need(gap + more, follower) <= need(gap, follower) + 1e-12
    assert need(gap, follower) == pytest.approx(
        following.mdrac_mps2(np.array(gap), np.array(follower), np.array(leader), 0.5), rel=1e-9
    ), "the same as DRAC after a reaction, where the leader does not brake"


@given(positive, positive, st.floats(0.0, 60.0))
def test_time_to_collision_is_when_the_gap_is_used_up_and_no_measure_minds_a_common_time_scale(gap, follower, leader) -> None:
    ttc = float(following.ttc_s(np.array(gap), np.array(follower), np.array(leader)))
    if np.isfinite(ttc):
        assert (follower - leader) * ttc == pytest.approx(gap, rel=1e-9)
        assert float(following.ttc_s(np.array(gap), np.array(follower * 2), np.array(leader * 2))) == pytest.approx(
            ttc / 2, rel=1e-9
        )
    else:
        assert follower <= leader


@given(*(st.floats(0.0, 30.0) for _ in range(4)), st.floats(-100.0, 100.0))
def test_encroachment_does_not_depend_on_who_is_a_nor_on_when_the_clock_began(enter_a, stay_a, enter_b, stay_b, shift) -> None:
    enter_b += abs(enter_a - enter_b) < 1e-3  # who is first must not be a matter of rounding
    times = [np.array(x) for x in (enter_a, enter_a + stay_a, enter_b, enter_b + stay_b)]
    pet = exposure.pet_of_passages_s(*times)
    moved = exposure.pet_of_passages_s(*(one + shift for one in times))
    assert moved == pytest.approx(pet, abs=1e-9)
    assert exposure.pet_of_passages_s(*times[2:], *times[:2]) == pytest.approx(pet, abs=1e-12)
    assert (pet < 0) == (max(enter_a, enter_b) < (enter_a + stay_a if enter_a <= enter_b else enter_b + stay_b))
