from __future__ import annotations

import numpy as np
import pytest

from chelu.messages import Batch
from simulators.scene import SAMPLE, SIGNAL, Origin, Slice, empty
from simulators.staging import Line, Script, in_the_way, line_of, scene_of

EAST = line_of(np.array([[0.0, 0, 0], [100, 0, 5], [100, 0, 5], [200, 0, 10]]))


def script(**changes: object) -> Script:
    values: dict[str, object] = {
        "name": "car",
        "line": EAST,
        "at_ms": 0,
        "along_m": 0.0,
        "speed_mps": 10.0,
        "from_ms": 0,
        "to_ms": 5000,
    }
    return Script(**(values | changes))  # type: ignore[arg-type]  # a test's shorthand


def test_a_line_knows_places_and_headings() -> None:
    xyz, heading = EAST.place(np.array([50.0, 150.0, 210.0]))
    np.testing.assert_allclose(xyz, [[50, 0, 2.5], [150, 0, 7.5], [210, 0, 10.5]])
    np.testing.assert_allclose(heading, 90)


def test_a_line_knows_its_nearest_point() -> None:
    assert EAST.nearest(np.array([130.0, 4.0])) == pytest.approx(130)


def test_an_even_drive_is_even() -> None:
    along, speed, acceleration = script().motion(np.array([0, 1000, 2500]))
    np.testing.assert_allclose(along, [0, 10, 25])
    np.testing.assert_allclose(speed, 10)
    np.testing.assert_allclose(acceleration, 0)


def test_braking_ends_in_a_standstill() -> None:
    along, speed, _ = script(changes=[(1000, -5.0)]).motion(np.array([1000, 2000, 3000, 4000]))
    np.testing.assert_allclose(along, [10, 17.5, 20, 20])
    np.testing.assert_allclose(speed, [10, 5, 0, 0])


def test_braking_can_end_in_driving_on() -> None:
    along, speed, _ = script(changes=[(1000, -5.0), (2000, 0.0)]).motion(np.array([3000]))
    np.testing.assert_allclose((along[0], speed[0]), (22.5, 5))


def test_samples_come_ten_times_a_second_and_agree_with_themselves() -> None:
    scene = scene_of([script(changes=[(2000, -4.0)])], Origin(29.5, 106.5))
    samples = scene.read(scene.begin_ms, scene.end_ms).samples
    assert len(samples) == 51
    between = (samples["speed_mps"][1:] + samples["speed_mps"][:-1]) / 2
    np.testing.assert_allclose(np.diff(samples["x_m"]), between * 0.1, atol=1e-3)


def test_turning_has_a_yaw_rate() -> None:
    angle = np.linspace(0, np.pi / 2, 91)
    bend = line_of(np.stack([50 * (1 - np.cos(angle)), 50 * np.sin(angle), 0 * angle], axis=1))
    samples = script(line=bend, to_ms=4000).samples(0)
    assert np.median(samples["yaw_rate_dps"]) == pytest.approx(np.degrees(10 / 50), rel=0.05)


def traffic(x: float, y: float, z: float, time_ms: int) -> Slice:
    columns = {name: np.zeros(1, dtype) for name, dtype in SAMPLE.items()}
    values = {
        "time_ms": np.array([time_ms]),
        "actor": np.array([3]),
        "x_m": np.array([x]),
        "y_m": np.array([y]),
        "z_m": np.array([z]),
    }
    return Slice(Batch(columns | values), empty(SIGNAL))


@pytest.mark.parametrize(
    ("place", "expected"),
    [((20.0, 5.0, 1.0, 2000), [3]), ((20.0, 5.0, 8.0, 2000), []), ((90.0, 5.0, 1.0, 2000), []), ((20.0, 5.0, 1.0, 60_000), [])],
    ids=["near", "on another deck", "far", "later"],
)
def test_who_is_in_the_way_is_found(place: tuple[float, float, float, int], expected: list[int]) -> None:
    assert in_the_way(traffic(*place), script().samples(0), clearance_m=30.0).tolist() == expected


def test_line_is_of_plan_length() -> None:
    assert isinstance(EAST, Line)
    assert EAST.length_m == pytest.approx(200)
