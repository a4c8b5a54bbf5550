"""Our agent and ingest together: how soon a receipt empties the agent's disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chelu.clock import SystemClock
from edge.agent import Agent
from edge.settings import EdgeSettings
from tests.integration.ingest.conftest import Site
from tests.waiting import until

RESEND_S = 30.0  # so that nothing here comes from repeating


@pytest.fixture
def agent(site: Site, tmp_path: Path) -> Iterator[Agent]:
    settings = EdgeSettings.check(
        {
            "kind": "obu",
            "id": "o1",
            "broker": site.broker.url,
            "heartbeat_s": 0.2,
            "spool": {"directory": tmp_path / "edge-spool"},
            "delivery": {"resend_s": RESEND_S},
        },
        source="test",
    )
    agent = Agent(settings, SystemClock())
    agent.start()
    agent.wait_connected(10)
    yield agent
    agent.stop()


def test_receipts_come_at_once_also_after_ingest_was_killed(site: Site, agent: Agent) -> None:
    until(lambda: agent.waiting["events"] <= 5, RESEND_S / 3, "the first receipts")
    site.kill()
    until(lambda: agent.waiting["events"] > 15, 20, "messages without a receipt")
    site.start()
    began_s = time.monotonic()
    until(lambda: agent.waiting["events"] <= 5, RESEND_S / 3, "receipts from the successor")
    print(f"\nreceipts {time.monotonic() - began_s:.1f} s after the successor was ready")
    received, stored, dropped = site.books()
    assert received == stored + sum(dropped.values())
    assert set(dropped) <= {"duplicate"}
