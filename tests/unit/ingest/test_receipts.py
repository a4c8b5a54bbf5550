"""Receipts: never past a hole, and no longer to wait for than needed."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

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


@dataclass
class OneByOne:
    """The rule of receipts, message by message."""

    connection: int = 0
    last: int | None = None
    is_whole: bool = False

    def hear(self, number: int, connection: int) -> None:
        if self.last is None or connection != self.connection:
            self.connection, self.is_whole = connection, False
        elif number <= self.last:
            self.is_whole = True
        self.last = number

    @property
    def stored(self) -> int | None:
        return self.last if self.is_whole else None


@given(st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=6), max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))
def test_whole_batches_are_followed_as_one_message_after_the_other(batches: list[list[int]], is_new: list[bool]) -> None:
    told, plain, connection = Told(), OneByOne(), 1
    receipt: int | None = None
    for numbers, reconnects in zip(batches, is_new, strict=False):
        connection += reconnects
        told.hear(*numbers, connection=connection)
        for number in numbers:
            plain.hear(number, connection)
        said = told.say() or {"stored": {}}
        receipt = dict(said["stored"]).get("heartbeat")  # type: ignore[call-overload]
        assert receipt == plain.stored


def test_streams_and_devices_of_one_batch_do_not_mix() -> None:
    told = Told()
    pairs = [("heartbeat", 5), ("info", 9), ("heartbeat", 4), ("info", 10), ("heartbeat", 5)]
    messages = [message(f"obu/o1/{stream}/up", b"{}", qos=1, sequence=n, connection=1) for stream, n in pairs]
    prepared, _ = work(messages)
    told.receipts.note(prepared, deliveries(prepared))
    assert told.say() == {"stored": {"heartbeat": 5}, "again": ["info"]}
