"""Receipts of several workers over one real database: never past a hole, whoever stored what, and in whatever order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from chelu.clock import VirtualClock
from chelu.store import Database
from services.ingest.dead_letters import Undertaker
from services.ingest.prepared import Prepared, deliveries
from services.ingest.shared_receipts import LANES, SharedReceipts
from services.ingest.writer import Writer
from tests.unit.ingest.crafted import NOW_US, message, work


class Worker:
    """One of several: what it hears is committed, then receipted."""

    def __init__(self, url: str, name: str) -> None:
        self.clock = VirtualClock(NOW_US)
        undertaker = Undertaker(self.clock, per_minute=10, payload_bytes=100)
        self.writer = Writer(Database(url), self.clock, undertaker, spool_name=name)
        self.writer.open()
        self.receipts = SharedReceipts(self.clock, self.writer)

    def hear(self, *numbers: int, stream: str = "heartbeat", body: object = None) -> None:
        payload = json.dumps(body or {}).encode()
        prepared, _ = work([message(f"obu/o1/{stream}/up", payload, qos=1, sequence=number) for number in numbers])
        self._store(prepared)

    def hear_state(self, **released: int) -> None:
        prepared, _ = work([message("obu/o1/state", json.dumps({"released": released}).encode(), qos=1)])
        self._store(prepared)

    def _store(self, prepared: Prepared) -> None:
        self.writer.write(prepared)
        self.receipts.note(prepared, deliveries(prepared))

    def say(self) -> dict[str, Any]:
        said = self.receipts.take()
        self.clock.sleep(2.0)
        assert [topic for topic, _ in said] in (["obu/o1/receipt/down"], [])
        return by_lane(json.loads(said[0][1])) if said else {}


def by_lane(receipt: dict[str, Any]) -> dict[str, Any]:
    """A receipt says the same of all streams of a lane."""
    lanes: dict[str, Any] = {}
    for stream, number in receipt["stored"].items():
        assert lanes.setdefault(LANES[stream], number) == number
    return {**lanes, **{name: value for name, value in receipt.items() if name != "stored"}}


@pytest.fixture
def workers(database_url: str) -> Iterator[tuple[Worker, Worker]]:
    pair = Worker(database_url, "ingest"), Worker(database_url, "ingest-2")
    yield pair
    for worker in pair:
        worker.writer.close()


def test_who_did_not_say_where_its_numbers_begin_is_asked(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    one.hear(5, 6)
    assert one.say() == {"again": ["heartbeat"]}
    other.hear_state(events=4, backlog=0)
    assert other.say() == {}
    one.hear(5, 6)
    assert one.say() == {"events": 6}


def test_a_hole_holds_all_streams_of_its_lane_back_until_another_worker_closes_it(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    one.hear_state(events=0, backlog=0)
    one.hear(1, 2, 5)
    one.hear(4, stream="info")
    assert one.say() == {"events": 2}
    other.hear(3, stream="coop")
    assert other.say() == {"events": 5}
    one.hear(5)  # sent again, since its receipt did not come
    assert one.say() == {"events": 5}


def test_the_lanes_numbers_are_apart(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    one.hear_state(events=0, backlog=0)
    one.hear(1, 3)
    other.hear(2, stream="bsm")
    assert one.say() == {"events": 1}
    assert other.say() == {"events": 1}


def test_what_an_agent_has_given_up_is_passed_over_when_it_says_so(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    one.hear_state(events=0, backlog=0)
    one.hear(1, 3)
    assert one.say() == {"events": 1}
    other.hear(4, body={"released": {"events": 2, "backlog": 0}})
    assert other.say() == {"events": 4}


@pytest.mark.parametrize("seed", range(3))
def test_in_no_order_does_a_receipt_reach_a_number_that_never_came(workers: tuple[Worker, Worker], seed: int) -> None:
    random = np.random.default_rng(seed)
    numbers = random.permutation(np.arange(1, 41)).tolist()
    hole = int(random.integers(2, 40))
    workers[0].hear_state(events=0, backlog=0)
    workers[0].say()
    said = {0}
    for number in numbers:
        worker = workers[int(random.integers(2))]
        if number != hole:
            worker.hear(number, stream=("heartbeat", "info", "coop")[number % 3])
            said |= set(worker.say().values())
    assert max(said) < hole
    workers[1].hear(hole, stream="coop")
    assert workers[1].say() == {"events": 40}
