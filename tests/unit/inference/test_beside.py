"""Work beside the thread that warns: in order, bounded, and not ended by a fault."""

from __future__ import annotations

import threading

import pytest

from services.inference.city.beside import Beside
from tests.waiting import until


def test_the_oldest_give_way_and_a_fault_costs_its_own_item(caplog: pytest.LogCaptureFixture) -> None:
    held, begun, done, dropped = threading.Event(), threading.Event(), list[int](), list[None]()

    def work(item: int) -> None:
        begun.set()
        held.wait(10)
        if item == 3:
            raise ValueError("three")
        done.append(item)

    beside = Beside("test", work, failed=lambda item: f"{item} failed", dropped=lambda: dropped.append(None), most=2)
    beside.put(0)
    until(begun.is_set, 10, "the first to be at work")
    for item in (1, 2, 3, 4):
        beside.put(item)
    held.set()
    until(lambda: done == [0, 4], 10, "the last")
    beside.stop()
    assert len(dropped) == 2
    assert "3 failed" in caplog.text
