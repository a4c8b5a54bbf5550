"""A lane between its spool and a broker that fails as told: nothing is released that was not stored."""

from __future__ import annotations

import itertools
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.bus import Failure, Publication
from chelu.spool import Spool
from edge.lane import MAX_REFUSALS, Lane
from edge.record import Record
from edge.settings import DeliverySettings
from edge.tally import Tally


class Broker:
    """Takes publications; what reaches ingest is in `stored`, as long as `is_losing` is false."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, str]] = []
        self.stored: dict[int, bytes] = {}
        self.failure: Failure | None = None
        self.is_losing = False
        self.connection: int | None = None  # None: whichever the lane knows
        self.breaks_after: int | None = None  # publications; that one is lost, and a new connection stands at once

    def publish(self, record: Record, sequence: int, connection: int) -> Publication:
        if self.connection not in {None, connection}:
            return Publication(threading.Condition(), Failure.NOT_CONNECTED)
        if self.breaks_after == 0 and self.connection is not None:
            self.connection, self.breaks_after, self.is_losing = self.connection + 1, None, False
            return Publication(threading.Condition())
        self.breaks_after = self.breaks_after - 1 if self.breaks_after else None
        publication = Publication(threading.Condition(), self.failure)
        if publication.is_accepted:
            publication.is_acknowledged = True
            self.sent.append((sequence, record.stream))
            if not self.is_losing:
                self.stored[sequence] = record.payload
        elif self.failure is Failure.REFUSED:  # a refusal comes after the sending
            publication.failure = None
        return publication

    def receipt(self) -> dict[str, int]:
        streams = dict(self.sent)
        highest: dict[str, int] = {}
        for sequence in self.stored:
            highest[streams[sequence]] = max(sequence, highest.get(streams[sequence], 0))
        return highest


def make(directory: Path, broker: Broker, *, counted: list[Record] | None = None, **values: object) -> Lane:
    return Lane(
        Spool(directory, segment_bytes=2000, max_bytes=100_000),
        DeliverySettings.model_validate({"rate_per_s": 100_000, **values}),
        publish=broker.publish,
        on_sent=(counted if counted is not None else []).append,
        tally=Tally(),
    )


def record(number: int, stream: str = "bsm") -> Record:
    return Record(stream, 1_790_000_000_000_000 + number, 1, b"%d" % number)


def test_a_record_is_read_back_as_it_was_written() -> None:
    assert Record.decode(record(7).encode()) == record(7)


def test_records_go_out_in_order_and_are_released_by_the_receipt(tmp_path: Path) -> None:
    broker = Broker()
    lane = make(tmp_path, broker)
    for number in range(10):
        lane.append(record(number, "bsm" if number % 2 else "heartbeat"))
    lane.pump(1.0, 1)
    assert list(broker.stored.values()) == [b"%d" % number for number in range(10)]
    assert len(lane.spool) == 10
    first = lane.spool.first_sequence
    lane.receipt({"heartbeat": first + 8}, 1.1)
    assert len(lane.spool) == 9  # the first BSM, at 1, holds the others
    lane.receipt({"bsm": first + 9}, 1.2)
    assert len(lane.spool) == 0


def test_no_more_than_the_window_is_on_the_wire(tmp_path: Path) -> None:
    broker = Broker()
    lane = make(tmp_path, broker, window=4)
    for number in range(10):
        lane.append(record(number))
    lane.pump(1.0, 1)
    assert len(broker.sent) == 4
    lane.receipt(broker.receipt(), 1.1)
    lane.pump(1.2, 1)
    assert len(broker.sent) == 8


def test_the_rate_is_kept(tmp_path: Path) -> None:
    broker = Broker()
    lane = make(tmp_path, broker, rate_per_s=10)
    for number in range(50):
        lane.append(record(number))
    assert lane.pump(0.0, 1)
    for tick in range(100):
        lane.pump(tick / 50, 1)
    assert 18 <= len(broker.sent) <= 21


def test_repeating_without_progress_waits_twice_as_long_each_time(tmp_path: Path) -> None:
    broker = Broker()
    lane = make(tmp_path, broker, resend_s=2)
    lane.append(record(0))
    for second in range(30):
        lane.pump(float(second), 1)
    assert len(broker.sent) == 4  # at 0, 2, 6 and 14 s; the next is at 30 s
    assert len({sequence for sequence, _ in broker.sent}) == 1


def test_frames_are_counted_once_however_often_they_are_sent(tmp_path: Path) -> None:
    broker, counted = Broker(), list[Record]()
    lane = make(tmp_path, broker, counted=counted)
    lane.append(record(0))
    for connection in range(1, 5):
        lane.pump(float(connection), connection)
    assert len(broker.sent) == 4
    assert counted == [record(0)]


def test_a_message_too_large_for_the_broker_does_not_hold_up_the_others(tmp_path: Path) -> None:
    broker = Broker()
    lane = make(tmp_path, broker)
    broker.failure = Failure.TOO_LARGE
    lane.append(record(0))
    lane.pump(1.0, 1)
    broker.failure = None
    lane.append(record(1))
    lane.pump(2.0, 1)
    lane.receipt(broker.receipt(), 2.1)
    assert len(lane.spool) == 0
    assert list(broker.stored.values()) == [b"1"]


def test_rubbish_in_the_spool_is_passed_over(tmp_path: Path) -> None:
    broker = Broker()
    lane = make(tmp_path, broker)
    lane.spool.append([b"", b"\xffrubbish"])
    lane.append(record(1))
    lane.pump(1.0, 1)
    assert list(broker.stored.values()) == [b"1"]


@pytest.mark.parametrize("receipts", [True, False])
def test_what_the_broker_always_refuses_is_given_up_after_some_passes(tmp_path: Path, *, receipts: bool) -> None:
    refused: list[Publication] = []

    def publish(item: Record, sequence: int, connection: int) -> Publication:
        publication = Publication(threading.Condition())
        if item.payload == b"0":
            refused.append(publication)
        else:
            publication.is_acknowledged = True
        return publication

    lane = Lane(
        Spool(tmp_path, segment_bytes=2000, max_bytes=100_000),
        DeliverySettings(resend_s=0.1, receipts=receipts),
        publish=publish,
        on_sent=lambda _: None,
        tally=Tally(),
    )
    lane.append(record(0))
    lane.append(record(1, "heartbeat"))
    now_s = 1.0
    for _ in range(MAX_REFUSALS + 3):
        lane.pump(now_s, 1)
        for publication in refused:
            publication.failure = Failure.REFUSED
        lane.receipt({"heartbeat": lane.spool.last_sequence} if receipts else {}, now_s)
        now_s += 10_000
    assert len(refused) == MAX_REFUSALS
    assert len(lane.spool) == 0


STEPS = ["append", "pump", "pump_through_a_break", "receipt", "again", "lose", "reconnect", "restart"]


def test_asked_for_a_new_pass_it_begins_at_once_and_once(tmp_path: Path) -> None:
    broker = Broker()
    lane = make(tmp_path, broker)
    for number in range(3):
        lane.append(record(number))
    lane.pump(1.0, 1)
    for stream in ("heartbeat", "bsm", "bsm"):
        lane.again({stream}, 1.1)
        lane.pump(1.2, 1)
    assert len(broker.sent) == 6
    assert [sequence for sequence, _ in broker.sent[3:]] == sorted(broker.stored)


def test_no_number_overtakes_what_was_lost_with_its_connection(tmp_path: Path) -> None:
    broker = Broker()
    lane = make(tmp_path, broker)
    for number in range(5):
        lane.append(record(number))
    broker.connection, broker.breaks_after = 1, 2
    lane.pump(1.0, 1)
    assert list(broker.stored.values()) == [b"0", b"1"]
    lane.receipt(broker.receipt(), 1.1)
    assert len(lane.spool) == 3
    lane.pump(1.2, 2)
    assert list(broker.stored.values()) == [b"%d" % number for number in range(5)]


def test_what_the_broker_refused_and_a_receipt_passed_over_is_counted(tmp_path: Path) -> None:
    tally, fates = Tally(), list[Publication]()

    def publish(item: Record, sequence: int, connection: int) -> Publication:
        fates.append(Publication(threading.Condition()))
        return fates[-1]

    lane = Lane(Spool(tmp_path), DeliverySettings(), publish=publish, on_sent=lambda _: None, tally=tally)
    lane.append(record(0))
    lane.append(record(1))
    lane.pump(10.0, 1)
    lane.pump(11.0, 1)
    fates[0].failure = Failure.REFUSED
    lane.receipt({"bsm": lane.spool.last_sequence}, 12.0)
    assert tally.by_place() == {"broker": {"refused bsm": 1}}


class Trial:
    """A lane, a broker that loses what it holds only by dying (which ends the connection), and steps that may befall them."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.broker, self.numbers = directory, Broker(), itertools.count()
        self.broker.connection = 1
        self.lane, self._clock = make(directory, self.broker, window=3), itertools.count()

    def append(self) -> None:
        number = next(self.numbers)
        self.lane.append(record(number, "bsm" if number % 3 else "rsi"))

    def pump(self) -> None:
        self.lane.pump(float(next(self._clock)), self.broker.connection or 0)

    def pump_through_a_break(self) -> None:
        """The connection ends in the middle of a pump, and another stands before it is over."""
        self.broker.breaks_after = 1
        self.pump()
        self.broker.breaks_after = None

    def again(self) -> None:
        self.lane.again({"bsm", "rsi"}, float(next(self._clock)))

    def receipt(self) -> None:
        self.lane.receipt(self.broker.receipt(), float(next(self._clock)))

    def lose(self) -> None:
        self.broker.is_losing = True

    def reconnect(self) -> None:
        self.broker.connection = (self.broker.connection or 0) + 1
        self.broker.is_losing = False

    def restart(self) -> None:
        self.lane.spool.close()
        self.lane = make(self.directory, self.broker, window=3)
        self.broker.connection = (self.broker.connection or 0) + 1
        self.broker.is_losing = False


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from([*STEPS, "append"]), max_size=60))
def test_whatever_fails_in_whatever_order_everything_is_stored_in_the_end(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        trial = Trial(Path(name))
        for step in [*steps, "reconnect", *["pump", "receipt"] * 60]:
            getattr(trial, step)()
        stored = trial.broker.stored
        assert sorted(map(int, stored.values())) == list(range(next(trial.numbers)))
        assert list(map(int, (stored[sequence] for sequence in sorted(stored)))) == sorted(map(int, stored.values()))
        assert len(trial.lane.spool) == 0
        trial.lane.spool.close()
