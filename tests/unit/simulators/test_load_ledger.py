from __future__ import annotations

import json

import numpy as np
import pytest

from simulators.load.bsm import BsmSource
from simulators.load.devices import Devices
from simulators.load.ledger import PASS_S, Ledger
from simulators.load.portion import Portion
from simulators.load.settings import LoadSettings

DEVICES = Devices(LoadSettings(vehicles=3, rate_hz=10, seconds=10, qos=1))
BASE = 1_700_000_000_000


@pytest.fixture
def rounds() -> list[Portion]:
    source = BsmSource(DEVICES)
    source.begin(BASE * 1000)
    return list(source.until(1_000_000))


def ledger(*, has_receipts: bool = True) -> Ledger:
    return Ledger(("bsm",), {name: index for index, name in enumerate(DEVICES.names)}, has_receipts=has_receipts)


def receipt(device: int, number: int, *again: str) -> tuple[str, bytes]:
    document = {"stored": {"bsm": BASE + number} if number >= 0 else {}, "again": list(again)}
    return f"obu/{DEVICES.obus[device]}/receipt/down", json.dumps(document).encode()


def sent(book: Ledger, most: int = 1000) -> list[tuple[int, int]]:
    """Everything that may go now: (device, number)."""
    found = []
    while (portion := book.next(most)) is not None:
        found += list(zip(portion.device.tolist(), (portion.sequence - BASE).tolist(), strict=True))
    return found


def test_messages_go_once_in_order_and_in_any_portions(rounds: list[Portion]) -> None:
    book = ledger()
    for portion in rounds[:4]:
        book.add(portion)
    assert [number for _, number in sent(book, most=2)] == [0] * 6 + [1] * 3 + [2] * 3 + [3] * 3
    assert sent(book) == []
    assert len(book) == 12


def test_each_pass_says_a_devices_first_message_twice_so_that_its_numbers_step_back_once(rounds: list[Portion]) -> None:
    book = ledger()
    book.add(rounds[0].part(0, 2))
    book.add(rounds[1])
    first, second, third = rounds[1].device.tolist()
    assert sent(book) == [(first, 0), (first, 0), (second, 0), (second, 0), (first, 1), (second, 1), (third, 1), (third, 1)]
    book.restart(1.0)
    assert len(sent(book)) == 8
    without = ledger(has_receipts=False)
    without.add(rounds[0])
    assert len(sent(without)) == 3


def test_what_every_device_has_a_receipt_for_is_forgotten_and_nothing_else(rounds: list[Portion]) -> None:
    book = ledger()
    for portion in rounds[:3]:
        book.add(portion)
    sent(book)
    book.hear([receipt(0, 2), receipt(1, 1)], 100.0)
    assert len(book) == 9
    book.hear([receipt(2, 0)], 100.0)
    assert len(book) == 6
    book.restart(101.0)
    assert {number for _, number in sent(book)} == {1, 2}
    assert book.resent == 6


def test_after_a_loss_everything_without_a_receipt_goes_again_before_what_is_new(rounds: list[Portion]) -> None:
    book = ledger()
    book.add(rounds[0])
    sent(book)
    book.add(rounds[1])
    book.restart(100.0)
    book.add(rounds[2])
    assert [number for _, number in sent(book)] == [0] * 6 + [1] * 3 + [2] * 3
    assert book.resent == 3


def test_a_platform_that_missed_the_beginning_gets_one_new_pass_for_all_who_ask(rounds: list[Portion]) -> None:
    book = ledger()
    book.add(rounds[0])
    sent(book)
    book.hear([receipt(0, -1, "bsm"), receipt(1, -1, "bsm")], 100.0)
    assert len(sent(book)) == 6
    book.hear([receipt(2, -1, "bsm")], 100.5)
    assert sent(book) == []
    book.hear([], 100.0 + PASS_S)
    assert len(sent(book)) == 6


def test_receipts_that_cannot_be_read_are_passed_over(rounds: list[Portion]) -> None:
    book = ledger()
    book.add(rounds[0])
    topic = receipt(0, 0)[0]
    odd = [b"", b"{", b"[]", b'{"stored": 5}', b'{"stored": {"bsm": "x"}}', b'{"stored": {"other": 5}}']
    book.hear([(topic, payload) for payload in odd], 1.0)
    book.hear([("obu/stranger/receipt/down", receipt(0, 9)[1]), ("nowhere", b"")], 1.0)
    assert len(book) == 3


def test_without_receipts_the_brokers_acknowledgement_is_enough(rounds: list[Portion]) -> None:
    book = ledger(has_receipts=False)
    for portion in rounds[:3]:
        book.add(portion)
    sent(book)
    book.acknowledge(4)
    assert len(book) == 5
    book.restart(1.0)
    again = sent(book)
    assert [number for _, number in again] == [1, 1, 2, 2, 2]
    book.acknowledge(5)
    assert len(book) == 0
    assert book.is_at_end


def test_a_full_ledger_says_so(rounds: list[Portion], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.load.ledger.MOST_BYTES", int(np.sum([len(one.data) for one in rounds[:2]])))
    book = ledger()
    book.add(rounds[0])
    assert book.has_room
    book.add(rounds[1])
    assert not book.has_room
