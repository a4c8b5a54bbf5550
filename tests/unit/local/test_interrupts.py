"""Signals that end a command: the first unwinds it, further ones do not disturb its cleaning up."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from chelu.local import interrupts


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Hang-ups end things here, also when the tests themselves run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", interrupts.ENDING)
def test_the_first_signal_unwinds_and_a_second_does_not_disturb_the_cleaning_up(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    cleaned = []

    def work() -> None:
        with interrupts.once():
            try:
                signal.raise_signal(number)
            finally:
                signal.raise_signal(number)
                cleaned.append(number)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert cleaned == [number]
    assert signal.getsignal(number) is before


def test_under_nohup_a_hang_up_ends_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts.once():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_deferred_is_done_whole_and_the_signal_is_heard_afterwards() -> None:
    done = []

    def work() -> None:
        with interrupts.once():
            with interrupts.deferred():
                signal.raise_signal(signal.SIGTERM)
                done.append("cleaned up")
            done.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["cleaned up"]
