"""Footprints, conflicts of moving footprints, and kinematic models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.motion import braking, conflict, footprints, kinematics
from tests.unit.motion.overlaps import first_overlap

CAR = np.array([4.6, 1.8])


def test_corners_of_a_car_that_drives_east_lie_around_it() -> None:
    corners = footprints.corners(np.array([[10.0, 5.0]]), np.array([90.0]), np.array([4.0]), np.array([2.0]))
    np.testing.assert_allclose(corners[0], [[12, 4], [12, 6], [8, 6], [8, 4]], atol=1e-12)


@pytest.mark.parametrize(
    ("offset", "heading_a", "heading_b", "expected"),
    [
        ((0, 4.5), 0, 0, True),
        ((0, 4.7), 0, 0, False),
        ((1.9, 0), 0, 0, False),
        ((2.5, 0), 0, 90, True),
        ((3.3, 0), 0, 90, False),
        # the boxes around both overlap; only the slanted edge separates them
        ((2.4, 3.2), 0, 135, False),
        ((1.6, 2.4), 0, 135, True),
    ],
)
def test_overlap_is_decided_by_the_four_edge_directions(offset, heading_a, heading_b, expected) -> None:
    found = footprints.overlap(np.array([offset], float), np.array([heading_a], float), CAR, np.array([heading_b], float), CAR)
    assert found[0] == expected


@given(st.floats(-6, 6), st.floats(-6, 6), st.floats(0, 360), st.floats(0, 360))
def test_overlap_agrees_with_clipping_of_polygons(east, north, heading_a, heading_b) -> None:
    a = footprints.corners(np.zeros((1, 2)), np.array([heading_a]), CAR[:1], CAR[1:])[0]
    b = footprints.corners(np.array([[east, north]]), np.array([heading_b]), CAR[:1], CAR[1:])[0]
    found = footprints.overlap(np.array([[east, north]]), np.array([heading_a]), CAR, np.array([heading_b]), CAR)[0]
    area = _clipped_area(a, b)
    assert found if area > 1e-6 else True
    assert not found or area > -1e-9
    if not found:
        assert area <= 1e-9


def _clipped_area(subject, clip):
    """Area of the intersection of two convex polygons (Sutherland & Hodgman), both anticlockwise."""
    polygon = list(subject)
    for start, end in zip(clip, np.roll(clip, -1, axis=0), strict=True):
        inside = [_side(start, end, point) for point in polygon]
        clipped = []
        for i, point in enumerate(polygon):
            before, was = polygon[i - 1], inside[i - 1]
            if (inside[i] >= 0) != (was >= 0):
                clipped.append(before + (point - before) * was / (was - inside[i]))
            if inside[i] >= 0:
                clipped.append(point)
        polygon = clipped
    if len(polygon) < 3:
        return 0.0
    x, y = np.array(polygon).T
    return 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def _side(start, end, point):
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _straight(xy, heading, speed, times):
    path = kinematics.constant_velocity(np.array([xy], float), np.array([heading], float), np.array([speed], float), times)
    return conflict.Futures(path.xy, path.heading_deg, CAR[None])


@pytest.mark.parametrize("heading", [0.0, 37.0, 90.0, 211.0, 359.0])
def test_time_to_collision_in_the_plane_does_not_depend_on_where_the_road_points(heading) -> None:
    along = footprints.forward(np.array([heading]))
    offset = along * (30.0 + 4.6)
    headings, sizes = np.array([[heading, heading]]), np.broadcast_to(CAR, (1, 2, 2))
    assert conflict.ttc_plane_s(offset, along * 20.0, along * 10.0, headings, sizes)[0] == pytest.approx(3.0)
    assert conflict.ttc_plane_s(offset, along * 10.0, along * 20.0, headings, sizes)[0] == np.inf
    beside = offset + footprints.rightward(np.array([heading])) * 1.9
    assert conflict.ttc_plane_s(beside, along * 20.0, along * 10.0, headings, sizes)[0] == np.inf


def test_time_to_collision_in_the_plane_agrees_with_sampled_footprints() -> None:
    random = np.random.default_rng(5)
    n, times = 300, np.arange(0, 10, 0.002)
    offset, headings = random.uniform(-20, 20, (n, 2)), random.uniform(0, 360, (n, 2))
    speed = random.uniform(0, 20, (n, 2))
    velocity = footprints.forward(headings) * speed[..., None]
    exact = conflict.ttc_plane_s(offset, velocity[:, 0], velocity[:, 1], headings, np.broadcast_to(CAR, (n, 2, 2)))
    a = kinematics.constant_velocity(np.zeros((n, 2)), headings[:, 0], speed[:, 0], times)
    b = kinematics.constant_velocity(offset, headings[:, 1], speed[:, 1], times)
    size = np.broadcast_to(CAR, (n, 2))
    first = first_overlap(conflict.Futures(a.xy, a.heading_deg, size), conflict.Futures(b.xy, b.heading_deg, size))
    hit = (first >= 0) & (exact < 9.9)
    assert hit.sum() > 20
    np.testing.assert_allclose(exact[hit], times[first[hit]], atol=0.0025)
    assert np.mean(exact[first < 0] < 9.9) < 0.01  # only corners that graze between two samples


def test_a_braking_track_stops_and_never_reverses() -> None:
    times = np.array([0.0, 1.0, 2.0, 5.0, 50.0])
    path = kinematics.constant_acceleration(np.zeros((1, 2)), np.array([90.0]), np.array([10.0]), np.array([-5.0]), times)
    np.testing.assert_allclose(path.xy[0, :, 0], [0, 7.5, 10, 10, 10], atol=1e-12)
    np.testing.assert_allclose(path.speed_mps[0], [10, 5, 0, 0, 0], atol=1e-12)


def test_headings_run_clockwise_from_north() -> None:
    times = np.array([1.0])
    path = kinematics.constant_velocity(np.zeros((4, 2)), np.array([0.0, 90, 180, 270]), np.ones(4), times)
    np.testing.assert_allclose(path.xy[:, 0], [[0, 1], [1, 0], [0, -1], [-1, 0]], atol=1e-12)


@pytest.mark.parametrize("yaw", [-20.0, -0.004, 0.0, 0.02, 15.0])
@pytest.mark.parametrize("acceleration", [-3.0, 0.0, 1.5])
def test_turn_rate_model_agrees_with_fine_integration(yaw, acceleration) -> None:
    times, step = np.array([0.5, 2.0, 5.0]), 1e-4
    path = kinematics.constant_turn_rate_acceleration(
        np.array([[3.0, 4.0]]), np.array([350.0]), np.array([9.0]), np.array([acceleration]), np.array([yaw]), times
    )
    t = np.arange(0, 5, step) + step / 2
    speed = np.maximum(9.0 + acceleration * t, 0)
    heading = np.radians(350.0 + yaw * t)
    moves = np.stack([np.sin(heading), np.cos(heading)], 1) * speed[:, None] * step
    track = np.array([3.0, 4.0]) + np.cumsum(moves, axis=0)
    index = np.round(times / step).astype(int) - 1
    np.testing.assert_allclose(path.xy[0], track[index], atol=2e-3)


def test_constant_curvature_stays_on_its_circle_while_braking() -> None:
    times = np.linspace(0, 5, 11)
    path = kinematics.constant_curvature(
        np.zeros((1, 2)), np.array([0.0]), np.array([8.0]), np.array([-1.0]), np.array([1 / 20]), times
    )
    np.testing.assert_allclose(np.hypot(path.xy[0, :, 0] - 20, path.xy[0, :, 1]), 20, atol=1e-9)
    np.testing.assert_allclose(path.heading_deg[0, -1], np.degrees((8 * 5 - 12.5) / 20), atol=1e-9)


def test_instants_may_differ_from_track_to_track() -> None:
    times = np.array([[1.0, 2.0], [3.0, 4.0]])
    path = kinematics.constant_velocity(np.zeros((2, 2)), np.zeros(2), np.full(2, 2.0), times)
    np.testing.assert_allclose(path.xy[:, :, 1], times * 2)


def test_models_do_not_write_into_their_arguments() -> None:
    xy, heading = np.zeros((1, 2)), np.array([10.0])
    for array in (xy, heading):
        array.flags.writeable = False
    kinematics.constant_velocity(xy, heading, heading, np.array([1.0, 2.0]))


def test_the_same_braking_asks_more_of_the_tyres_downhill_and_less_uphill() -> None:
    down, flat, up = braking.level_equivalent_mps2(np.array([3.0] * 3), np.array([-0.08, 0.0, 0.08]))
    slope = np.hypot(1, 0.08)
    assert flat == 3.0
    assert (down, up) == (pytest.approx(3 * slope + 9.80665 * 0.08), pytest.approx(3 * slope - 9.80665 * 0.08))
