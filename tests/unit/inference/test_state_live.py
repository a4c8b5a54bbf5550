"""Traffic state beside the thread that warns: from a site's picture and counters' messages to what is published and stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from chelu.clock import SystemClock
from chelu.codec import columns
from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from chelu.messages import OBSERVATION, TRAFFIC, Batch, filled
from services.inference.city.live import Parameters, StateDesk, parameters_of
from services.inference.city.outlet import STATE_COLUMNS, TURN_COLUMNS
from services.inference.city.reading import VEHICLES, Heard, counts_of
from services.inference.city.state.layout import Scope, layout_of
from services.inference.city.viewing import Slots, View
from services.inference.inbox import Intake
from services.inference.network import NetworkRoads
from services.inference.register import Device, Register, SiteEntry
from services.inference.reports import joined
from services.inference.storage import Item
from tests.unit.inference.scenes import EPOCH_US, Car, report, site
from tests.unit.inference.small_roads import crossing
from tests.waiting import until

FRAME = LocalFrame(29.55, 106.57, 250.0)
NORTH_ARM = 1.75  # m: who drives south on the northern arm does so so far to the west


@pytest.fixture
def roads() -> NetworkRoads:
    return NetworkRoads(crossing())


@pytest.fixture
def desk() -> Iterator[tuple[StateDesk, list[tuple[str, bytes]], list[Item]]]:
    told: list[tuple[str, bytes]] = []
    stored: list[Item] = []
    made = StateDesk(lambda _: Parameters(), lambda topic, payload: told.append((topic, payload)), stored.append, SystemClock())
    yield made, told, stored
    made.stop()


def test_a_picture_becomes_a_message_every_five_seconds_and_rows_every_minute(roads: NetworkRoads, desk) -> None:
    made, told, stored = desk
    register = Register({}, {}, {"hill": SiteEntry("hill", FRAME, roads, 1)}, {})
    car, place = Car(7, (-NORTH_ARM, 195.0, 0.0), 180.0, 2.5), site(roads=roads)
    for second in range(65):
        at_us = EPOCH_US + second * 1_000_000
        now = np.array([at_us])
        place.step(replace(report([car], min(second, 29) * 1.0), time_us=now, arrival_us=now), at_us)
        made.attend({"hill": place}, {}, register, float(second), at_us)
        until(lambda: not made._beside._waiting, 5, "the desk to take it")
    until(lambda: stored, 10, "a minute's rows")
    said = [payload for topic, payload in told if topic == "city/hill/state"]
    rows, header = columns.unpack(said[2])
    assert header["period_s"] == 5
    by_name = dict(zip(zip(rows["scope"], rows["name"], strict=True), rows["mean_speed_mps"], strict=True))
    assert by_name["segment", "1to5"] == pytest.approx(2.5, abs=0.3)
    item = stored[0]
    assert item.table == "city.state"
    assert {column.source for column in STATE_COLUMNS} <= set(item.rows)
    assert set(item.rows["scope"]) == {one.value for one in Scope}
    assert {column.source for column in TURN_COLUMNS} >= {"kind", "share"}


def test_a_road_user_keeps_its_slot_while_it_is_seen_and_gives_it_back_later() -> None:
    slots = Slots()

    def seen(names: list[int], second: int) -> dict[int, int]:
        count, at = len(names), second * 1_000_000
        none = np.zeros(count)
        view = View(at, np.array(names), np.full(count, at), np.zeros((count, 3)), none, none, none, none, none > 0)
        return dict(zip(names, slots.sightings(view).slot.tolist(), strict=True))

    first = seen([11, 22, 33], 100)
    assert sorted(first.values()) == [0, 1, 2]
    assert seen([44, 33], 101) == {33: first[33], 44: 3}
    assert set(seen([33, 55, 66], 130).values()) == {0, 1, 2}


def test_traffic_that_a_roadside_computer_counts_is_of_the_segment_where_it_lies(roads: NetworkRoads) -> None:
    layout = layout_of(crossing())
    latitude, longitude, _ = FRAME.to_geodetic(np.array([[-NORTH_ARM, 100.0, 0.0]]))
    rows = filled(TRAFFIC, 3, frame=np.zeros(3, np.int64)).with_columns(
        latitude_deg=np.repeat(latitude, 3), longitude_deg=np.repeat(longitude, 3), elevation_m=np.full(3, np.nan),
        started_us=np.full(3, 1_000_000), started_us_valid=np.ones(3, bool), ended_us=np.full(3, 61_000_000),
        ended_us_valid=np.ones(3, bool), vehicles=np.array([4, 3, 7]), vehicles_valid=np.ones(3, bool),
        is_lane=np.array([False, False, True]), device_key=np.full(3, 9),
    )  # fmt: skip
    found = counts_of(Heard([rows], [], FRAME, {}, 61_000_000), roads, layout.segment, {})
    assert layout.places[Scope.SEGMENT].name[found.segment].tolist() == ["1to5"]
    assert found.vehicles.tolist() == [7.0]  # the two flows; the lane says the same again
    assert (found.to_us - found.from_us).tolist() == [60_000_000]


def test_a_sensor_counts_since_its_sample_before_where_its_label_says(roads: NetworkRoads) -> None:
    layout, ends = layout_of(crossing()), dict[int, int]()
    device = Device(5, "loop-1", "sensor", "hill", "bare", 0, labels={"segment": "5to2"})  # type: ignore[arg-type]

    def heard(second: int, vehicles: float) -> Heard:
        rows = filled(OBSERVATION, 2, frame=np.zeros(2, np.int64)).with_columns(
            time_us=np.full(2, second * 1_000_000),
            quantity=np.full(2, VEHICLES),
            value=np.array([vehicles, 1.0]),
            device_key=np.full(2, 5),
        )
        return Heard([], [rows], FRAME, {5: device}, second * 1_000_000)

    assert not len(counts_of(heard(60, 5.0), roads, layout.segment, ends))
    found = counts_of(heard(120, 6.0), roads, layout.segment, ends)
    assert (found.vehicles.tolist(), (found.to_us - found.from_us).tolist()) == ([7.0], [60_000_000])
    assert layout.places[Scope.SEGMENT].name[found.segment].tolist() == ["5to2"]


def test_limits_of_the_indices_are_a_sites_own_and_bounded() -> None:
    of = parameters_of({"hill": {"state": {"fast_kmh": 80.0}}})
    assert (of("hill").state.fast_kmh, of("dale").state.fast_kmh) == (80.0, 70.0)
    with pytest.raises(ConfigurationError, match="fast_kmh"):
        parameters_of({"hill": {"state": {"fast_kmh": 900.0}}})
    assert parameters_of({"hill": {"incidents": {"stopped_s": 30.0}}})("hill").incidents.stopped_s == 30.0


def test_nothing_is_taken_where_there_are_no_roads(desk) -> None:
    made, told, stored = desk
    register = Register({}, {}, {"hill": SiteEntry("hill", FRAME, None, 0)}, {})
    intake = Intake(joined([]), Batch({}), observations=[Batch({})])
    made.attend({"hill": site()}, {"hill": intake}, register, 0.0, EPOCH_US)
    assert (told, stored) == ([], [])
