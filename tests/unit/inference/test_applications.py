"""Forward and intersection collision warning on scripted traffic: who is warned, in time, and who is not."""

from functools import partial

import numpy as np
import pytest

from chelu.motion.conflict import Futures
from services.inference.reports import Participant
from services.inference.site import site_parameters
from services.inference.v2x.crossing import can_be_driven
from tests.unit.inference.scenes import Car, drive, parties, raised, site

BRAKE_AT = 2.0


def _brakes(rate, start=BRAKE_AT):
    return lambda t: rate if t >= start else 0.0


def _time_left(cars, warned_at):
    """Seconds from the warning until the cars touch if nobody reacts."""
    host, other = cars
    for step in range(200):
        t = warned_at + step * 0.05
        a, b = host.at(t)[0], other.at(t)[0]
        if np.hypot(*(a - b)) < 4.6:
            return step * 0.05
    return np.inf


@pytest.mark.parametrize("heading", [0.0, 90.0, 200.0, 337.0])
def test_hard_braking_leader_warns_the_follower_in_time_wherever_the_road_points(heading) -> None:
    along = np.array([np.sin(np.radians(heading)), np.cos(np.radians(heading))])
    leader = Car(1, (*(25 * along), 0), heading, 15, _brakes(-7))
    follower = Car(2, (0, 0, 0), heading, 15)
    changes = drive([leader, follower], 6)
    assert {one.host.vehicle_id for _, one in raised(changes)} == {2}
    found = raised(changes, "fcw")
    assert [parties(one) for _, one in found] == [(2, 1)]
    warned = found[0][0]
    assert BRAKE_AT <= warned <= BRAKE_AT + 1.0
    # 15 m/s needs 0.8 s and 15²/2·7 m: the warning leaves room for a driver with good brakes
    gap = np.hypot(*(leader.at(warned)[0] - follower.at(warned)[0])) - 4.6
    rest = leader.at(warned)[1] ** 2 / 14
    assert gap + rest > 15 * 0.8 + 15**2 / (2 * 8.0)


def test_standing_vehicle_ahead_is_warned_of_when_the_host_does_not_brake() -> None:
    found = raised(drive([Car(1, (0, 120, 0), 0, 0), Car(2, (0, 0, 0), 0, 20)], 6))
    assert len(found) == 1
    assert found[0][1].ttc_s > 1.8


@pytest.mark.parametrize("speed_mps", [8.0, 10.0, 12.0, 14.0])
def test_who_stops_behind_a_queue_as_people_do_is_not_warned(speed_mps) -> None:
    """It begins when a second's way and braking with 3 m/s² are left to two metres behind the last one."""
    way_m = speed_mps * 1.0 + speed_mps**2 / (2 * 3.0)
    start_m = -4.6 - 2.0 - way_m - speed_mps * 1.5
    host = Car(2, (0, start_m, 0), 0, speed_mps, _brakes(-(speed_mps**2) / (2 * way_m), 1.5))
    assert raised(drive([Car(1, (0, 0, 0), 0, 0), host], 8), "fcw") == []


def _brakes_after(start_s: float, t: float) -> float:
    return -4.0 if t > start_s else 0.0


def test_ordinary_queueing_at_a_red_light_does_not_warn() -> None:
    cars = [Car(1, (0, 100, 0), 0, 14, lambda t: -4.0 if t > 2 else 0.0)]
    # each follower starts to brake 0.7 s after the one ahead and as hard: everyday driving
    cars += [Car(i, (0, 100 - 24.0 * (i - 1), 0), 0, 14, partial(_brakes_after, 2 + 0.7 * (i - 1))) for i in (2, 3, 4)]
    assert raised(drive(cars, 9)) == []


def test_approach_to_a_standing_queue_with_ordinary_braking_does_not_warn() -> None:
    # 14 m/s, brakes with 2.2 m/s² from 50 m before the last car: 3.5 s before it would touch it
    queue = Car(1, (0, 100, 0), 0, 0)
    assert raised(drive([queue, Car(2, (0, 45.4, 0), 0, 14, lambda t: -2.2)], 8)) == []


