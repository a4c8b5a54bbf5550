"""Reference lines against closed forms and against Fresnel integrals that somebody else computes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import fresnel

from chelu.roads.opendrive.reference_line import Curve, Geometry, ReferenceLine


def line_of(**given_) -> ReferenceLine:
    return ReferenceLine.of([Geometry(**{"s_m": 0.0, "x_m": 0.0, "y_m": 0.0, "heading_rad": 0.0, "length_m": 100.0, **given_})])


def test_a_line_is_straight_and_an_arc_is_a_circle() -> None:
    s = np.linspace(0, 100, 11)
    straight = line_of(heading_rad=np.pi / 6, x_m=5.0, y_m=-3.0).at(s)
    assert straight.x_m == pytest.approx(5 + s * np.cos(np.pi / 6), abs=1e-12)
    assert straight.y_m == pytest.approx(-3 + s / 2, abs=1e-12)
    bent = line_of(kind=Curve.ARC, curvature_1pm=-0.02).at(s)
    assert np.hypot(bent.x_m, bent.y_m + 50) == pytest.approx(50, abs=1e-11)
    assert bent.heading_rad == pytest.approx(-0.02 * s)
    assert np.unique(bent.curvature_1pm) == pytest.approx([-0.02])


@given(
    begin=st.floats(-0.2, 0.2),
    end=st.floats(-0.2, 0.2).filter(lambda one: abs(one) > 1e-3),
    length=st.floats(1.0, 400.0),
)
@settings(deadline=None, max_examples=60)
def test_clothoids_are_what_fresnel_integrals_say(begin: float, end: float, length: float) -> None:
    if abs(end - begin) < 1e-3:
        end = begin + 1e-3
    line = line_of(kind=Curve.SPIRAL, curvature_1pm=begin, end_curvature_1pm=end, length_m=length)
    s = np.linspace(0.0, length, 33)
    x, y = by_fresnel(begin, (end - begin) / length, s)
    found = line.at(s)
    assert found.x_m == pytest.approx(x, abs=1e-9)
    assert found.y_m == pytest.approx(y, abs=1e-9)
    assert found.heading_rad == pytest.approx(begin * s + (end - begin) / length * s**2 / 2)


def by_fresnel(begin: float, rate: float, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """∫ cos and sin of begin·s + rate·s²/2, by completing the square."""
    scale = np.sqrt(np.pi / abs(rate))
    sine = np.array([fresnel((one + begin / rate) / scale) for one in (s, np.zeros_like(s))])
    sin_part, cos_part = (scale * (sine[0, axis] - sine[1, axis]) for axis in (0, 1))
    sign, turn = np.sign(rate), -(begin**2) / (2 * rate)
    x, y = cos_part, sign * sin_part
    return x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)


def test_a_spiral_that_winds_many_times_is_as_exact() -> None:
    line = line_of(kind=Curve.SPIRAL, curvature_1pm=0.0, end_curvature_1pm=1.0, length_m=500.0)
    s = np.linspace(0, 500, 101)
    x, y = by_fresnel(0.0, 1 / 500, s)
    assert line.at(s).x_m == pytest.approx(x, abs=1e-10)
    assert line.at(s).y_m == pytest.approx(y, abs=1e-10)


def test_many_places_on_many_pieces_are_those_of_each_alone() -> None:
    pieces = [
        Geometry(s_m=0, x_m=0, y_m=0, heading_rad=0, length_m=50),
        Geometry(s_m=50, x_m=50, y_m=0, heading_rad=0, length_m=50, kind=Curve.SPIRAL, end_curvature_1pm=0.02),
        Geometry(s_m=100, x_m=99, y_m=8, heading_rad=0.5, length_m=30, kind=Curve.ARC, curvature_1pm=0.02),
    ]
    whole, s = ReferenceLine.of(pieces[::-1]), np.linspace(0, 129.9, 400)
    found = whole.at(s.reshape(20, 20))
    assert found.x_m.shape == (20, 20)
    for piece in pieces:
        here = (s >= piece.s_m) & (s < piece.s_m + piece.length_m)
        alone = ReferenceLine.of([piece]).at(s[here])
        assert found.x_m.ravel()[here].tolist() == alone.x_m.tolist()
        assert found.heading_rad.ravel()[here].tolist() == alone.heading_rad.tolist()


def test_beyond_its_ends_a_line_stays_where_it_ends() -> None:
    found = line_of().at([-5.0, 105.0])
    assert found.x_m.tolist() == [0.0, 100.0]


def length_of(u, v, p: float) -> float:
    def speed(at: float) -> float:
        return float(np.hypot(np.polyval(np.polyder(u[::-1]), at), np.polyval(np.polyder(v[::-1]), at)))

    return float(quad(speed, 0, p, epsabs=1e-12)[0])


def test_a_cubic_is_walked_by_its_arc_length() -> None:
    u, v = (0.0, 80.0, 10.0, -5.0), (0.0, 0.0, 30.0, -12.0)
    length = length_of(u, v, 1.0)
    line = line_of(kind=Curve.PARAM_POLY3, u=u, v=v, length_m=length)
    for p in (0.0, 0.1, 0.37, 0.8, 1.0):
        found = line.at(length_of(u, v, p))
        assert float(found.x_m) == pytest.approx(np.polyval(u[::-1], p), abs=1e-8)
        assert float(found.y_m) == pytest.approx(np.polyval(v[::-1], p), abs=1e-8)
    step = np.diff(
        np.column_stack([line.at(np.linspace(0, length, 1001)).x_m, line.at(np.linspace(0, length, 1001)).y_m]), axis=0
    )
    assert np.linalg.norm(step, axis=1) == pytest.approx(length / 1000, rel=1e-5)


def test_a_cubic_whose_parameter_is_the_length_is_taken_at_its_word() -> None:
    line = line_of(kind=Curve.PARAM_POLY3, u=(0, 1, 0, 0), v=(0, 0, 1e-3, 0), length_m=50.0, is_by_length=True)
    assert float(line.at(50.0).y_m) == pytest.approx(2.5)
    assert float(line.at(50.0).curvature_1pm) == pytest.approx(2e-3 / (1 + 0.1**2) ** 1.5)


def test_a_poly3_ends_where_its_arc_length_does() -> None:
    v = (0.0, 0.0, 5e-3, -2e-5)
    length = length_of((0.0, 1.0, 0.0, 0.0), v, 70.0)
    line = line_of(kind=Curve.POLY3, v=v, length_m=length, heading_rad=np.pi / 2)
    found = line.at(length)
    assert float(found.y_m) == pytest.approx(70.0, abs=1e-8)
    assert float(found.x_m) == pytest.approx(-np.polyval(v[::-1], 70.0), abs=1e-8)
    assert float(found.heading_rad) == pytest.approx(np.pi / 2 + np.arctan(np.polyval(np.polyder(v[::-1]), 70.0)), abs=1e-9)


def test_curvature_is_how_the_heading_changes() -> None:
    u, v = (0.0, 80.0, 10.0, -5.0), (0.0, 0.0, 30.0, -12.0)
    line = line_of(kind=Curve.PARAM_POLY3, u=u, v=v, length_m=length_of(u, v, 1.0))
    s = np.linspace(0, line.end_m, 4001)
    found = line.at(s)
    assert np.gradient(found.heading_rad, s)[1:-1] == pytest.approx(found.curvature_1pm[1:-1], abs=1e-6)
