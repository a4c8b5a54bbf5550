from __future__ import annotations

import itertools

import numpy as np
import pytest

from chelu.bus import packets, wire
from chelu.bus.topic_table import TopicTable
from chelu.codec import cv2x
from chelu.errors import ConfigurationError
from chelu.messages import Frames
from simulators.load.books import Books
from simulators.load.bsm import BsmSource
from simulators.load.devices import Devices
from simulators.load.faults import Faults, Way, read_faults, skews_ms
from simulators.load.portion import Portion, joined
from simulators.load.settings import LoadSettings

SETTINGS = LoadSettings(vehicles=200, rate_hz=10, seconds=5, seed=11)
START_US = 1_700_000_000_000_000


def passed(faults: Faults, *, step_us: int = 5_000, settings: LoadSettings = SETTINGS) -> tuple[Portion, Books]:
    """What arrives of a load, in order, and the books beside it."""
    books = Books(settings.streams, settings.vehicles)
    way, source, found = Way(faults, settings, books), BsmSource(Devices(settings)), []
    source.begin(START_US)
    now_us = 0
    while source.next_us is not None or not way.is_empty:
        now_us += step_us
        found += [one for portion in source.until(now_us) if (one := way.through(portion)) is not None]
        found += way.released(now_us)
    return joined(found), books


def decoded(portion: Portion) -> cv2x.Decoded:
    times = np.full(len(portion), START_US)
    return cv2x.decode(Frames(portion.data, portion.payload, portion.stop, times, np.arange(len(portion), dtype=np.int32)))


def test_without_faults_nothing_is_touched() -> None:
    portion, books = passed(Faults())
    assert len(portion) == 10_000
    assert not books.faults


@pytest.mark.parametrize("name", ["loss", "duplicate", "corrupt", "unknown"])
def test_the_same_seed_spoils_the_same_messages_however_they_are_drawn(name: str) -> None:
    one, books = passed(Faults({name: 0.05}))
    other, _ = passed(Faults({name: 0.05}), step_us=77_777)
    assert one.data.tobytes() == other.data.tobytes()
    assert 400 < books.faults[name] < 600


def test_lost_messages_are_counted_and_their_devices_believe_to_have_sent_them() -> None:
    portion, books = passed(Faults({"loss": 0.1}))
    assert len(portion) == 10_000 - books.faults["loss"]
    missing = 50 - np.bincount(portion.device, minlength=200)
    assert np.array_equal(books.frames_of["bsm"], missing)


def test_doubled_messages_stand_twice_in_a_row_and_count_once_for_their_devices() -> None:
    portion, books = passed(Faults({"duplicate": 0.1}))
    assert len(portion) == 10_000 + books.faults["duplicate"]
    packets_ = [portion.data[a:b].tobytes() for a, b in zip(portion.start, portion.stop, strict=True)]
    assert sum(a == b for a, b in itertools.pairwise(packets_)) == books.faults["duplicate"]
    assert books.frames_of["bsm"].sum() == -books.faults["duplicate"]


def test_every_unknown_frame_is_refused_and_no_other() -> None:
    portion, books = passed(Faults({"unknown": 0.05}))
    found = decoded(portion)
    assert len(found.rejects) == books.faults["unknown"]
    assert len(found.bsm) == 10_000 - books.faults["unknown"]


def test_corrupt_frames_stay_whole_packets_on_their_topics() -> None:
    portion, books = passed(Faults({"corrupt": 0.2}))
    clean, _ = passed(Faults())
    buffer = np.pad(portion.data, (0, wire.PADDING))
    read = wire.read(buffer, len(portion.data), version=packets.MQTT_5, topics=TopicTable(), most=1 << 20)
    assert (len(read.messages), read.error) == (10_000, None)
    assert len(set(read.messages.topics)) == 200
    spoilt = sum(portion.data[a:b].tobytes() != clean.data[a:b].tobytes() for a, b in zip(clean.start, clean.stop, strict=True))
    assert spoilt == pytest.approx(books.faults["corrupt"], abs=3)  # the same byte twice may undo itself
    assert len(decoded(portion).rejects) > 100


def test_a_reordered_message_comes_after_its_devices_next_one() -> None:
    portion, books = passed(Faults({"reorder": 0.05}))
    assert len(portion) == 10_000
    count = decoded(portion).bsm["message_count"].astype(int)
    back = sum(int(((np.diff(count[portion.device == device]) % 128) > 64).sum()) for device in range(200))
    assert back == pytest.approx(books.faults["reorder"], rel=0.15)  # neighbours that are both held keep their order


def test_a_delayed_message_comes_later_with_its_own_event_time() -> None:
    portion, books = passed(Faults({"delay": 0.1}, {"delay": 800}))
    late_us = START_US + portion.due_us - decoded(portion).bsm["time_us"]
    assert len(portion) == 10_000
    delayed = late_us[late_us > 1000]
    assert len(delayed) == pytest.approx(books.faults["delay"], abs=5)
    assert delayed.mean() == pytest.approx(800_000, rel=0.15)


def test_a_skewed_clock_is_off_in_every_message_of_its_device() -> None:
    skew = skews_ms(Faults({"skew": 0.2}, {"skew": 3000}), SETTINGS)
    assert 20 < (skew != 0).sum() < 60
    source = BsmSource(Devices(SETTINGS), skew_ms=skew)
    source.begin(START_US)
    portion = joined(source.until(10_000_000))
    off_us = decoded(portion).bsm["time_us"] - START_US - portion.due_us
    assert (np.abs(off_us - skew[portion.device] * 1000) < 1000).all()


def test_faults_at_a_roadside_unit_reach_the_frame_behind_the_envelope() -> None:
    settings = LoadSettings(vehicles=200, rate_hz=10, seconds=5, via="rsu", rsus=4, frames=5)
    portion, books = passed(Faults({"unknown": 0.2}), settings=settings)
    kinds = portion.data[portion.payload + 19] >> 4
    assert (kinds >= 5).sum() == books.faults["unknown"] > 300
    assert (kinds[kinds < 5] == 0).all()


def test_faults_are_read_from_their_text() -> None:
    found = read_faults(["loss=0.01", "delay=0.02:300", "storm=30"])
    assert found.shares == {"loss": 0.01, "delay": 0.02, "storm": 30.0}
    assert (found.milliseconds("delay"), found.milliseconds("skew")) == (300.0, 2000.0)


@pytest.mark.parametrize(
    "text", ["loss", "loss=x", "loss=2", "loss=-0.1", "typo=0.1", "loss=0.1:5", "delay=0.1:0", "storm=0.5", "loss=nan"]
)
def test_a_fault_that_is_none_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ConfigurationError, match="share of messages"):
        read_faults([text])


def test_faults_that_a_load_cannot_have_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="--qos 0 only"):
        Faults({"reorder": 0.1}).fit(LoadSettings(qos=1))
    with pytest.raises(ConfigurationError, match="--connections"):
        Faults({"churn": 0.1}).fit(LoadSettings())
    Faults({"churn": 0.1}).fit(LoadSettings(connections=5))
