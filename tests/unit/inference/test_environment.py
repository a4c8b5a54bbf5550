"""The surroundings' applications of a site together: what they hear, what they are set to, what the page says of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from chelu.parameters import table
from chelu.roads import sumo
from services.inference.city.environment.flood import FloodParameters
from services.inference.city.environment.gate import GateParameters
from services.inference.city.environment.limits import LimitParameters
from services.inference.city.environment.sight import SightParameters
from services.inference.city.environment.watch import EnvironmentParameters, EnvironmentWatch, parameters_of
from services.inference.network import NetworkRoads
from tests.unit.inference.environment_rows import BEGIN_US, HOUR_US, MINUTE_US, new_id, readings, sensor
from tests.unit.roads.networks import edge, net
from tests.unit.test_repository import ROOT

__all__ = ["new_id"]

FRAME = LocalFrame(29.55, 106.57, 240.0)


def test_a_site_hears_a_flood_through_its_roads_and_bad_readings_change_nothing(new_id: Callable[[], str]) -> None:
    watch = EnvironmentWatch("hill", EnvironmentParameters(), new_id)
    watch.use(NetworkRoads(sumo.read(net(edge("quay", "0.00,0.00,5.00 100.00,0.00,5.00")))), FRAME)
    gauge = {1: sensor(1, "gauge", riverside="quay", zero_m="230")}

    def hear(level: float, at_us: int, *, is_bad: bool = False) -> list[bool]:
        rows = readings(1, "water_level", [level], start_us=at_us)
        bad = {"quality": np.full(1, 2, np.uint8), "quality_valid": np.ones(1, np.bool_)}
        return [one.is_over for one in watch.hear(rows.with_columns(**bad) if is_bad else rows, gauge, at_us)[0]]

    assert hear(15.0, BEGIN_US, is_bad=True) == []
    assert hear(15.0, BEGIN_US) == [False]
    assert hear(14.9, BEGIN_US + MINUTE_US) == []
    assert hear(10.0, BEGIN_US + HOUR_US) == []
    assert hear(10.0, BEGIN_US + 2 * HOUR_US) == [True]


def test_readings_of_long_ago_tell_nobody(new_id: Callable[[], str]) -> None:
    watch = EnvironmentWatch("hill", EnvironmentParameters(), new_id)
    rows = readings(1, "wind_speed", [30.0] * 5)
    assert watch.hear(rows, {1: sensor(1, "mast")}, BEGIN_US + 3 * HOUR_US) == ([], [])


def test_a_site_sets_its_own_limits_within_bounds() -> None:
    found = parameters_of({"limits": {"wind_speed_high": 10}, "flood": {"lead_s": 0}}, "a test")
    assert (found.limits.wind_speed_high, found.flood.lead_s) == (10.0, 0.0)
    with pytest.raises(ConfigurationError, match="wind_speed_hih"):
        parameters_of({"limits": {"wind_speed_hih": 10}}, "a test")


@pytest.mark.parametrize("kind", [LimitParameters, FloodParameters, SightParameters, GateParameters])
def test_the_page_has_the_parameters(kind: type) -> None:
    assert table(kind) in (ROOT / "docs" / "city" / "environment.md").read_text(encoding="utf-8")
