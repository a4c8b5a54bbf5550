"""The life of a warning: confirmed, raised, updated, cleared; one and the same whoever of a road user's tracks leads."""

import itertools

import numpy as np

from chelu.applications.common import LifeParameters
from services.inference.life import State
from services.inference.reports import Reports
from services.inference.v2x.assessment import Assessment
from tests.unit.inference.scenes import EPOCH_US, Car, Living, drive, report

CARS = [Car(1, (0, 0, 0), 0, 10), Car(2, (0, 30, 0), 0, 10)]


def _finding(level: int, *, host: int = 0, other: int = 1) -> list[Assessment]:
    one = np.array([1.0])
    return [Assessment("fcw", np.array([host]), np.array([other]), np.array([level]), one, one, one, np.zeros(1, np.int64))]


def test_a_warning_is_confirmed_by_a_second_message_and_cleared_when_its_reason_is_gone() -> None:
    place, states = Living(CARS), []
    for tick in range(20):
        place.hear(report(CARS, 0.1 + tick * 0.1))
        found = _finding(1) if tick < 8 else []
        states += [(tick, one.state) for one in place.step(found, EPOCH_US + tick * 100_000)]
    assert states[0] == (2, State.RAISED)
    assert [tick for tick, state in states if state == State.UPDATED] == [4, 6]
    assert states[-1] == (13, State.CLEARED)
    assert len(place.life) == 0


def test_two_halves_of_one_moment_do_not_confirm_each_other() -> None:
    place = Living(CARS)
    assert place.step(_finding(1), EPOCH_US) == []
    assert place.step(_finding(1), EPOCH_US + 5000) == []


def test_imminent_danger_is_not_confirmed_first_and_hysteresis_alone_raises_nothing() -> None:
    place = Living(CARS)
    assert place.step(_finding(0), EPOCH_US) == []
    assert [one.state for one in place.step(_finding(2), EPOCH_US)] == [State.RAISED]


def test_what_becomes_imminent_is_told_at_once_and_what_becomes_less_when_an_update_is_due() -> None:
    place = Living(CARS, LifeParameters(confirm_s=0.0))
    told = []
    for ms, level in ((0, 1), (20, 1), (40, 2), (60, 2), (80, 1), (239, 1), (240, 1)):
        told += [(ms, one.state, one.level) for one in place.step(_finding(level), EPOCH_US + ms * 1000)]
    assert told == [(0, "raised", 1), (40, "updated", 2), (240, "updated", 1)]


def test_a_warning_holds_until_a_second_after_it_was_told_last_unless_it_is_renewed() -> None:
    place = Living(CARS)
    (raised,) = place.step(_finding(2), EPOCH_US)
    (updated,) = place.step(_finding(1), EPOCH_US + 200_000)
    (cleared,) = place.step([], EPOCH_US + 800_000)
    assert (raised.valid_until_us, updated.valid_until_us) == (EPOCH_US + 1_000_000, EPOCH_US + 1_200_000)
    assert (cleared.state, cleared.valid_until_us) == (State.CLEARED, 0)


def test_a_warning_that_is_up_never_lapses_before_it_is_cleared() -> None:
    p = LifeParameters()
    assert p.valid_s > p.update_s + p.clear_s
    assert p.advice_valid_s > p.advise_s + p.clear_s


def test_a_warning_ends_when_a_track_falls_silent() -> None:
    place = Living(CARS)
    place.step(_finding(2), EPOCH_US)
    place.forget(EPOCH_US + 10)
    assert [one.state for one in place.step([], EPOCH_US + 20)] == [State.CLEARED]


def test_warnings_of_driven_cars_are_raised_updated_and_cleared_once() -> None:
    leader = Car(1, (0, 25, 0), 0, 15, lambda t: -7.0 if 2 <= t < 4 else 0.0)
    follower = Car(2, (0, 0, 0), 0, 15, lambda t: -8.0 if t >= 3.2 else 0.0)
    changes = drive([leader, follower], 9)
    assert {one.application for _, one in changes} == {"ebw", "fcw"}
    for application in ("ebw", "fcw"):
        life = [(t, one) for t, one in changes if one.application == application]
        assert [life[0][1].state, life[-1][1].state] == [State.RAISED, State.CLEARED]
        assert len({one.warning_id for _, one in life}) == 1
        calm = [now for (_, before), (_, now) in itertools.pairwise(life) if now.level <= before.level]
        told_s = [one.decided_us / 1e6 for one in calm if one.state != State.CLEARED]
        assert np.all(np.diff(told_s) >= 0.2 - 1e-6)


