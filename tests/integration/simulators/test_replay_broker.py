"""A replay through a real mosquitto: what is published arrives, on time, and a broker's death is counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from chelu.bus import Received, Session
from chelu.clock import SystemClock
from simulators.fleet import Fleet, fleet_of
from simulators.replay import Options, Replay, ReplayReport
from simulators.scenario.platform import replayed
from simulators.scene import Scene
from tests.fix_broker import MakeBroker, RunningBroker
from tests.unit.simulators.parts import JsonEncoder, driving
from tests.waiting import until

CLOCK = SystemClock()


@pytest.fixture
def running(make_broker: MakeBroker) -> RunningBroker:
    return make_broker()


@pytest.fixture
def gateway(running: RunningBroker) -> Iterator[Session]:
    session = Session(running.url, client_id="replay-gateway", clock=CLOCK, subscriptions=["obu/+/warning/down"], max_delay_s=0.2)
    session.start()
    session.wait_connected(10)
    yield session
    session.stop()


@pytest.fixture
def listener(running: RunningBroker) -> Iterator[Session]:
    session = Session(running.url, client_id="listener", clock=CLOCK, subscriptions=[("obu/+/bsm/up", 0)], max_delay_s=0.2)
    session.start()
    session.wait_connected(10)
    yield session
    session.stop()


def replay(scene: Scene, fleet: Fleet, session: Session, speed: float) -> Replay:
    return Replay(scene, fleet, [session], JsonEncoder(), clock=CLOCK, options=Options(speed=speed))


def test_every_message_of_a_replay_arrives_once_with_its_event_time(gateway: Session, listener: Session) -> None:
    scene = driving(20.0, cars=50)
    fleet = fleet_of(scene, "broker")
    report = replay(scene, fleet, gateway, speed=10.0).run()
    received = _all(listener, report.messages)
    assert report.published == {"bsm": 10_000, "participant": 0, "spat": 0}
    assert report.unsent == 0
    seen = sorted((item.topic, json.loads(item.payload)["reference_us"]) for item in received)
    wanted = sorted(
        (f"obu/{name}/bsm/up", report.event_from_us + 100_000 * step) for name in fleet.obu_ids for step in range(200)
    )
    assert seen == wanted


def test_a_live_replay_keeps_to_its_schedule(gateway: Session, listener: Session) -> None:
    scene = driving(2.0, cars=5)
    report = replay(scene, fleet_of(scene, "live"), gateway, speed=1.0).run()
    received = _all(listener, 100)
    late_us = [item.arrival_us - json.loads(item.payload)[0]["time_us"] for item in received]
    assert np.median(late_us) < 20_000
    assert min(late_us) > -2_000
    assert report.ended_us - report.begun_us == pytest.approx(2.2e6, abs=0.4e6)


def test_a_broker_that_dies_in_mid_replay_is_waited_for_and_its_loss_counted(running: RunningBroker, gateway: Session) -> None:
    scene = driving(60.0, cars=20)
    beginning = threading.Event()

    def progress(report: ReplayReport) -> None:
        if report.messages > 2000:
            beginning.set()

    replaying = Replay(
        scene, fleet_of(scene, "dying"), [gateway], JsonEncoder(), clock=CLOCK, options=Options(speed=20.0), on_progress=progress
    )
    reports: list[ReplayReport] = []
    thread = threading.Thread(target=lambda: reports.append(replaying.run()))
    thread.start()
    assert beginning.wait(20)
    running.kill()
    thread.join(60)
    assert not thread.is_alive()
    assert reports[0].messages == 12_000
    assert reports[0].published["bsm"] + reports[0].unsent == 12_000


def test_a_warning_reaches_the_simulator_with_its_latency(gateway: Session, listener: Session) -> None:
    scene = driving(3.0, cars=1)
    name = fleet_of(scene, "warned").obu_ids[0]

    def answer(report: ReplayReport) -> None:
        """A platform that warns of the first message it hears."""
        if report.warnings or not (heard := listener.drain(1, 0.0)):
            return
        cause = {"device_id": name, "event_time_us": json.loads(heard[0].payload)[0]["time_us"]}
        document = {"warning_id": "w", "application": "fcw", "state": "raised", "host": {}, "cause": cause, "event_time_us": 1}
        listener.publish(f"obu/{name}/warning/down", json.dumps(document).encode(), qos=1)

    report = Replay(scene, fleet_of(scene, "warned"), [gateway], JsonEncoder(), clock=CLOCK, on_progress=answer).run()
    assert report.warnings
    assert report.warnings[0].device_id == name
    assert report.warnings[0].latency_us is not None
    assert 0 < report.warnings[0].latency_us < 1_500_000


def test_a_broker_that_stays_dead_leaves_what_was_said_until_then(running: RunningBroker, gateway: Session) -> None:
    scene = driving(30.0, cars=20)
    killed: list[int] = []

    def progress(report: ReplayReport) -> None:
        if report.messages > 500 and not killed:
            running.stop()
            killed.append(report.through_ms)

    replaying = Replay(
        scene,
        fleet_of(scene, "dead"),
        [gateway],
        JsonEncoder(),
        clock=CLOCK,
        options=Options(speed=5.0, patience_s=0.5),
        on_progress=progress,
    )
    report, broken = replayed(replaying, CLOCK)
    assert "the MQTT broker" in broken
    assert killed[0] <= report.through_ms < 30_000
    assert report.is_interrupted
    assert report.messages > 500


def _all(session: Session, wanted: int) -> list[Received]:
    received: list[Received] = []

    def is_all_there() -> bool:
        received.extend(session.drain(10_000, 0.05))
        return len(received) >= wanted

    until(is_all_there, 10, f"{wanted} messages")
    return received
