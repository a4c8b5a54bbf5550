from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu import geo
from chelu.errors import OutOfRangeError

CHONGQING = geo.LocalFrame(29.55, 106.57, 250.0)


def ecef(latitude_deg: float, longitude_deg: float, height_m: float) -> np.ndarray:
    """The textbook's conversion, written apart from the code under test."""
    phi, lam = np.radians(latitude_deg), np.radians(longitude_deg)
    n = 6378137.0 / np.sqrt(1 - 0.00669437999014 * np.sin(phi) ** 2)
    return np.array(
        [
            (n + height_m) * np.cos(phi) * np.cos(lam),
            (n + height_m) * np.cos(phi) * np.sin(lam),
            (n * (1 - 0.00669437999014) + height_m) * np.sin(phi),
        ]
    )


def tangent_plane(frame: geo.LocalFrame, latitude_deg: float, longitude_deg: float, height_m: float) -> np.ndarray:
    phi, lam = np.radians(frame.latitude_deg), np.radians(frame.longitude_deg)
    d = ecef(latitude_deg, longitude_deg, height_m) - ecef(frame.latitude_deg, frame.longitude_deg, frame.elevation_m)
    east = np.array([-np.sin(lam), np.cos(lam), 0])
    north = np.array([-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)])
    return np.array([d @ east, d @ north])


def test_the_origin_is_zero() -> None:
    assert np.allclose(CHONGQING.to_local(29.55, 106.57, 250.0), [[0, 0, 0]], atol=1e-9)


def test_plan_agrees_with_the_tangent_plane_to_a_tenth_of_a_millimetre_within_20_km() -> None:
    for latitude, longitude in ((29.60, 106.60), (29.41, 106.43), (29.55, 106.775), (29.73, 106.57)):
        expected = tangent_plane(CHONGQING, latitude, longitude, 250.0)
        assert np.allclose(CHONGQING.to_local(latitude, longitude, 300.0)[0, :2], expected, atol=1e-4)


def test_height_is_above_the_origin_and_does_not_curve_away() -> None:
    assert CHONGQING.to_local(29.70, 106.60, 261.5)[0, 2] == pytest.approx(11.5, abs=1e-9)


def test_what_is_stacked_stays_above_each_other() -> None:
    stack = CHONGQING.to_local([29.57, 29.57], [106.6, 106.6], [250.0, 320.0])
    assert np.array_equal(stack[0, :2], stack[1, :2])


def test_a_known_distance_along_the_meridian() -> None:
    # a degree of latitude at the equator is 110 574.4 m along the ellipsoid; a thousandth of it hardly bends
    assert geo.LocalFrame(0.0, 0.0).to_local(0.001, 0.0, 0.0)[0, 1] == pytest.approx(110.5743, abs=1e-3)


@given(
    st.floats(-75, 75), st.floats(-180, 180), st.floats(-400, 5000), st.floats(-20_000, 20_000), st.floats(-20_000, 20_000),
    st.floats(-100, 1000),
)  # fmt: skip
def test_local_and_back_is_exact_anywhere(lat: float, lon: float, ele: float, x: float, y: float, z: float) -> None:
    frame = geo.LocalFrame(lat, lon, ele)
    latitude, longitude, elevation = frame.to_geodetic([[x, y, z]])
    assert np.allclose(frame.to_local(latitude, longitude, elevation), [[x, y, z]], atol=1e-6)


@given(st.floats(-0.18, 0.18), st.floats(-0.18, 0.18))
def test_geodetic_and_back_is_exact_to_a_billionth_of_a_degree(d_lat: float, d_lon: float) -> None:
    latitude, longitude, _ = CHONGQING.to_geodetic(CHONGQING.to_local(29.55 + d_lat, 106.57 + d_lon, 250.0))
    assert abs(latitude[0] - 29.55 - d_lat) < 1e-9
    assert abs(longitude[0] - 106.57 - d_lon) < 1e-9


def test_positions_stay_within_2_cm_after_the_wires_tenth_of_a_microdegree() -> None:
    random = np.random.default_rng(1)
    local = random.uniform(-3000, 3000, (10_000, 3))
    latitude, longitude, elevation = CHONGQING.to_geodetic(local)
    back = CHONGQING.to_local(np.round(latitude, 7), np.round(longitude, 7), np.round(elevation, 1))
    assert np.abs(back - local)[:, :2].max() < 0.01


