"""Road events on the air: the frame says what was meant, as far as a message can, and its page is the catalogue's."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.applications.common import EventParameters
from chelu.codec import cv2x
from chelu.codec.cv2x_time import US_PER_MINUTE
from chelu.codec.roadside import AS_WRITTEN
from chelu.codec.tits0180_events import read_events
from chelu.codec.tits0180_write import encoded
from chelu.geo import LocalFrame
from chelu.messages import frames_of
from chelu.road_events import page
from chelu.road_events.catalogue import CLASSES, CONGESTION, EVENTS, LAST_SIGN, SIGNS, find
from chelu.road_events.document import document_of
from chelu.road_events.message import Point, RoadEvent, Sending, frame_of, whole_minute_us, withdrawal_of
from services.inference.events.kinds import Meaning, meaning_of
from services.inference.events.table import EventTable
from services.inference.events.told import Heard, Told, of_rsi

DOCUMENT = Path(__file__).parents[2] / "docs" / "road-events.md"
NOW_US = 1_795_000_000_000_000
FRAME = LocalFrame(29.55, 106.57, 250.0)
PLACE = Point(29.551, 106.571, 251.0)


def event(**more: object) -> RoadEvent:
    fields: dict[str, object] = {
        "is_sign": False,
        "code": 407,
        "text": "",
        "place": PLACE,
        "path": (Point(29.55, 106.571), PLACE),
        "radius_m": 20.0,
        "path_radius_m": 5.0,
        "priority": 5,
    }
    return RoadEvent(**{**fields, **more})  # type: ignore[arg-type]


def sending(**more: object) -> Sending:
    fields: dict[str, object] = {
        "unit": "rsu-1",
        "number": 7,
        "count": 0,
        "made_us": NOW_US,
        "start_us": None,
        "end_us": NOW_US + 3_600_000_000,
    }
    return Sending(**{**fields, **more})  # type: ignore[arg-type]


def told(frame: bytes, at_us: int = NOW_US) -> list[Told]:
    """As inference reads it of a unit."""
    return of_rsi([Heard(cv2x.to_json(frame), 2, at_us)], FRAME, Counter())


def test_inference_reads_of_a_frame_what_was_put_into_it() -> None:
    (read,) = told(frame_of(event(text="路面积水"), sending()))
    assert (read.is_sign, read.code, read.text, read.priority, read.radius_m) == (False, 407, "路面积水", 5, 20.0)
    assert read.place == pytest.approx(FRAME.to_local(29.551, 106.571, 251.0)[0], abs=0.02)
    assert read.paths[0].points[0][:2] == pytest.approx(FRAME.to_local(29.55, 106.571)[0][:2], abs=0.02)
    assert read.start_us == 0
    assert 0 <= read.end_us - (NOW_US + 3_600_000_000) < US_PER_MINUTE


def test_a_sign_is_told_along_its_path_and_with_its_text() -> None:
    (read,) = told(frame_of(event(is_sign=True, code=85, text="40 km/h", place=None), sending()))
    assert (read.is_sign, read.code, read.text, read.place) == (True, 85, "40 km/h", None)


@given(st.integers(0, 365 * 24 * 60 * 60), st.integers(0, 10_000), st.integers(1, 120))
def test_it_holds_whole_minutes_whatever_the_time_of_the_year(second: int, later_s: int, minutes: int) -> None:
    now_us = 1_767_225_600_000_000 + second * 1_000_000
    start_us = whole_minute_us(now_us + later_s * 1_000_000, is_up=False)
    end_us = start_us + minutes * US_PER_MINUTE
    (read,) = told(frame_of(event(), sending(made_us=now_us, start_us=start_us, end_us=end_us)), now_us)
    assert (read.start_us, read.end_us) == (start_us, end_us)


def test_a_withdrawal_ends_what_the_same_unit_told_under_the_same_number_and_nothing_else() -> None:
    table = EventTable(EventParameters(), None)
    table.update(told(frame_of(event(), sending())))
    table.update(told(frame_of(event(place=Point(29.56, 106.58), path=()), sending(number=8))))
    assert len(table) == 2
    table.update(told(withdrawal_of(event(), sending(count=1)), NOW_US + 1_000_000))
    assert [thing.code for thing in table.holding(NOW_US + 1_000_000).things] == [407]
    assert len(table) == 1


def test_a_renewal_is_the_same_thing_with_another_end() -> None:
    table = EventTable(EventParameters(), None)
    table.update(told(frame_of(event(), sending())))
    before = table.holding(NOW_US)
    later_us = NOW_US + 1_800_000_000
    renewed = frame_of(event(), sending(count=1, made_us=later_us, end_us=later_us + 3_600_000_000))
    table.update(told(renewed, later_us))
    after = table.holding(later_us)
    assert after.key.tolist() == before.key.tolist()
    assert after.until_us[0] > before.until_us[0]


def test_a_computer_reads_of_a_document_what_was_put_into_it() -> None:
    until_us = NOW_US + 3_600_000_000
    times = {"made_us": NOW_US, "start_us": NOW_US - 60_000_000, "end_us": until_us}
    payload = encoded(document_of(event(place=None), 12, serial="CQ-7", **times))
    read = read_events(frames_of([payload], NOW_US), [AS_WRITTEN])
    assert read.rejects.detail == ()
    rows = read.others["event"]
    assert [rows[name].tolist() for name in ("event_id", "event_type", "started_us", "ended_us")] == [
        [12], [407], [NOW_US - 60_000_000], [until_us],
    ]  # fmt: skip
    assert (rows["latitude_deg"][0], rows["longitude_deg"][0]) == (29.55, 106.571), "where who comes along the path meets it"


def test_a_document_of_what_is_withdrawn_before_it_began_does_not_end_before_it_begins() -> None:
    times = {"made_us": NOW_US, "start_us": NOW_US + 600_000_000, "end_us": NOW_US}
    (item,) = document_of(event(), 12, serial="CQ-7", **times)["eventList"]
    assert item["startTime"] == item["endTime"] == NOW_US // 1000


def test_applications_make_something_of_everything_that_can_be_told() -> None:
    for entry in (*EVENTS, *SIGNS):
        found = meaning_of(is_sign=entry.is_sign, code=entry.code, text="", p=EventParameters())
        assert found is not Meaning.UNKNOWN, entry
        assert entry.english
        assert entry.chinese.encode("gb2312"), "a unit could say it, too"
    for kind in CLASSES:
        assert meaning_of(is_sign=False, code=100 * kind + 98, text="", p=EventParameters()) is not Meaning.UNKNOWN


def test_what_nothing_is_made_of_cannot_be_told() -> None:
    assert [code for code in range(1, 1100) if find(code, is_sign=False) is None] == [
        *range(1, 100), *range(700, CONGESTION), *range(CONGESTION + 1, 900), *range(1000, 1100),
    ]  # fmt: skip
    assert [code for code in range(400) if find(code, is_sign=True) is None] == [0, *range(LAST_SIGN + 1, 400)]


def test_each_code_stands_in_the_catalogue_once() -> None:
    names = [(one.is_sign, one.code) for one in (*EVENTS, *SIGNS)]
    assert len(set(names)) == len(names)


def test_the_document_has_the_catalogue_s_tables() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for table in (page.events_table(), page.signs_table()):
        assert table in text, "python -m chelu.road_events.page prints them"
