from __future__ import annotations

import numpy as np
import pytest

from chelu.codec import cv2x, envelope
from chelu.codec.envelope import Envelope
from chelu.messages import Batch, Frames
from chelu.quality.checks import Hearing, Limits, Memory, check
from chelu.quality.senders import sender_keys
from simulators.load.devices import Devices
from simulators.load.portion import Portion, joined
from simulators.load.roadside import PARTICIPANTS, PHASES, RED, RoadsideSource
from simulators.load.settings import LoadSettings

START_US = 1_700_000_012_345_000
SETTINGS = LoadSettings(vehicles=10, seconds=70, streams=("bsm", "rsm", "spat"), rsus=4)


def drawn(stream: str, *, step_us: int = 5_000, settings: LoadSettings = SETTINGS) -> Portion:
    source, now_us = RoadsideSource(Devices(settings), stream), 0
    found: list[Portion] = []
    source.begin(START_US)
    while source.next_us is not None:
        now_us += step_us
        found += source.until(now_us)
    return joined(found)


def opened(portion: Portion) -> Frames:
    payloads = [portion.data[a:b].tobytes() for a, b in zip(portion.payload, portion.stop, strict=True)]
    frames, rejects = envelope.split(
        payloads, [Envelope.DEPLOYED] * len(payloads), [False] * len(payloads), np.full(len(payloads), START_US)
    )
    assert not len(rejects)
    return frames


@pytest.mark.parametrize("stream", ["rsm", "spat"])
def test_the_same_seed_gives_the_same_bytes_however_they_are_drawn(stream: str) -> None:
    settings = LoadSettings(vehicles=10, seconds=3, streams=("bsm", "rsm", "spat"), rsus=4, qos=1)
    assert drawn(stream, settings=settings).data.tobytes() == drawn(stream, settings=settings, step_us=333_333).data.tobytes()


def test_every_unit_perceives_sixteen_who_drive_without_a_jump() -> None:
    portion = drawn("rsm")
    frames = opened(portion)
    rows = cv2x.decode(frames).participant
    assert len(rows) == 70 * 10 * 4 * PARTICIPANTS == int(portion.rows.sum())
    due_us = START_US + portion.due_us[rows["frame"]]
    assert ((due_us - rows["time_us"] >= 0) & (due_us - rows["time_us"] < 1000)).all()
    assert flags(rows, due_us, portion.device[rows["frame"]]) == {0}


def test_every_unit_tells_its_own_crossings_lights_which_count_down_to_the_next_change() -> None:
    portion = drawn("spat")
    rows = cv2x.decode(opened(portion)).spat
    assert len(rows) == 70 * 10 * 4 * PHASES == int(portion.rows.sum())
    one = rows.take((rows["intersection_id"] == 2) & (rows["phase_id"] == 3))
    assert set(one["light"].tolist()) == {3, 6, 7}
    ends_s = one["time_us"] / 1e6 + one["likely_end_s"]
    changes = np.flatnonzero(np.diff(one["light"].astype(int)))
    for change in changes.tolist():
        assert one["time_us"][change + 1] / 1e6 == pytest.approx(ends_s[change], abs=0.16)
    green = rows.take((rows["light"] != RED) & (rows["intersection_id"] == 1))
    pairs = (green["phase_id"].astype(int) - 1) // 2
    assert all(len(set(pairs[green["time_us"] == instant].tolist())) == 1 for instant in np.unique(green["time_us"]))


def flags(rows: Batch, heard_us: np.ndarray, device: np.ndarray) -> set[int]:
    batch = rows.with_columns(arrival_us=heard_us, device_key=device.astype(np.int32))
    counter = sender_keys(batch["device_key"], batch["rsu_id"])
    track = sender_keys(batch["device_key"], batch["rsu_id"], batch["participant_id"].astype(np.int64))
    hearing = Hearing(heard_us, heard_us + 2000, np.zeros(len(rows), np.bool_))
    return set(check(batch, hearing, Memory(), Limits(), counter=counter, track=track).flags.tolist())
