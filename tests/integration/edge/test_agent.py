"""What an agent says on a real broker: who it is, and what it hears, in which envelope."""

from __future__ import annotations

import json
import socket
import struct

import numpy as np
import pytest

from chelu.clock import SystemClock
from chelu.codec import cv2x, envelope
from chelu.messages import frames_of
from edge.adapters.frames import UdpFrames
from edge.bsm import BsmWriter
from edge.nmea import Fix
from edge.routing import Heard
from edge.settings import Vehicle
from tests.fix_broker import MakeBroker, RunningBroker
from tests.integration.edge.agents import NOW_US, MakePlatform, StartAgent, bsm, unpacked
from tests.waiting import until


def test_an_agent_says_who_it_is_and_that_it_lives(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform()
    agent = start_agent(broker.url, heartbeat_s=0.2, position={"latitude_deg": 29.5, "longitude_deg": 106.5})
    hearer.wait("heartbeat/up", 3)
    (info,) = hearer.documents("info/up")
    assert (info["id"], info["kind"], info["start_id"]) == (agent.settings.id, "rsu", agent.start_id)
    assert info["location"] == {"lon": 106.5, "lat": 29.5}
    assert [beat["seqNum"] for beat in hearer.documents("heartbeat/up")[:3]] == [1, 2, 3]
    assert hearer.documents("run-status/up")[0]["runningInfo"]["mem"]["total"] > 0
    assert hearer.documents("state")[-1]["state"] == "online"
    assert all(message.sequence for message in hearer.of("heartbeat/up"))


def test_the_state_is_retained_and_says_offline_after_a_good_bye(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    early, agent = platform(), start_agent(broker.url)
    early.wait("state", 1)
    late = platform()
    (message,) = late.wait("state", 1)
    assert message.retained
    assert json.loads(message.payload)["state"] == "online"
    agent.stop()
    late.wait("state", 2)
    assert late.documents("state")[-1]["reason"] == "stopped"
    assert late.documents("heartbeat/up")


def test_bsms_heard_together_go_up_in_one_deployed_envelope(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform()
    agent = start_agent(broker.url, wire_id="0102030405060708", batch_ms=20)
    agent.hear([Heard(bsm(number), NOW_US + number) for number in range(5)])
    (message,) = hearer.wait("bsm/up", 1)
    assert unpacked(message.payload) == (bytes(range(1, 9)), NOW_US // 1000, [bsm(number) for number in range(5)])
    assert (message.qos, message.sequence) == (0, None)
    until(lambda: agent.sent == {"bsm": 5}, 5, "the count")


@pytest.mark.parametrize(("kind", "is_spooled"), [("rsu", False), ("obu", False), ("obu", True)])
def test_what_goes_up_is_read_back_by_the_codec_with_its_hearing_time(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent, kind: str, is_spooled: bool
) -> None:
    hearer = platform(kind=kind)
    frame = BsmWriter(7, Vehicle()).write(Fix(NOW_US, 29.5, 106.5, 240.0, 10.0, 90.0))
    agent = start_agent(broker.url, kind=kind, wait=not is_spooled)
    assert agent.submit(frames_of([frame], NOW_US)) == 1  # before it is connected, in the last case
    (message,) = hearer.wait("bsm/up", 1)
    frames, rejects = envelope.split([message.payload], [envelope.Envelope.AUTO], [True], np.array([message.arrival_us]))
    assert len(rejects) == 0
    assert frames.frame(0) == frame
    is_stamped = kind == "rsu" or message.qos == 1
    assert frames.reference_us[0] == (NOW_US // 1000 * 1000 if is_stamped else message.arrival_us)
    decoded = cv2x.decode(frames).bsm
    assert decoded["vehicle_id"].tolist() == [7]
    if is_stamped:
        assert decoded["time_us"].tolist() == [NOW_US // 1000 * 1000]


def test_more_bsms_than_an_envelope_holds_are_split(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform()
    start_agent(broker.url, batch_ms=50).hear([Heard(bsm(number), NOW_US) for number in range(600)])
    messages = hearer.wait("bsm/up", 3)
    batches = [unpacked(message.payload)[2] for message in messages]
    assert [len(batch) for batch in batches] == [255, 255, 90]
    assert [frame for batch in batches for frame in batch] == [bsm(number) for number in range(600)]


def test_bsms_heard_apart_are_never_given_one_time_even_when_the_clock_goes_back(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform()
    times = [NOW_US, NOW_US + 100_000, NOW_US - 3_600_000_000]
    start_agent(broker.url, batch_ms=50).hear([Heard(bsm(number), time_us) for number, time_us in enumerate(times)])
    messages = hearer.wait("bsm/up", 3)
    assert [unpacked(message.payload)[1] for message in messages] == [time_us // 1000 for time_us in times]


def test_an_on_board_unit_sends_its_bsm_bare_and_a_spooled_one_in_an_envelope(
    make_broker: MakeBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    broker = make_broker()
    hearer = platform(broker.url, "obu")
    agent = start_agent(broker.url, kind="obu", delivery={"resend_s": 0.5})
    agent.submit(frames_of([bsm(1)], NOW_US))
    assert hearer.wait("bsm/up", 1)[0].payload == bsm(1)
    broker.supervisor.kill("broker")
    until(lambda: not agent.is_connected, 10, "the loss to be seen")
    agent.submit(frames_of([bsm(2)], NOW_US + 1000))
    spooled = hearer.wait("bsm/up", 2, 20)[1]
    assert unpacked(spooled.payload)[1:] == ((NOW_US + 1000) // 1000, [bsm(2)])
    assert spooled.qos == 1
    assert spooled.sequence is not None


def test_datagrams_go_up_byte_for_byte_on_their_message_s_topic(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform()
    agent = start_agent(broker.url, sources=[{"type": "frames", "listen": "127.0.0.1:0"}])
    source = agent.settings.sources[0]
    assert source.type == "frames"
    adapter = UdpFrames(source, agent, SystemClock())
    adapter.start()
    frames = {
        "rsm": b"\x20rsm" + bytes(60),
        "spat": b"\x30spat" + bytes(600),
        "map": b"\x10map" + bytes(60_000),
        "rsi": b"\x40rsi" + bytes(9),
    }
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for frame in (*frames.values(), bsm(7), b"", b"\xff" * 60_000, b"\x50rubbish"):
            sender.sendto(frame, ("127.0.0.1", adapter.port))
    for stream, frame in frames.items():
        payload = hearer.wait(f"{stream}/up", 1)[0].payload
        assert payload[16:18] == struct.pack("<H", len(frame))
        assert payload[18:] == frame
    assert unpacked(hearer.wait("bsm/up", 1)[0].payload)[2] == [bsm(7)]
    assert [message.qos for message in hearer.of("map/up")] == [1]
    until(lambda: agent.tally.of("frames") == 3, 5, "three refusals")
    assert agent.tally.by_place()["frames"] == {"truncated": 1, "not a MessageFrame": 2}
    adapter.stop()
    assert [len(hearer.of(f"{stream}/up")) for stream in (*frames, "bsm")] == [1] * 5
