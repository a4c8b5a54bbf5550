"""What the city brain finds is told when it begins and when it is over: incidents in the picture, sensors that are wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from chelu.clock import SystemClock
from chelu.geo import LocalFrame
from chelu.messages import OBSERVATION, filled
from services.inference.city.findings import FINDING_COLUMNS, Finding, document, rows_to_store
from services.inference.city.incidents.lanes import LaneSpots
from services.inference.city.live import Parameters, StateDesk
from services.inference.city.reading import VEHICLES, Heard, counts_of
from services.inference.city.sensors import COUNTERS_A_DEVICE, FAULTS, OVER_S, SensorWatch, with_early
from services.inference.city.state.counters import Wrong
from services.inference.city.state.layout import layout_of
from services.inference.network import NetworkRoads
from services.inference.register import Device, Register, SiteEntry
from services.inference.storage import Item
from tests.unit.inference.scenes import EPOCH_US, Car, report, site
from tests.unit.inference.small_roads import crossing
from tests.waiting import until

FRAME = LocalFrame(29.55, 106.57, 250.0)
LANE = 1.75  # m aside of the middle
S = 1_000_000
LOOP = Device(5, "loop-1", "sensor", "hill", "bare", 0, place=(29.551, 106.57, 250.0))  # type: ignore[arg-type]
BEGUN = Finding(site_id="hill", finding_id="hill/debris/3", kind="debris", severity="major", since_us=EPOCH_US, spot="gate_0")


class Told:
    """A desk, and what it has published and stored."""

    def __init__(self, *unended: Finding) -> None:
        self.said: list[tuple[str, bytes]] = []
        self.stored: list[Item] = []
        self.desk = StateDesk(
            lambda _: Parameters(), lambda *out: self.said.append(out), self.stored.append, SystemClock(), unended=unended
        )

    def findings(self) -> list[dict[str, object]]:
        return [json.loads(payload) for topic, payload in self.said if topic == "city/hill/findings"]


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    yield made
    made.desk.stop()


def test_a_vehicle_that_stands_where_no_queue_explains_it_is_told_and_is_over_when_nobody_is_there(told: Told) -> None:
    roads = NetworkRoads(crossing())
    register = Register({}, {}, {"hill": SiteEntry("hill", FRAME, roads, 1)}, {})
    car, place = Car(7, (LANE, 100.0, 0.0), 0.0, 0.0), site(roads=roads)  # northward, away from the crossing

    def second(number: int, *, is_there: bool) -> None:
        at_us = EPOCH_US + number * S
        now = np.array([at_us])
        if is_there:
            place.step(replace(report([car], 0.0), time_us=now, arrival_us=now), at_us)
        told.desk.attend({"hill": place if is_there else site(roads=roads)}, {}, register, float(number), at_us)
        until(lambda: not told.desk._beside._waiting, 5, "the desk to take it")

    for number in range(25):
        second(number, is_there=True)
    (began,) = until(told.findings, 5, "the incident") or []
    assert (began["kind"], began["state"], began["severity"], began["since_us"]) == (
        "stopped_vehicle",
        "began",
        "major",
        EPOCH_US,
    )
    assert began["spot"] == "5to1_0"
    north_m = (float(str(began["latitude_deg"])) - FRAME.latitude_deg) * 110_850
    assert north_m == pytest.approx(100.0, abs=3.0)
    for number in range(25, 50):
        second(number, is_there=False)
    over = until(lambda: told.findings()[1:], 5, "the end") or []
    assert [(one["finding_id"], one["state"]) for one in over] == [(began["finding_id"], "over")]
    stored = [item.rows for item in told.stored if item.table == "city.finding"]
    assert [rows["state"].tolist() for rows in stored] == [["began"], ["over"]]
    assert {column.source for column in FINDING_COLUMNS} == set(stored[0])


def test_what_an_earlier_process_had_found_is_over() -> None:
    made = Told(BEGUN.over(ended_by="a new start"))
    made.desk.stop()
    (said,) = made.findings()
    assert (said["state"], said["detail"]) == ("over", {"ended_by": "a new start"})
    assert made.stored[0].rows["finding_id"].tolist() == ["hill/debris/3"]


def test_new_roads_end_what_was_found_on_the_old_ones(told: Told) -> None:
    place = site(roads=NetworkRoads(crossing()))
    for number in range(2):
        roads = NetworkRoads(crossing())
        register = Register({}, {}, {"hill": SiteEntry("hill", FRAME, roads, number)}, {})
        told.desk.attend({"hill": place}, {}, register, float(2 * number), EPOCH_US + number * S)
        until(lambda: "hill" in told.desk._watched and not told.desk._beside._waiting, 5, "the desk to take it")
        if not number:
            told.desk._watched["hill"].up[BEGUN.finding_id] = BEGUN
    (said,) = until(told.findings, 5, "its end") or []
    assert (said["state"], said["detail"]) == ("over", {"ended_by": "new roads"})


def test_a_message_has_null_where_nobody_knows_and_never_nan() -> None:
    said = json.loads(document(BEGUN, EPOCH_US))
    assert (said["latitude_deg"], said["elevation_m"], said["time_us"]) == (None, None, EPOCH_US)
    rows = rows_to_store([BEGUN], EPOCH_US)
    assert np.isnan(rows["latitude_deg"]).all()


def test_who_tells_no_height_is_on_the_nearest_lane() -> None:
    spots = LaneSpots(crossing())
    high, unknown = spots.place(np.array([[LANE, 100.0, 0.0], [LANE, 100.0, np.nan]])).lane
    assert high == unknown >= 0
    assert spots.place(np.array([[LANE, 100.0, 50.0]])).lane.tolist() == [-1]


def complaints(wrong: str, count: int) -> Counter[tuple[int, str]]:
    return Counter({(5 * COUNTERS_A_DEVICE, wrong): count})


def test_a_sensor_is_named_once_and_over_when_nothing_more_has_come() -> None:
    watch, devices = SensorWatch("hill"), {5: LOOP}
    (began,) = watch.update(complaints(Wrong.FROZEN, 1), devices, 100 * S)
    assert (began.kind, began.spot, began.since_us, began.place[0]) == ("sensor_fault", "loop-1", 100 * S, 29.551)
    assert began.text == "loop-1 tells the same figures again and again"
    assert watch.update(complaints(Wrong.FROZEN, 9), devices, 160 * S) == []
    assert watch.update(complaints(Wrong.FROZEN, 9), devices, (160 + int(OVER_S)) * S) == []
    (over,) = watch.update(complaints(Wrong.FROZEN, 9), devices, (161 + int(OVER_S)) * S)
    assert (over.finding_id, over.is_over, over.detail["complaints"]) == (began.finding_id, True, 9)
    (again,) = watch.update(complaints(Wrong.FROZEN, 10), devices, 1000 * S)
    assert again.finding_id != began.finding_id


def test_one_report_out_of_order_is_an_accident_and_three_are_a_clock_that_is_wrong() -> None:
    watch = SensorWatch("hill")
    assert watch.update(complaints(Wrong.TIME_BACK, 2), {}, 100 * S) == []
    (began,) = watch.update(complaints(Wrong.TIME_BACK, 3), {}, 130 * S)
    assert (began.kind, began.since_us, began.spot) == ("sensor_clock", 100 * S, "device 5")


def test_who_tells_of_times_to_come_is_named_though_nothing_of_it_was_taken() -> None:
    watch = SensorWatch("hill")
    assert watch.update(with_early({}, {5: 2}), {5: LOOP}, 100 * S) == []
    (began,) = watch.update(with_early(complaints(Wrong.TIME_AHEAD, 1), {5: 2}), {5: LOOP}, 101 * S)
    assert (began.kind, began.spot) == ("sensor_clock", "loop-1")


def test_a_desk_is_told_of_them_by_site(told: Told) -> None:
    other = replace(LOOP, key=6, device_id="loop-2", site_id="dale")
    register = Register({}, {5: LOOP, 6: other}, {"hill": SiteEntry("hill", FRAME, NetworkRoads(crossing()), 1)}, {})
    told.desk.attend({"hill": site()}, {}, register, 0.0, EPOCH_US, early={5: 3, 6: 3, 7: 3})
    (began,) = until(told.findings, 5, "the finding") or []
    assert (began["kind"], began["spot"]) == ("sensor_clock", "loop-1")


def test_every_complaint_has_its_words() -> None:
    assert set(FAULTS) == set(Wrong)


def test_a_sensor_whose_times_go_back_is_blamed_and_one_that_repeats_itself_is_not() -> None:
    roads, ends = NetworkRoads(crossing()), dict[int, int]()
    layout, device = layout_of(crossing()), replace(LOOP, labels={"segment": "5to2"})

    def heard(second: int) -> list[int]:
        rows = filled(OBSERVATION, 1, frame=np.zeros(1, np.int64)).with_columns(
            time_us=np.array([second * S]), quantity=np.array([VEHICLES]), value=np.array([3.0]), device_key=np.array([5])
        )
        found = counts_of(Heard([], [rows], FRAME, {5: device}, second * S), roads, layout.segment, ends)
        return [int(each) // S for each in found.to_us - found.from_us]

    assert [heard(second) for second in (60, 120, 120, 90, 180)] == [[], [60], [], [-30], [60]]
