"""Anomalies of numeric streams: each kind is found and named, nothing of the future is used, each series is judged alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chelu.messages import concatenate
from services.inference.city.anomalies.detector import AnomalyDetector, Change, Kind
from services.inference.city.anomalies.parameters import AnomalyParameters
from services.inference.city.anomalies.telling import told
from services.inference.parameters import table

STEP_US = 600_000_000  # ten minutes: as coarse as loops are read
DAY = 144
DAYS = 9
START_US = 1_767_571_200_000_000  # a Monday
P = AnomalyParameters(utc_offset_h=0.0)
FAULT = 8 * DAY + 60
DOCS = Path(__file__).parents[3] / "docs" / "city"


def ordinary(seed=0, series=1):
    """Two rushes a day and noise that persists."""
    rng, rows = np.random.default_rng(seed), DAYS * DAY
    hour = np.arange(rows) / 6 % 24
    curve = np.exp(-(((hour - 8) / 2) ** 2)) + np.exp(-(((hour - 17) / 2) ** 2))
    noise = np.zeros((rows, series))
    for row in range(1, rows):
        noise[row] = 0.6 * noise[row - 1] + rng.normal(size=series)
    return 50.0 + 20.0 * curve[:, None] + noise


def run(values, parameters=P, detector=None):
    """All that is said, with rows."""
    series = values.shape[1]
    detector = detector or AnomalyDetector(series, parameters)
    every, said = np.arange(series), []
    for row, read in enumerate(values):
        changed = detector.update(every, np.full(series, START_US + row * STEP_US), read)
        said.append(changed.with_columns(row=np.full(len(changed), row)))
    return concatenate(said)


def faulty(change, seed=0, at=FAULT):
    values = ordinary(seed)
    change(values[at:, 0])
    return values


def spike(rest):
    rest[0] += 25


def shift(rest):
    rest[:30] -= 14


def drift(rest):
    rest[:] += np.arange(len(rest)) * 0.03


def frozen(rest):
    rest[:40] = rest[0]


def named(said):
    return [(Kind(kind), Change(change)) for kind, change in zip(said["kind"], said["change"], strict=True)]


def test_of_ordinary_days_next_to_nothing_is_said() -> None:
    said = run(ordinary(series=20))
    assert np.count_nonzero(said["change"] == Change.RAISED) <= 3  # in 140 days of readings


@pytest.mark.parametrize(
    ("change", "kind", "within"),
    [(spike, Kind.SPIKE, 1), (shift, Kind.SHIFT, 12), (drift, Kind.DRIFT, 288), (frozen, Kind.FROZEN, 15)],
)
@pytest.mark.parametrize("seed", [0])
def test_each_kind_is_found_soon_and_called_by_its_name(change, kind, within, seed) -> None:
    at = 5 * DAY if change is drift else FAULT
    said = run(faulty(change, seed, at))
    raised = said.take((said["change"] <= Change.UPDATED) & (said["row"] >= at))
    assert raised["row"][0] <= at + within
    assert Kind(raised["kind"][-1]) is kind
    assert np.count_nonzero(raised["change"] == Change.RAISED) == 1


def test_a_jump_that_stays_is_a_spike_at_once_and_a_shift_later_since_it_jumped() -> None:
    said = run(faulty(lambda rest: rest.__iadd__(30.0)))
    assert named(said)[:2] == [(Kind.SPIKE, Change.RAISED), (Kind.SHIFT, Change.UPDATED)]
    jumped_us = START_US + FAULT * STEP_US
    assert said["time_us"][0] == said["since_us"][0] == said["since_us"][1] == jumped_us


def test_an_alarm_is_cleared_when_readings_are_usual_again() -> None:
    said = run(faulty(shift))
    assert named(said)[-1] == (Kind.SHIFT, Change.CLEARED)
    assert FAULT + 30 < said["row"][-1] < FAULT + 30 + 40


def test_a_level_that_stays_becomes_the_usual_one() -> None:
    values = ordinary()
    values[5 * DAY :, 0] += 20
    said = run(values)
    assert Change.ACCEPTED in said["change"]
    after = said["row"][said["change"] == Change.ACCEPTED][0]
    assert 8 * DAY <= after <= 8 * DAY + 2
    assert not np.any((said["row"] > after + 12) & (said["change"] == Change.RAISED))


def test_what_is_said_of_a_reading_does_not_depend_on_later_ones() -> None:
    values = faulty(shift)
    whole, cut = run(values), run(values[: FAULT + 10])
    until = whole.take(whole["row"] < FAULT + 10)
    assert len(cut)
    for name in whole:
        np.testing.assert_array_equal(until[name], cut[name])


def test_each_of_many_series_is_judged_as_if_it_were_alone() -> None:
    values = ordinary(5, series=4)
    for at, change in enumerate((spike, shift, frozen)):
        change(values[FAULT:, at])
    together = run(values)
    for at in range(4):
        alone, mine = run(values[:, [at]]), together.take(together["series"] == at)
        assert named(mine) == named(alone)
        np.testing.assert_array_equal(mine["row"], alone["row"])
        np.testing.assert_allclose(mine["amount"], alone["amount"])


@pytest.mark.parametrize(("factor", "offset"), [(0.001, 0.0), (1000.0, 0.0), (-1.0, 100.0)])
def test_other_units_change_no_alarm(factor, offset) -> None:
    values = faulty(shift)
    before, after = run(values), run(values * factor + offset)
    assert named(before) == named(after)
    np.testing.assert_allclose(after["amount"], before["amount"] * factor, rtol=1e-6, atol=abs(factor) * 1e-6)


def test_readings_without_a_value_and_of_the_past_are_counted_and_teach_nothing() -> None:
    detector = AnomalyDetector(1, P)
    run(ordinary()[:300], detector=detector)
    one = np.array([0])
    assert not len(detector.update(one, np.array([START_US + 300 * STEP_US]), np.array([np.nan])))
    assert not len(detector.update(one, np.array([START_US + 10 * STEP_US]), np.array([9e9])))
    assert (detector.missing, detector.backward) == (1, 1)
    assert not len(detector.update(one, np.array([START_US + 300 * STEP_US]), ordinary()[300]))


def test_zeros_of_every_night_are_not_frozen() -> None:
    values = ordinary()
    night = np.arange(len(values)) % DAY < 36
    values[night] = 0.0
    assert Kind.FROZEN not in run(values)["kind"]


def test_nothing_is_said_while_a_series_is_young() -> None:
    values = ordinary()
    values[DAY + 20 : DAY + 60] += 40
    values = values[: 3 * DAY]
    said = run(values, replace(P, learn_days=3.0))
    assert not len(said)


def test_an_alarm_tells_kind_time_amount_and_rule() -> None:
    said = run(faulty(frozen))
    row = {name: said[name][0] for name in said}
    sentence = told(row, "loop 4", "km/h", P)
    assert sentence.startswith("loop 4: frozen since 2026-01-13 10:00:00 UTC")
    assert "equal readings are less likely than 1e-09" in sentence
    shifted = run(faulty(lambda rest: rest.__iadd__(30.0)))
    sentence = told({name: shifted[name][1] for name in shifted}, "loop 4", "km/h", P)
    assert "level shift since 2026-01-13 10:00:00" in sentence
    assert "in the mean of 1 h" in sentence


def test_the_page_has_the_parameters_as_they_are() -> None:
    assert table(AnomalyParameters) in (DOCS / "anomalies.md").read_text(encoding="utf-8")
