"""Several sensors' tracks of one road user become one: the filter, the assignment, who belongs together, and names that stay."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.inference.assignment import one_to_one
from services.inference.estimate import Estimate, apart, together
from services.inference.fusion import Twins
from services.inference.picture import Picture
from services.inference.reports import Participant, Reports, Track
from services.inference.sightings import agility
from tests.unit.inference.scenes import EPOCH_US, Car, report

AGILITY = np.array([3.0])


def estimate(xy=(0.0, 0.0), velocity=(10.0, 0.0), *, at_s=0.0, place=1.0, mixed=0.0, speed=0.5) -> Estimate:
    one = np.ones(1)
    return Estimate(
        np.array([round(at_s * 1e6)]), np.array([xy]), np.array([velocity]), place * one, mixed * one, speed * one
    )  # fmt: skip


def as_matrix(told: Estimate) -> tuple[np.ndarray, np.ndarray]:
    """State (4,) and covariance (4, 4) of the first, as textbooks have them."""
    both = np.array([[told.place_m2[0], told.mixed[0]], [told.mixed[0], told.speed_m2ps2[0]]])
    return np.concatenate([told.xy[0], told.velocity[0]]), np.kron(both, np.eye(2))


variances = st.floats(0.05, 20.0)
places = st.tuples(st.floats(-50, 50), st.floats(-50, 50))


@given(places, places, variances, variances, variances, variances, st.floats(-0.9, 0.9))
def test_a_blend_is_kalmans_in_columns(xy, velocity, place, speed, other_place, other_speed, share) -> None:
    one = estimate(place=place, speed=speed, mixed=share * np.sqrt(place * speed))
    two = estimate(xy, velocity, place=other_place, speed=other_speed)
    (x, p), (z, r) = as_matrix(one), as_matrix(two)
    gain = p @ np.linalg.inv(p + r)
    expected, covariance = x + gain @ (z - x), p - gain @ p
    state, found = as_matrix(one.blended(two))
    assert state == pytest.approx(expected, abs=1e-6)
    assert found == pytest.approx(covariance, abs=1e-6)
    assert np.linalg.eigvalsh(found).min() >= -1e-9


@given(st.floats(0, 3), variances, variances)
def test_going_on_is_the_textbooks_nearly_constant_velocity(ahead_s, place, speed) -> None:
    one = estimate((1.0, 2.0), (3.0, -4.0), place=place, speed=speed)
    later = one.at(np.array([round(ahead_s * 1e6)]), AGILITY)
    ahead_s = later.time_us[0] / 1e6
    step = np.kron(np.array([[1.0, ahead_s], [0.0, 1.0]]), np.eye(2))
    noise = np.kron(3.0 * np.array([[ahead_s**3 / 3, ahead_s**2 / 2], [ahead_s**2 / 2, ahead_s]]), np.eye(2))
    (x, p), (state, covariance) = as_matrix(one), as_matrix(later)
    assert state == pytest.approx(step @ x, abs=1e-9)
    assert covariance == pytest.approx(step @ p @ step.T + noise, abs=1e-9)


def test_nothing_is_ever_brought_back_in_time() -> None:
    one, two = together(estimate(at_s=1.0), estimate(at_s=0.8), AGILITY)
    assert (one.time_us == two.time_us).all()
    assert one.xy[0].tolist() == [0.0, 0.0]
    assert two.xy[0].tolist() == pytest.approx([2.0, 0.0])
    assert two.place_m2 > one.place_m2


def test_who_is_as_sure_counts_as_much() -> None:
    found = estimate((0.0, 0.0)).blended(estimate((2.0, 0.0)))
    assert found.xy[0].tolist() == pytest.approx([1.0, 0.0])
    assert apart(estimate(), estimate((3.0, 4.0)), bias_m=0.0, bias_mps=0.0).distance_m.tolist() == [5.0]


@settings(max_examples=200)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4))
def test_an_assignment_takes_as_many_pairs_as_can_be_at_least_cost(seed, rows, columns) -> None:
    random = np.random.default_rng(seed)
    row, column = np.nonzero(random.random((rows, columns)) < 0.6)
    cost = random.uniform(0.1, 5.0, len(row))
    chosen = one_to_one(row * 10, column * 7, cost)
    assert len(np.unique(row[chosen])) == len(np.unique(column[chosen])) == chosen.sum()
    best = max(
        ((len(some), -cost[list(some)].sum()) for some in _matchings(row, column)), default=(0, 0.0)
    )  # fmt: skip
    assert (chosen.sum(), -cost[chosen].sum()) == pytest.approx(best)


def _matchings(row, column):
    """Every set of pairs that use no row and no column twice."""
    for size in range(1, min(len(set(row.tolist())), len(set(column.tolist()))) + 1 if len(row) else 0):
        for some in itertools.combinations(range(len(row)), size):
            if len({row[i] for i in some}) == len({column[i] for i in some}) == size:
                yield some


def test_a_crowd_that_somebody_invents_is_assigned_without_solving_it_all() -> None:
    """Four thousand at one place: solved as one they would take minutes."""
    random, n = np.random.default_rng(1), 4000
    row, column = np.repeat(np.arange(n), 8), random.integers(0, n, 8 * n)
    (row, column), first = np.unique(np.stack([row, column]), axis=1, return_index=True)
    chosen = one_to_one(row, column, random.uniform(0, 5, 8 * n)[first])
    assert len(np.unique(row[chosen])) == len(np.unique(column[chosen])) == chosen.sum() > 0.9 * n


class Sensors:
    """Drives cars through picture and fusion. devices: by car, who tells of it."""

    def __init__(self) -> None:
        self.picture, self.twins = Picture(), Twins()

    def hear(self, cars: list[Car], devices: list[int], t: float) -> None:
        rows = report(cars, t)
        rows.device_key[:] = devices
        self.hear_reports(rows)

    def hear_reports(self, rows: Reports) -> None:
        change = self.picture.update(rows)
        self.twins.forget(self.picture.expire(int(rows.arrival_us.max()) - 2_000_000))
        self.twins.update(self.picture, self.picture.living(change.slots))

    def slot(self, car: Car) -> int:
        kind = Track.SEEN if car.is_seen else Track.SPEAKS
        return int(self.picture.find(kind, np.array([car.name], np.uint64))[0])

    def name(self, car: Car) -> int:
        lead = self.twins.seats.lead(np.array([self.slot(car)]))
        return int(self.twins.names(lead)[0])

    def users(self) -> int:
        live = self.picture.live()
        return int((self.twins.twin[live] < 0).sum())


def seen(name: int, east: float, north: float, speed: float = 10.0, **more: float) -> Car:
    return Car(name, (east, north, 0.0), 0, speed, is_seen=True, **more)  # type: ignore[arg-type]


def test_who_turns_its_radio_on_keeps_the_name_under_which_it_was_seen() -> None:
    site, view, own = Sensors(), seen(7, 0.4, 0.0), Car(1, (0, 0, 0), 0, 10)
    for tick in range(10):
        site.hear([view], [900], tick * 0.1)
    before = site.name(view)
    for tick in range(10, 20):
        site.hear([view, own], [900, 1], tick * 0.1)
    assert site.users() == 1
    assert site.name(own) == site.name(view) == before
    assert site.twins.twin[site.slot(view)] == site.slot(own), "who speaks for itself leads"


def test_when_the_lead_falls_silent_another_leads_and_the_name_stays() -> None:
    site, view, other = Sensors(), seen(7, 0.0, 0.0), seen(8, 0.5, 0.5)
    for tick in range(10):
        site.hear([view, other], [900, 901], tick * 0.1)
    assert site.users() == 1
    name = site.name(view)
    for tick in range(10, 18):
        site.hear([other], [901], tick * 0.1)
    assert site.twins.twin[site.slot(view)] == site.slot(other)
    assert site.name(other) == name
    for tick in range(18, 45):
        site.hear([other], [901], tick * 0.1)
    assert site.slot(view) == -1, "it has left the picture"
    assert site.name(other) == name
    assert site.users() == 1


def test_who_speaks_without_a_place_in_a_tunnel_is_led_by_what_the_roadside_sees_of_it() -> None:
    site, view, own = Sensors(), seen(7, 0.4, 0.0), Car(1, (0, 0, 0), 0, 10)

    def hear(first: int, last: int, *, has_place: bool) -> None:
        for tick in range(first, last):
            rows = report([view, own], tick * 0.1)
            rows.device_key[:] = [900, 1]
            rows.xyz[1, :2] = rows.xyz[1, :2] if has_place else np.nan
            site.hear_reports(rows)

    hear(0, 20, has_place=True)
    name = site.name(own)
    hear(20, 30, has_place=False)
    assert site.twins.twin[site.slot(own)] == site.slot(view)
    hear(30, 40, has_place=True)
    assert site.twins.twin[site.slot(view)] == site.slot(own)
    assert (site.users(), site.name(view)) == (1, name)


def test_cars_side_by_side_that_two_sensors_see_stay_two() -> None:
    site = Sensors()
    cars = [seen(7, 0.0, 0.0), seen(8, 3.2, 0.0), seen(9, 0.6, 0.4), seen(10, 3.8, 0.4)]
    for tick in range(20):
        site.hear(cars, [900, 900, 901, 901], tick * 0.1)
        assert site.users() == 2
    assert site.name(cars[0]) == site.name(cars[2]) != site.name(cars[1]) == site.name(cars[3])


def test_one_view_is_not_given_to_two_who_speak() -> None:
    site = Sensors()
    cars = [Car(1, (0, 0, 0), 0, 10), Car(2, (0, 6.0, 0), 0, 10), seen(7, 0.2, 5.0)]
    for tick in range(10):
        site.hear(cars, [1, 2, 900], tick * 0.1)
    assert site.users() == 2
    assert site.name(cars[2]) == site.name(cars[1])


def test_decks_are_not_made_one() -> None:
    site, above = Sensors(), Car(8, (0, 0, 7.0), 0, 10, is_seen=True)
    for tick in range(10):
        site.hear([seen(7, 0, 0), above], [900, 901], tick * 0.1)
    assert site.users() == 2


def test_kinds_are_not_made_one() -> None:
    site, walker = Sensors(), Car(8, (0.3, 0, 0), 0, 1.4, is_seen=True, kind=Participant.PEDESTRIAN)
    for tick in range(10):
        site.hear([seen(7, 0, 0, 1.4), walker], [900, 901], tick * 0.1)
    assert site.users() == 2


def test_who_goes_its_own_way_leaves() -> None:
    """Another car takes the place, and the number, of the one that a sensor saw."""
    site, own = Sensors(), Car(1, (0, 0, 0), 0, 10)
    for tick in range(10):
        site.hear([own, seen(7, 0.3, 0.0)], [1, 900], tick * 0.1)
    assert site.users() == 1
    for tick in range(10, 16):
        site.hear([own, seen(7, 0.3, -6.0)], [1, 900], tick * 0.1)
    assert site.users() == 2
    assert site.name(own) != site.name(seen(7, 0, 0))


def test_a_jump_of_one_report_tears_nobody_in_two() -> None:
    site, own = Sensors(), Car(1, (0, 0, 0), 0, 10)
    for tick in range(20):
        site.hear([own, seen(7, 5.5 if tick == 10 else 0.3, 0.0)], [1, 900], tick * 0.1)
        assert site.users() == 1


@pytest.mark.parametrize("late_s", [0.0, 0.2, 0.4])
def test_what_comes_late_counts_where_it_was_true(late_s: float) -> None:
    """A camera's objects come late, a radar's at once: the road user is where both say that it was."""
    site, truth = Sensors(), Car(1, (0, 0, 0), 0, 20)
    for tick in range(5, 40):
        t = tick * 0.1
        site.hear([seen(7, 0.0, 0.0, 20.0)], [900], t)
        late = report([seen(8, 0.0, 0.0, 20.0)], t - late_s)
        late.device_key[:] = 901
        site.hear_reports(late)
        if tick > 6:
            assert site.users() == 1
    lead = site.twins.seats.lead(np.array([site.slot(seen(7, 0, 0))]))
    told = site.twins.estimates(site.picture, lead)
    now = told.at(np.array([EPOCH_US + 3_900_000]), agility(site.picture, lead))
    assert now.xy[0].tolist() == pytest.approx(truth.at(3.9)[0].tolist(), abs=0.3)


def test_two_noisy_sensors_together_are_nearer_the_truth_than_either() -> None:
    random, site, off = np.random.default_rng(3), Sensors(), list[np.ndarray]()
    for tick in range(100):
        rows = report([seen(7, 0.0, 0.0), seen(8, 0.0, 0.0)], tick * 0.1)
        truth = rows.xyz[0, :2].copy()
        rows.device_key[:] = [900, 901]
        rows.xyz[:, :2] += random.normal(0, 0.8, (2, 2))
        rows.place_sigma_m[:] = 0.8
        site.hear_reports(rows)
        slots = np.array([site.slot(seen(7, 0, 0))])
        told = site.twins.estimates(site.picture, site.twins.seats.lead(slots))
        off.append(np.array([np.hypot(*(told.xy[0] - truth)), np.hypot(*(rows.xyz[0, :2] - truth))]))
    fused_m, alone_m = np.sqrt((np.array(off[10:]) ** 2).mean(axis=0))
    assert fused_m < 0.6 * alone_m


def test_pure_speakers_have_no_estimates_and_cost_nothing() -> None:
    site = Sensors()
    for tick in range(5):
        site.hear([Car(name, (0, 3.0 * name, 0), 0, 10) for name in range(1, 6)], [1, 2, 3, 4, 5], tick * 0.1)
    assert site.users() == 5
    assert not site.twins._has_estimate.any()
