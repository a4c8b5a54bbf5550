from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from chelu.bus import messages_of
from chelu.clock import VirtualClock
from chelu.codec import documents
from chelu.errors import ConfigurationError, MalformedError
from services.ingest.dead_letters import MOST_LINES, Crier, Undertaker
from services.ingest.prepared import deliveries
from services.ingest.receipts import Receipts
from services.ingest.routes import FILTERS, MOST_ROUTES, Router
from services.ingest.settings import load
from tests.unit.ingest.crafted import DEVICES, bsm, message, work


def test_of_many_alike_so_many_are_kept_a_minute_and_the_rest_is_told() -> None:
    clock = VirtualClock(0)
    undertaker = Undertaker(clock, per_minute=3, payload_bytes=10)
    prepared, _ = work([message("obu/o1/bsm/up", bsm()[:30]) for _ in range(10)])
    assert len(undertaker.choose(prepared, prepared.refusals)) == 3
    clock.advance(61)
    letters = undertaker.choose(prepared, prepared.refusals)
    assert letters[0].suppressed == 7
    assert (len(letters[0].payload), letters[0].size_bytes) == (10, 30)


def test_a_refusal_is_logged_once_a_device_and_reason_then_with_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    clock = VirtualClock(0)
    crier = Crier(clock)
    prepared, _ = work([message("obu/o1/bsm/up", b"\x00") for _ in range(5)])
    with caplog.at_level(logging.WARNING):
        for _ in range(10):
            crier.tell(prepared, prepared.refusals)
            clock.advance(30)
    assert len(caplog.records) == 3
    assert "9 more" in caplog.records[1].message


def test_a_sender_that_invents_ids_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    clock = VirtualClock(0)
    crier = Crier(clock)
    for turn in range(20):
        prepared, _ = work([message(f"obu/x{turn}-{index}/bsm/up", b"\x00") for index in range(50)])
        crier.tell(prepared, prepared.refusals)
    assert len(caplog.records) == MOST_LINES
    clock.advance(61)
    crier.tell(prepared, prepared.refusals[:1])
    assert "940 refusals of other senders" in caplog.records[MOST_LINES].message


def receipts_of(clock: VirtualClock, receipts: Receipts, *numbers: int, connection: int = 1) -> list[dict[str, int]]:
    clock.advance(2)
    messages = [replace(message("obu/o1/bsm/up", bsm(), qos=1, sequence=number), connection=connection) for number in numbers]
    prepared, _ = work(messages)
    receipts.note(prepared, deliveries(prepared))
    return [stored for _, payload in receipts.take() if (stored := json.loads(payload)["stored"])]


def test_a_receipt_waits_for_a_whole_pass_after_every_connection() -> None:
    clock = VirtualClock(0)
    receipts = Receipts(clock)
    assert receipts_of(clock, receipts, 501, 502) == []
    assert receipts_of(clock, receipts, 241, 242) == [{"bsm": 242}]
    assert receipts_of(clock, receipts, 243, 501) == [{"bsm": 501}]
    assert receipts_of(clock, receipts, 700, connection=2) == []
    assert receipts_of(clock, receipts, 700, connection=2) == [{"bsm": 700}]


def test_a_device_gets_a_receipt_at_most_once_a_second() -> None:
    clock = VirtualClock(0)
    receipts = Receipts(clock)
    receipts_of(clock, receipts, 1)
    assert receipts_of(clock, receipts, 1) == [{"bsm": 1}]
    prepared, _ = work([replace(message("obu/o1/bsm/up", bsm(), qos=1, sequence=2), connection=1)])
    receipts.note(prepared, deliveries(prepared))
    assert receipts.take() == []
    clock.advance(1)
    assert receipts.take() == [("obu/o1/receipt/down", b'{"stored": {"bsm": 2}}')]


def test_a_device_that_invents_topics_cannot_fill_the_memory() -> None:
    router = Router(DEVICES)
    for start in range(0, MOST_ROUTES + 50_000, 50_000):
        router.route(messages_of([message(f"obu/o1/x{start + index}", b"") for index in range(50_000)]))
    assert len(router._index) <= MOST_ROUTES + 50_000
    assert len(router.routes.rows) == 1


def test_subscriptions_cover_every_topic_devices_speak_on_and_strays() -> None:
    assert {"obu/#", "rsu/#", "rscu/#", "sensor/#", "signal/#", "gateway/#", "vehicle/#", "join/#", "V2X/#"} == set(FILTERS)


@pytest.mark.parametrize(
    ("document", "time_us"),
    [
        ({"time_us": 1_790_000_000_000_001}, 1_790_000_000_000_001),
        ({"timestamp": 1_790_000_000_123}, 1_790_000_000_123_000),
        ({"timeStamp": "2026-09-21T15:33:20.000+08:00"}, 1_789_976_000_000_000),
        ({"timestamp": "noon"}, None),
        ({"timestamp": True}, None),
        ({}, None),
    ],
)
def test_a_document_says_when(document: dict[str, object], time_us: int | None) -> None:
    assert documents.event_time_us(document) == time_us


def test_a_backslash_before_u0000_is_not_a_nul() -> None:
    assert documents.read_object(b'{"a": "\\\\u0000"}') == {"a": "\\u0000"}
    with pytest.raises(MalformedError, match="NUL"):
        documents.read_object(b'{"a": "\\u0000"}')


def test_numbers_beyond_a_double_are_refused() -> None:
    with pytest.raises(MalformedError):
        documents.read_object(b'{"a": 1e999}')


def test_a_setting_out_of_bounds_is_named() -> None:
    with pytest.raises(ConfigurationError, match="batch_rows"):
        load({"CHELU_INGEST_BATCH_ROWS": "0"})
