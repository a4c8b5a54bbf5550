"""The live picture: slots and generations, history, and what is not newer."""

from dataclasses import replace

import numpy as np
import pytest

from services.inference.history import recent
from services.inference.picture import HISTORY, Picture
from services.inference.reports import Participant, Reports, Track, joined, nothing
from tests.unit.inference.scenes import EPOCH_US, Car, report


def _rows(names, t, **changes):
    rows = report([Car(name, (10.0 * name, 0, 0), 0, 10) for name in names], t)
    return replace(rows, **changes)


def _history(picture, slots):
    """Newest first: instants (n, HISTORY), 0 where there is none yet, and east, north, up, speed (n, HISTORY, 4)."""
    places = picture.ring_places(slots, np.arange(HISTORY))
    return picture.past_us.ravel()[places], picture.past.reshape(-1, 4)[places]


def test_a_track_keeps_its_slot_while_it_speaks() -> None:
    picture = Picture()
    first = picture.update(_rows([1, 2, 3], 0.0))
    second = picture.update(_rows([3, 1], 0.1))
    assert len(first.fresh) == 3
    assert len(second.fresh) == 0
    assert picture.find(Track.SPEAKS, np.array([1, 2, 3], np.uint64)).tolist() == first.fresh.tolist()


def test_a_freed_slot_is_reused_with_the_next_generation() -> None:
    picture = Picture()
    slot = int(picture.update(_rows([1], 0.0)).slots[0])
    before = int(picture.generation[slot])
    assert picture.expire(EPOCH_US + 1).tolist() == [slot]
    assert picture.find(Track.SPEAKS, np.array([1], np.uint64)).tolist() == [-1]
    again = int(picture.update(_rows([2], 5.0)).slots[0])
    assert again == slot
    assert int(picture.generation[again]) == before + 1


def test_slots_are_not_reused_before_they_expire() -> None:
    picture = Picture()
    picture.update(_rows([1], 0.0))
    picture.expire(EPOCH_US - 1)
    assert picture.update(_rows([2], 0.1)).slots[0] != picture.find(Track.SPEAKS, np.array([1], np.uint64))[0]


def test_a_speaking_vehicle_and_a_seen_participant_with_the_same_number_are_two_tracks() -> None:
    picture = Picture()
    rows = report([Car(5, (0, 0, 0), 0, 10), Car(5, (50, 0, 0), 0, 10, is_seen=True)], 0.0)
    assert len(picture.update(rows).fresh) == 2


def test_one_message_heard_by_two_units_counts_once_and_older_ones_change_nothing() -> None:
    picture = Picture()
    rows = _rows([1], 1.0)
    assert picture.update(joined([rows, rows])).stale_rows == 1
    change = picture.update(_rows([1], 0.9))
    assert len(change.slots) == 0
    assert change.stale_rows == 1
    times, _ = _history(picture, np.array([0]))
    assert np.count_nonzero(times) == 1


def test_the_own_unit_is_known_even_if_a_roadside_unit_was_quicker() -> None:
    picture = Picture()
    own = _rows([1], 1.0)
    slot = picture.update(replace(own, own_key=np.zeros(1, np.int64), device_key=np.array([900]))).slots
    assert picture.own_key[slot].tolist() == [0]
    picture.update(own)
    assert picture.own_key[slot].tolist() == [101]


def test_several_messages_of_one_track_in_a_batch_all_enter_its_history() -> None:
    picture = Picture()
    batch = joined([_rows([1, 2], t) for t in (0.2, 0.0, 0.1)])
    slots = picture.update(batch).slots
    times, past = _history(picture, slots)
    assert (np.diff(times[:, :3], axis=1) == -100_000).all()
    assert picture.ints["time_us"][slots].tolist() == [EPOCH_US + 200_000] * 2
    np.testing.assert_allclose(past[:, 0, 1], 2.0)


def test_the_history_ring_keeps_the_newest() -> None:
    picture = Picture()
    for tick in range(HISTORY + 10):
        picture.update(_rows([1], tick * 0.1))
    times, _ = _history(picture, np.array([0]))
    assert (np.diff(times[0]) == -100_000).all()


def test_the_picture_grows_beyond_its_first_size() -> None:
    picture = Picture()
    names = list(range(1, 1001))
    slots = picture.update(_rows(names, 0.0)).slots
    assert len(set(slots.tolist())) == 1000
    np.testing.assert_allclose(np.sort(picture.xyz[slots, 0]), 10.0 * np.arange(1, 1001))


def test_nothing_changes_nothing() -> None:
    change = Picture().update(nothing())
    assert len(change.slots) == 0
    assert isinstance(nothing(), Reports)


def test_recent_past_is_given_in_the_tracks_own_frame() -> None:
    picture = Picture()
    car = Car(1, (0, 0, 0), 90, 10)
    for tick in range(20):
        picture.update(report([car], tick * 0.1))
    now = recent(picture, np.array([0]), np.array([np.nan]))
    assert now.is_whole[0]
    np.testing.assert_allclose(now.past[0, :, 0], [-4, -8, -12, -16], atol=1e-6)
    np.testing.assert_allclose(now.past[0, :, 1], 0, atol=1e-6)
    np.testing.assert_allclose(now.past[0, :, 2], 10)


def test_a_hole_in_the_past_is_not_bridged() -> None:
    picture = Picture()
    car = Car(1, (0, 0, 0), 90, 10)
    for tick in (0, 1, 2, 3, 12, 13, 14, 15, 16, 17, 18, 19):
        picture.update(report([car], tick * 0.1))
    assert not recent(picture, np.array([0]), np.array([np.nan])).is_whole[0]


@pytest.mark.parametrize(
    ("kind", "derived_mps2"), [(Participant.MOTOR, -2.0), (Participant.PEDESTRIAN, 0.0), (Participant.NON_MOTOR, 0.0)]
)
def test_acceleration_that_nobody_sent_is_derived_from_speeds_of_vehicles_alone(kind, derived_mps2) -> None:
    """Of who walks, errors of speed are all that 0.3 s show."""
    picture = Picture()
    car = Car(1, (0, 0, 0), 90, 10, lambda t: -2.0, kind=kind)
    for tick in range(20):
        rows = report([car], tick * 0.1)
        picture.update(replace(rows, acceleration_mps2=np.array([np.nan])))
    np.testing.assert_allclose(recent(picture, np.array([0]), np.array([np.nan])).acceleration_mps2, derived_mps2, atol=0.05)
