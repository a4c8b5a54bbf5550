"""A roadside computer that is told of events: it reads them, hands them on once, and answers each time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chelu.clock import VirtualClock
from edge.told import REMEMBERED, Told

EVENT = {"eventType": 904, "longitude": 106.57, "latitude": 29.53}


def document(number: int = 7, *events: dict[str, Any], **more: Any) -> bytes:
    said = {"timeStamp": 1_700_000_000_000, "rscuSn": "R1", "seqNum": number, "ack": True, "eventList": list(events or (EVENT,))}
    return json.dumps({**said, **more}).encode()


@pytest.fixture
def handed() -> list[bytes]:
    return []


@pytest.fixture
def told(handed: list[bytes]) -> Told:
    return Told(VirtualClock(1_700_000_000_000_000), handed.append)


def test_a_document_is_handed_on_once_and_answered_as_often_as_it_comes(told: Told, handed: list[bytes]) -> None:
    answers = [json.loads(told.take("event", document()) or b"") for _ in range(3)]
    assert answers == [{"seqNum": 7, "timeStamp": 1_700_000_000_000, "errorCode": 0}] * 3
    assert handed == [document()]


def test_what_cannot_be_read_is_refused_by_field_and_not_handed_on(told: Told, handed: list[bytes]) -> None:
    answer = json.loads(told.take("event", document(8, {**EVENT, "latitude": 91})) or b"")
    assert (answer["seqNum"], answer["errorCode"]) == (8, 1)
    assert answer["errorDesc"] == "eventList[0].latitude = 91 is outside -90 … 90"
    assert json.loads(told.take("traffic", b"[]") or b"")["errorCode"] == 1
    assert handed == []


def test_who_does_not_ask_gets_no_answer(told: Told, handed: list[bytes]) -> None:
    assert told.take("event", document(ack=False)) is None
    assert len(handed) == 1


def test_documents_without_a_number_are_each_their_own(told: Told, handed: list[bytes]) -> None:
    for _ in range(2):
        assert told.take("event", document(seqNum=None)) is not None
    assert len(handed) == 2


def test_numbers_are_forgotten_in_the_order_in_which_they_came(told: Told, handed: list[bytes]) -> None:
    for number in range(REMEMBERED + 1):
        told.take("event", document(number))
    told.take("event", document(0))
    told.take("event", document(REMEMBERED))
    assert len(handed) == REMEMBERED + 2
