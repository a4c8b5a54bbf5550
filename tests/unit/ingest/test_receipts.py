"""Receipts: never past a hole, and no longer to wait for than needed."""

from __future__ import annotations

import json

from chelu.clock import VirtualClock
from services.ingest.prepared import deliveries
from services.ingest.receipts import Receipts
from tests.unit.ingest.crafted import NOW_US, message, work


class Told:
    """Receipts of one device, o1, over a clock of their own."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOW_US)
        self.receipts = Receipts(self.clock)

    def hear(self, *numbers: int, connection: int = 1, stream: str = "heartbeat") -> None:
        messages = [message(f"obu/o1/{stream}/up", b"{}", qos=1, sequence=n, connection=connection) for n in numbers]
        prepared, _ = work(messages)
        self.receipts.note(prepared, deliveries(prepared))

    def say(self) -> dict[str, object] | None:
        """What is said now, at most one receipt; then time passes."""
        said = self.receipts.take()
        self.clock.sleep(2.0)
        assert len(said) <= 1
        assert all(topic == "obu/o1/receipt/down" for topic, _ in said)
        return json.loads(said[0][1]) if said else None


def test_the_first_message_after_we_connect_asks_for_a_pass_from_the_beginning() -> None:
    told = Told()
    told.hear(7, 8)
    assert told.say() == {"stored": {}, "again": ["heartbeat"]}
    told.hear(9)
    assert told.say() is None
    told.hear(5, 6, 7, 8, 9)
    assert told.say() == {"stored": {"heartbeat": 9}}
    told.hear(10)
    assert told.say() == {"stored": {"heartbeat": 10}}


def test_a_pass_that_began_by_itself_is_not_asked_for() -> None:
    told = Told()
    told.hear(7, 8, 7, 8)
    assert told.say() == {"stored": {"heartbeat": 8}}


def test_each_connection_and_each_stream_is_asked_for_once() -> None:
    told = Told()
    told.hear(1, 1)
    assert told.say() == {"stored": {"heartbeat": 1}}
    told.hear(5, stream="info")
    assert told.say() == {"stored": {}, "again": ["info"]}
    told.hear(6, stream="info")
    assert told.say() is None
    told.hear(2, connection=2)
    told.hear(7, connection=2, stream="info")
    assert told.say() == {"stored": {}, "again": ["heartbeat", "info"]}


def test_numbers_that_only_rise_are_never_receipted() -> None:
    told = Told()
    for number in range(10, 20):
        told.hear(number)
        said = told.say()
        assert said is None or said["stored"] == {}