def test_a_host_that_has_not_braked_when_it_must_noticeably_is_warned() -> None:
    found = raised(drive([Car(1, (0, 100, 0), 0, 0), Car(2, (0, 10, 0), 0, 14)], 6), "fcw")
    touch_s = (90 - 4.6) / 14
    assert len(found) == 1
    assert 2.5 <= touch_s - found[0][0] <= 3.2


def test_who_closes_in_on_a_moving_vehicle_is_warned_as_long_before_as_behind_a_queue_or_longer() -> None:
    """Who follows begins to brake by what it takes to stop behind a leader that stops, too: long before."""

    def warned_s(other_mps: float) -> float:
        cars = [Car(1, (0, 104.6 + 3 * other_mps, 0), 0, other_mps), Car(2, (0, 3 * other_mps, 0), 0, 10.2 + other_mps)]
        return raised(drive(cars, 9.7, site()), "fcw")[0][0]

    assert warned_s(10.0) <= warned_s(0.0) - 0.15


@pytest.mark.parametrize(("length_m", "from_m", "is_warned"), [(4.6, -4.6, False), (11.0, -4.6, True), (4.6, -2.5, True)])
def test_who_walks_behind_a_car_that_has_passed_is_not_warned_of_and_who_walks_before_it_is(length_m, from_m, is_warned) -> None:
    """The walker is at the flank when the car's middle is 1.5 m further; further back, it is a lorry's flank; or the front."""
    host = Car(1, (0, -18, 0), 0, 8, size=(length_m, 1.8))
    walker = Car(2, (from_m, 0, 0), 90, 1.4, is_seen=True, kind=Participant.PEDESTRIAN, size=(0.5, 0.5))
    assert bool(raised(drive([host, walker], 2.6, site()), "vrucw")) == is_warned


def test_who_has_lifted_the_foot_behind_a_queue_is_given_a_moment_to_brake_and_no_more() -> None:
    queue = Car(1, (0, 100, 0), 0, 0)
    found = [raised(drive([queue, Car(2, (0, 10, 0), 0, 10.6, rate)], 12), "fcw") for rate in (lambda t: 0.0, _brakes(-0.5, 5.0))]
    (plain,), (slower,) = found
    assert 0.15 <= slower[0] - plain[0] <= 0.8


def test_stop_and_go_a_metre_behind_the_next_does_not_warn() -> None:
    """0.8 s of reaction would use up the gap, but no driver brakes with 2 m/s² for 1 m/s."""
    rates = (lambda t: -1.0 if t < 1 else 0.0), (lambda t: 0.0 if t < 0.8 else -1.2 if t < 1.8 else 0.0)
    cars = [Car(1, (0, 6.2, 0), 0, 4.4, rates[0]), Car(2, (0, 0, 0), 0, 4.6, rates[1])]
    assert raised(drive(cars, 4)) == []


@pytest.mark.parametrize("side", [-1, 1])
def test_a_host_that_is_leaving_the_path_of_the_one_ahead_is_not_warned(side) -> None:
    leaving = Car(2, (side * 0.9, 10, 0), side * 2.5, 14)
    assert raised(drive([Car(1, (0, 80, 0), 0, 0), leaving], 6), "fcw") == []
    staying = Car(2, (side * 0.9, 10, 0), 0, 14)
    assert len(raised(drive([Car(1, (0, 80, 0), 0, 0), staying], 6), "fcw")) == 1


def test_following_at_a_constant_gap_does_not_warn() -> None:
    assert raised(drive([Car(1, (0, 18, 0), 0, 25), Car(2, (0, 0, 0), 0, 25)], 5)) == []


def test_oncoming_on_the_parallel_lane_does_not_warn() -> None:
    assert raised(drive([Car(1, (0, 0, 0), 0, 20), Car(2, (-3.2, 150, 0), 180, 20)], 8)) == []


def test_slower_vehicle_on_the_next_lane_does_not_warn() -> None:
    assert raised(drive([Car(1, (3.2, 60, 0), 0, 5), Car(2, (0, 0, 0), 0, 20)], 7)) == []


