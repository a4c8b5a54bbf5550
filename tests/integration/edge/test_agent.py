"""The agent on a real broker: what it says, what it obeys, and what survives whose death."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chelu.bus import Received, Session
from chelu.clock import SystemClock
from chelu.codec import cv2x, envelope
from chelu.errors import CannotStartError, RefusedError
from chelu.local.ports import free_port
from chelu.messages import frames_of
from edge.adapters.frames import UdpFrames
from edge.agent import Agent
from edge.bsm import BsmWriter
from edge.nmea import Fix
from edge.routing import Heard
from edge.settings import EdgeSettings, Vehicle
from tests.fix_broker import MakeBroker, RunningBroker
from tests.waiting import until

_names = count()
NOW_US = 1_790_000_000_123_456


def bsm(number: int) -> bytes:
    """Bytes that are routed as a BSM and can be told apart."""
    return b"\x00" + struct.pack(">I", number) + bytes(30)


class Platform:
    """Stands for ingest: hears one device, and says what is stored when told to."""

    def __init__(self, url: str, device: str, kind: str) -> None:
        self.device, self.kind = device, kind
        self.messages: list[Received] = []
        name = f"ingest-{device}-{next(_names)}"
        self.session = Session(
            url, client_id=name, clock=SystemClock(), subscriptions=[f"{kind}/{device}/#"], clean=False, session_expiry_s=60
        )
        self.session.start()
        self.session.wait_connected(10)

    def take(self) -> None:
        taken = self.session.drain(10_000, 0.05)
        self.session.acknowledge(taken)
        self.messages += taken

    def of(self, stream: str) -> list[Received]:
        """All messages so far of e.g. ``bsm/up``."""
        self.take()
        return [message for message in self.messages if message.topic == f"{self.kind}/{self.device}/{stream}"]

    def wait(self, stream: str, number: int, timeout_s: float = 10) -> list[Received]:
        return until(lambda: found if len(found := self.of(stream)) >= number else None, timeout_s, f"{number} of {stream}") or []

    def documents(self, stream: str) -> list[dict[str, Any]]:
        return [json.loads(message.payload) for message in self.of(stream) if message.payload]

    def say(self, stream: str, document: object) -> None:
        payload = document if isinstance(document, bytes) else json.dumps(document).encode()
        assert self.session.publish(f"{self.kind}/{self.device}/{stream}", payload, qos=1).wait(5)

    def receipt(self) -> None:
        """As ingest does: the highest number heard, per stream."""
        self.take()
        stored: dict[str, int] = {}
        for message in self.messages:
            if message.sequence is not None:
                stream = message.topic.split("/", 2)[2].replace("/up", "").replace("/down", "")
                stored[stream] = max(message.sequence, stored.get(stream, 0))
        self.say("receipt/down", {"stored": stored})


Start = Callable[..., Agent]


@pytest.fixture
def device() -> str:
    return f"dev-{next(_names)}"


@pytest.fixture
def start(tmp_path: Path, device: str) -> Iterator[Start]:
    """Starts agents of one device, and stops them."""
    agents: list[Agent] = []

    def make(url: str, *, kind: str = "rsu", wait: bool = True, **values: Any) -> Agent:
        values.setdefault("spool", {"directory": tmp_path / "spool"})
        settings = EdgeSettings.check({"kind": kind, "id": device, "broker": url, **values}, source="test")
        agent = Agent(settings, SystemClock())
        agents.append(agent)
        agent.start()
        if wait:
            agent.wait_connected(10)
        return agent

    yield make
    for agent in agents:
        agent.stop()


@pytest.fixture
def platform(broker: RunningBroker, device: str) -> Iterator[Callable[..., Platform]]:
    made: list[Platform] = []

    def make(url: str = "", kind: str = "rsu") -> Platform:
        made.append(Platform(url or broker.url, device, kind))
        return made[-1]

    yield make
    for item in made:
        item.session.stop()


def unpacked(payload: bytes) -> tuple[bytes, int, list[bytes]]:
    """A deployed BSM envelope: device id, time in ms, frames."""
    identity, time_ms, number = struct.unpack_from("<8sqB", payload)
    offset, frames = 17, []
    for _ in range(number):
        (length,) = struct.unpack_from("<H", payload, offset)
        frames.append(payload[offset + 2 : offset + 2 + length])
        offset += 2 + length
    assert offset == len(payload)
    return identity, time_ms, frames


def test_an_agent_says_who_it_is_and_that_it_lives(
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform()
    agent = start(broker.url, heartbeat_s=0.2, position={"latitude_deg": 29.5, "longitude_deg": 106.5})
    hearer.wait("heartbeat/up", 3)
    (info,) = hearer.documents("info/up")
    assert (info["id"], info["kind"], info["start_id"]) == (agent.settings.id, "rsu", agent.start_id)
    assert info["location"] == {"lon": 106.5, "lat": 29.5}
    assert [beat["seqNum"] for beat in hearer.documents("heartbeat/up")[:3]] == [1, 2, 3]
    assert hearer.documents("run-status/up")[0]["runningInfo"]["mem"]["total"] > 0
    assert hearer.documents("state")[-1]["state"] == "online"
    assert all(message.sequence for message in hearer.of("heartbeat/up"))


def test_the_state_is_retained_and_says_offline_after_a_good_bye(
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    early, agent = platform(), start(broker.url)
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
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform()
    agent = start(broker.url, wire_id="0102030405060708", batch_ms=20)
    agent.hear([Heard(bsm(number), NOW_US + number) for number in range(5)])
    (message,) = hearer.wait("bsm/up", 1)
    assert unpacked(message.payload) == (bytes(range(1, 9)), NOW_US // 1000, [bsm(number) for number in range(5)])
    assert (message.qos, message.sequence) == (0, None)
    until(lambda: agent.sent == {"bsm": 5}, 5, "the count")


@pytest.mark.parametrize(("kind", "is_spooled"), [("rsu", False), ("obu", False), ("obu", True)])
def test_what_goes_up_is_read_back_by_the_codec_with_its_hearing_time(
    broker: RunningBroker, platform: Callable[..., Platform], start: Start, kind: str, is_spooled: bool
) -> None:
    hearer = platform(kind=kind)
    frame = BsmWriter(7, Vehicle()).write(Fix(NOW_US, 29.5, 106.5, 240.0, 10.0, 90.0))
    agent = start(broker.url, kind=kind, wait=not is_spooled)
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
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform()
    start(broker.url, batch_ms=50).hear([Heard(bsm(number), NOW_US) for number in range(600)])
    messages = hearer.wait("bsm/up", 3)
    batches = [unpacked(message.payload)[2] for message in messages]
    assert [len(batch) for batch in batches] == [255, 255, 90]
    assert [frame for batch in batches for frame in batch] == [bsm(number) for number in range(600)]


def test_bsms_heard_apart_are_never_given_one_time_even_when_the_clock_goes_back(
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform()
    times = [NOW_US, NOW_US + 100_000, NOW_US - 3_600_000_000]
    start(broker.url, batch_ms=50).hear([Heard(bsm(number), time_us) for number, time_us in enumerate(times)])
    messages = hearer.wait("bsm/up", 3)
    assert [unpacked(message.payload)[1] for message in messages] == [time_us // 1000 for time_us in times]


def test_an_on_board_unit_sends_its_bsm_bare_and_a_spooled_one_in_an_envelope(
    make_broker: MakeBroker, platform: Callable[..., Platform], start: Start
) -> None:
    broker = make_broker()
    hearer = platform(broker.url, "obu")
    agent = start(broker.url, kind="obu", delivery={"resend_s": 0.5})
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
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform()
    agent = start(broker.url, sources=[{"type": "frames", "listen": "127.0.0.1:0"}])
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


def test_a_receipt_empties_the_spool_and_no_receipt_keeps_it(
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform()
    agent = start(broker.url, heartbeat_s=3600, run_status_s=3600)
    hearer.wait("heartbeat/up", 1)
    hearer.wait("run-status/up", 1)
    assert agent.waiting["events"] == 3
    hearer.receipt()
    until(lambda: agent.waiting["events"] == 0, 5, "the spool to be released")


def test_without_receipts_the_broker_s_word_releases(broker: RunningBroker, start: Start) -> None:
    agent = start(broker.url, delivery={"receipts": False})
    until(lambda: agent.waiting["events"] == 0 and agent.sent is not None, 5, "the spool to be released")


def test_what_is_not_receipted_is_sent_again_with_the_same_number(
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform()
    agent = start(broker.url, heartbeat_s=3600, run_status_s=3600, delivery={"resend_s": 0.3})
    infos = hearer.wait("info/up", 2)
    assert infos[0].sequence == infos[1].sequence
    assert infos[0].payload == infos[1].payload
    hearer.receipt()
    until(lambda: agent.waiting["events"] == 0, 5, "the spool to be released")


def test_a_broker_that_dies_with_its_memory_loses_nothing_of_qos_1_and_keeps_the_order(
    make_broker: MakeBroker, platform: Callable[..., Platform], start: Start
) -> None:
    broker = make_broker()  # without persistence: what it held is gone
    hearer = platform(broker.url)
    agent = start(broker.url, heartbeat_s=3600, run_status_s=3600, delivery={"resend_s": 1})
    for number in range(300):
        agent.report("coop", {"number": number})
        if number == 150:
            hearer.session.stop()  # ingest is away: the broker alone has what comes now
            until(lambda: agent.waiting["events"] > 100, 10, "the spool to fill")
            broker.kill()
    again = platform(broker.url)
    until(lambda: len({message.sequence for message in again.of("coop/up")}) == 300, 20, "300 reports")
    numbers = {message.sequence: json.loads(message.payload)["number"] for message in again.of("coop/up")}
    assert [numbers[sequence] for sequence in sorted(numbers, key=lambda key: key or 0)] == list(range(300))
    again.receipt()
    until(lambda: agent.waiting["events"] == 0, 10, "the spool to be released")


def test_live_frames_keep_flowing_while_the_backlog_drains(
    make_broker: MakeBroker, platform: Callable[..., Platform], start: Start
) -> None:
    broker = make_broker()
    agent = start(f"mqtt://127.0.0.1:{broker.port}", delivery={"rate_per_s": 50, "resend_s": 3}, batch_ms=0)
    hearer = platform(broker.url)
    broker.supervisor.kill("broker")
    until(lambda: not agent.is_connected, 10, "the loss to be seen")
    agent.hear([Heard(bsm(number), NOW_US + number) for number in range(100)])
    until(lambda: agent.waiting["backlog"] == 100 or agent.is_connected, 10, "the frames to be kept")
    until(lambda: agent.is_connected and hearer.session.is_connected, 20, "both to come back")
    agent.hear([Heard(bsm(1000), NOW_US)])
    until(lambda: len({message.payload for message in hearer.of("bsm/up")}) == 101, 20, "all frames")
    order = [unpacked(message.payload)[2][0] for message in hearer.of("bsm/up")]
    kept = {message.sequence: unpacked(message.payload)[2][0] for message in hearer.of("bsm/up") if message.sequence}
    assert [kept[sequence] for sequence in sorted(kept)] == [bsm(number) for number in range(100)]
    assert order.index(bsm(1000)) < 90
    assert agent.sent["bsm"] == 101


CONFIGURATION = """
kind = "rsu"
id = "{device}"
broker = "{url}"
heartbeat_s = 3600
run_status_s = 3600
[[sources]]
type = "frames"
listen = "127.0.0.1:{port}"
"""


@pytest.fixture
def process(tmp_path: Path, device: str) -> Iterator[Callable[[str, int], subprocess.Popen[str]]]:
    """Starts ``python -m edge`` and waits until it is ready."""
    started: list[subprocess.Popen[str]] = []

    def make(url: str, port: int) -> subprocess.Popen[str]:
        config, ready = tmp_path / "edge.toml", tmp_path / f"ready-{len(started)}"
        config.write_text(CONFIGURATION.format(device=device, url=url, port=port))
        command = [sys.executable, "-m", "edge", "--config", str(config)]
        environment = {**os.environ, "CHELU_READY_FILE": str(ready)}
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
        until(ready.exists, 15, "the agent to be ready")
        return started[-1]

    yield make
    for item in started:
        item.kill()
        item.wait()
        if item.stderr:
            item.stderr.close()


Process = Callable[[str, int], "subprocess.Popen[str]"]


def test_a_killed_agent_s_last_will_is_said_and_retained(
    broker: RunningBroker, platform: Callable[..., Platform], process: Process
) -> None:
    hearer = platform()
    agent = process(broker.url, free_port())
    until(lambda: [item["state"] for item in hearer.documents("state")] == ["online"], 10, "the online state")
    agent.kill()
    until(lambda: len(hearer.of("state")) == 2, 10, "the last will")
    assert hearer.documents("state")[-1]["reason"] == "connection lost"
    late = platform()
    assert json.loads(late.wait("state", 1)[0].payload)["state"] == "offline"


def test_a_killed_agent_s_backlog_is_delivered_in_order_by_its_successor(
    make_broker: MakeBroker, platform: Callable[..., Platform], process: Process, tmp_path: Path
) -> None:
    closed, port = free_port(), free_port()
    first = process(f"mqtt://127.0.0.1:{closed}", port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(200):
            sender.sendto(b"\x40" + bsm(number)[1:], ("127.0.0.1", port))  # RSI: QoS 1
            sender.sendto(bsm(number), ("127.0.0.1", port))
    until(
        lambda: sum(path.stat().st_size for path in (tmp_path / "spool" / "events").glob("*.log")) > 200 * 60,
        10,
        "the RSIs on disk",
    )
    until(
        lambda: sum(path.read_bytes().count(bsm(199)) for path in (tmp_path / "spool" / "backlog").glob("*.log")),
        10,
        "the BSMs on disk",
    )
    first.send_signal(signal.SIGKILL)
    first.wait()
    broker = make_broker()
    hearer = platform(broker.url)
    process(broker.url, free_port())
    rsis = hearer.wait("rsi/up", 200, 20)
    assert [message.payload[18:] for message in rsis] == [b"\x40" + bsm(number)[1:] for number in range(200)]
    assert len({message.sequence for message in rsis}) == 200
    until(lambda: sum(len(unpacked(message.payload)[2]) for message in hearer.of("bsm/up")) == 200, 20, "200 BSMs")
    frames = [frame for message in hearer.of("bsm/up") for frame in unpacked(message.payload)[2]]
    assert frames == [bsm(number) for number in range(200)]


def test_sigterm_ends_the_agent_cleanly(broker: RunningBroker, platform: Callable[..., Platform], process: Process) -> None:
    hearer = platform()
    agent = process(broker.url, free_port())
    hearer.wait("state", 1)
    agent.terminate()
    assert agent.wait(10) == 0
    until(lambda: hearer.documents("state")[-1].get("reason") == "stopped", 5, "the good-bye")


def run_agent(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", "--config", str(config)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


def test_a_bad_file_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text('kind = "rsu"\nid = "a b"\n')
    done = run_agent(config)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "id = 'a b' is not allowed" in done.stderr


def test_a_port_in_use_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        config = tmp_path / "edge.toml"
        config.write_text(CONFIGURATION.format(device="a", url="mqtt://127.0.0.1:1", port=holder.getsockname()[1]))
        done = run_agent(config)
    assert done.returncode == 1
    assert "cannot be listened on (Address already in use)" in done.stderr


def test_an_agent_the_broker_refuses_keeps_what_it_hears(
    make_broker: MakeBroker, start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    passwords.write_text("someone:$7$101$AAAAAAAAAAAAAAAA$" + "A" * 86 + "==\n")
    passwords.chmod(0o600)
    secret.write_text("wrong\n")
    broker = make_broker(password_file=passwords)
    agent = start(broker.url, wait=False, credential_file=secret, batch_ms=0)
    with pytest.raises(RefusedError, match="refused client"):
        agent.wait_connected(10)
    agent.hear([Heard(bsm(number), NOW_US) for number in range(7)])
    until(lambda: agent.waiting["backlog"] == 7, 5, "the frames on disk")
    assert not agent.is_connected
    assert caplog.text.count("refused client") == 1  # however often it tries


def test_two_agents_on_one_spool_are_refused(broker: RunningBroker, start: Start) -> None:
    start(broker.url)
    with pytest.raises(CannotStartError, match="in use by process"):
        start(broker.url)


def test_a_good_configuration_is_applied_and_a_bad_one_refused(
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform()
    start(broker.url, heartbeat_s=3600)
    hearer.say("config/down", {"seqNum": 1, "heartbeat_s": 0})
    hearer.say("config/down", b"\xff\xfe")
    hearer.say("config/down", {"seqNum": 3, "heartbeat_s": 0.1, "muted_streams": ["bsm"]})
    hearer.wait("config/down/ack", 3)
    answers = hearer.documents("config/down/ack")
    assert [(item["seqNum"], item["errorCode"]) for item in answers] == [(1, 1), (0, 1), (3, 0)]
    assert "heartbeat_s = 0" in answers[0]["errorDesc"]
    hearer.wait("heartbeat/up", 4)
    assert [item["heartbeat_s"] for item in hearer.documents("info/up")] == [3600, 0.1], "by it silence is judged"


def test_a_muted_stream_is_counted_and_not_sent(broker: RunningBroker, platform: Callable[..., Platform], start: Start) -> None:
    hearer = platform()
    agent = start(broker.url, muted_streams=["bsm"])
    agent.hear([Heard(bsm(1), NOW_US), Heard(b"\x20" + bytes(40), NOW_US)])
    hearer.wait("rsm/up", 1)
    assert hearer.of("bsm/up") == []
    assert agent.tally.by_place()["frames"] == {"bsm is muted": 1}


def test_a_ping_is_answered_with_the_agent_s_time(broker: RunningBroker, platform: Callable[..., Platform], start: Start) -> None:
    hearer = platform()
    start(broker.url)
    hearer.say("command/down", {"seqNum": 9, "command": "ping"})
    hearer.wait("command/down/ack", 1)
    (answer,) = hearer.documents("command/down/ack")
    assert (answer["seqNum"], answer["errorCode"]) == (9, 0)
    assert abs(answer["time_us"] - SystemClock().wall_us()) < 10_000_000


def test_the_heartbeat_counts_what_the_platform_sent(
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform()
    start(broker.url, heartbeat_s=0.2)
    hearer.wait("heartbeat/up", 1)
    for number in (1, 2):
        hearer.say("command/down", {"seqNum": number, "command": "ping"})
    hearer.say("config/down", {"seqNum": 3, "nonsense": True})
    until(lambda: hearer.documents("heartbeat/up")[-1]["received"] == {"command": 2, "config": 1}, 10, "what it was sent")


def test_a_warning_reaches_the_vehicle_s_software_and_an_old_one_does_not(
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform(kind="obu")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as software:
        software.bind(("127.0.0.1", 0))
        software.settimeout(10)
        agent = start(broker.url, kind="obu", warning_sink=f"127.0.0.1:{software.getsockname()[1]}")
        now_us = SystemClock().wall_us()
        hearer.say("warning/down", {"warning_id": "old", "time_us": now_us - 60_000_000})
        hearer.say("warning/down", b"rubbish")
        hearer.say("warning/down", {"warning_id": "new", "time_us": now_us, "ttc_s": 1.5})
        line = software.recv(65_536)
    assert line.endswith(b"\n")
    assert json.loads(line)["warning_id"] == "new"
    assert agent.tally.by_place()["warnings"] == {"late": 1}
    assert agent.tally.by_place()["warning/down"] == {"undecodable": 1}


def test_a_map_for_the_air_reaches_the_radio_and_is_answered(
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as software:
        software.bind(("127.0.0.1", 0))
        software.settimeout(10)
        start(broker.url, radio=f"127.0.0.1:{software.getsockname()[1]}")
        hearer.say("map/down", b"\x10a map")
        assert software.recv(100) == b"\x10a map"
    hearer.wait("map/down/ack", 1)
    assert hearer.documents("map/down/ack")[0]["errorCode"] == 0


def test_rubbish_from_the_platform_changes_nothing(
    broker: RunningBroker, platform: Callable[..., Platform], start: Start
) -> None:
    hearer = platform()
    agent = start(broker.url)
    for stream in ("receipt/down", "config/down", "command/down", "warning/down"):
        for payload in (b"", b"\x00\xff", b"[]", b"[" * 10_000, b'{"stored": {"info": "x"}}', b'{"seqNum": "x"}'):
            hearer.say(stream, payload)
    hearer.wait("config/down/ack", 6)
    hearer.wait("command/down/ack", 6)
    assert agent.is_connected
    assert agent.waiting["events"] > 0
