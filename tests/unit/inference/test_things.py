"""Findings about things that are no road users: who they are for, how they live, and how they are told and stored."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from chelu.applications.common import LifeParameters
from chelu.codec import columns
from chelu.codec.envelope import Envelope
from chelu.geo import LocalFrame
from chelu.topics import Kind
from services.inference.outbox import Sent, documents, letter, warning_rows
from services.inference.picture import Picture
from services.inference.register import Device, Register
from services.inference.reports import Participant
from services.inference.v2x.assessment import HELD, IMMINENT, NOTHING, WARNING, Subject, about_things
from services.inference.v2x.hosts import Hosts, hosts_of
from tests.unit.inference.scenes import EPOCH_US, Car, Living, report, site

FRAME = LocalFrame(29.5, 106.5, 250.0)
ADVICE = {"lowest_mps": 9.0, "highest_mps": 12.5}
ADVISED = Subject("stop line", "0/7/3", (3.0, 40.0, 1.0), {"phase": 3}, ADVICE)


def _living() -> Living:
    return Living([Car(1, (0, 0, 0), 0, 10), Car(2, (50, 0, 0), 0, 10)], LifeParameters(confirm_s=0.0))


def _hosts(picture: Picture) -> Hosts:
    n = len(picture.live())
    zero = np.zeros(n)
    return Hosts(
        picture.live(), picture.xyz[:n], zero, zero, zero, zero, zero, np.full(n, -1), zero, zero + 1, zero, np.zeros(n, int)
    )


def _sign(row: int) -> Subject:
    return Subject("sign", f"sign-{row}", (3.0, 40.0, 1.0), {"text": "slow down"})


def _found(picture, levels, things, *, rows=None, is_advice=False, subject=_sign):
    n = len(levels)
    return about_things(
        "rule", _hosts(picture), np.arange(n) if rows is None else np.array(rows), np.array(things),
        level=np.array(levels), ttc_s=np.full(n, 4.0), required_mps2=np.full(n, 1.5), distance_m=np.full(n, 40.0),
        subject=subject, is_advice=is_advice,
    )  # fmt: skip


def test_only_findings_with_a_level_are_kept_and_tell_of_their_own_thing() -> None:
    found = _found(_living().picture, [NOTHING, WARNING], [7, 8])
    assert (found.host.tolist(), found.thing.tolist(), found.other.tolist()) == ([1], [8], [-1])
    assert found.subject is not None
    assert found.subject(0).id == "sign-1"


def test_two_things_give_one_host_two_warnings_and_each_lives_for_itself() -> None:
    place = _living()
    first = place.step([_found(place.picture, [WARNING, IMMINENT], [7, 8], rows=[0, 0])], EPOCH_US)
    assert [(one.state, one.level, one.host.vehicle_id) for one in first] == [("raised", 1, 1), ("raised", 2, 1)]
    assert len({one.warning_id for one in first}) == 2
    place.step([_found(place.picture, [HELD], [8], rows=[0])], EPOCH_US + 500_000)
    assert place.step([], EPOCH_US + 700_000) == []  # the host has said nothing since: nothing is known to have changed
    place.hear(report([Car(1, (0, 7, 0), 0, 10), Car(2, (50, 7, 0), 0, 10)], 0.7))
    gone = place.step([], EPOCH_US + 700_000)
    assert [(one.state, one.warning_id) for one in gone] == [("cleared", first[0].warning_id)]
    assert place.levels() == {0: 1}


def test_a_thing_with_the_same_key_goes_on_as_the_same_warning_whatever_row_it_stands_in() -> None:
    place = _living()
    raised = place.step([_found(place.picture, [WARNING], [7], rows=[1])], EPOCH_US)
    again = place.step([_found(place.picture, [NOTHING, WARNING], [5, 7])], EPOCH_US + 300_000)
    assert [(one.state, one.warning_id) for one in again] == [("updated", raised[0].warning_id)]


def test_a_warning_about_a_thing_ends_with_its_host() -> None:
    place = _living()
    place.step([_found(place.picture, [WARNING], [7], rows=[0])], EPOCH_US)
    place.forget(EPOCH_US + 10_000_000)
    assert [one.state for one in place.step([], EPOCH_US + 100_000)] == ["cleared"]


def test_advice_has_no_level_and_comes_at_most_twice_a_second_and_when_it_changes() -> None:
    place, states = _living(), []
    for tick in range(20):
        told = Subject("sign", "a", (0.0, 0.0, 0.0), advice={"lowest_mps": min(tick, 12)})
        found = _found(place.picture, [WARNING], [7], rows=[0], is_advice=True, subject=lambda row, told=told: told)
        states += [(one.state, one.level) for one in place.step([found], EPOCH_US + tick * 100_000)]
    assert states == [("raised", 0), *[("updated", 0)] * 3]  # at 0.5, 1.0 and 1.5 s, when it had changed for the last time
    assert place.levels() == {0: 0}


def test_advice_that_does_not_change_is_renewed_before_it_lapses() -> None:
    place, told = _living(), []
    for tick in range(50):
        found = _found(place.picture, [WARNING], [7], rows=[0], is_advice=True, subject=lambda row: ADVISED)
        told += place.step([found], EPOCH_US + tick * 100_000)
    assert len(told) == 4
    for one, renewed in itertools.pairwise(told):
        assert renewed.decided_us < one.valid_until_us


def _register() -> Register:
    device = Device(101, "obu-1", Kind.OBU, "north", Envelope.AUTO, 0)
    return Register({"obu-1": device}, {101: device}, {}, {})


@pytest.fixture
def notice():
    place = _living()
    return place.step([_found(place.picture, [WARNING], [7], rows=[0], subject=lambda row: ADVISED)], EPOCH_US)[0]


def test_the_warning_says_what_it_is_about_and_where(notice) -> None:
    found = documents([notice], _register(), FRAME)[0]
    assert found["other"] is None
    assert found["advice"] == ADVICE
    subject = found["subject"]
    assert (subject["kind"], subject["id"], subject["phase"]) == ("stop line", "0/7/3", 3)
    place = FRAME.to_local(*(np.array([subject[name]]) for name in ("latitude_deg", "longitude_deg", "elevation_m")))
    np.testing.assert_allclose(place[0], [3.0, 40.0, 1.0], atol=0.05)
    assert found["event_time_us"] == notice.host.time_us
    assert found["valid_until_us"] == notice.valid_until_us == EPOCH_US + 1_000_000
    out = letter(notice, found, _register())
    assert out is not None
    assert json.loads(out.payload) == found


def test_a_thing_without_a_known_place_is_told_without_one(notice) -> None:
    nowhere = replace(notice, subject=replace(notice.subject, place=(np.nan,) * 3))
    found = documents([nowhere], _register(), FRAME)[0]["subject"]
    assert (found["latitude_deg"], found["longitude_deg"], found["elevation_m"]) == (None, None, None)


def test_the_row_names_the_thing_and_no_other(notice) -> None:
    told = documents([notice], _register(), FRAME)
    rows = warning_rows([Sent(notice, told[0], None, 0)], "north")
    assert (rows["subject_kind"][0], rows["subject_id"][0]) == ("stop line", "0/7/3")
    assert (bool(rows["subject_valid"][0]), bool(rows["other_device_key_valid"][0])) == (True, False)
    assert not rows["other_vehicle_id_valid"][0]


def test_hosts_are_motor_vehicles_that_can_be_told_with_or_without_others_near() -> None:
    cars = [
        Car(1, (0, 0, 0), 0, 10),
        Car(2, (900, 0, 0), 90, 12, is_seen=True),
        Car(3, (0, 900, 0), 0, 1, is_seen=True, kind=Participant.PEDESTRIAN),
    ]
    place = site()
    place.step(report(cars, 0.0), EPOCH_US)
    alone = hosts_of(place.picture, place.futures, place.placement, place.picture.live(), EPOCH_US)
    assert place.picture.own_id[alone.slots].tolist() == [1]
    place.picture.tellers = np.array([900])
    seen_too = hosts_of(place.picture, place.futures, place.placement, place.picture.live(), EPOCH_US)
    assert len(seen_too) == 2


def test_hosts_are_brought_to_this_moment() -> None:
    place = site()
    place.step(report([Car(1, (0, 0, 0), 90, 10)], 0.0), EPOCH_US)
    late = hosts_of(place.picture, place.futures, place.placement, place.picture.live(), EPOCH_US + 300_000)
    np.testing.assert_allclose(late.xyz[0, :2], [3.0, 0.0], atol=1e-9)
    assert np.isnan(late.offset_m[0])
    assert late.lane[0] == -1


def test_a_picture_shows_no_level_for_advice() -> None:
    place = site()
    place.step(report([Car(1, (0, 0, 0), 0, 10)], 0.0), EPOCH_US)
    found = _found(place.picture, [WARNING], [7], rows=[0], is_advice=True)
    for tick in range(3):
        place.life.step([found], place.picture, place.twins.seats, EPOCH_US + 100_000 * tick)
    shown, _ = columns.unpack(place.broadcast({}, EPOCH_US))
    assert shown["level"].tolist() == [0]
