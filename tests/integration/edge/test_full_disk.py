"""An agent whose disk is really full: it lives, counts what it cannot keep, and is emptied by receipts."""

from __future__ import annotations

import json

from chelu.bus import Session
from chelu.clock import SystemClock
from edge.agent import Agent
from edge.settings import EdgeSettings
from tests.fix_broker import RunningBroker
from tests.fix_small_disk import SmallDisk
from tests.waiting import until


def test_an_agent_on_a_full_disk_counts_and_is_emptied_by_receipts(broker: RunningBroker, small_disk: SmallDisk) -> None:
    platform = Session(broker.url, client_id="full-platform", clock=SystemClock(), subscriptions=["rsu/full/coop/up"])
    platform.start()
    values = {
        "kind": "rsu",
        "id": "full",
        "broker": broker.url,
        "heartbeat_s": 0.1,
        "spool": {"directory": small_disk.path / "spool"},
    }
    agent = Agent(EdgeSettings.check(values, source="test"), SystemClock())
    agent.start()
    agent.wait_connected(10)
    platform.wait_connected(10)
    until(lambda: agent.waiting["events"] > 5, 10, "some messages")
    small_disk.fill()
    for _ in range(50):
        agent.report("coop", {"filler": "x" * 2000})
    until(lambda: agent.tally.of("spool") > 0, 10, "the full disk to be counted")
    stored = dict.fromkeys(("info", "heartbeat", "run-status", "coop"), agent._events.spool.last_sequence)
    receipt = json.dumps({"stored": stored}).encode()
    platform.publish("rsu/full/receipt/down", receipt, qos=1).wait(5)
    until(lambda: agent.waiting["events"] == 0, 10, "the spool to be released")
    small_disk.free()
    agent.report("coop", {"filler": "there is room"})
    until(lambda: any(b"there is room" in item.payload for item in platform.drain(1000, 0.1)), 10, "the report after it")
    agent.stop()
    platform.stop()
