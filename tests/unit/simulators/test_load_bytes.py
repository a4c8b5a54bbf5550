"""The bytes of a load: packets that say what was meant, the same for the same seed however they are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from chelu.bus import packets, wire
from chelu.bus.batch import Messages
from chelu.bus.topic_table import TopicTable
from chelu.codec import cv2x, envelope
from chelu.codec.envelope import Envelope
from chelu.messages import BSM, Frames
from chelu.quality.checks import Hearing, Limits, Memory, check
from chelu.quality.senders import sender_keys
from simulators.load.bsm import BsmSource
from simulators.load.devices import Devices
from simulators.load.numbering import identify
from simulators.load.portion import Portion, joined
from simulators.load.settings import LoadSettings
from simulators.load.vehicles import crowd, path, rows

START_US = 1_700_000_012_345_000


def drawn(settings: LoadSettings, *, step_us: int = 5_000, until_us: int = 60_000_000) -> Portion:
    source = BsmSource(Devices(settings))
    source.begin(START_US)
    found: list[Portion] = []
    for due_us in range(step_us, until_us + step_us, step_us):
        found += source.until(due_us)
        if source.next_us is None:
            break
    return joined(found)


def read(portion: Portion) -> Messages:
    """As a broker, or ingest, reads the packets."""
    buffer = np.pad(portion.data, (0, wire.PADDING))
    found = wire.read(buffer, len(portion.data), version=packets.MQTT_5, topics=TopicTable(), most=1 << 20)
    assert found.error is None
    assert found.consumed == len(portion.data)
    return found.messages


def frames(portion: Portion) -> Frames:
    return Frames(portion.data, portion.payload, portion.stop, START_US + portion.due_us, np.arange(len(portion), dtype=np.int32))


def payloads(portion: Portion) -> Sequence[bytes]:
    return [portion.data[a:b].tobytes() for a, b in zip(portion.payload, portion.stop, strict=True)]


@pytest.mark.parametrize("via", ["direct", "rsu"])
def test_the_same_seed_gives_the_same_bytes_however_they_are_drawn(via: str) -> None:
    settings = LoadSettings(vehicles=70, rate_hz=7, seconds=9, seed=3, via=via, frames=20)
    one, other = drawn(settings, step_us=5_000), drawn(settings, step_us=1_234_567)
    assert one.data.tobytes() == other.data.tobytes()
    assert np.array_equal(one.due_us, other.due_us)
    assert drawn(LoadSettings(vehicles=70, rate_hz=7, seconds=9, seed=4, via=via, frames=20)).data.tobytes() != one.data.tobytes()


def test_every_frame_is_what_the_encoder_makes_of_the_same_rows() -> None:
    settings = LoadSettings(vehicles=150, rate_hz=2, seconds=40, seed=5)  # long enough for vehicles to turn round
    portion, people = drawn(settings), crowd(settings)
    vehicle = portion.device
    number = np.arange(len(portion)) // settings.vehicles
    latitude, longitude, is_back = people.lanes.at(vehicle, portion.due_us / 1e6)
    assert 0.2 < is_back.mean() < 0.8
    count = (people.first_count[vehicle] + number) % 128
    now_us = START_US + portion.due_us
    wanted = rows(people, vehicle, latitude=latitude, longitude=longitude, is_back=is_back, time_us=now_us, count=count)
    encoded = cv2x.encode_bsm(wanted, path(people, vehicle, latitude, longitude, is_back))
    assert payloads(portion) == [encoded.frame(index) for index in range(len(encoded))]


def test_every_vehicle_speaks_on_its_own_topic_with_its_own_id_in_turn() -> None:
    settings = LoadSettings(vehicles=40, rate_hz=10, seconds=3)
    portion, devices = drawn(settings), Devices(settings)
    messages = read(portion)
    names = [messages.topics[topic] for topic in messages.topic.tolist()]
    assert names == [f"obu/{devices.obus[device]}/bsm/up" for device in portion.device.tolist()]
    decoded = cv2x.decode(frames(portion))
    assert len(decoded.bsm) == 1200
    assert np.array_equal(decoded.bsm["vehicle_id"], crowd(settings).vehicle_id[portion.device])
    one = decoded.bsm.take(portion.device == 7)
    assert (np.diff(one["message_count"].astype(int)) % 128 == 1).all()


@pytest.mark.parametrize("via", ["direct", "rsu"])
def test_the_event_time_is_the_instant_at_which_a_message_is_due(via: str) -> None:
    settings = LoadSettings(vehicles=50, rate_hz=10, seconds=70, via=via)
    portion = drawn(settings, until_us=80_000_000)  # over a whole minute
    opened = frames(portion) if via == "direct" else _opened(portion)
    decoded = cv2x.decode(opened)
    late_us = START_US + portion.due_us[opened.source][decoded.bsm["frame"]] - decoded.bsm["time_us"]
    assert ((late_us >= 0) & (late_us < 1000)).all()


def test_messages_are_spread_evenly_over_the_period() -> None:
    portion = drawn(LoadSettings(vehicles=100, rate_hz=10, seconds=2))
    assert set(np.diff(portion.due_us).tolist()) == {1000}


@pytest.mark.parametrize("most", [7, 255])
def test_roadside_units_pass_on_every_vehicle_once_a_round(most: int) -> None:
    settings = LoadSettings(vehicles=600, rate_hz=10, seconds=0.3, via="rsu", rsus=2, frames=most)
    portion = drawn(settings)
    assert portion.frames.max() <= most
    assert {read(portion).topics[topic] for topic in read(portion).topic} == {
        f"rsu/load-rsu-{number:05d}/bsm/up" for number in (1, 2)
    }
    decoded = cv2x.decode(_opened(portion))
    assert len(decoded.bsm) == 1800
    assert sorted(np.unique(decoded.bsm["vehicle_id"], return_counts=True)[1].tolist()) == [3] * 600


def test_quality_checks_find_nothing_in_a_clean_load() -> None:
    portion = drawn(LoadSettings(vehicles=300, rate_hz=5, seconds=60, seed=9))
    batch = cv2x.decode(frames(portion)).bsm
    heard = START_US + portion.due_us
    batch = batch.with_columns(arrival_us=heard, device_key=portion.device.astype(np.int32))
    keys = sender_keys(batch["device_key"], batch["vehicle_id"])
    hearing = Hearing(heard, heard + 2_000, np.zeros(len(batch), np.bool_))
    checked = check(batch, hearing, Memory(), Limits(), counter=keys, track=keys)
    assert set(checked.flags.tolist()) == {0}


def test_the_mix_decides_the_shapes() -> None:
    for name, column in (("core", None), ("optional", "lights_valid"), ("path", "lights_valid")):
        portion = drawn(LoadSettings(vehicles=60, rate_hz=1, seconds=1, mix={name: 1}))
        decoded = cv2x.decode(frames(portion))
        assert (len(decoded.path_points) > 0) == (name == "path")
        assert len(portion) == len(decoded.bsm) == 60
        assert decoded.bsm["lights_valid"].any() == (column is not None)
        assert set(decoded.bsm) == set(BSM.dtypes()) | {"frame"}


def test_at_qos_1_numbers_rise_by_device_and_stand_in_every_packet() -> None:
    settings = LoadSettings(vehicles=20, rate_hz=10, seconds=2, qos=1)
    portion = drawn(settings)
    identify(portion.data, portion.payload, np.arange(1, len(portion) + 1))
    messages = read(portion)
    assert np.array_equal(messages.sequence, portion.sequence)
    assert set(messages.qos.tolist()) == {1}
    assert messages.packet_id.tolist() == list(range(1, len(portion) + 1))
    assert (np.diff(portion.sequence[portion.device == 3]) == 1).all()
    assert portion.sequence.min() == START_US // 1000


def test_what_is_passed_over_is_counted_and_does_not_come_later() -> None:
    source = BsmSource(Devices(LoadSettings(vehicles=30, rate_hz=10, seconds=2, via="rsu", rsus=3)))
    source.begin(START_US)
    first = joined(source.until(250_000))
    messages, frame_count = source.skip(1_000_000)
    rest = joined(source.until(10_000_000))
    assert len(first) + messages + len(rest) == 3 * 20
    assert int(first.frames.sum()) + frame_count + int(rest.frames.sum()) == 600
    assert rest.due_us[0] >= 1_000_000


def _opened(portion: Portion) -> Frames:
    texts = payloads(portion)
    kinds, is_bsm = [Envelope.DEPLOYED] * len(texts), [True] * len(texts)
    found, rejects = envelope.split(texts, kinds, is_bsm, np.full(len(texts), START_US))
    assert not len(rejects)
    return found
