"""Every metric against closed forms, and what must not matter: where north is, where the road is, when it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.messages import Batch
from simulators.scenario.judging import question_of
from simulators.scenario.metrics.page import page
from simulators.scenario.metrics.table import METRICS
from simulators.scenario.requirements import Limit
from simulators.signals import Light
from tests.unit.simulators.scenario.traces import LENGTH_M, WIDTH_M, Motion, behind, trace, warnings

BOTH = ("ego", "other")


def measured(run, metric, of=BOTH, **parameters):
    limit = Limit.model_validate({"metric": metric, "of": of, "at_least": 0, **parameters})
    return METRICS[metric].measure(question_of(run, limit, METRICS[metric]))


def first(run, metric, **parameters):
    return float(measured(run, metric, **parameters)[0, 0])


@pytest.mark.parametrize("heading", [0.0, 45.0, 133.0, 270.0])
@pytest.mark.parametrize(
    ("gap", "one", "other", "ttc", "thw", "drac", "mdrac"),
    [(30, 20, 10, 3.0, 1.5, 5 / 3, 2.5), (20, 30, 25, 4.0, 2 / 3, 0.625, 5 / 6), (40, 15, 0, 8 / 3, 8 / 3, 2.8125, 4.5)],
)
def test_following_has_the_check_values_whatever_the_heading(heading, gap, one, other, ttc, thw, drac, mdrac) -> None:
    run = trace(behind(gap, one, other, heading_deg=heading))
    assert first(run, "gap_m") == pytest.approx(gap, abs=1e-9)
    assert first(run, "minimum_distance_m") == pytest.approx(gap, abs=1e-9)
    assert first(run, "ttc_s") == pytest.approx(ttc, abs=1e-9)
    assert first(run, "mttc_s") == pytest.approx(ttc, abs=1e-9)
    assert first(run, "thw_s") == pytest.approx(thw, abs=1e-9)
    assert first(run, "drac_mps2") == pytest.approx(drac, abs=1e-9)
    assert first(run, "mdrac_mps2", reaction_s=1) == pytest.approx(mdrac, abs=1e-9)
    assert first(run, "required_deceleration_mps2") == pytest.approx(drac, abs=1e-9)
    assert first(run, "btn", available_mps2=8) == pytest.approx(drac / 8, abs=1e-9)


def test_a_braking_leader_is_met_where_it_stands() -> None:
    run = trace(behind(40.0, 10.0, 10.0, 0.0, -5.0))
    assert first(run, "ttc_s") == np.inf
    assert first(run, "mttc_s") == pytest.approx(5.0, abs=1e-9)  # it stands after 10 m: 50 m at 10 m/s
    assert first(run, "required_deceleration_mps2") == pytest.approx(1.0, abs=1e-9)


def test_a_leader_that_keeps_braking_while_it_moves_is_met_at_the_root_of_the_parabola() -> None:
    run = trace(behind(10.0, 20.0, 20.0, 0.0, -5.0))
    assert first(run, "mttc_s") == pytest.approx(2.0, abs=1e-9)


@given(st.floats(0.1, 80), st.floats(0, 40), st.floats(0, 40), st.floats(-8, 3), st.floats(-8, 3))
@settings(max_examples=40, deadline=None)
def test_modified_ttc_is_the_first_contact_of_a_stepped_motion(gap, one, other, one_rate, other_rate) -> None:
    time_s = np.arange(0, 12, 0.001)
    ways = [Motion((0, 0), 0, speed, rate).at(time_s)[0][:, 1] for speed, rate in ((one, one_rate), (other, other_rate))]
    closed = np.flatnonzero(gap + ways[1] - ways[0] <= 0)
    found = first(trace(behind(gap, one, other, one_rate, other_rate)), "mttc_s")
    if len(closed):
        assert found == pytest.approx(time_s[closed[0]], abs=0.002)
    else:
        assert found > 11.99 or np.min(gap + ways[1] - ways[0]) < 1e-3


def test_who_is_beside_or_behind_or_on_another_deck_is_not_followed() -> None:
    beside = trace((Motion((0, 0), 0, 20), Motion((3.0, 30), 0, 10)))
    ahead = trace((Motion((0, 30), 0, 10), Motion((0, 0), 0, 20)))
    above = trace((Motion((0, 0), 0, 20), Motion((0, 30), 0, 10, elevation_m=7)))
    for run in (beside, ahead, above):
        assert [first(run, name) for name in ("gap_m", "thw_s", "mttc_s", "drac_mps2")] == [np.inf, np.inf, np.inf, 0]
    assert first(beside, "ttc_s") == np.inf
    assert first(ahead, "ttc_s") == pytest.approx(2.6)
    assert first(above, "ttc_s") == np.inf
    assert first(above, "minimum_distance_m") == pytest.approx(np.hypot(26, 7))


CROSSING = (Motion((0, -30), 0, 10), Motion((-45, 0), 90, 12))


def turned(motion, degrees, east=0.0, north=0.0, mirror=1):
    angle, x = np.radians(degrees), mirror * motion.xy[0]
    place = (
        x * np.cos(angle) + motion.xy[1] * np.sin(angle) + east,
        -x * np.sin(angle) + motion.xy[1] * np.cos(angle) + north,
    )
    return replace(motion, xy=place, heading_deg=(mirror * motion.heading_deg + degrees) % 360)


@given(st.floats(0, 360), st.floats(-5000, 5000), st.floats(-5000, 5000), st.sampled_from([1, -1]))
@settings(max_examples=40, deadline=None)
def test_metrics_of_two_do_not_hang_on_where_they_are(degrees, east, north, mirror) -> None:
    for motions in (CROSSING, behind(20.0, 20.0, 12.0, -1.0, -4.0), (Motion((0, 0), 0, 20), Motion((4, 60), 200, 9))):
        here, there = trace(motions), trace(tuple(turned(one, degrees, east, north, mirror) for one in motions))
        for name in ("minimum_distance_m", "ttc_s", "gap_m", "mttc_s", "drac_mps2", "required_deceleration_mps2"):
            np.testing.assert_allclose(measured(there, name), measured(here, name), rtol=1e-6, atol=1e-6)
        for name in ("pet_s", "impact_speed_mps"):
            np.testing.assert_allclose(measured(there, name), measured(here, name), rtol=1e-6, atol=1e-6)


def test_what_happens_later_is_measured_the_same() -> None:
    motions = behind(30.0, 20.0, 12.0)
    early, late = (
        trace(motions, end_s=3),
        trace(tuple(replace(one, xy=(0.0, one.xy[1] - one.speed_mps)) for one in motions), end_s=4),
    )
    for name in ("ttc_s", "thw_s", "drac_mps2"):
        np.testing.assert_allclose(measured(late, name)[10:], measured(early, name), atol=1e-9)


def test_distance_is_between_the_nearest_points_whatever_the_headings() -> None:
    run = trace((Motion((0, 0), 0), Motion((5, 7), 90)))  # corners at (1, 2) and (3, 6)
    assert first(run, "minimum_distance_m") == pytest.approx(np.hypot(2, 4), abs=1e-9)
    askew = trace((Motion((0, 0), 0), Motion((6, 0), 45)))
    assert first(askew, "minimum_distance_m") == pytest.approx(6 - 1 - 3 / np.sqrt(2), abs=1e-9)


@given(st.floats(-12, 12), st.floats(-12, 12), st.floats(0, 360), st.floats(0, 360))
@settings(max_examples=60, deadline=None)
def test_distance_agrees_with_shapely(east, north, one, other) -> None:
    from shapely.geometry import Polygon

    from chelu.motion.distance import distance_m
    from chelu.motion.footprints import corners

    size = np.array([[LENGTH_M, WIDTH_M]])
    places = np.array([[0.0, 0.0]]), np.array([[east, north]])
    headings = np.array([one]), np.array([other])
    found = distance_m(places[1] - places[0], headings[0], size, headings[1], size)[0]
    shapes = [
        Polygon(corners(place, heading, size[:, 0], size[:, 1])[0]) for place, heading in zip(places, headings, strict=True)
    ]
    assert found == pytest.approx(shapes[0].distance(shapes[1]), abs=1e-9)


def test_post_encroachment_time_of_a_crossing_is_from_leaving_to_entering() -> None:
    # ego leaves the other's way (1 m north of its middle, 2 m long behind): at 30 + 1 + 2 m; the other enters after 60 − 1 − 2 m
    run = trace((Motion((0, -30), 0, 10), Motion((-60, 0), 90, 12)), end_s=8)
    assert measured(run, "pet_s")[0] == pytest.approx(57 / 12 - 33 / 10, abs=1e-9)
    swapped = trace((Motion((-60, 0), 90, 12), Motion((0, -30), 0, 10)), end_s=8)
    assert measured(swapped, "pet_s")[0] == pytest.approx(57 / 12 - 33 / 10, abs=1e-9)


def test_post_encroachment_time_is_0_at_a_contact_and_infinite_without_a_common_place() -> None:
    meets = trace((Motion((0, -30), 0, 10), Motion((-30, 0), 90, 10)))
    apart = trace((Motion((0, -30), 0, 10), Motion((20, -30), 0, 10)))
    too_short = trace((Motion((0, -30), 0, 10), Motion((-60, 0), 90, 12)), end_s=4)
    assert [float(measured(run, "pet_s")[0]) for run in (meets, apart, too_short)] == [0, np.inf, np.inf]


def test_post_encroachment_time_on_one_lane_is_from_the_rear_of_one_to_the_front_of_the_next() -> None:
    run = trace(behind(30.0, 15.0, 15.0))
    assert measured(run, "pet_s")[0] == pytest.approx(2.0, abs=1e-9)


@given(st.floats(20, 160), st.floats(5, 30), st.floats(5, 30), st.floats(2.5, 6))
@settings(max_examples=30, deadline=None)
def test_post_encroachment_time_is_the_shift_that_just_makes_them_touch(angle, one, other, apart) -> None:
    """Whoever is later passes `apart` s after the first: shifted by the PET they touch, by a little less they do not."""
    lead = 60.0
    away = (lead + other * apart) * np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    run = trace((Motion((0, -lead), 0, one), Motion((-away[0], -away[1]), angle, other)), end_s=30, step_s=0.1)
    pet = float(measured(run, "pet_s")[0])
    if not 0 < pet < np.inf:
        return
    first_there = (lead + other * apart) / other > lead / one
    for share, touches in ((1.0 + 1e-6, True), (1.0 - 1e-3, False)):
        moved = (away / other - share * pet * away / np.hypot(*away)) * other if first_there else None
        if moved is None:
            continue
        shifted = trace((Motion((0, -lead), 0, one), Motion((-moved[0], -moved[1]), angle, other)), end_s=30, step_s=0.1)
        assert bool(np.isfinite(shifted.contact_s[0])) == touches


def test_impact_shares_the_speed_change_by_mass() -> None:
    run = trace(behind(10.0, 20.0, 10.0))
    assert run.contact_s[0] == pytest.approx(1.0)
    assert measured(run, "contact")[0] == 1
    assert measured(run, "contact", of="ego")[0] == 1
    assert measured(run, "impact_speed_mps")[0] == pytest.approx(10.0)
    assert measured(run, "delta_v_mps")[0] == pytest.approx(5.0)
    braking = trace(behind(10.0, 20.0, 0.0, -8.0), step_s=0.1)
    when = (20 - np.sqrt(400 - 160)) / 8
    assert measured(braking, "impact_speed_mps")[0] == pytest.approx(20 - 8 * when, abs=0.01)  # contacts are interpolated


def test_exposure_is_summed_over_the_instants_asked_for() -> None:
    run = trace(behind(30.0, 20.0, 10.0), end_s=2.0)  # TTC 3.0, 2.9 … 1.0
    assert measured(run, "tet_s", below_s=2.05)[0] == pytest.approx(1.1)
    assert measured(run, "tit_s2", below_s=2.05)[0] == pytest.approx(0.1 * sum(0.05 + 0.1 * k for k in range(11)))
    assert measured(run, "tet_s", below_s=2.05, until=1.5)[0] == pytest.approx(0.6)


def test_safe_distances_have_their_check_values() -> None:
    response = {"reaction_s": 0.75, "acceleration_mps2": 3, "brake_min_mps2": 6}
    run = trace(behind(50.0, 20.0, 10.0), end_s=1)
    assert first(run, "rss_longitudinal_margin_m", brake_max_mps2=6, **response) == pytest.approx(50 - 48.765625, abs=1e-9)
    oncoming = trace((Motion((0, 0), 0, 10), Motion((0, 104), 180, 15)), end_s=1)
    safe = (10 + 12.25) / 2 * 0.75 + 12.25**2 / 8 + (15 + 17.25) / 2 * 0.75 + 17.25**2 / 12
    assert first(oncoming, "rss_opposite_margin_m", brake_correct_mps2=4, **response) == pytest.approx(100 - safe, abs=1e-9)
    beside = trace((Motion((3, 100), 0, 20), Motion((6, 101), 0, 20)), on_way=True, end_s=1)
    sideways = {"reaction_s": 0.5, "acceleration_mps2": 0.2, "brake_min_mps2": 0.8, "margin_m": 0.3}
    both = 2 * ((0 + 0.1) / 2 * 0.5 + 0.1**2 / 1.6)
    assert first(beside, "rss_lateral_margin_m", **sideways) == pytest.approx(1.0 - 0.3 - both, abs=1e-9)
    assert first(run, "rss_lateral_margin_m", **sideways) == np.inf


def test_driving_is_measured_along_the_way() -> None:
    run = trace((Motion((5.0, 10), 0, 25, -2.0), Motion((1.75, 200), 0, 10)), on_way=True)
    assert first(run, "speed_kmh", of="ego") == pytest.approx(90)
    assert first(run, "speed_over_limit_kmh", of="ego") == pytest.approx(18)
    assert first(run, "deceleration_mps2", of="ego") == 2
    assert first(run, "lane_offset_m", of="ego") == pytest.approx(-0.25)  # lane 1's middle is at 5.25 m
    assert first(run, "lane_departure_m", of="ego") == pytest.approx(0.25 + 1.0 - 1.75)
    assert first(run, "lane_departure_m", of="ego", lane=2) == pytest.approx(3.25 + 1.0 - 1.75)
    assert first(run, "road_departure_m", of="ego") == pytest.approx(-1.0)
    assert np.isnan(measured(trace(CROSSING), "lane_offset_m", of="ego")).all()


def test_jerk_is_what_the_acceleration_changes_by() -> None:
    run = trace((Motion((0, 0), 0, 10, -5.0), Motion((0, 100), 0, 10)), end_s=3)
    jerk = measured(run, "jerk_mps3", of="ego")[:, 0]
    assert np.isnan(jerk[0])
    assert np.nanmax(jerk) == pytest.approx(50)  # it stands after 2 s: 5 m/s² are gone within a step
    assert np.count_nonzero(jerk > 0) == 1


def test_starting_is_timed_from_the_instant_asked_for() -> None:
    starts = (Motion((5.25, 0), 0, 0, 0.5), Motion((1.75, 0), 0, 0))  # above 2 km/h after 1.11 s
    moves = (Motion((5.25, 0), 0, 5), Motion((1.75, 0), 0, 0))
    run = trace(starts, moves, on_way=True)
    np.testing.assert_allclose(measured(run, "start_up_s", of="ego"), [1.2, np.nan])
    np.testing.assert_allclose(measured(run, "start_up_s", of="ego", **{"from": 1.0}), [0.2, np.nan])
    assert measured(run, "start_up_s", of="other").tolist() == [np.inf, np.inf]


def test_lateral_acceleration_is_that_of_the_circle() -> None:
    straight = trace(CROSSING)
    turning = replace(straight, heading_deg=straight.heading_deg + np.arange(51)[:, None, None] * -1.8 + 3.0)
    lateral = measured(turning, "lateral_acceleration_mps2", of="ego")[1:, 0]
    np.testing.assert_allclose(lateral, 10 * np.radians(18), rtol=1e-9)


def test_stopping_before_beyond_and_never() -> None:
    stops = (Motion((5.25, 100), 0, 10, -5.0), Motion((1.75, 0), 0, 0))
    passes = (Motion((5.25, 100), 0, 10), Motion((1.75, 0), 0, 0))
    stays = (Motion((5.25, 100), 0, 0), Motion((1.75, 0), 0, 0))
    run = trace(stops, passes, stays, on_way=True)
    np.testing.assert_allclose(measured(run, "stop_distance_m", of="ego", line_m=114), [2.0, -np.inf, np.inf], atol=1e-9)
    assert measured(run, "stop_distance_m", of="ego", line_m=111)[0] == pytest.approx(-1.0)
    assert np.isnan(measured(run, "stop_distance_m", of="ego")).all()


def test_a_red_light_is_passed_only_forwards_while_it_is_red() -> None:
    motions = (Motion((5.25, 100), 0, 10), Motion((1.75, 0), 0, 0))
    shown = np.full((51, 2), Light.RED)
    shown[:20, 1] = Light.YELLOW  # red from 2 s on in the second run
    run = trace(motions, motions, on_way=True, lights={"north": shown}, stop_lines={"north": (0, 112.0)})
    assert measured(run, "red_light_passage", of="ego")[[10, 11, 50]].tolist() == [[0, 0], [1, 0], [1, 0]]
    assert measured(run, "red_light_passage", of="ego", signal="north", line_m=130)[-1].tolist() == [1, 1]
    assert measured(run, "red_light_passage", of="other")[-1].tolist() == [0, 0]
    assert np.isnan(measured(trace(motions, on_way=True), "red_light_passage", of="ego")).all()


def test_warnings_are_measured_against_what_happens() -> None:
    motions = behind(30.0, 20.0, 10.0)  # contact at 3 s
    far = behind(300.0, 20.0, 20.0)
    said = warnings((0, 1.0, "fcw", "ego", "other"), (0, 1.5, "fcw", "ego", "other"), (2, 2.0, "fcw", "ego", "other"))
    run = trace(motions, motions, far, warnings=said)
    np.testing.assert_allclose(measured(run, "warning_lead_s")[:2], [2.0, -np.inf])
    np.testing.assert_allclose(measured(run, "warning_ttc_s"), [2.0, -np.inf, np.inf], atol=1e-9)
    assert measured(run, "false_warnings", below_s=2.5).tolist() == [0, 0, 1]
    assert measured(run, "missed_warnings", below_s=2.5).tolist() == [1, 1, 0]
    assert measured(run, "missed_warnings", below_s=1.9, application="fcw").tolist() == [0, 1, 0]
    assert measured(run, "missed_warnings", below_s=1.9, application="eebl").tolist() == [1, 1, 0]
    assert np.isnan(measured(trace(motions), "warning_ttc_s")).all()


def test_of_one_actor_nearness_and_warnings_are_about_everybody_who_is_there() -> None:
    ego, near = behind(30, 20, 10)
    far = Motion((0.0, 90.0), 0.0, 15.0)
    said = warnings((0, 0.5, "fcw", "ego", "third"), (0, 0.5, "fcw", "ego", "light north"))
    run = trace((ego, near, far), warnings=said)
    for metric in ("minimum_distance_m", "ttc_s"):
        assert measured(run, metric, of="ego")[0, 0] == first(run, metric)
    assert measured(run, "missed_warnings", of="ego", below_s=2.0).tolist() == [1], "of the near one"
    assert measured(run, "false_warnings", of="ego", below_s=2.0).tolist() == [1], "of the far one; a thing is no road user"
    gone = trace((ego, near), end_s=2.0, actors=(run.actors[0], replace(run.actors[1], is_traffic=True)))
    gone = replace(gone, xy=np.where(np.arange(2)[:, None] == 1, np.nan, gone.xy))
    for metric in ("minimum_distance_m", "ttc_s"):
        assert np.isinf(measured(gone, metric, of="ego")).all()


def test_messages_are_counted_timed_and_aged() -> None:
    rows = {
        "run": np.zeros(4, np.int64),
        "sender": np.full(4, "other", np.object_),
        "sent_s": np.array([0.0, 0.5, 1.0, 1.5]),
        "received_s": np.array([0.1, np.nan, 1.3, 1.6]),
    }
    run = trace(behind(30.0, 10.0, 10.0), messages=Batch(rows), rig={"lag_s": np.array([0.02])})
    assert measured(run, "message_loss", of="other")[0] == 0.25
    assert measured(run, "message_loss", of=())[0] == 0.25
    assert np.isnan(measured(run, "message_loss", of="ego")[0])
    assert measured(run, "latency_s", of=())[0] == pytest.approx(0.3)
    assert measured(run, "latency_s", of=(), quantile=0)[0] == pytest.approx(0.1)
    age = measured(run, "age_of_information_s", of="other")[:, 0]
    assert np.isnan(age[0])
    np.testing.assert_allclose(age[[1, 12, 13, 16, 50]], [0.1, 1.2, 0.3, 0.1, 3.5])
    assert measured(run, "sample_rate_hz", of=())[0] == pytest.approx(10)
    assert measured(run, "lag_s", of=())[0] == 0.02
    assert np.isnan(measured(trace(behind(30.0, 10.0, 10.0)), "message_loss", of=())[0])


def test_bends_do_not_change_a_gap_along_the_way() -> None:
    from simulators.scenario.ways import Piece, Way, Ways

    bend = Ways.of((Way(name="bend", x_m=0, y_m=0, heading_deg=0, pieces=(Piece(400.0, 1 / 60),), lanes=1),))
    along, aside = np.array([[10.0, 64.0]]), np.full((1, 2), 1.75)
    places = bend.at(np.zeros((1, 2), np.int64), along, aside)
    run = trace((Motion((0, 0), 0, 20), Motion((0, 50), 0, 10)), end_s=0, ways=bend)
    changes = {"xy": places.xy[None], "heading_deg": places.heading_deg[None], "along_m": along[None], "aside_m": aside[None]}
    bent = replace(run, way=np.zeros((1, 2), np.int64), last=np.zeros(1, np.int64), **changes)
    inner = 1 - 1.75 / 60
    assert first(bent, "gap_m") == pytest.approx(54 * inner - LENGTH_M)
    assert first(bent, "thw_s") == pytest.approx((54 * inner - LENGTH_M) / 20)


def test_every_metric_is_in_the_page_and_the_page_is_up_to_date() -> None:
    written = (Path(__file__).parents[4] / "docs" / "metrics.md").read_text("utf-8")
    assert written == page(), "run: python -m simulators.scenario.metrics.page > docs/metrics.md"
    for name in METRICS:
        assert f"### `{name}`" in written


def test_names_of_metrics_say_their_units() -> None:
    ends = {"m": "_m", "s": "_s", "m/s": "_mps", "km/h": "_kmh", "m/s²": "_mps2", "m/s³": "_mps3", "s²": "_s2", "Hz": "_hz"}
    for one in METRICS.values():
        assert one.name.endswith(ends.get(one.unit, "")), one.name
        assert one.formula
        assert one.about
        assert one.edges