HOST, OWN, VIEW = Car(1, (0, 0, 0), 0, 15), Car(2, (0, 60, 0), 0, 5), Car(7, (0.3, 60, 0), 0, 5, is_seen=True)


def _told(place: Living, cars: list[Car], about: Car, ticks: range) -> list[tuple[int, str, str]]:
    """What becomes of the warning of the host about another, who both may have changed their leads: tick, state, id."""
    told = []
    for tick in ticks:
        place.hear(report(cars, tick * 0.1))
        found = _finding(1, host=place.lead(HOST), other=place.lead(about))
        told += [(tick, str(one.state), one.warning_id) for one in place.step(found, EPOCH_US + tick * 100_000)]
    return told


def test_a_warning_goes_on_when_another_of_a_road_users_tracks_leads() -> None:
    place = Living([HOST, OWN, VIEW])
    told = _told(place, [HOST, OWN, VIEW], OWN, range(1, 10))
    assert place.lead(VIEW) == place.lead(OWN)
    before = place.lead(OWN)
    told += _told(place, [HOST, VIEW], VIEW, range(10, 30))  # its unit says nothing any more, and its track ends
    place.forget(EPOCH_US + 2_000_000)
    told += _told(place, [HOST, VIEW], VIEW, range(30, 35))
    assert place.lead(VIEW) != before
    told += [(35, str(one.state), one.warning_id) for one in place.step([], EPOCH_US + 4_500_000)]
    assert [state for _, state, _ in told if state != "updated"] == ["raised", "cleared"]
    assert len({warning for _, _, warning in told}) == 1
    assert np.all(np.diff([tick for tick, _, _ in told[:-1]]) == 2)


def test_who_proves_to_be_known_already_takes_its_warning_along() -> None:
    """The view is first seen with a fault of 6 m, so it is somebody else; then it is found to be the vehicle that speaks."""
    place = Living([HOST, OWN])

    def hear(tick: int, off_m: float) -> Reports:
        rows = report([HOST, OWN, VIEW], tick * 0.1)
        rows.xyz[2, 0] += off_m
        return rows

    told = []
    for tick in range(1, 30):
        place.hear(hear(tick, 6.0 if tick < 6 else 0.0))
        if tick == 5:
            assert place.lead(VIEW) != place.lead(OWN)
        found = _finding(1, host=place.lead(HOST), other=place.lead(VIEW))
        told += [(str(one.state), one.warning_id) for one in place.step(found, EPOCH_US + tick * 100_000)]
    assert place.lead(VIEW) == place.lead(OWN)
    assert [state for state, _ in told] == ["raised"] + ["updated"] * (len(told) - 1)
    assert len({warning for _, warning in told}) == 1


def test_of_two_warnings_of_what_proves_to_be_one_road_user_one_ends_at_once() -> None:
    place, told = Living([HOST, OWN]), []
    for tick in range(1, 12):
        rows = report([HOST, OWN, VIEW], tick * 0.1)
        rows.xyz[2, 0] += 6.0 if tick < 6 else 0.0
        place.hear(rows)
        others = {place.lead(OWN), place.lead(VIEW)}
        found = [one for other in others for one in _finding(1, host=place.lead(HOST), other=other)]
        told += [(tick, str(one.state), one.warning_id) for one in place.step(found, EPOCH_US + tick * 100_000)]
    states = [state for _, state, _ in told if state != "updated"]
    assert states == ["raised", "raised", "cleared"]
    assert len(place.life) == 1


def test_the_level_that_the_picture_shows_is_that_of_whoever_leads_now() -> None:
    place = Living([HOST, OWN, VIEW])
    _told(place, [HOST, OWN, VIEW], OWN, range(1, 10))
    assert place.levels() == {place.lead(HOST): 1}
