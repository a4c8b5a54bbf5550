"""Traffic on the air: each vehicle is itself, whichever place of the evidence it takes, and speaks as the radio has it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chelu.geo import LocalFrame
from chelu.messages import Batch
from evaluation.scenarios.hearing import heard
from simulators.fleet import fleet_of
from simulators.scenario.air import radio_of
from simulators.scenario.description import Description
from simulators.scenario.dut.description import Area
from simulators.scenario.dut.seeing import Sensors
from simulators.scenario.scenes import scene_of
from simulators.scenario.trace import Passing, Trace
from simulators.scenario.traffic.description import Traffic
from simulators.scenario.traffic.passing import alone, by_place, near
from simulators.scene import Origin, Role
from tests.unit.simulators.scenario.written import described, ran, scenario

ORIGIN = Origin(29.5, 106.5, 240.0)
FIRST, SECOND, NEVER = 7, 3, 5  # vehicles, by number; the second comes into the first one's place
LEAVES, COMES = 200, 250  # instants


def passing(more: str = "", **traffic: object) -> tuple[Description, Trace]:
    """The base in which the other one is two vehicles of the traffic, one after the other in one place."""
    text = scenario(more=more)
    description, trace = described(text), ran(text)
    own = {"actors": {"ego": description.actors["ego"]}}
    description = description.model_copy(update={**own, "traffic": Traffic.model_validate(traffic)})
    number = np.full((trace.instants, 1), -1)
    number[:LEAVES], number[COMES:] = FIRST, SECOND
    actors = (trace.actors[0], replace(trace.actors[1], name="traffic_1", is_traffic=True))
    columns = {}
    for name in ("xy", "elevation_m", "heading_deg", "speed_mps", "acceleration_mps2"):
        columns[name] = getattr(trace, name).copy()
        columns[name][LEAVES:COMES, 0, 1] = np.nan
    kinds = ("car",) * 8
    return description, replace(trace, actors=actors, last=np.array([400]), passing=Passing(number, kinds), **columns)


def test_vehicles_are_known_in_the_order_in_which_they_come_near() -> None:
    _, trace = passing()
    assert near(trace) == (FIRST, SECOND)
    assert near(replace(trace, last=np.array([COMES - 1]))) == (FIRST,)


def test_one_by_itself_is_where_it_was_and_nowhere_else() -> None:
    _, trace = passing()
    one = alone(trace, SECOND)
    assert np.isnan(one.xy[:COMES]).all()
    assert np.array_equal(one.xy[COMES:, 0, 0], trace.xy[COMES:, 0, 1])
    assert np.isnan(alone(trace, NEVER).xy).all()


def test_who_is_near_speaks_under_its_own_name_and_only_then() -> None:
    description, trace = passing()
    scene = scene_of(trace, 0, ORIGIN, "s", radio_of(description, trace, 0))
    assert scene.actors["name"].tolist() == ["ego", "passing-7", "passing-3"]
    samples = scene.read(0, scene.end_ms).samples
    times = [samples["time_ms"][samples["actor"] == row] for row in (1, 2)]
    assert times[0].tolist() == list(range(0, 4000, 100))
    assert times[1].tolist() == list(range(5000, 8001, 100))
    assert all(np.isfinite(samples[name]).all() for name in samples if name != "actor")
    assert len(set(fleet_of(scene, "s").vehicle_ids.tolist())) == 3


def test_all_who_come_in_are_known_where_it_is_not_sure_yet_who_comes_near() -> None:
    description, trace = passing()
    scene = scene_of(trace, 0, ORIGIN, "s", radio_of(description, trace, 0, with_all=True))
    assert scene.actors["name"].tolist() == ["ego", *(f"passing-{number}" for number in range(8))]
    assert set(scene.read(0, scene.end_ms).samples["actor"].tolist()) == {0, 1 + FIRST, 1 + SECOND}


def test_the_share_that_has_a_radio_is_that_of_the_scenario_and_all_others_are_seen() -> None:
    for share, role in (("0", Role.PERCEIVED), ("1", Role.OBU)):
        description, trace = passing(f"radio: {{penetration: {share}}}")
        scene = scene_of(trace, 0, ORIGIN, "s", radio_of(description, trace, 0))
        assert scene.actors["role"].tolist()[1:] == [role, role]
    description, trace = passing("radio: {penetration: 0.5}")
    has = [radio_of(description, trace, 0, with_all=True).passing for _ in range(2)]
    assert has[0] == has[1]
    assert {number: has[0][number] for number in near(trace)} == radio_of(description, trace, 0).passing


def test_traffic_that_is_unheard_is_neither_heard_nor_seen() -> None:
    description, trace = passing(unheard=True)
    assert scene_of(trace, 0, ORIGIN, "s", radio_of(description, trace, 0)).actors["name"].tolist() == ["ego"]
    assert heard(description, trace, 0).names == ("ego",)


@pytest.mark.parametrize("radio", ["{}", "{loss: 0.3, noise_m: 2, latency_s: 0.2, rate_hz: 5}"])
def test_a_site_hears_it_late_lossy_and_off_as_everybody_the_same_each_time(radio: str) -> None:
    description, trace = passing(f"radio: {radio}")
    given = description.radio
    one, again = (heard(description, trace, 0) for _ in range(2))
    for name in ("xyz", "arrival_us", "key"):
        assert np.array_equal(getattr(one.reports, name), getattr(again.reports, name))
    assert one.names == ("ego", "passing-7", "passing-3")
    own = one.reports.take(np.flatnonzero(one.reports.own_key == 2))
    at_s = (own.time_us - 1_700_000_000_000_000) / 1e6
    assert at_s.max() < LEAVES * trace.step_s
    assert set((own.arrival_us - own.time_us).tolist()) == {round(given.latency_s * 1e6)}
    said = round(LEAVES * trace.step_s * given.rate_hz)
    assert len(own) == said if given.loss == 0 else 0 < len(own) < said
    true = np.interp(at_s, trace.time_s[:LEAVES], trace.xy[:LEAVES, 0, 1, 1])
    off = np.abs(own.xyz[:, 1] - true)
    assert off.max() < 1e-6 if given.noise_m == 0 else off.max() > 0.5


def test_what_is_said_of_a_vehicle_is_said_of_its_place_then() -> None:
    _, trace = passing()
    rows = Batch({"time_s": np.array([1.0, 6.0, 2.0]), "other": np.array(["passing-7", "passing-3", "ego"], "U48")})
    assert by_place(trace, rows, "time_s", "other")["other"].tolist() == ["traffic_1", "traffic_1", "ego"]
    never = Batch({"time_s": np.array([1.0]), "other": np.array(["passing-5"], "U48")})
    assert by_place(trace, never, "time_s", "other")["other"].tolist() == ["passing-5"]


def test_a_roadside_units_sensors_detect_whoever_of_it_is_in_the_area_then() -> None:
    _, trace = passing()
    frame = LocalFrame(ORIGIN.latitude_deg, ORIGIN.longitude_deg, ORIGIN.elevation_m)
    nowhere: Any = None  # they tell nobody here
    sensors = Sensors(trace, nowhere, Area(x_m=0, y_m=0, within_m=1000), [], frame)
    at = {time_s: [one["number"] for one in sensors.detected(0, time_s)["objects"]] for time_s in (1.0, 4.5, 6.0)}
    assert at == {1.0: [0, 1 + FIRST], 4.5: [0], 6.0: [0, 1 + SECOND]}
