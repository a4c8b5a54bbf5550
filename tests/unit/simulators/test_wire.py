"""Whole recordings over the wire and back in one process: encoded as a replay does, decoded as ingest does, then compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from chelu.clock import VirtualClock
from chelu.codec import cv2x, envelope
from chelu.codec.envelope import Envelope
from chelu.messages import Batch
from chelu.topics import find
from simulators.check import Checker
from simulators.comparison import Comparison, Tolerance
from simulators.encoding import Uper
from simulators.fleet import fleet_of
from simulators.replay import Options, Replay
from simulators.scene import Scene
from simulators.sources.forms import open_scene
from tests.unit.simulators.parts import START_US, MemorySession, Published


def decoded(sent: list[Published]) -> dict[str, Batch]:
    """What ingest would store of these messages, as the registry would hand it out."""
    matches = [find(one.topic) for one in sent]
    names = [match.device for match in matches if match]
    is_bsm = [match.topic.stream == "bsm" for match in matches if match]
    arrival = np.array([one.wall_us for one in sent], np.int64)
    frames, rejects = envelope.split([one.payload for one in sent], [Envelope.AUTO] * len(sent), is_bsm, arrival)
    assert len(rejects) == 0, rejects.detail[:3]
    found = cv2x.decode(frames)
    assert len(found.rejects) == 0, found.rejects.detail[:3]
    rows = {}
    for stream, batch in (("bsm", found.bsm), ("participant", found.participant), ("spat", found.spat)):
        source = frames.source[batch["frame"]]
        rows[stream] = batch.with_columns(device_id=np.array(names)[source], arrival_us=arrival[source])
    return rows


def there_and_back(scene: Scene, speed: float) -> dict[str, Comparison]:
    clock = VirtualClock(START_US)
    session = MemorySession(clock)
    fleet = fleet_of(scene, "wire")
    report = Replay(scene, fleet, [session], Uper(), clock=clock, options=Options(speed=speed)).run()
    stored = decoded(session.sent)

    def read(stream: str, from_us: int, to_us: int) -> Iterator[Batch]:
        rows = stored[stream]
        yield rows.take((rows["time_us"] >= from_us) & (rows["time_us"] < to_us))

    checker = Checker(scene, fleet, read, VirtualClock(0), patience_s=0.0)
    return {one.stream: one for one in checker.check(report)}


def faults(found: dict[str, Comparison]) -> list[str]:
    return [fault for one in found.values() for fault in Tolerance().faults(one)]


@pytest.mark.parametrize("speed", [1.0, 5.0])
def test_ngsim_comes_back_whole(recordings: Path, speed: float) -> None:
    found = there_and_back(open_scene(recordings / "ngsim_i80_50_vehicles.sqlite"), speed)
    assert faults(found) == []
    assert (found["bsm"].expected, found["bsm"].stored) == (5050, 5050)


@pytest.mark.parametrize("speed", [1.0, 5.0])
def test_the_chongqing_crossing_comes_back_whole(recordings: Path, speed: float) -> None:
    scene = open_scene(recordings / "sind_chongqing").clipped(50.0, 200.0)
    found = there_and_back(scene, speed)
    assert faults(found) == []
    assert found["spat"].expected == 8 * 1500
    assert found["participant"].stored > 1000


def test_the_district_comes_back_whole() -> None:
    trace = Path(__file__).parents[3] / "simulators" / "data" / "district_trace.npz"
    found = there_and_back(open_scene(trace).clipped(0.0, 3.0), 20.0)
    assert faults(found) == []
    assert found["bsm"].stored > 10_000


def test_no_payload_of_a_replay_can_be_read_in_two_ways() -> None:
    """With "auto", a payload is refused when two readings consume every byte: a few in 100,000 live frames would."""
    trace = Path(__file__).parents[3] / "simulators" / "data" / "district_trace.npz"
    for speed in (1.0, 5.0):
        clock = VirtualClock(START_US)
        session = MemorySession(clock)
        scene = open_scene(trace).clipped(0.0, 10.0)
        Replay(scene, fleet_of(scene, "hill"), [session], Uper(), clock=clock, options=Options(speed=speed)).run()
        first = {one.payload[0] for one in session.sent}
        assert first == ({0x07, 0xFF} if speed == 1 else {0xFF})
