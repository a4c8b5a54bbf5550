"""Road events, the pure parts: paths of a network, units concerned, numbers, and what a unit tells beside what it should."""

from __future__ import annotations

import datetime
from dataclasses import replace
from http import HTTPStatus

import numpy as np
import pytest

from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.road_events.message import MOST_POINTS, Point, RoadEvent, Sending, frame_of
from services.registry.orders.answers import EPOCH
from services.registry.problems import ProblemError
from services.registry.road_events import giving, heard, units, ways
from tests.unit.roads.networks import district

FRAME = LocalFrame(29.55, 106.57, 250.0)
NOW_US = 1_795_000_000_000_000
NOW = EPOCH + datetime.timedelta(microseconds=NOW_US)
PLACE = Point(29.551, 106.571)
EVENT = RoadEvent(
    is_sign=False, code=407, text="", place=PLACE, path=(), radius_m=20.0, path_radius_m=5.0, priority=5
)  # fmt: skip
BEND = ways.Way(np.array([[0.0, 0.0, 1.0], [60.0, 0.0, 1.0], [60.0, 80.0, 5.0]]), 1.75)


def unit(name: str, east: float, north: float, coverage_m: float | None = None) -> dict[str, object]:
    latitude, longitude, _ = FRAME.to_geodetic(np.array([[east, north, 0.0]]))
    return {
        "device_key": len(name),
        "device_id": name,
        "latitude_deg": float(latitude[0]),
        "longitude_deg": float(longitude[0]),
        "coverage_m": coverage_m,
    }


def point(east: float, north: float) -> Point:
    latitude, longitude, _ = FRAME.to_geodetic(np.array([[east, north, 0.0]]))
    return Point(float(latitude[0]), float(longitude[0]))


def test_units_are_concerned_whose_coverage_touches_the_place_or_the_path() -> None:
    found = units.by_distance(
        [unit("path", 400, 300), unit("disc", 0, -515), unit("far", 0, -525), unit("wide", 0, -900, 900.0),
         unit("small", 50, 0, 10.0)],
        FRAME, point(0, 0), [point(0, 0), point(0, 300), point(900, 300)], 20.0,
    )  # fmt: skip
    assert {near.device_id: near.is_concerned for near in found} == {
        "path": True, "disc": True, "far": False, "wide": True, "small": False,
    }  # fmt: skip
    assert [near.device_id for near in found][:2] == ["path", "small"]
    assert found[0].distance_m == pytest.approx(0.0, abs=0.1)
    assert {near.device_id: round(near.distance_m) for near in found}["far"] == 505


def test_a_unit_without_a_position_is_near_to_nothing() -> None:
    assert units.by_distance([{**unit("x", 0, 0), "latitude_deg": None}], FRAME, point(0, 0), [], 1.0) == []


def test_a_place_without_a_radius_is_as_far_away_as_it_is() -> None:
    found = units.by_distance([unit("near", 300, 400), unit("far", 0, -900)], FRAME, point(0, 0), [], 0.0)
    assert [(near.device_id, round(near.distance_m), near.is_concerned) for near in found] == [
        ("near", 500, True), ("far", 900, False),
    ]  # fmt: skip


FAR = "within 7320 days"


@pytest.mark.parametrize(
    ("begin", "until", "says"),
    [
        (None, "9999-12-31T23:59:59Z", f"valid_until.*9999-12-31T23:59:59.*{FAR}"),
        (None, "9999-12-31T23:59:30+00:00", f"valid_until.*{FAR}"),
        (None, "9999-12-31T23:59:59-12:00", f"valid_until.*{FAR}"),
        (None, "0001-01-01T00:00:30Z", f"valid_until.*{FAR}"),
        (None, "0001-01-01T00:00:30+14:00", f"valid_until.*{FAR}"),
        ("0001-01-01T00:00:30+14:00", None, f"valid_from.*{FAR}"),
        ("9999-12-31T23:59:59.999999Z", None, f"valid_from.*{FAR}"),
    ],
)
def test_ends_and_begins_at_the_end_of_time_are_refused_like_all_that_are_too_far(
    begin: str | None, until: str | None, says: str
) -> None:
    at = {name: None if text is None else datetime.datetime.fromisoformat(text) for name, text in (("b", begin), ("u", until))}
    with pytest.raises(ProblemError, match=says) as caught:
        giving.period(at["b"] or NOW, at["u"], NOW)
    assert caught.value.status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_an_end_within_the_last_minute_that_is_allowed_is_kept() -> None:
    begin, end = giving.period(NOW, NOW + giving.LONGEST - datetime.timedelta(minutes=1), NOW)
    assert end is not None
    assert begin <= NOW < end <= NOW + giving.LONGEST


def test_a_number_is_one_that_no_other_event_has_and_not_the_one_that_was_free_last() -> None:
    assert units.free_number(7, []) == 7
    assert units.free_number(7, [7, 8]) == 9
    assert units.free_number(511, [255]) == 0
    assert units.free_number(3, range(256)) is None