def test_faster_vehicle_behind_on_the_same_lane_warns_only_itself() -> None:
    found = raised(drive([Car(1, (0, 80, 0), 0, 8), Car(2, (0, 0, 0), 0, 24)], 6))
    assert {one.host.vehicle_id for _, one in found} == {2}


@pytest.mark.parametrize("phase", [0.0, 0.04])
@pytest.mark.parametrize("offset", [-1.5, 0.0, 1.5])
def test_red_light_runner_and_crossing_vehicle_are_both_warned_in_time(phase, offset) -> None:
    runner = Car(1, (0, -70, 0), 0, 14)
    crossing = Car(2, (-60 + offset, 0, 0), 90, 12, phase_s=phase)
    found = raised(drive([runner, crossing], 6), "icw")
    assert {parties(one) for _, one in found} == {(1, 2), (2, 1)}
    assert all(_time_left([runner, crossing], t) >= 1.4 for t, _ in found)


def test_vehicle_that_brakes_for_its_stop_line_is_not_warned_of() -> None:
    # stops at 14²/2·3.5 = 28 m after 42 m: at −70 + 42 + 28 = 0 … so start 10 m earlier
    stopping = Car(1, (0, -80, 0), 0, 14, lambda t: -3.5 if t >= 3 else 0.0)
    crossing = Car(2, (-60, 0, 0), 90, 12)
    assert raised(drive([stopping, crossing], 8)) == []


def test_vehicle_that_brakes_for_its_stop_line_three_seconds_before_is_not_warned_of() -> None:
    stopping = Car(1, (0, -72, 0), 0, 14, lambda t: -2.8 if t >= 1.9 else 0.0)
    crossing = Car(2, (-66, 0, 0), 90, 14)
    assert raised(drive([stopping, crossing], 8)) == []


def test_crossing_one_after_the_other_does_not_warn() -> None:
    assert raised(drive([Car(1, (0, -60, 0), 0, 12), Car(2, (-90, 0, 0), 90, 12)], 10)) == []


@pytest.mark.parametrize(("up", "expected"), [(7.0, False), (0.0, True), (1.5, True)])
def test_decks_part_crossing_vehicles(up, expected) -> None:
    found = raised(drive([Car(1, (0, -70, 0), 0, 14), Car(2, (-70, 0, up), 90, 14)], 6))
    assert bool(found) is expected


@pytest.mark.parametrize("sigma", [0.1, 3.0, 50.0])
def test_however_unsure_the_heights_are_seven_metres_part_two_decks(sigma) -> None:
    cars = [Car(1, (0, -70, 0), 0, 14, sigma=sigma), Car(2, (-70, 0, 7), 90, 14, sigma=sigma)]
    assert raised(drive(cars, 6)) == []


def test_vehicles_on_stacked_decks_in_the_same_direction_do_not_warn() -> None:
    assert raised(drive([Car(1, (0, 60, 7), 0, 0), Car(2, (0, 0, 0), 0, 20)], 5)) == []


def test_unknown_heights_on_a_site_without_roads_are_taken_as_one_deck() -> None:
    cars = [Car(1, (0, -70, 0), 0, 14, height_known=False), Car(2, (-70, 0, 0), 90, 14)]
    assert raised(drive(cars, 6), "icw")


def test_a_participant_that_a_roadside_unit_sees_is_warned_of_but_never_warned() -> None:
    found = raised(drive([Car(1, (0, -70, 0), 0, 14, is_seen=True), Car(2, (-70, 0, 0), 90, 14)], 6), "icw")
    assert [one.host.vehicle_id for _, one in found] == [2]


def test_a_roadside_units_view_of_a_speaking_vehicle_is_not_paired_with_it() -> None:
    car = Car(2, (0, 0, 0), 0, 15)
    shadow = Car(7, (0.8, -1.0, 0), 1, 14.6, is_seen=True, phase_s=0.05)
    assert raised(drive([car, shadow], 5)) == []
    leader = Car(1, (0, 25, 0), 0, 15, _brakes(-7))
    found = raised(drive([leader, car, shadow], 5))
    assert {parties(one) for _, one in found} == {(2, 1)}
    assert len(found) == len({one.application for _, one in found})


