"""The surroundings' applications on readings made by hand, and on simulated ones whose truth is known."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from chelu.parameters import table
from chelu.roads import sumo
from services.inference.city.environment import gate, outlook
from services.inference.city.environment.findings import SAID_AGAIN_US, Book, Entry, Finding, Judged, standing_of
from services.inference.city.environment.flood import FloodParameters, FloodWatch, Water, road_heights
from services.inference.city.environment.foretelling import Foreteller, outlook_rows
from services.inference.city.environment.gate import GateParameters
from services.inference.city.environment.limits import LimitParameters, LimitWatch
from services.inference.city.environment.outlook import AHEAD, LENGTH, RIDGE, STEP_S
from services.inference.city.environment.series import Grid, rounds
from services.inference.city.environment.sight import NO_LIMIT, SightParameters, SightWatch, limit_of
from services.inference.city.environment.watch import EnvironmentParameters, EnvironmentWatch, parameters_of
from services.inference.city.findings import rows_to_store
from services.inference.network import NetworkRoads
from simulators.surroundings import port, water, weather
from simulators.surroundings.period import Period
from tests.unit.inference.environment_rows import BEGIN_US, MINUTE_US, readings, sensor, together
from tests.unit.roads.networks import edge, net
from tests.unit.test_repository import ROOT

FRAME = LocalFrame(29.55, 106.57, 240.0)
HOUR_US = 60 * MINUTE_US


@pytest.fixture
def new_id() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"finding-{next(numbers)}"


def found(name: str = "a", part: str = "high", **detail: object) -> Finding:
    return Finding(
        application="limits",
        subject=name,
        part=part,
        kind="wind",
        severity="warning",
        value=1.0,
        bound=0.5,
        text="windy",
        detail=detail,
    )


def parts(judged: list[Judged]) -> list[str]:
    return [one.part for each in judged for one in each.findings]


# -- the book ------------------------------------------------------------------------------------------------------------------


def test_a_finding_is_said_when_it_begins_when_its_words_change_and_when_it_is_over(new_id: Callable[[], str]) -> None:
    book = Book("hill", new_id)
    (began,) = book.note(Judged("limits", "a", [found()]), 1_000)
    assert (began.is_over, began.finding_id, began.since_us, began.detail["part"]) == (False, "finding-1", 1_000, "high")
    assert book.note(Judged("limits", "a", [found()]), 2_000) == []
    (again,) = book.note(Judged("limits", "a", [found(slots=3)]), 3_000)
    assert (again.is_over, again.finding_id, again.since_us) == (False, "finding-1", 1_000)
    (over,) = book.note(Judged("limits", "a"), 4_000)
    assert (over.is_over, over.finding_id) == (True, "finding-1")
    assert book.holds == []


def test_who_is_not_judged_stays_and_what_holds_is_said_again_after_hours(new_id: Callable[[], str]) -> None:
    book = Book("hill", new_id)
    book.note(Judged("limits", "a", [found()]), 1_000)
    assert book.note(Judged("limits", "b"), 2_000) == []
    assert book.note(Judged("flood", "a"), 2_000) == []
    assert [one.is_over for one in book.note(Judged("limits", "a", [found()]), 1_000 + SAID_AGAIN_US)] == [False]


def test_what_stood_when_the_process_ended_stands_in_the_next_one_under_its_name(new_id: Callable[[], str]) -> None:
    (said,) = Book("hill", new_id).note(Judged("limits", "a", [found(unit="m/s")]), 1_000)
    row = ("hill", said.finding_id, said.kind, said.severity, said.since_us, said.text, dict(said.detail), None, None, None)
    after = Book("hill", new_id, standing_of([row])["hill"])
    assert after.note(Judged("limits", "a", [found(unit="m/s")]), 2_000) == []
    (over,) = after.note(Judged("limits", "a"), 3_000)
    assert (over.finding_id, over.is_over, over.since_us) == (said.finding_id, True, 1_000)


def test_rows_of_findings_have_a_place_where_there_is_one(new_id: Callable[[], str]) -> None:
    rows = rows_to_store(Book("hill", new_id).note(Judged("limits", "a", [found()]), 1_000), 1_000)
    assert rows["spot"].tolist() == ["a"]
    assert np.isnan(rows["latitude_deg"]).all()
    assert rows["detail"][0]["bound"] == 0.5


# -- series --------------------------------------------------------------------------------------------------------------------


def test_a_grid_keeps_the_mean_of_each_step_and_forgets_what_is_too_old() -> None:
    grid = Grid(60, 4)
    one = np.zeros(1, np.int64)
    for second, value in ((0, 1.0), (30, 3.0), (70, 5.0), (190, 7.0)):
        grid.add(one, np.array([second * 1_000_000]), np.array([value]))
    assert grid.window(one, 4)[0].tolist() == pytest.approx([2.0, 5.0, np.nan, 7.0], nan_ok=True)
    grid.add(one, np.array([600_000_000]), np.array([9.0]))
    grid.add(one, np.array([0]), np.array([99.0]))
    assert grid.window(one, 4)[0].tolist() == pytest.approx([np.nan, np.nan, np.nan, 9.0], nan_ok=True)


def test_rounds_have_each_series_once_and_in_order() -> None:
    series, time_us = np.array([1, 0, 1, 1, 2]), np.array([30, 5, 10, 20, 1])
    assert [sorted(zip(series[one].tolist(), time_us[one].tolist(), strict=True)) for one in rounds(series, time_us)] == [
        [(0, 5), (1, 10), (2, 1)],
        [(1, 20)],
        [(1, 30)],
    ]


# -- limits --------------------------------------------------------------------------------------------------------------------


def test_a_level_is_told_when_it_has_lasted_and_is_over_when_it_is_well_back() -> None:
    watch, devices = LimitWatch(LimitParameters()), {1: sensor(1, "mast")}

    def after(minute: int, value: float) -> list[str]:
        return parts(watch.hear(readings(1, "wind_speed", [value], start_us=BEGIN_US + minute * MINUTE_US), devices))

    assert after(0, 18.0) == []
    assert after(1, 18.0) == []
    assert after(2, 18.0) == ["wind_speed high"]
    assert after(3, 16.0) == ["wind_speed high"]  # below the bound, but not by a tenth
    assert after(4, 15.0) == []
    assert after(5, 18.0) == []


def test_one_reading_beyond_a_limit_is_none() -> None:
    watch, devices = LimitWatch(LimitParameters()), {1: sensor(1, "mast")}
    assert parts(watch.hear(readings(1, "wind_speed", [10, 30, 10, 30, 10]), devices)) == []


def test_a_low_limit_and_the_bound_in_its_usual_unit() -> None:
    watch, devices = LimitWatch(LimitParameters()), {1: sensor(1, "buoy")}
    (judged,) = watch.hear(readings(1, "dissolved_oxygen", [0.004] * 4), devices)
    (one,) = judged.findings
    assert (one.part, one.kind, one.severity) == ("dissolved_oxygen low", "water_quality", "warning")
    assert [one.value, one.bound] == pytest.approx([4.0, 5.0])
    assert one.text == "buoy: dissolved_oxygen below 5 mg/L"


@pytest.mark.parametrize(("metres_an_hour", "expected"), [(0.4, []), (0.7, ["water_level rise"]), (-1.4, ["water_level fall"])])
def test_a_rate_is_measured_over_its_window(metres_an_hour: float, expected: list[str]) -> None:
    watch, devices = LimitWatch(LimitParameters()), {1: sensor(1, "gauge")}
    level = 20.0 + metres_an_hour * np.arange(61) / 60.0 + 0.02 * np.sin(np.arange(61))
    judged = watch.hear(readings(1, "water_level", level.tolist()), devices)
    assert parts(judged) == expected
    for each in judged:
        for one in each.findings:
            assert one.value == pytest.approx(abs(metres_an_hour), abs=0.05)


def test_channels_and_sensors_have_limits_of_their_own() -> None:
    watch = LimitWatch(LimitParameters())
    loud = readings(1, "sound_level", [80.0] * 3)
    second = loud.with_columns(channel=np.full(3, 2, np.uint16), channel_valid=np.ones(3, np.bool_), value=np.full(3, 50.0))
    judged = watch.hear(together(loud, second, readings(2, "sound_level", [60.0] * 3)), {1: sensor(1, "a"), 2: sensor(2, "b")})
    assert [(one.subject, parts([one])) for one in judged] == [("a", ["sound_level high"]), ("b", [])]


# -- outlook -------------------------------------------------------------------------------------------------------------------


def test_an_outlook_beats_the_last_value_where_days_are_alike_and_its_interval_holds_what_comes() -> None:
    at = np.arange(LENGTH + max(AHEAD))
    values = 10.0 + np.sin(at / 48.0 * 2 * np.pi) + 0.02 * np.random.default_rng(1).standard_normal(len(at))
    model = outlook.fit(values[:LENGTH], np.zeros(LENGTH))
    assert model is not None
    told = outlook.forecast(model, values[:LENGTH], np.zeros(LENGTH))
    assert told is not None
    came = values[LENGTH - 1 + np.array(AHEAD)]
    assert np.abs(told.middle - came).max() < 0.1
    assert (model.error[-1, 0] > 5 * model.error[-1, 1:]).all()  # the last value, twelve hours ahead
    assert ((told.low <= told.high) & (told.high - told.low < 0.3)).all()


def test_a_walk_at_random_is_foretold_by_its_last_value() -> None:
    walk = np.random.default_rng(3).standard_normal(LENGTH).cumsum()
    model = outlook.fit(walk, np.zeros(LENGTH))
    assert model is not None
    assert list(model.method).count("last value") >= 4


def test_rain_that_has_fallen_is_in_the_outlook_of_a_river() -> None:
    rng = np.random.default_rng(5)
    rain = np.where(rng.random(LENGTH) < 0.03, rng.gamma(2.0, 10.0, LENGTH), 0.0)
    level = np.convolve(rain, np.r_[np.zeros(4), np.full(12, 0.02)])[:LENGTH].cumsum() * 0.02 + 5.0
    model = outlook.fit(level, rain)
    assert model is not None
    assert model.method[AHEAD.index(8)] == RIDGE
    assert model.error[AHEAD.index(8), 2] < 0.3 * model.error[AHEAD.index(8), 0]


def test_nothing_is_foretold_of_too_little_or_after_a_long_silence() -> None:
    few = np.full(LENGTH, np.nan)
    few[-100:] = 1.0
    assert outlook.fit(few, np.zeros(LENGTH)) is None
    values = np.sin(np.arange(LENGTH) / 8.0)
    model = outlook.fit(values, np.zeros(LENGTH))
    assert model is not None
    values[-6:] = np.nan
    assert outlook.forecast(model, values, np.zeros(LENGTH)) is None


def test_short_gaps_are_bridged_and_long_ones_are_not() -> None:
    values = np.array([1.0, np.nan, 3.0, *[np.nan] * 6, 10.0, np.nan])
    assert outlook.bridged(values).tolist() == pytest.approx([1, 2, 3, *[np.nan] * 6, 10, np.nan], nan_ok=True)


def test_the_foreteller_tells_once_a_step_and_never_of_what_is_old() -> None:
    period = Period(BEGIN_US, LENGTH, STEP_S)
    level = water.level_m(period, 1, weather.rain_mm_h(period, 1))
    rows, end_us = readings(1, "water_level", level.tolist(), step_s=STEP_S), BEGIN_US + LENGTH * STEP_S * 1_000_000
    assert Foreteller().hear(rows, end_us + 4 * HOUR_US) == []
    teller = Foreteller()
    (told,) = teller.hear(rows, end_us)
    assert told.from_us <= end_us
    assert teller.hear(readings(1, "water_level", [level[-1]], start_us=end_us - 1), end_us) == []
    middle, feared = told.highest(told.from_us + 2 * HOUR_US)
    assert feared >= middle > 0
    stored = outlook_rows([told], "hill")
    assert stored["ahead_s"].tolist() == [ahead * STEP_S for ahead in AHEAD]
    assert set(stored["device_key"].tolist()) == {1}


# -- floods --------------------------------------------------------------------------------------------------------------------


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


# -- sight ---------------------------------------------------------------------------------------------------------------------


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


# -- gates ---------------------------------------------------------------------------------------------------------------------


def test_advice_keeps_the_wait_within_bounds_and_sends_nobody_away() -> None:
    coming = np.array([20.0, 90.0, 60.0, 10.0, 5.0, 0.0, 0.0, 0.0])
    advice = gate.advise(10.0, coming, 30.0, GateParameters())
    assert advice.planned.sum() == pytest.approx(coming.sum())
    assert advice.wait_s.max() <= GateParameters().longest_wait_s + 1e-6
    assert advice.unplanned_wait_s.max() == pytest.approx((90.0 + 60.0 - 60.0) / 30.0 * 1800)
    assert advice.places[0] == 0
    assert advice.places[-1] == 27.0
    assert (advice.moved >= 0).all()


def test_a_gate_serves_what_it_did_while_trucks_waited() -> None:
    served, waited = np.array([5.0, 28.0, 30.0, 31.0, 29.0, 10.0]), np.array([0.0, 9.0, 20.0, 20.0, 3.0, 0.0])
    assert gate.capacity_of(served, waited, 99.0) == 29.5
    assert gate.capacity_of(served, np.zeros(6), 99.0) == 99.0


def test_who_comes_is_foreseen_by_the_days_before_and_by_how_busy_today_is() -> None:
    day = np.arange(48.0)
    came = np.concatenate([day, day, day, day[:20] * 1.5])
    ahead = gate.arrivals_ahead(came, 3)
    assert (ahead > day[20:23]).all()
    assert (ahead < 1.6 * day[20:23]).all()
    assert gate.arrivals_ahead(np.full(4, 6.0), 2).tolist() == [6.0, 6.0]


def test_a_rush_of_trucks_is_told_with_a_plan_by_half_hour(new_id: Callable[[], str]) -> None:
    period = Period(BEGIN_US, 3 * 288, 300)
    trucks = port.gate_of(port.arrivals(period, 1, is_staged=True), 300)
    rows = together(
        *(
            readings(1, name, values.tolist(), start_us=BEGIN_US + 300_000_000, step_s=300)
            for name, values in (("gate_entries", trucks.entered), ("waiting_trucks", trucks.waiting))
        )
    )
    watch = EnvironmentWatch("hill", EnvironmentParameters(), new_id)
    said, _ = watch.hear(rows, {1: sensor(1, "gate", capacity_per_h="60")}, int(period.time_us[-1]))
    (told,) = [one for one in said if one.kind == "truck_queue"]
    slots = told.detail["slots"]
    assert len(slots) == 12
    assert slots[0]["wait_without_advice_s"] > 1800
    assert max(slot["wait_s"] for slot in slots[2:]) <= 1800  # who waits now is not sent away
    assert sum(slot["moved_on"] > 0 for slot in slots) >= 1


# -- together ------------------------------------------------------------------------------------------------------------------


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


def test_an_entry_is_a_finding_with_its_name(new_id: Callable[[], str]) -> None:
    assert Entry(found(), new_id(), 5).said("hill").detail["application"] == "limits"
