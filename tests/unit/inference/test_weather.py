"""The weather: from sensors and events, for the whole site or an area; it makes every warning earlier and none later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.applications.common import WeatherParameters
from chelu.messages import OBSERVATION, Batch, filled
from chelu.quantities import KELVIN_0C, QUANTITIES
from services.inference.site import site_parameters
from services.inference.weather import Conditions, Weather, friction_of, grip_of, haste_s
from tests.unit.inference import staged
from tests.unit.inference.rsis import event, path, rsi, spot, told
from tests.unit.inference.scenes import EPOCH_US, Car, drive, raised, report, site

P = WeatherParameters()
CODES = {one.name: one.code for one in QUANTITIES}
ICE = {"road_friction": 0.12}
WET = {"precipitation_rate": 2e-6, "road_surface_temperature": KELVIN_0C + 10}
FOG = {"visibility": 40.0}


def _measured(values: dict[str, float], *, device: int = 7, at_s: float = 0.0, quality: int | None = None) -> Batch:
    n = len(values)
    return filled(
        OBSERVATION, n,
        time_us=np.full(n, EPOCH_US + round(at_s * 1e6)),
        quantity=np.array([CODES[name] for name in values], np.uint16),
        value=np.array(list(values.values())),
        quality=np.full(n, quality or 0, np.uint8),
        quality_valid=np.full(n, quality is not None),
    ).with_columns(device_key=np.full(n, device))  # fmt: skip


def _weather(*batches: Batch) -> Weather:
    weather = Weather(P)
    weather.update(batches)
    return weather


@pytest.mark.parametrize(
    ("values", "friction"),
    [
        ({}, np.nan),
        ({"visibility": 50.0}, np.nan),
        ({"road_surface_temperature": KELVIN_0C - 5}, np.nan),
        ({"road_friction": 0.33, "precipitation_rate": 1e-5}, 0.33),
        (WET, P.wet_friction),
        ({**WET, "road_surface_temperature": KELVIN_0C - 1}, P.ice_friction),
        ({"road_water_film": 0.0, "precipitation_rate": 0.0}, P.dry_friction),
        ({"road_water_film": 5e-4}, P.wet_friction),
        ({"precipitation": 1e-3}, P.wet_friction),
        ({"road_ice_fraction": 1.0, "road_water_film": 1e-4}, P.ice_friction),
        ({"road_ice_fraction": 0.5}, (P.ice_friction + P.wet_friction) / 2),
    ],
)
def test_friction_is_what_a_station_says_of_the_road(values, friction) -> None:
    found = friction_of({CODES[name]: value for name, value in values.items()}, P)
    assert found == pytest.approx(friction, nan_ok=True)


def test_the_worst_of_all_stations_holds_for_the_site() -> None:
    weather = _weather(_measured({"road_friction": 0.7, "visibility": 900.0}), _measured({"road_friction": 0.3}, device=8))
    assert weather.at(EPOCH_US) == Conditions(0.3, 900.0)


def test_of_one_place_the_newest_sample_counts_whatever_comes_last() -> None:
    weather = _weather(_measured({"road_friction": 0.3}, at_s=10), _measured({"road_friction": 0.7}, at_s=5))
    assert weather.at(EPOCH_US + 10_000_000).friction == 0.3
    weather.update([_measured({"road_friction": 0.7}, at_s=20)])
    assert weather.at(EPOCH_US + 20_000_000).friction == 0.7


def test_what_is_old_bad_or_nothing_is_not_used() -> None:
    weather = _weather(_measured(ICE), _measured({"visibility": 20.0}, quality=2), _measured({"precipitation_rate": np.nan}))
    assert weather.at(EPOCH_US + 899_000_000) == Conditions(0.12)
    assert weather.at(EPOCH_US + 901_000_000).is_dry


@given(
    grip=st.floats(0.05, 1.0), sight=st.floats(0, 5000), speed=st.floats(0, 60),
    worse=st.floats(0.05, 1.0), less=st.floats(0.0, 1.0),
)  # fmt: skip
def test_worse_weather_never_makes_a_warning_later(grip, sight, speed, worse, less) -> None:
    one, two = (
        float(haste_s(np.array([share]), np.array([far]), np.array([speed]), P)[0])
        for share, far in ((grip, sight), (grip * worse, sight * less))
    )
    assert 0.0 <= one <= two + 1e-12 <= P.most_haste_s + 1e-9


def test_unknown_weather_is_dry_and_clear() -> None:
    assert grip_of(np.array([np.nan, 0.9, 0.375]), P).tolist() == [1.0, 1.0, 0.5]
    assert haste_s(np.ones(1), np.full(1, np.inf), np.full(1, 30.0), P).tolist() == [0.0]


SCENES = {
    **staged.scenes(),
    "clw": [Car(1, (0, 0, 0), 0, 18), Car(2, (-3.5, 75, 0), 20, 14, events=staged.scenes()["clw"][1].events)],
}


def _first(name: str, weather: Sequence[Batch], **changes) -> float:
    """When the host of an application's scene is first warned by it."""
    place = site(**changes)
    place.hear((), weather)
    found = [t for t, one in raised(drive(SCENES[name], 5.0, place), name) if one.host.vehicle_id == staged.HOST]
    return min(found, default=np.inf)


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("weather", [ICE, WET, FOG], ids=["ice", "rain", "fog"])
def test_in_bad_weather_every_application_warns_as_early_or_earlier(name, weather) -> None:
    dry = _first(name, [])
    assert np.isfinite(dry)
    assert _first(name, [_measured(weather)]) <= dry


