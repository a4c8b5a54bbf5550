from __future__ import annotations

import json

import numpy as np
import pytest

from chelu.bus import Received
from chelu.clock import VirtualClock
from simulators.fleet import fleet_of
from simulators.replay import LEAD_S, Options, Replay, ReplayReport
from simulators.scene import Role, Scene, in_memory
from tests.unit.simulators.parts import ORIGIN, START_US, JsonEncoder, MemorySession, actors, driving, samples, signals

MS = 1000


def replayed(scene: Scene, *, speed: float = 1.0, seed: int = 0, cost_s: float = 0.0) -> tuple[ReplayReport, MemorySession]:
    clock = VirtualClock(START_US)
    session = MemorySession(clock, cost_s=cost_s)
    options = Options(speed=speed, seed=seed)
    return Replay(scene, fleet_of(scene, "site"), [session], JsonEncoder(), clock=clock, options=options).run(), session


def crossing() -> Scene:
    people = samples([(41, p) for p in range(18)] + [(141, p) for p in range(18)])
    lights = signals([(0, 1, 3, 4.2), (0, 2, 6, 1.0), (100, 1, 3, 4.1), (100, 2, 6, 0.9)])
    return in_memory("crossing", ORIGIN, actors(*[Role.PERCEIVED] * 18), people, lights)


def test_event_times_begin_near_now_on_a_whole_millisecond() -> None:
    report, _ = replayed(driving(1.0))
    assert report.event_from_us % MS == 0
    assert 0 <= report.event_from_us - (START_US + round(LEAD_S * 1e6)) < MS


@pytest.mark.parametrize("speed", [0.5, 1.0, 5.0, 20.0])
def test_every_message_leaves_at_its_own_time(speed: float) -> None:
    report, session = replayed(driving(3.0), speed=speed)
    began = session.sent[0].wall_us
    steps = np.arange(30) * 100 * MS / speed
    np.testing.assert_allclose([one.wall_us - began for one in session.sent[::2]], steps, atol=MS + 1)
    assert report.lag.percentile_s(100) <= 0.001 + 1e-9


def test_slow_publishing_does_not_add_up() -> None:
    _, session = replayed(driving(3.0), cost_s=0.02)
    began = session.sent[0].wall_us
    assert session.sent[-1].wall_us - began == pytest.approx(2.92e6, abs=2 * MS)


def test_a_lag_is_reported() -> None:
    report, _ = replayed(driving(1.0, cars=10), cost_s=0.02)  # 0.2 s of work every 0.1 s
    assert report.lag.percentile_s(100) == pytest.approx(1.1, abs=0.02)


def test_live_vehicles_send_bare_frames() -> None:
    report, session = replayed(driving(0.3))
    assert json.loads(session.sent[0].payload)[0]["time_us"] == report.event_from_us
    assert session.sent[0].topic == "obu/site-obu-a0/bsm/up"
    assert report.published == {"bsm": 6, "participant": 0, "spat": 0}


@pytest.mark.parametrize("speed", [0.5, 5.0])
def test_at_another_speed_every_frame_is_sealed_with_its_virtual_time(speed: float) -> None:
    report, session = replayed(driving(2.0), speed=speed)
    documents = [json.loads(one.payload) for one in session.sent]
    times = [document["reference_us"] for document in documents]
    assert times == [document["sealed"][0]["time_us"] for document in documents]
    assert times[::2] == [report.event_from_us + 100 * MS * step for step in range(20)]
    assert report.event_to_us == times[-1] + MS


def test_a_live_frame_that_is_far_too_late_is_sealed() -> None:
    _, session = replayed(driving(1.0), cost_s=8.0)  # its arrival would soon be half a minute off
    assert isinstance(json.loads(session.sent[-1].payload), dict)
    assert isinstance(json.loads(session.sent[0].payload), list)


def test_pedestrians_go_sixteen_a_frame_and_signals_beside_them_always_sealed() -> None:
    report, session = replayed(crossing())
    topics = [one.topic for one in session.sent]
    assert topics == ["rsu/site-rsu/spat/up", *["rsu/site-rsu/rsm/up"] * 2, "rsu/site-rsu/spat/up", *["rsu/site-rsu/rsm/up"] * 2]
    assert [len(json.loads(one.payload)["sealed"]) for one in session.sent] == [2, 16, 2, 2, 16, 2]
    assert report.published == {"bsm": 0, "participant": 36, "spat": 4}
    assert report.messages == 6


def test_message_counts_run_on_per_sender_and_wrap() -> None:
    _, session = replayed(driving(15.0))
    for car in ("a0", "a1"):
        counts = [
            json.loads(one.payload)[0]["message_count"] for one in session.sent if one.topic == f"obu/site-obu-{car}/bsm/up"
        ]
        assert set(np.diff(counts) % 128) == {1}
        assert len(counts) == 150


