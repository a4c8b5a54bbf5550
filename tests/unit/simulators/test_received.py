"""When messages were sent, remembered for a while."""

from __future__ import annotations

import numpy as np

from simulators.received import SentTimes


def devices(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(numbers, np.int64)


def test_a_message_is_known_by_its_device_and_event_time() -> None:
    sent = SentTimes(["a", "", "unit"])
    sent.add(devices(0, 0, -1), devices(100, 200, 100), 7)
    sent.add(devices(0), devices(300), 9)
    assert [sent.get("a", at) for at in (100, 200, 300, 400)] == [7, 7, 9, None]
    assert (sent.get("unit", 100), sent.get("unit", 200)) == (7, None)
    assert sent.get("stranger", 100) is None


def test_what_was_said_twice_counts_from_the_last_time() -> None:
    sent = SentTimes(["a"])
    sent.add(devices(0), devices(100), 7)
    sent.add(devices(0), devices(100), 8)
    assert sent.get("a", 100) == 8


def test_no_more_than_two_generations_are_remembered() -> None:
    sent = SentTimes(["a"], remembered=10)
    for number in range(35):
        sent.add(devices(0), devices(number), number)
    assert [number for number in range(35) if sent.get("a", number) is not None] == list(range(20, 35))
