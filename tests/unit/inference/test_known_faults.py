"""Faults that programmes of this kind have been found to have: each is a test here, so that none can come in."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chelu.messages import BSM, Batch
from chelu.motion.footprints import overlap
from services.inference.futures import Futures
from services.inference.history import recent
from services.inference.outbox import addressee
from services.inference.parameters import with_site_values
from services.inference.picture import Picture
from services.inference.register import Register
from services.inference.reports import Origin, Participant, of_bsm
from services.inference.site import SiteParameters, site_parameters
from services.inference.v2x.catalogue import APPLICATIONS
from tests.unit.inference import staged
from tests.unit.inference.scenes import Car, drive, parties, raised, report, site


@pytest.mark.parametrize("speed", [15.0, 22.0, 30.0])
@pytest.mark.parametrize("phase", [0.0, 0.03, 0.07])
def test_a_fast_crossing_slips_through_no_instants(speed, phase) -> None:
    cars = [Car(1, (0, -5 * speed, 0), 0, speed), Car(2, (-5 * speed, 0, 0), 90, speed, phase_s=phase)]
    found = raised(drive(cars, 5), "icw")
    assert {one.host.vehicle_id for _, one in found} == {1, 2}
    assert max(t for t, _ in found) <= 5 - 2.3


def test_head_on_at_twenty_and_twenty_is_warned_of_long_before() -> None:
    """Contact is 4 s after the start; a filter by distance that ignores closing speed would look at it too late."""
    found = raised(drive([Car(1, (0, 0, 0), 0, 20), Car(2, (0.3, 164.6, 0), 180, 20)], 4), "fcw")
    assert {one.host.vehicle_id for _, one in found} == {1, 2}
    assert max(t for t, _ in found) <= 4 - 2.5


def test_contact_in_two_seconds_is_warned_of_when_both_are_first_heard_of_then() -> None:
    found = raised(drive([Car(1, (0, 0, 0), 0, 20), Car(2, (0, 80.6, 0), 180, 20)], 2), "fcw")
    assert {one.host.vehicle_id for _, one in found} == {1, 2}
    assert max(t for t, _ in found) <= 0.3


@pytest.mark.parametrize("yaw", [-30.0, -12.0, 8.0, 25.0])
def test_a_turn_is_followed_to_within_a_hands_breadth_for_three_seconds(yaw) -> None:
    car = Car(1, (0, 0, 0), 350, 8, yaw=yaw)
    picture = Picture()
    for tick in range(20):
        picture.update(report([car], tick * 0.1))
    futures = Futures()
    futures.update(picture, np.array([0]), np.array([np.nan]))
    ahead = min(3.0, 90.0 / abs(yaw))  # without a map no turn is carried further than a junction's
    step = int(ahead / 0.2)
    there, _, _, _ = car.at(1.9 + step * 0.2)
    np.testing.assert_allclose(futures.xy[0, step], there, atol=0.1)


def test_passing_north_is_no_spin() -> None:
    """Headings 359° and 1° in turn: the future goes straight on, and nothing beside it is warned of."""
    picture = Picture()
    for tick in range(20):
        rows = report([Car(1, (0, 0, 0), 0, 15)], tick * 0.1)
        rows.heading_deg[:] = 359.0 if tick % 2 else 1.0
        picture.update(rows)
    futures = Futures()
    futures.update(picture, np.array([0]), np.array([np.nan]))
    xy, heading = futures.aligned(np.array([0]), np.array([0.1]))
    assert np.abs(xy[0, :, 0]).max() < 1.5
    assert (np.abs((heading + 180) % 360 - 180) < 2).all()
    assert abs(recent(picture, np.array([0]), np.array([np.nan])).acceleration_mps2[0]) < 0.1


@pytest.mark.parametrize("heading", [0.0, 20.0, 40.0, 130.0, 250.0])
def test_a_footprint_lies_along_its_heading_and_not_mirrored(heading) -> None:
    """A lorry of 12 m reaches 5 m ahead of its middle, and neither 5 m aside nor where it would if turned the other way."""
    angle = np.radians(heading)
    ahead, aside = np.array([np.sin(angle), np.cos(angle)]) * 5.0, np.array([np.cos(angle), -np.sin(angle)]) * 5.0
    lorry, spot, none = np.array([12.0, 2.5]), np.array([0.2, 0.2]), np.array(0.0)
    covers = [bool(overlap(one, np.array(heading), lorry, none, spot)) for one in (ahead, -ahead, aside, ahead * [-1, 1])]
    assert covers == [True, True, False, heading == 0.0]


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("heading", [0.0, 40.0, 250.0])
def test_passing_beside_a_lorry_that_stands_along_the_road_warns_nobody(heading, side) -> None:
    cars = [Car(1, (0, 0, 0), 0, 15), Car(2, (side * 3.2, 60, 0), 0, 0, size=(12.0, 2.5))]
    assert raised(drive(staged.turned(cars, heading), 5)) == []


@pytest.mark.parametrize("heading", [0.0, 90.0, 180.0, 270.0, 37.0])
def test_overtaking_with_somebody_three_seconds_away_is_warned_of_in_every_direction(heading) -> None:
    cars = [
        Car(1, (0, 0, 0), 0, 20, lights=staged.scenes()["dnpw"][0].lights),
        Car(2, (-3.5, 3.3 * 38 + 4.6, 0), 180, 18),
        Car(3, (0, 25, 0), 0, 15),
    ]
    found = raised(drive(staged.turned(cars, heading), 1), "dnpw")
    assert [parties(one) for _, one in found] == [(1, 2)]


def test_two_units_that_report_at_the_same_instant_are_both_answered() -> None:
    cars = [Car(1, (0, -70, 0), 0, 14), Car(2, (-70, 0, 0), 90, 14)]
    place, addressees = site(), set[tuple[int, Any]]()
    units: dict[int, Any] = {900: "rsu-a", 901: "rsu-b"}
    for tick in range(40):
        rows = report(cars, tick * 0.1)
        rows.own_key[:] = 0
        rows.device_key[:] = [900, 901]
        for one in place.step(rows, int(rows.arrival_us.max())):
            register = Register({}, units, {}, {})
            addressees.add((one.host.vehicle_id, addressee(one.host, register)))
    assert addressees == {(1, "rsu-a"), (2, "rsu-b")}


def test_a_message_without_any_optional_field_still_counts() -> None:
    """No lane, no acceleration, no yaw rate, no height, no sizes, no accuracies."""
    columns = {name: np.zeros(1, dtype) for name, dtype in BSM.dtypes().items()}
    columns |= {name: np.full(1, np.nan) for name, dtype in BSM.dtypes().items() if dtype.kind == "f"}
    columns |= {"latitude_deg": np.zeros(1), "longitude_deg": np.zeros(1), "speed_mps": np.ones(1), "heading_deg": np.zeros(1)}

    class Flat:
        def to_local(self, latitude_deg, longitude_deg, elevation_m):
            return np.stack([longitude_deg, latitude_deg, elevation_m], axis=1)

    one = np.ones(1, np.int64)
    rows = of_bsm(Batch(columns), Origin(one, np.ones(1, np.bool_), one), Flat())
    assert (len(rows), rows.length_m[0], rows.width_m[0], rows.lights[0]) == (1, 4.6, 1.8, 0)


def test_cars_that_say_nothing_beyond_place_speed_and_heading_are_warned() -> None:
    cars = [Car(1, (0, -70, 0), 0, 14, height_known=False), Car(2, (-70, 0, 0), 90, 14, height_known=False)]
    place, found = site(), []
    for tick in range(45):
        rows = report(cars, tick * 0.1)
        for column in (rows.acceleration_mps2, rows.yaw_rate_dps, rows.height_sigma_m):
            column[:] = np.nan
        found += [one for one in place.step(rows, int(rows.arrival_us.max())) if one.state == "raised"]
    assert {one.host.vehicle_id for one in found if one.application == "icw"} == {1, 2}


def test_nobody_is_warned_of_itself_however_many_sensors_see_it() -> None:
    car = Car(1, (0, 0, 0), 0, 15)
    shadows = [Car(7 + i, (0.8 - i, 1.5 * i - 1, 0), 1, 14.6, is_seen=True, phase_s=0.03 * i) for i in range(3)]
    place, found = site(), []
    for tick in range(50):
        rows = report([car, *shadows], tick * 0.1)
        rows.device_key[1:] = [900, 901, 902]
        found += place.step(rows, int(rows.arrival_us.max()))
    assert found == []


@pytest.fixture(scope="module")
def plain():
    """Which applications warn in each scene when all are on."""
    return {scene: _by(scene) for scene in (*staged.scenes(), *staged.rules())}


def _by(scene, **options):
    """Which applications speak in a scene."""
    if (rule := staged.rules().get(scene)) is not None:
        move = staged.mover()
        changes = drive(rule.cars, 4, rule.where(move, **options), tell=rule.tell(move))
    else:
        changes = drive(staged.scenes()[scene], 4, site(**options))
    return {one.application for _, one in raised(changes)}


@pytest.mark.parametrize("name", [one.name for one in APPLICATIONS])
def test_a_switch_turns_off_its_own_application_and_no_other(name, plain) -> None:
    off = site_parameters({name: {"is_on": 0}}, where="here")
    assert name in plain[name]
    for scene in plain:
        if name in plain[scene]:
            assert _by(scene, parameters=off) == plain[scene] - {name}


@pytest.mark.parametrize("every_s", [0.3, 0.4, 0.5])
def test_sources_below_three_hertz_are_judged_all_the_same(every_s) -> None:
    cars = [Car(1, (0, -70, 0), 0, 14, every_s=every_s), Car(2, (-70, 0, 0), 90, 14, every_s=every_s)]
    found = raised(drive(cars, 5), "icw")
    assert {one.host.vehicle_id for _, one in found} == {1, 2}
    assert max(t for t, _ in found) <= 5 - 1.5


def test_a_source_too_slow_to_be_judged_is_counted() -> None:
    place = site()
    drive([Car(1, (0, -70, 0), 0, 14, every_s=1.5), Car(2, (500, 0, 0), 90, 14)], 6, place)
    assert place.counts.unjudged >= 3
    brisk = site()
    drive([Car(1, (0, -70, 0), 0, 14), Car(2, (500, 0, 0), 90, 14)], 6, brisk)
    assert brisk.counts.unjudged == 0


def test_a_pedestrian_first_seen_shortly_before_the_contact_is_warned_of_at_once() -> None:
    contact_s = 4.0
    walker = Car(
        2, (-1.4 * contact_s, 0, 0), 90, 1.4,
        is_seen=True, kind=Participant.PEDESTRIAN, size=(0.5, 0.5), from_s=contact_s - 0.7,
    )  # fmt: skip
    found = raised(drive([Car(1, (0, -11 * contact_s - 2.3, 0), 0, 11), walker], 4), "vrucw")
    assert [one.host.vehicle_id for _, one in found] == [1]
    assert found[0][0] <= contact_s - 0.6


def test_parameters_of_one_site_are_its_own() -> None:
    shared = SiteParameters().applications["fcw"]
    changed = with_site_values(shared, {"warn_mps2": 3}, where="here")
    assert replace(changed, warn_mps2=shared.warn_mps2) == shared
