"""A wake-up is seen once, by whichever wait comes first."""

from __future__ import annotations

from chelu.bus.waker import Waker


def test_a_wake_up_is_told_once_and_not_lost() -> None:
    waker = Waker()
    assert not waker.wait(0)
    waker.wake()
    waker.wake()
    assert waker.wait(0)
    assert not waker.wait(0)
    waker.wake()
    assert waker.wait(0)
    waker.close()
    waker.wake()