@pytest.mark.parametrize("late_s", [1.2, 4.0, 6.0, 3600.0])
def test_late_data_never_warns_anyone(late_s) -> None:
    cars = [Car(1, (0, -70, 0), 0, 14, delay_s=late_s), Car(2, (-70, 0, 0), 90, 14, delay_s=late_s)]
    assert drive(cars, 6) == []


def test_one_late_party_is_enough_to_keep_silent() -> None:
    leader = Car(1, (0, 25, 0), 0, 15, _brakes(-7), delay_s=2.0)
    assert drive([leader, Car(2, (0, 0, 0), 0, 15)], 6) == []


def test_a_wrong_clock_keeps_only_its_own_vehicle_from_warnings() -> None:
    cars = [Car(1, (0, -70, 0), 0, 14), Car(2, (-70, 0, 0), 90, 14)]
    bystanders = [Car(10 + i, (500 + 50 * i, 500, 0), 0, 10, phase_s=-20.0 if i == 0 else 0.0) for i in range(12)]
    assert raised(drive([*cars, *bystanders], 6), "icw")


@pytest.mark.parametrize("side", [-1, 1])
def test_one_ahead_that_brakes_and_turns_off_is_followed_and_not_crossed(side) -> None:
    turning = Car(1, (0, 12, 0), 0, 5.5, lambda t: -4.0 if t > 0.5 else 0.0, yaw=side * 26)
    cars, crossed = [turning, Car(2, (0, 0, 0), 0, 6)], site_parameters({"icw": {"follows_deg": 0}}, where="here")
    assert raised(drive(cars, 1.2), "icw") == []
    assert raised(drive(cars, 1.2, site(parameters=crossed)), "icw") != []


@pytest.mark.parametrize(("speed", "from_m", "is_warned"), [(5.0, 14.0, False), (5.0, 8.0, True), (12.0, 30.0, True)])
def test_who_rolls_to_a_crossing_can_stop_for_a_pedestrian_and_who_drives_cannot(speed, from_m, is_warned) -> None:
    contact_s = from_m / speed
    walker = Car(2, (-1.4 * contact_s, 0, 0), 90, 1.4, is_seen=True, kind=Participant.PEDESTRIAN, size=(0.5, 0.5))
    found = raised(drive([Car(1, (0, -from_m - 2.3, 0), 0, speed), walker], 0.5), "vrucw")
    assert [one.host.vehicle_id for _, one in found] == ([1] if is_warned else [])


@pytest.mark.parametrize(("speed", "yaw", "is_warned"), [(7.0, -33.0, True), (15.0, -45.0, False)])
def test_who_is_too_fast_for_a_turn_does_not_take_it(speed, yaw, is_warned) -> None:
    """15 m/s and 45°/s are 12 m/s² sideways: no tyre holds that, so it is no turn across the other's way."""
    cars = [Car(1, (0, -2, 0), 0, speed, yaw=yaw), Car(2, (-9, 50, 0), 180, 15)]
    assert bool(raised(drive(cars, 0.8), "lta")) == is_warned


def test_tyres_hold_a_turn_whose_line_has_corners() -> None:
    """A map's line bends by 19° every 2 m; over 0.8 s a car at 6 m/s turns no harder than on the arc of 6 m."""
    times = np.arange(21) * 0.2
    corners = np.floor(times * 6.0 / 2.0) * 19.0
    angle = np.radians(times * 6.0 / 6.0 * np.degrees(1.0))
    xy = np.stack([6.0 * (1 - np.cos(angle)), 6.0 * np.sin(angle)], axis=1)
    size = np.array([[4.6, 1.8]])
    assert can_be_driven(Futures(xy[None], corners[None], size), np.array([2.0]))[0]
    assert not can_be_driven(Futures(2.0 * xy[None], corners[None], size), np.array([2.0]))[0]
