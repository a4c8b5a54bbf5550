"""The shipped motion model: it loads, is small, fits its features, and the scripted dangers are seen with it, too."""

from pathlib import Path

import numpy as np
import pytest

from chelu.errors import CannotStartError
from chelu.roads import sumo
from services.inference.futures import AHEAD_S
from services.inference.history import Recent
from services.inference.motion_model import KNOTS_S, OnnxMotionModel, features, shipped
from services.inference.network import NetworkRoads
from services.inference.placing import Placed
from tests.unit.inference.scenes import Car, drive, raised, site
from tests.unit.inference.signal_roads import plain
from tests.unit.roads.networks import net


class _FlatRoads(NetworkRoads):
    """A plain on which every track has a straight lane, so that the rule asks the model."""

    def __init__(self):
        super().__init__(sumo.read(net("")))

    @property
    def network(self):
        return plain()

    def place(self, xyz, heading_deg, before):
        zero = np.zeros(len(xyz))
        heights = np.full((len(xyz), 4), np.nan)
        heights[:, 0] = xyz[:, 2]
        return Placed(np.zeros(len(xyz), np.int64), zero, zero, zero, zero, heights)

    def leads_to(self, lane, other):
        return np.ones(len(lane), bool)

    may_cross = leads_to

    def is_single_lane(self, lane):
        return np.ones(len(lane), bool)

    def is_in_junction(self, lane):
        return np.zeros(len(lane), bool)

    def are_beside(self, lane, other):
        return np.zeros(len(lane), bool)

    def segments(self):
        from services.inference.city.segments import Segments

        return Segments(np.array([100.0]), np.array([1]), np.array([14.0]), np.array([0]))


@pytest.fixture(scope="module")
def model():
    return OnnxMotionModel(shipped())


def _recent(n, speed=12.0):
    back = np.array([0.4, 0.8, 1.2, 1.6])
    past = np.zeros((n, 4, 3))
    past[:, :, 0], past[:, :, 2] = -speed * back, speed
    zero = np.zeros(n)
    return Recent(
        np.zeros((n, 2)), zero, zero + speed, zero, zero, zero + 4.6, zero + 1.8, zero, past, np.ones(n, bool)
    )  # fmt: skip


def test_the_model_is_small_and_answers_at_every_instant(model) -> None:
    assert shipped().stat().st_size < 300_000
    assert features(_recent(3)).shape == (3, 18)
    found = model.correction(_recent(3), AHEAD_S)
    assert found.shape == (3, len(AHEAD_S), 2)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, 0], 0)
    np.testing.assert_allclose(found[0], found[2], atol=1e-5)


def test_corrections_between_knots_are_linear(model) -> None:
    knots = model.correction(_recent(1), KNOTS_S)
    middle = model.correction(_recent(1), np.array([0.25, 0.75]))
    np.testing.assert_allclose(middle[0, 0], knots[0, 0] / 2, atol=1e-6)
    np.testing.assert_allclose(middle[0, 1], (knots[0, 0] + knots[0, 1]) / 2, atol=1e-6)


def test_a_steady_vehicle_on_a_straight_lane_is_left_about_where_physics_puts_it(model) -> None:
    found = model.correction(_recent(1), AHEAD_S)
    assert np.abs(found[0, :, 1]).max() < 1.0
    assert np.abs(found[0, :16, 0]).max() < 4.0


def test_a_file_that_is_no_model_is_refused_in_one_sentence(tmp_path) -> None:
    file = tmp_path / "no.onnx"
    file.write_bytes(b"nothing")
    with pytest.raises(CannotStartError, match=r"no\.onnx"):
        OnnxMotionModel(file)


def test_a_red_light_runner_is_seen_with_the_model_too(model) -> None:
    place = site(roads=_FlatRoads(), model=model)
    cars = [Car(1, (0, -98, 0), 0, 14), Car(2, (-84, 0, 0), 90, 12)]
    found = raised(drive(cars, 7.5, place), "icw")
    assert place.futures.is_modelled.any()
    assert {one.host.vehicle_id for _, one in found} == {1, 2}
    assert all(t <= 7.0 - 1.4 for t, _ in found)


def test_following_and_ordinary_stops_stay_silent_with_the_model_too(model) -> None:
    following = [Car(1, (0, 18, 0), 0, 20), Car(2, (0, 0, 0), 0, 20)]
    assert raised(drive(following, 5, site(roads=_FlatRoads(), model=model))) == []
    crossing = [Car(1, (0, -80, 0), 0, 14, lambda t: -3.5 if t >= 3 else 0.0), Car(2, (-60, 0, 0), 90, 12)]
    assert raised(drive(crossing, 8, site(roads=_FlatRoads(), model=model))) == []


def test_the_models_page_tells_its_size_and_seed() -> None:
    text = (Path(__file__).parents[3] / "docs" / "models" / "motion.md").read_text(encoding="utf-8")
    assert f"{round(shipped().stat().st_size / 1000)} kB" in text
