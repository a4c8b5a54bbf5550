"""Events and signs: told in any form, kept while they hold, one thing however many tell it, bounded whatever comes."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chelu.applications.common import EventParameters
from chelu.codec import cv2x
from chelu.codec.roadside import AS_WRITTEN
from chelu.codec.tits0180_events import read_events
from chelu.messages import EVENT, frames_of
from services.inference.events.kinds import Meaning, Users, limit_of, meaning_of, name_of, users_of
from services.inference.events.table import MOST_EVENTS, MOST_OF_ONE
from services.inference.events.told import Heard, of_events, of_rsi
from tests.unit.inference.rsis import FRAME, event, minute, near, path, rsi, sign, spot, table, told
from tests.unit.inference.scenes import EPOCH_US

CASE = Path(__file__).parents[2] / "data" / "cv2x" / "rsi_event_and_sign" / "frame.hex"
DISC: dict[str, Any] = {"event_pos": spot(0, 100), "event_radius_m": 20.0}
PERCEIVED = (
    b'{"timeStamp": %d, "rscuSn": "R1", "eventList": [{"eventId": 5, "eventType": 101, "longitude": 106.57, "latitude": 29.551}]}'
)
HERE = (0.0, 0.0, 0.0, 0.0)  # drives north from the origin


def test_an_event_on_the_air_is_placed_by_its_offset_from_the_reference() -> None:
    decoded = cv2x.decode(frames_of([bytes.fromhex(CASE.read_text())], EPOCH_US))
    counts: Counter[str] = Counter()
    (one,) = of_rsi([Heard(decoded.messages[0].value, 7, EPOCH_US)], FRAME, counts)
    assert one.place is not None
    np.testing.assert_allclose(one.place, FRAME.to_local(29.5596, 106.5512, 237.0)[0], atol=0.02)
    assert (one.code, one.radius_m, one.priority, one.text) == (904, 35.0, 7, "landslide")
    assert counts["event_nowhere"] == 1  # the sign says not where it is


def test_text_in_gb2312_is_read() -> None:
    words: dict[str, Any] = {"textGB2312": "限速60".encode("gb2312").hex()}
    (one,) = told(rsi(signs=(sign(85, description=words, reference_paths=[path((0, 0), (0, 100))]),)))
    assert one.text == "限速60"


def test_an_event_of_a_roadside_computer_is_one_too() -> None:
    document = PERCEIVED % (EPOCH_US // 1000)
    decoded = read_events(frames_of([document], EPOCH_US), [AS_WRITTEN])
    assert not len(decoded.rejects)
    (one,) = of_events(decoded.others[EVENT.name], np.array([9]), FRAME, Counter())
    assert (one.code, one.is_sign, one.is_perceived, one.start_us) == (101, False, True, 0)
    assert one.place is not None
    np.testing.assert_allclose(one.place[:2], FRAME.to_local(29.551, 106.57, 250.0)[0, :2], atol=0.01)


def test_who_drives_towards_a_place_is_told_how_far_it_is_and_others_are_not() -> None:
    events = table(rsi(event(401, **DISC)))
    found = near(events, HERE, (0, 0, 0, 180), (0, 0, 0, 90), (0, 95, 0, 10), (0, 130, 0, 0))
    assert [(vehicle, inside) for vehicle, _, _, inside in found] == [(0, False), (3, True)]
    assert found[0][2] == pytest.approx(100 - np.hypot(21.75, 0), abs=0.01)
    assert found[1][2] == 0.0


def test_along_a_path_the_way_is_that_of_the_path_and_its_heading_counts() -> None:
    bend = path((0, 0), (0, 100), (100, 100))
    events = table(rsi(event(501, event_pos=spot(60, 101), event_radius_m=10.0, reference_paths=[bend])))
    found = near(events, (2, 40, 0, 0), (2, 40, 0, 180), (2, -50, 0, 5), (60, 100, 0, 90), (80, 100, 0, 90), (9, 40, 0, 0))
    assert [vehicle for vehicle, *_ in found] == [0, 2, 3]  # not against it, not past it, not beside it
    assert [round(left) for _, _, left, _ in found] == [110, 200, 0]


def test_a_path_without_a_place_is_the_event_itself() -> None:
    events = table(rsi(event(305, reference_paths=[path((0, 50), (0, 150), radius_m=8.0)])))
    found = near(events, HERE, (3, 100, 0, 2), (0, 160, 0, 0))
    assert [(vehicle, round(left), inside) for vehicle, _, left, inside in found] == [(0, 50, False), (1, 0, True)]


def test_a_deck_below_has_nothing_to_do_with_the_event_above() -> None:
    events = table(rsi(event(401, event_pos=spot(0, 60, 12.0), event_radius_m=10.0)))
    assert [vehicle for vehicle, *_ in near(events, (0, 0, 12, 0), (0, 0, 0, 0), (0, 0, np.nan, 0))] == [0, 2]


def test_two_units_that_tell_the_same_event_tell_one() -> None:
    other = event(401, 200, event_pos=spot(4, 110), event_radius_m=25.0)
    events = table(rsi(event(401, **DISC)), rsi(other, sender=3))
    assert len(events) == 1
    (key,) = [thing.key for thing in events.holding(EPOCH_US).things]
    over: dict[str, Any] = {"time_details": {"end_time": minute(-120)}}
    events.update(told(rsi(event(401, **DISC, **over), at_s=1)))
    assert [thing.key for thing in events.holding(EPOCH_US + 1_000_000).things] == [key]
    assert near(events, HERE, at_s=1.0)
    events.update(told(rsi({**other, **over}, sender=3, at_s=2)))
    assert near(events, HERE, at_s=2.0) == []
    assert len(events) == 0


def test_events_that_differ_in_code_place_or_direction_are_two() -> None:
    north, south = path((0, 0), (0, 200)), path((0, 200), (0, 0))
    pairs = [
        (event(401, **DISC), event(407, **DISC)),
        (event(401, **DISC), event(401, event_pos=spot(0, 140), event_radius_m=20.0)),
        (
            event(501, event_pos=spot(0, 100), reference_paths=[north]),
            event(501, event_pos=spot(0, 100), reference_paths=[south]),
        ),
    ]
    for one, two in pairs:
        assert len(table(rsi(one), rsi(two, sender=3))) == 2


def test_an_event_holds_from_its_start_to_its_end_in_event_time() -> None:
    span: dict[str, Any] = {"time_details": {"start_time": minute(120), "end_time": minute(300)}}
    events = table(rsi(event(501, **DISC, **span)))
    shown = [at for at in range(0, 600, 30) if near(events, HERE, at_s=at)]
    begin, end = (60.0 * (minute(at) - minute(0)) - EPOCH_US / 1e6 % 60 for at in (120, 300))
    assert (shown[0], shown[-1]) == (np.ceil(begin / 30) * 30, np.ceil(end / 30) * 30 - 30)


def test_an_event_without_an_end_is_outlived_unless_it_is_told_again() -> None:
    events = table(rsi(event(401, **DISC)))
    assert near(events, HERE, at_s=599)
    events.update(told(rsi(event(401, **DISC), at_s=500)))
    assert near(events, HERE, at_s=1099)
    assert near(events, HERE, at_s=1101) == []
    assert (len(events), events.counts["event_outlived"]) == (0, 1)


def test_what_is_perceived_must_go_on_being_told() -> None:
    events = table()
    for at_s in (0, 1, 2):
        frames = frames_of([PERCEIVED % (EPOCH_US // 1000 + at_s * 1000)], EPOCH_US)
        rows = read_events(frames, [AS_WRITTEN]).others[EVENT.name]
        events.update(of_events(rows, np.array([9]), FRAME, events.counts))
    assert near(events, HERE, at_s=6.9)
    assert near(events, HERE, at_s=7.1) == []


def test_one_that_moves_is_the_same_thing_elsewhere() -> None:
    events = table(rsi(event(904, event_pos=spot(0, 100), event_radius_m=5.0)))
    (before,) = events.holding(EPOCH_US).things
    events.update(told(rsi(event(904, event_pos=spot(0, 160), event_radius_m=5.0), at_s=1)))
    (after,) = events.holding(EPOCH_US + 1_000_000).things
    assert after.key == before.key
    assert near(events, HERE, at_s=1.0)[0][2] == pytest.approx(160 - 6.75, abs=0.01)


def test_an_older_message_that_comes_late_changes_nothing() -> None:
    events = table(rsi(event(401, **DISC), at_s=10), rsi(event(401, event_pos=spot(0, 30)), at_s=5))
    assert events.counts["event_stale"] == 1
    assert near(events, HERE, at_s=10.0)[0][2] > 70


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (event(401), "event_nowhere"),
        (event(401, reference_links=[{"upstream_node_id": {"id": 1}, "downstream_node_id": {"id": 2}}]), "event_nowhere"),
        (event(401, event_pos={"offset_ll": {"position-LL1": {"longitude_deg": 0.0, "latitude_deg": 0.0}}}), "event_nowhere"),
        (event(401, **DISC, time_details={"start_time": minute(600), "end_time": minute(60)}), "event_times"),
        (event(65_535, **DISC), "event_unknown"),
        (event(0, **DISC), "event_unknown"),
        (event(899, **DISC), "event_unknown"),
    ],
)
def test_what_says_nothing_usable_is_counted_and_warns_nobody(bad, reason) -> None:
    events = table(rsi(bad))
    assert (len(events), events.counts[reason]) == (0, 1)
    assert near(events, HERE, (0, 99, 0, 0)) == []


def test_a_path_of_one_point_is_a_place_for_an_event_and_nothing_for_a_sign() -> None:
    lone = [path((0, 100), radius_m=20.0)]
    events = table(rsi(event(401, reference_paths=lone), signs=(sign(17, reference_paths=lone),)))
    assert [code for _, code, *_ in near(events, HERE)] == [401]
    assert (events.counts["event_path"], events.counts["event_undirected"]) == (1, 1)


def test_an_unknown_sign_is_shown_by_its_text_or_not_at_all() -> None:
    along: dict[str, Any] = {"reference_paths": [path((0, 0), (0, 100))]}
    assert len(table(rsi(signs=(sign(0, text="flood ahead", **along),)))) == 1
    assert table(rsi(signs=(sign(0, **along),))).counts["event_unknown"] == 1
    assert table(rsi(signs=(sign(60_000, **along),))).counts["event_unknown"] == 1


def test_ten_thousand_events_are_bounded_counted_and_soon_gone_through() -> None:
    events = table()
    for number in range(10_000):
        there = event(401, number % 256, event_pos=spot(50.0 * (number % 100), 50.0 * (number // 100)), event_radius_m=5.0)
        events.update(told(rsi(there, sender=number // 256)))
    assert len(events) == MOST_EVENTS
    assert events.counts["event_crowded"] == 10_000 - MOST_EVENTS
    found = near(events, *[(50.0 * lane, -30.0, 0.0, 0.0) for lane in range(100)])
    assert {vehicle for vehicle, *_ in found} == set(range(100))


def test_one_sender_alone_cannot_fill_the_table() -> None:
    events = table()
    for number in range(700):
        one = event(401, number, event_pos=spot(50.0 * number, 0.0), event_radius_m=5.0)
        events.update(told(rsi(one)))
    assert len(events) == MOST_OF_ONE


def test_codes_mean_what_their_class_says() -> None:
    p = EventParameters()
    meant = {code: meaning_of(is_sign=False, code=code, text="", p=p) for code in (101, 305, 408, 501, 707, 904, 701, 899, 7)}
    assert meant == {
        101: Meaning.HAZARD, 305: Meaning.WEATHER, 408: Meaning.HAZARD, 501: Meaning.HAZARD, 707: Meaning.CONGESTION,
        904: Meaning.HAZARD, 701: Meaning.UNKNOWN, 899: Meaning.UNKNOWN, 7: Meaning.UNKNOWN,
    }  # fmt: skip
    assert (name_of(is_sign=False, code=305), name_of(is_sign=False, code=599), name_of(is_sign=True, code=85)) == (
        "fog", "roadworks", "speed limit",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("60", 60), ("限速60", 60), ("60 km/h", 60), ("1010203800001413限速40", 40), ("", None), ("slow", None), ("30-60", None),
        ("300", None), ("3", None), ("1010203800001413", None),
    ],
)  # fmt: skip
def test_a_limit_is_read_from_the_text_or_not_at_all(text, kmh) -> None:
    assert limit_of(text) == pytest.approx(kmh / 3.6) if kmh else np.isnan(limit_of(text))


@pytest.mark.parametrize(
    ("text", "users"),
    [("60", 0), ("货车60", Users.TRUCK), ("大客车 80", Users.BUS), ("小型客车 100", Users.CAR), ("trucks 60", Users.TRUCK),
     ("cargo 60", 0), ("buses and trucks 50", Users.BUS | Users.TRUCK)],
)  # fmt: skip
def test_for_which_vehicles_a_sign_holds_is_read_from_its_text(text, users) -> None:
    assert users_of(text) == users