def test_a_stretch_begins_and_ends_where_it_is_asked_to() -> None:
    way = ways.stretch(BEND, 30.0, 80.0)
    assert way.points[[0, -1], :2].tolist() == [[30.0, 0.0], [60.0, pytest.approx(20.0, abs=0.1)]]
    assert way.points[1].tolist() == [60.0, 0.0, 1.0]
    assert ways.stretch(BEND, None, None).points == pytest.approx(BEND.points)


@pytest.mark.parametrize(("low", "high", "field"), [(200.0, None, "from_m"), (None, 300.0, "to_m"), (50.0, 50.5, "to_m")])
def test_a_stretch_that_is_not_there_is_refused_with_what_there_is(low: float | None, high: float | None, field: str) -> None:
    with pytest.raises(ways.NoWayError) as refused:
        ways.stretch(BEND, low, high)
    assert refused.value.field == field
    assert "140" in str(refused.value) or "51" in str(refused.value)


def test_a_place_along_a_way_is_on_it() -> None:
    assert ways.place_on(BEND, 60.0).tolist() == [60.0, 0.0, 1.0]
    with pytest.raises(ways.NoWayError, match="at_m"):
        ways.place_on(BEND, 141.0)


def test_a_long_line_is_thinned_to_what_a_message_has_room_for_and_keeps_its_shape() -> None:
    angle = np.linspace(0, np.pi, 500)
    arc = np.column_stack([100 * np.cos(angle), 100 * np.sin(angle), angle])
    thin = ways.thinned(arc)
    assert len(thin) <= MOST_POINTS
    assert thin[[0, -1]].tolist() == arc[[0, -1]].tolist()
    assert np.hypot(thin[:, 0], thin[:, 1]) == pytest.approx(np.full(len(thin), 100.0))


def test_a_road_is_the_middle_of_its_lanes() -> None:
    network = district()
    link = str(network.links.id[network.lanes.link[0]])
    road = ways.road_of(network, link)
    lanes = [index for index in range(len(network.lanes.id)) if network.links.id[network.lanes.link[index]] == link]
    assert road.half_width_m == pytest.approx(sum(network.lanes.width_m[lanes]) / 2)
    middle = np.mean([network.lanes.shape[index][0] for index in lanes], axis=0)
    assert road.points[0] == pytest.approx(middle)
    lane = ways.lane_of(network, str(network.lanes.id[0]))
    assert lane.points[0] == pytest.approx(network.lanes.shape[0][0])
    for ask in (ways.lane_of, ways.road_of):
        with pytest.raises(ways.NoWayError, match="such as"):
            ask(network, "nowhere")


def items(event: RoadEvent, number: int = 7, end_s: float = 3600.0) -> dict[heard.Name, heard.Item]:
    sending = Sending(unit="u", number=number, count=0, made_us=NOW_US, start_us=None, end_us=NOW_US + round(end_s * 1e6))
    return {item.name: item for item in heard.items_of(cv2x.to_json(frame_of(event, sending)), NOW)}


def moved(**fields: object) -> RoadEvent:
    return replace(EVENT, **fields)  # type: ignore[arg-type]


SHOULD = {(False, 7): (31, EVENT)}


def test_a_unit_that_tells_what_it_should_differs_in_nothing() -> None:
    assert heard.differences(NOW, SHOULD, items(EVENT)) == {}
    along = moved(place=None, path=(PLACE, Point(29.552, 106.571)))
    assert heard.differences(NOW, {(False, 7): (31, along)}, items(along)) == {}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "event 31 is not heard from it"),
        (items(EVENT, end_s=-120.0), "event 31 is not heard from it"),
        (items(moved(code=408)), "event 31: it tells of type 408 where 407 was sent"),
        (items(moved(place=Point(29.5511, 106.571))), "event 31: it tells of a place 11.1 m from the one that was sent"),
    ],
)
def test_what_a_unit_tells_otherwise_is_named(told: dict[heard.Name, heard.Item], words: str) -> None:
    assert heard.differences(NOW, SHOULD, told) == {(False, 7): [words]}


def test_what_nobody_asked_a_unit_to_tell_is_named_while_it_holds() -> None:
    told = {**items(EVENT), **items(moved(code=101), number=9)}
    assert heard.differences(NOW, SHOULD, told) == {
        (False, 9): ["it tells of event number 9 of type 101, which nobody here asks of it"]
    }
    assert heard.differences(NOW + datetime.timedelta(hours=2), {}, told) == {}


def test_what_has_no_end_counts_for_a_while() -> None:
    (item,) = heard.items_of({"rtes": [{"rte_id": 1, "event_type": 101, "event_source": "police"}]}, NOW)
    assert (item.until, item.place) == (None, None)
    assert item.holds(NOW + datetime.timedelta(minutes=9))
    assert not item.holds(NOW + datetime.timedelta(minutes=11))
