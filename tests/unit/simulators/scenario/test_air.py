"""The radio of a run in real time: what is lost, late, off, and who has one; a clean replay is left as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chelu.clock import SystemClock
from chelu.codec.cv2x import decode
from services.inference.reports import Event, Lamp
from simulators.encoding import Uper
from simulators.fleet import fleet_of
from simulators.letters import Letters, no_letters
from simulators.replay import composer
from simulators.scenario.air import Air, Radio, equipped, radio_of, seed_of
from simulators.scenario.description import Description
from simulators.scenario.saying import EVENTS, HAZARD_LIGHTS, LIGHTS
from simulators.scenario.scenes import scene_of
from simulators.scenario.trace import Trace
from simulators.scene import Origin, Role
from tests.unit.simulators.scenario.written import described, ran, scenario

ORIGIN = Origin(29.5, 106.5, 240.0)
CARS = [f"c{number}: {{start: {{way: main, along_m: {100 + 20 * number}, speed_kmh: 36}}}}" for number in range(1, 9)]
CROWD = "\n".join(
    [
        "ego: {under_test: true, start: {way: main, lane: 1, along_m: 100, speed_kmh: 36}}",
        "other: {start: {way: main, lane: 2, along_m: 100, speed_kmh: 36}}",
        *CARS,
        "walker: {kind: pedestrian, start: {way: main, along_m: 400}}",
    ]
)


def letters(count: int, device: int, stream: int = 0) -> Letters:
    column = np.arange(count, dtype=np.int64)
    return replace(
        no_letters(),
        start=column,
        stop=column + 1,
        stream=np.full(count, stream),
        device=np.full(count, device),
        due_s=np.asarray(column * 0.1, np.float64),
        event_us=column * 100_000,
        rows=np.ones(count, np.int64),
        message_count=column,
    )


def radio(loss: float = 0.0, latency_s: float = 0.0, noise_m: float = 0.0) -> Radio:
    return Radio(10.0, latency_s, loss, noise_m, np.array([True, True]), (1, 2))


def described_with(radio: str) -> tuple[Description, Trace]:
    text = scenario(actors=CROWD, more=f"radio: {radio}")
    return described(text), ran(text)


def test_a_share_of_messages_is_lost_the_same_each_time_and_all_others_are_late() -> None:
    kept = [Air(radio(loss=0.3, latency_s=0.2), SystemClock()).through(letters(2000, 1)) for _ in range(2)]
    assert len(kept[0]) == pytest.approx(1400, abs=60)
    assert np.array_equal(kept[0].event_us, kept[1].event_us)
    assert kept[0].due_s == pytest.approx(kept[0].event_us / 1e6 + 0.2)


def test_what_a_device_says_itself_and_what_signals_say_is_not_lost() -> None:
    air = Air(radio(loss=1.0, latency_s=0.2), SystemClock(), own=0)
    assert len(air.through(letters(50, 0))) == 50
    assert len(air.through(letters(50, 1))) == 0
    assert len(air.through(letters(50, -1, stream=2))) == 50


def test_messages_are_written_down_with_those_that_never_came() -> None:
    air = Air(radio(loss=0.5), SystemClock())
    air.arrive(air.through(letters(400, 1)))
    found = air.messages(3, ["ego", "other"], 0)
    assert len(found) == 400
    assert set(found["sender"].tolist()) == {"other"}
    assert set(found["run"].tolist()) == {3}
    assert np.all(np.diff(found["sent_s"]) >= 0)
    assert np.isnan(found["received_s"]).mean() == pytest.approx(0.5, abs=0.1)


def test_without_a_word_about_it_messages_are_as_they_are() -> None:
    description, trace = described_with("{}")
    found = radio_of(description, trace, 0)
    assert (found.rate_hz, found.latency_s, found.loss, found.noise_m) == (10.0, 0.0, 0.0, 0.0)
    plain, through = scene_of(trace, 0, ORIGIN, "s"), scene_of(trace, 0, ORIGIN, "s", found)
    for name in plain.actors:
        assert np.array_equal(plain.actors[name], through.actors[name])
    before, after = plain.read(0, plain.end_ms).samples, through.read(0, through.end_ms).samples
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_noise_and_rate_are_those_of_the_file() -> None:
    description, trace = described_with("{noise_m: 2, rate_hz: 4}")
    found = scene_of(trace, 0, ORIGIN, "s", radio_of(description, trace, 0))
    samples = found.read(0, found.end_ms).samples
    own = samples.take(np.asarray(samples["actor"] == 0))
    assert np.diff(own["time_ms"]).tolist() == [250] * (len(own) - 1)
    true = np.interp(own["time_ms"] / 1000, trace.time_s, trace.xy[:, 0, 0, 0])
    assert (own["x_m"] - true).std() == pytest.approx(2.0, rel=0.35)


def test_a_share_of_vehicles_has_a_radio_the_same_for_a_case_and_what_is_tested_always() -> None:
    description, trace = described_with("{penetration: 0.5}")
    has = radio_of(description, trace, 0).equipped
    assert has[0], "the one under test"
    assert not has[-1], "nobody on foot"
    assert has[1:-1].sum() == round(0.5 * 9)
    assert np.array_equal(has, equipped(description, 0.5, seed_of(trace, 0)))
    others = {tuple(equipped(description, 0.5, (seed,)).tolist()) for seed in range(20)}
    assert len(others) > 10
    roles = scene_of(trace, 0, ORIGIN, "s", radio_of(description, trace, 0)).actors["role"]
    assert (roles == Role.OBU).tolist() == has.tolist()


def test_what_somebody_says_of_itself_is_in_its_own_messages_from_then_on() -> None:
    text = scenario(
        manoeuvres="""
            - {name: signals, actor: other, when: {time_s: 2}, says: {lights: [left, hazard], events: [flat-tyre], siren: true}}
        """
    )
    description, trace = described(text), ran(text)
    scene = scene_of(trace, 0, ORIGIN, "s", radio_of(description, trace, 0))
    fleet = fleet_of(scene, "s")
    piece = scene.read(0, scene.end_ms)
    times_us = 1_700_000_000_000_000 + piece.samples["time_ms"] * 1000
    (parcel,) = composer(scene, fleet, Uper(), seed=0).parcels(piece, times_us, np.zeros(0, np.int64))
    heard = decode(parcel.frames).bsm
    is_other, later = heard["vehicle_id"] == fleet.vehicle_ids[1], np.asarray(parcel.time_ms >= 2000)
    lamps = LIGHTS["left"] | LIGHTS["hazard"]
    assert set(heard["lights"][is_other & later].tolist()) == {lamps}
    assert set(heard["events"][is_other & later].tolist()) == {EVENTS["flat-tyre"] | HAZARD_LIGHTS}
    assert set(heard["siren"][is_other & later].tolist()) == {2}
    assert set(heard["lights"][~(is_other & later)].tolist()) == {0}
    assert set(heard["siren"][~(is_other & later)].tolist()) == {1}


def test_the_bits_are_those_that_the_site_reads() -> None:
    assert {name: int(getattr(Lamp, name.upper())) for name in LIGHTS} == LIGHTS
    words = {"traction": "TRACTION_CONTROL", "stability": "STABILITY_CONTROL"}
    assert {name: int(Event[words.get(name, name.upper().replace("-", "_"))]) for name in EVENTS} == EVENTS
    assert Event.HAZARD_LIGHTS == HAZARD_LIGHTS
