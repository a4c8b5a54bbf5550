"""A reader that stalls loses QoS 0 in any broker without a word: on a whole site it shows as what agents sent and nobody got."""

from __future__ import annotations

import contextlib
import os
import signal

from tests.e2e.conftest import Running
from tests.e2e.fleet import CHILDREN, Fleet
from tests.waiting import until

STALL_RATE, STALL_S = 30_000, 6.0  # more than the 100 000 messages that our broker keeps for a slow client, and what sockets hold


def test_what_a_stalled_reader_loses_shows_as_loss_in_transit(running: Running) -> None:
    with contextlib.closing(Fleet(running)) as fleet:
        stall_and_count(running, fleet)


def stall_and_count(running: Running, fleet: Fleet) -> None:
    client = running.client
    fleet.drive(3, 1000)

    def bsm() -> dict[str, int]:
        found = client.traffic(seconds=600)["streams"].get("bsm", {})
        return found if found.get("sent") == fleet.sent else {}

    before = until(bsm, 20, "the heartbeats of steady traffic")
    assert before["stored"] > 2900
    assert abs(before["in_transit"]) <= CHILDREN
    ingest = next(part.pid for part in running.site.status() if part.name == "ingest")
    assert ingest
    os.kill(ingest, signal.SIGSTOP)
    try:
        fleet.drive(STALL_S, STALL_RATE)
    finally:
        os.kill(ingest, signal.SIGCONT)
    fleet.drive(2, 1000)
    after = until(bsm, 30, "the heartbeats after the stall")
    print(f"\n{fleet.sent} sent, {after['stored']} stored, {after['in_transit']} lost in transit, {client.traffic()['broker']}")
    assert after["in_transit"] == fleet.sent - after["stored"] > 1000

    def by_broker() -> int:
        dropped = (client.traffic()["broker"] or {}).get("dropped", 0)
        return dropped if dropped >= after["in_transit"] else 0

    dropped = until(by_broker, 30, "the broker's own count, which it tells every 10 s")
    shown = running.chelu("status", "--seconds", "600", "--data", str(running.site.layout.data)).stdout
    assert f"{after['in_transit']:,} (" in shown
    assert f"dropped {dropped:,} messages" in shown
