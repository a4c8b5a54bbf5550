"""A whole site with several workers of ingest, each under an account of its own at the broker."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from chelu.local.plan import Options
from tests.e2e.conftest import Running
from tests.e2e.fleet import CHILDREN, Fleet
from tests.waiting import until

RATE, BURST_S = 10_000, 0.5


@pytest.fixture
def site_options(site_options: Options) -> Options:
    return replace(site_options, workers=2)


def traffic(running: Running, fleet: Fleet) -> dict[str, int]:
    """What became of the fleet's BSMs, once its last heartbeat and everything before it is stored; nothing until then.

    One worker has the heartbeat and another the BSM beside it: of each child the first or last may count on the other side.
    """
    found = running.client.traffic(seconds=600)["streams"].get("bsm", {})
    is_whole = found.get("sent") == fleet.sent and abs(found["stored"] + found["in_transit"] - fleet.sent) <= CHILDREN
    return found if is_whole else {}


def test_two_workers_share_and_what_a_dead_one_loses_is_counted(running: Running) -> None:
    names = [part.name for part in running.site.status()]
    assert names[-4:] == ["ingest", "ingest-2", "inference", "quality"]
    with contextlib.closing(Fleet(running)) as fleet:
        share_and_survive(running, fleet)
    assert (running.site.layout.data / "spool" / "ingest-2").is_dir()
    killed = running.site.kill("quality")
    assert running.site.wait_running("quality", other_than=killed) != killed


def share_and_survive(running: Running, fleet: Fleet) -> None:
    fleet.drive(2, 1000)
    whole = until(lambda: traffic(running, fleet), 20, "the heartbeats")
    assert whole["stored"] > 1900
    assert abs(whole["in_transit"]) <= CHILDREN
    assert whole["missing"] == 0  # a worker that sees half of a sender's messages must not call the others missing
    fleet.drive(BURST_S, RATE)
    pid = running.site.kill("ingest-2")
    fleet.drive(3, 1000)  # which the other one gets whole: a broker shares among those that are there
    running.site.wait_running("ingest-2", other_than=pid)
    fleet.drive(1, 1000)
    after = until(lambda: traffic(running, fleet), 20, "the heartbeats after the kill")
    print(f"\n{after['in_transit']} of {fleet.sent} lost with the worker")
    assert -CHILDREN <= after["in_transit"] < RATE * BURST_S  # what it had taken of the burst, of which the other has the rest
    assert after["missing"] == 0
