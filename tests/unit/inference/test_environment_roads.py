"""Roads under water and in fog: closed in time, opened late, limited by what is seen."""

from __future__ import annotations

import numpy as np
import pytest

from chelu.roads import sumo
from services.inference.city.environment.findings import Judged
from services.inference.city.environment.flood import FloodParameters, FloodWatch, Water, road_heights
from services.inference.city.environment.sight import NO_LIMIT, SightParameters, SightWatch, limit_of
from tests.unit.inference.environment_rows import BEGIN_US, HOUR_US, parts
from tests.unit.roads.networks import edge, net


def river(height_m: float, *, soon_m: float = np.nan, feared_m: float = np.nan, at_us: int = BEGIN_US) -> Water:
    return Water("gauge", None, at_us, height_m, soon_m, feared_m)


def is_closed(judged: list[Judged]) -> bool:
    (one,) = judged
    return bool(one.findings)


def test_a_road_is_closed_before_the_water_is_on_it_and_opened_when_it_has_been_clear() -> None:
    watch, heights, closed = FloodWatch(FloodParameters()), {"quay": 245.0}, frozenset({"quay"})
    assert not is_closed(watch.judge(river(244.6), ["quay"], heights, frozenset()))
    assert is_closed(watch.judge(river(244.8), ["quay"], heights, frozenset()))
    assert is_closed(watch.judge(river(244.6, at_us=BEGIN_US), ["quay"], heights, closed))  # within the hysteresis
    assert is_closed(watch.judge(river(244.3, at_us=BEGIN_US), ["quay"], heights, closed))
    assert is_closed(watch.judge(river(244.3, feared_m=244.9, at_us=BEGIN_US + HOUR_US), ["quay"], heights, closed))
    assert is_closed(watch.judge(river(244.3, at_us=BEGIN_US + 2 * HOUR_US), ["quay"], heights, closed))
    assert not is_closed(watch.judge(river(244.3, at_us=BEGIN_US + 3 * HOUR_US), ["quay"], heights, closed))


def test_a_road_is_closed_by_the_outlook() -> None:
    (judged,) = FloodWatch(FloodParameters()).judge(river(244.0, soon_m=244.8), ["quay"], {"quay": 245.0}, frozenset())
    (one,) = judged.findings
    assert (one.kind, one.severity, one.subject) == ("flood", "critical", "quay")
    assert [(event["sort"], event["code"], event["road"]) for event in one.detail["road_events"]] == [
        ("event", 407, "quay"),
        ("sign", 53, "quay"),
    ]


def test_a_road_that_the_network_does_not_have_and_a_reading_that_is_none_close_nothing() -> None:
    watch = FloodWatch(FloodParameters())
    assert watch.judge(river(300.0), ["nowhere"], {"quay": 245.0}, frozenset()) == []
    assert watch.judge(river(np.nan), ["quay"], {"quay": 245.0}, frozenset()) == []


def test_a_roads_height_is_that_of_its_lowest_point_with_the_sites() -> None:
    network = sumo.read(net(edge("quay", "0.00,0.00,9.00 50.00,0.00,5.00 100.00,0.00,7.00")))
    assert road_heights(network, 240.0)["quay"] == pytest.approx(245.0)


def test_a_limit_by_sight_is_lowered_soon_and_raised_late() -> None:
    watch = SightWatch(SightParameters())

    def after(second: int, sight_m: float) -> list[str]:
        return parts([watch.judge("eye", BEGIN_US + second * 1_000_000, sight_m, ["ring"], None)])

    assert after(0, 150.0) == []
    assert after(60, 150.0) == ["60 km/h"]
    assert after(120, 90.0) == ["60 km/h"]
    assert after(180, 90.0) == ["40 km/h"]
    assert after(200, 120.0) == ["40 km/h"]  # better, but not by a quarter
    assert after(900, 120.0) == ["40 km/h"]
    assert after(1000, 5000.0) == ["40 km/h"]
    assert after(1500, 5000.0) == ["40 km/h"]
    assert after(1600, 5000.0) == []


def test_the_steps_are_those_of_the_law() -> None:
    assert [limit_of(sight) for sight in (30.0, 50.0, 99.9, 100.0, 199.0, 200.0)] == [20, 40, 40, 60, 60, NO_LIMIT]


def test_a_sensor_that_is_new_to_this_process_goes_on_with_what_holds() -> None:
    watch = SightWatch(SightParameters())
    judged = watch.judge("eye", BEGIN_US, 110.0, [], (29.5, 106.5, 0.0), standing_kmh=40)
    assert parts([judged]) == ["40 km/h"]
    (event,) = judged.findings[0].detail["road_events"]
    assert (event["code"], event["place"]) == (305, {"latitude_deg": 29.5, "longitude_deg": 106.5})
