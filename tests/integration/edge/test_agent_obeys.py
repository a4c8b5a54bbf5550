"""What the platform sends an agent: configuration, commands, warnings, maps and rubbish."""

from __future__ import annotations

import json
import socket

import pytest

from chelu.clock import SystemClock
from edge.commands import Commands
from edge.routing import Heard
from tests.fix_broker import RunningBroker
from tests.integration.edge.agents import NOW_US, MakePlatform, StartAgent, bsm
from tests.waiting import until


def test_a_good_configuration_is_applied_and_a_bad_one_refused(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform()
    start_agent(broker.url, heartbeat_s=3600)
    hearer.say("config/down", {"seqNum": 1, "heartbeat_s": 0})
    hearer.say("config/down", b"\xff\xfe")
    hearer.say("config/down", {"seqNum": 3, "heartbeat_s": 0.1, "muted_streams": ["bsm"]})
    hearer.wait("config/down/ack", 3)
    answers = hearer.documents("config/down/ack")
    assert [(item["seqNum"], item["errorCode"]) for item in answers] == [(1, 1), (0, 1), (3, 0)]
    assert "heartbeat_s = 0" in answers[0]["errorDesc"]
    hearer.wait("heartbeat/up", 4)
    assert [item["heartbeat_s"] for item in hearer.documents("info/up")] == [3600, 0.1], "by it silence is judged"


def test_a_muted_stream_is_counted_and_not_sent(broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent) -> None:
    hearer = platform()
    agent = start_agent(broker.url, muted_streams=["bsm"])
    agent.hear([Heard(bsm(1), NOW_US), Heard(b"\x20" + bytes(40), NOW_US)])
    hearer.wait("rsm/up", 1)
    assert hearer.of("bsm/up") == []
    assert agent.tally.by_place()["frames"] == {"bsm is muted": 1}


def test_a_ping_is_answered_with_the_agent_s_time(broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent) -> None:
    hearer = platform()
    start_agent(broker.url)
    hearer.say("command/down", {"seqNum": 9, "command": "ping"})
    hearer.wait("command/down/ack", 1)
    (answer,) = hearer.documents("command/down/ack")
    assert (answer["seqNum"], answer["errorCode"]) == (9, 0)
    assert abs(answer["time_us"] - SystemClock().wall_us()) < 10_000_000


def test_a_fault_of_the_agent_s_own_ends_the_order_and_not_the_agent(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of it")

    monkeypatch.setattr(Commands, "_log_level", fail)
    hearer = platform()
    agent = start_agent(broker.url)
    hearer.say("command/down", {"seqNum": 4, "command": "log_level", "level": "INFO"})
    hearer.say("command/down", {"seqNum": 5, "command": "ping"})
    hearer.wait("command/down/ack", 2)
    answers = [(item["seqNum"], item["errorCode"], item.get("errorDesc")) for item in hearer.documents("command/down/ack")]
    assert answers == [(4, 2, "ZeroDivisionError: nobody thought of it"), (5, 0, None)]
    assert agent.tally.by_place()["command/down"] == {"fault": 1}


def test_the_heartbeat_counts_what_the_platform_sent(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform()
    start_agent(broker.url, heartbeat_s=0.2)
    hearer.wait("heartbeat/up", 1)
    for number in (1, 2):
        hearer.say("command/down", {"seqNum": number, "command": "ping"})
    hearer.say("config/down", {"seqNum": 3, "nonsense": True})
    until(lambda: hearer.documents("heartbeat/up")[-1]["received"] == {"command": 2, "config": 1}, 10, "what it was sent")


def test_a_warning_reaches_the_vehicle_s_software_and_an_old_one_does_not(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform(kind="obu")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as software:
        software.bind(("127.0.0.1", 0))
        software.settimeout(10)
        agent = start_agent(broker.url, kind="obu", warning_sink=f"127.0.0.1:{software.getsockname()[1]}")
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
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as software:
        software.bind(("127.0.0.1", 0))
        software.settimeout(10)
        start_agent(broker.url, radio=f"127.0.0.1:{software.getsockname()[1]}")
        hearer.say("map/down", b"\x10a map")
        assert software.recv(100) == b"\x10a map"
    hearer.wait("map/down/ack", 1)
    assert hearer.documents("map/down/ack")[0]["errorCode"] == 0


def test_rubbish_from_the_platform_changes_nothing(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform()
    agent = start_agent(broker.url)
    for stream in ("receipt/down", "config/down", "command/down", "warning/down"):
        for payload in (b"", b"\x00\xff", b"[]", b"[" * 10_000, b'{"stored": {"info": "x"}}', b'{"seqNum": "x"}'):
            hearer.say(stream, payload)
    hearer.wait("config/down/ack", 6)
    hearer.wait("command/down/ack", 6)
    assert agent.is_connected
    assert agent.waiting["events"] > 0