@pytest.mark.parametrize(
    ("name", "weather"), [("fcw", ICE), ("fcw", WET), ("fcw", FOG), ("icw", ICE), ("vrucw", WET), ("ebw", ICE)]
)
def test_where_there_is_time_left_it_is_earlier(name, weather) -> None:
    assert _first(name, [_measured(weather)]) < _first(name, [])


def test_the_weather_can_be_switched_off() -> None:
    off = site_parameters({"weather": {"is_on": 0}}, where="here")
    assert _first("fcw", [_measured(ICE)], parameters=off) == _first("fcw", [])


def _grips(*messages, cars, batches=()):
    place = site()
    place.hear(told(*messages), batches)
    place.step(report(cars, 0.0), EPOCH_US)
    slots = place.picture.live()
    order = np.argsort(place.picture.key[slots])
    return place.placement.grip[slots][order].tolist(), place.placement.haste_s[slots][order].tolist()


def test_an_icy_stretch_is_slippery_for_who_is_on_it_or_soon_will_be() -> None:
    icy = event(409, reference_paths=[path((0, 100), (0, 300))])
    cars = [Car(1, (0, 150, 0), 0, 10), Car(2, (0, 70, 0), 0, 10), Car(3, (0, 10, 0), 0, 10), Car(4, (0, 150, 0), 180, 10)]
    grip, haste = _grips(rsi(icy), cars=cars)
    assert grip == pytest.approx([0.16, 0.16, 1.0, 1.0])
    assert [one > 0 for one in haste] == [True, True, False, False]


def test_fog_in_an_area_shortens_sight_and_not_grip() -> None:
    fog = event(305, event_pos=spot(0, 0), event_radius_m=300.0)
    grip, haste = _grips(rsi(fog), cars=[Car(1, (0, 0, 0), 0, 20), Car(2, (900, 0, 0), 0, 20)])
    assert grip == [1.0, 1.0]
    assert haste == [pytest.approx(P.blind_s * (1 - P.fog_sight_m / P.clear_sight_m)), 0.0]


def test_of_the_site_s_weather_and_an_area_s_the_worse_counts() -> None:
    wet = event(408, event_pos=spot(0, 0), event_radius_m=300.0)
    grip, _ = _grips(rsi(wet), cars=[Car(1, (0, 0, 0), 0, 20)], batches=[_measured(ICE)])
    assert grip == pytest.approx([0.16])
    grip, _ = _grips(rsi(wet), cars=[Car(1, (0, 0, 0), 0, 20)], batches=[_measured({"road_friction": 0.7})])
    assert grip == pytest.approx([P.wet_friction / P.dry_friction])


def test_when_the_weather_is_over_everybody_is_as_before() -> None:
    place = site()
    place.hear((), [_measured(ICE)])
    drive([Car(1, (0, 0, 0), 0, 20)], 1.0, place)
    assert place.placement.grip[place.picture.live()].tolist() == pytest.approx([0.16])
    place.hear((), [_measured({"road_friction": 0.75}, at_s=1.0)])
    drive([Car(1, (0, 0, 0), 0, 20), Car(2, (50, 0, 0), 0, 20)], 1.0, place, start=1.0)
    assert place.placement.grip[place.picture.live()].tolist() == [1.0, 1.0]


def _told_s(name: str, weather: dict[str, float]) -> float:
    """When a rule first tells the host of its scene, which begins 150 m further off."""
    rule, move = staged.rules()[name], staged.mover()
    far = [replace(one, start=(one.start[0], one.start[1] - 150.0, one.start[2])) for one in rule.cars]
    place = rule.where(move)
    place.hear((), [_measured(weather)] if weather else ())
    return min(t for t, _ in raised(drive(far, 13.0, place, tell=rule.tell(move)), name))


@pytest.mark.parametrize("name", ["svw", "slw", "hlw", "tjw"])
def test_on_ice_rules_are_told_earlier(name) -> None:
    assert _told_s(name, ICE) < _told_s(name, {})


@pytest.mark.parametrize("name", ["svw", "hlw", "tjw"])
def test_in_fog_rules_are_told_as_much_earlier_as_who_sees_nothing_hesitates(name) -> None:
    hesitates_s = P.blind_s * (1 - FOG["visibility"] / P.clear_sight_m)
    assert _told_s(name, {}) - _told_s(name, FOG) == pytest.approx(hesitates_s, abs=0.11)