def test_the_date_line_is_crossed_the_short_way() -> None:
    frame = geo.LocalFrame(10.0, 179.999)
    assert 0 < frame.to_local(10.0, -179.999, 0.0)[0, 0] < 300
    assert frame.to_geodetic([[300.0, 0.0, 0.0]])[1][0] < -179.9


def test_a_position_without_a_value_stays_without_one_and_spares_the_others() -> None:
    local = CHONGQING.to_local([np.nan, 29.551], [106.57, 106.571], [1.0, np.nan])
    assert np.isnan(local[0, :2]).all()
    assert np.isfinite(local[1, :2]).all()
    assert np.isnan(local[1, 2])
    latitude, _, _ = CHONGQING.to_geodetic(np.array([[np.nan, 0, 0], [1, 1, 1]]))
    assert np.isnan(latitude[0])
    assert np.isfinite(latitude[1])


def test_plan_points_have_no_elevation() -> None:
    latitude, _, elevation = CHONGQING.to_geodetic(np.array([[100.0, 50.0]]))
    assert latitude[0] > 29.55
    assert np.isnan(elevation[0])


def test_no_rows_give_no_rows() -> None:
    assert CHONGQING.to_local([], [], []).shape == (0, 3)
    assert CHONGQING.to_geodetic(np.empty((0, 3)))[0].shape == (0,)


def test_an_origin_that_is_no_place_is_refused() -> None:
    for latitude, longitude, elevation in (
        (91.0, 0.0, 0.0),
        (0.0, 181.0, 0.0),
        (0.0, 0.0, float("nan")),
        (float("nan"), 0.0, 0.0),
    ):
        with pytest.raises(OutOfRangeError):
            geo.LocalFrame(latitude, longitude, elevation)


def test_gcj02_of_tiananmen_is_the_published_one() -> None:
    latitude, longitude = geo.to_gcj02(39.90734, 116.39089)
    assert latitude[0] == pytest.approx(39.90874, abs=2e-5)
    assert longitude[0] == pytest.approx(116.39713, abs=2e-5)


@given(st.floats(1.0, 55.0), st.floats(72.2, 137.6))
def test_gcj02_and_back_is_closer_than_the_wire_can_tell(lat: float, lon: float) -> None:
    latitude, longitude = geo.from_gcj02(*geo.to_gcj02(lat, lon))
    assert abs(latitude[0] - lat) < 1e-7
    assert abs(longitude[0] - lon) < 1e-7


def test_gcj02_leaves_the_rest_of_the_world_and_unknown_places_alone() -> None:
    latitude, longitude = geo.to_gcj02([48.85, np.nan], [2.35, 106.0])
    assert (latitude[0], longitude[0]) == (48.85, 2.35)
    assert np.isnan(latitude[1])
    assert geo.from_gcj02(48.85, 2.35)[0][0] == 48.85


def test_headings_wrap_and_differ_the_short_way() -> None:
    assert geo.wrap_heading([-90.0, 360.0, 725.0, -1e-20]).tolist() == [270.0, 0.0, 5.0, 0.0]
    assert geo.heading_difference([10.0, 350.0, 180.0], [350.0, 10.0, 0.0]).tolist() == [20.0, -20.0, -180.0]


def test_compass_and_mathematical_angles_are_inverse() -> None:
    heading = np.array([0.0, 90.0, 180.0, 270.0, 359.0])
    assert np.allclose(geo.heading_to_angle(heading[:4]), [np.pi / 2, 0.0, -np.pi / 2, np.pi])
    assert np.allclose(geo.angle_to_heading(geo.heading_to_angle(heading)), heading)
    assert geo.heading_of([0.0, 1.0, -1.0], [1.0, 0.0, 0.0]).tolist() == [0.0, 90.0, 270.0]
    assert np.isnan(geo.heading_of(0.0, 0.0))


def test_arguments_are_never_written_to() -> None:
    def frozen(*values: float) -> np.ndarray:
        array = np.array(values)
        array.flags.writeable = False
        return array

    CHONGQING.to_geodetic(CHONGQING.to_local(frozen(29.5, 29.6), frozen(106.5, 106.6), frozen(1.0, 2.0)))
    geo.from_gcj02(*geo.to_gcj02(frozen(29.5), frozen(106.5)))
    latitude, _ = geo.to_gcj02(frozen(50.0), frozen(0.0))
    latitude[0] = 1.0
    geo.wrap_heading(frozen(370.0))
    geo.heading_difference(frozen(370.0), frozen(1.0))