def test_the_same_seed_gives_the_same_messages_and_another_seed_others() -> None:
    def payloads(seed: int) -> list[bytes]:
        return [one.payload for one in replayed(driving(1.0), seed=seed)[1].sent]

    assert payloads(3) == payloads(3)
    assert payloads(3) != payloads(4)


def test_one_frame_in_a_hundred_is_logged_with_its_key() -> None:
    report, session = replayed(driving(10.0))
    assert len(report.sent_log) == 2
    first = report.sent_log[0]
    assert (first.stream, first.device_id, first.event_time_us) == ("bsm", "site-obu-a0", report.event_from_us)
    assert first.wall_us == session.sent[0].wall_us


def warning(event_us: int, arrival_us: int, **changes: object) -> Received:
    document = {
        "warning_id": "w1",
        "application": "fcw",
        "state": "raised",
        "time_us": arrival_us,
        "event_time_us": event_us,
        "host": {"vehicle_id": "00000000000000ff", "device_id": "site-obu-a0"},
        "other": {"vehicle_id": "0000000000000001", "device_id": None},
        "cause": {"device_id": "site-obu-a0", "event_time_us": event_us},
    }
    payload = json.dumps({**document, **changes}).encode()
    return Received("obu/site-obu-a0/warning/down", payload, 1, arrival_us, 7, None, retained=False)


def test_a_warning_is_recorded_with_the_time_since_its_cause_was_published() -> None:
    clock = VirtualClock(START_US)
    session = MemorySession(clock)
    scene = driving(1.0)
    heard: list[str] = []

    def at_half(report: ReplayReport) -> None:
        if not heard:
            first = session.sent[0]
            session.inbox = [warning(report.event_from_us, first.wall_us + 12_345), warning(1, 2)]
            heard.append("asked")

    replay = Replay(
        scene,
        fleet_of(scene, "site"),
        [session],
        JsonEncoder(),
        clock=clock,
        on_progress=at_half,
        on_warning=lambda w: heard.append(w.application),
    )
    report = replay.run()
    assert [one.latency_us for one in report.warnings] == [12_345, None]
    assert report.warnings[0].host.vehicle_id == 255
    assert heard == ["asked", "fcw", "fcw"]
    assert len(session.acknowledged) == 2


def test_what_is_not_a_warning_is_acknowledged_and_left() -> None:
    clock = VirtualClock(START_US)
    session = MemorySession(clock)
    session.inbox = [
        Received("obu/site-obu-a0/warning/down", payload, 1, 1, 1, None, retained=False)
        for payload in (b"{", b"[]", b"{}", b"\xff")
    ]
    scene = driving(0.1)
    report = Replay(scene, fleet_of(scene, "site"), [session], JsonEncoder(), clock=clock).run()
    assert report.warnings == []
    assert len(session.acknowledged) == 4


def test_a_replay_can_be_stopped() -> None:
    clock = VirtualClock(START_US)
    session = MemorySession(clock)
    scene = driving(10.0)
    replay = Replay(scene, fleet_of(scene, "site"), [session], JsonEncoder(), clock=clock, on_progress=lambda _: replay.stop())
    report = replay.run()
    assert report.is_interrupted
    assert 0 < report.messages < 200
    assert report.published["bsm"] == report.messages


def test_ctrl_c_ends_a_replay_in_order() -> None:
    clock = VirtualClock(START_US)
    session = MemorySession(clock)
    scene = driving(10.0)

    def press(_: ReplayReport) -> None:
        raise KeyboardInterrupt

    report = Replay(scene, fleet_of(scene, "site"), [session], JsonEncoder(), clock=clock, on_progress=press).run()
    assert report.is_interrupted
    assert report.published["bsm"] == 10


def test_a_stretch_of_a_scene_is_replayed_alone() -> None:
    report, session = replayed(driving(10.0).clipped(2.0, 3.0))
    assert report.published["bsm"] == 20
    assert len(session.sent) == 20


def test_vehicles_can_speak_one_after_the_other_each_at_its_own_time() -> None:
    clock = VirtualClock(START_US)
    session = MemorySession(clock)
    scene = driving(3.0, cars=50)
    report = Replay(scene, fleet_of(scene, "site"), [session], JsonEncoder(), clock=clock, options=Options(spread_ms=80.0)).run()
    assert report.published["bsm"] == 1500
    after_ms = [(one.wall_us - json.loads(one.payload)[0]["time_us"]) / MS for one in session.sent]
    assert min(after_ms) > -1.1
    assert 60 < max(after_ms) < 82
    of_one = [late for late, one in zip(after_ms, session.sent, strict=True) if one.topic == "obu/site-obu-a7/bsm/up"]
    assert len(of_one) == 30
    assert max(of_one) - min(of_one) < 2
    assert report.lag.percentile_s(100) < 0.002
