"""What an agent keeps until the platform has it: receipts, a broker that dies or refuses, a backlog that drains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chelu.errors import CannotStartError, RefusedError
from edge.routing import Heard
from tests.fix_broker import MakeBroker, RunningBroker
from tests.integration.edge.agents import NOW_US, MakePlatform, StartAgent, bsm, unpacked
from tests.waiting import until


def test_a_receipt_empties_the_spool_and_no_receipt_keeps_it(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform()
    agent = start_agent(broker.url, heartbeat_s=3600, run_status_s=3600)
    hearer.wait("heartbeat/up", 1)
    hearer.wait("run-status/up", 1)
    assert agent.waiting["events"] == 3
    hearer.receipt()
    until(lambda: agent.waiting["events"] == 0, 5, "the spool to be released")


def test_without_receipts_the_broker_s_word_releases(broker: RunningBroker, start_agent: StartAgent) -> None:
    agent = start_agent(broker.url, delivery={"receipts": False})
    until(lambda: agent.waiting["events"] == 0 and agent.sent is not None, 5, "the spool to be released")


def test_what_is_not_receipted_is_sent_again_with_the_same_number(
    broker: RunningBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    hearer = platform()
    agent = start_agent(broker.url, heartbeat_s=3600, run_status_s=3600, delivery={"resend_s": 0.3})
    infos = hearer.wait("info/up", 2)
    assert infos[0].sequence == infos[1].sequence
    assert infos[0].payload == infos[1].payload
    hearer.receipt()
    until(lambda: agent.waiting["events"] == 0, 5, "the spool to be released")


def test_a_broker_that_dies_with_its_memory_loses_nothing_of_qos_1_and_keeps_the_order(
    make_broker: MakeBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    broker = make_broker()  # without persistence: what it held is gone
    hearer = platform(broker.url)
    agent = start_agent(broker.url, heartbeat_s=3600, run_status_s=3600, delivery={"resend_s": 1})
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
    make_broker: MakeBroker, platform: MakePlatform, start_agent: StartAgent
) -> None:
    broker = make_broker()
    agent = start_agent(f"mqtt://127.0.0.1:{broker.port}", delivery={"rate_per_s": 50, "resend_s": 3}, batch_ms=0)
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


def test_an_agent_the_broker_refuses_keeps_what_it_hears(
    make_broker: MakeBroker, start_agent: StartAgent, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    passwords.write_text("someone:$7$101$AAAAAAAAAAAAAAAA$" + "A" * 86 + "==\n")
    passwords.chmod(0o600)
    secret.write_text("wrong\n")
    broker = make_broker(password_file=passwords)
    agent = start_agent(broker.url, wait=False, credential_file=secret, batch_ms=0)
    with pytest.raises(RefusedError, match="refused client"):
        agent.wait_connected(10)
    agent.hear([Heard(bsm(number), NOW_US) for number in range(7)])
    until(lambda: agent.waiting["backlog"] == 7, 5, "the frames on disk")
    assert not agent.is_connected
    assert caplog.text.count("refused client") == 1  # however often it tries


def test_two_agents_on_one_spool_are_refused(broker: RunningBroker, start_agent: StartAgent) -> None:
    start_agent(broker.url)
    with pytest.raises(CannotStartError, match="in use by process"):
        start_agent(broker.url)
