"""Ctrl-C, SIGTERM and a hang-up as the end of a command that has something to clean up."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_end(act: Callable[..., object]) -> dict[signal.Signals, object]:
    """Call `act` for every signal that ends a command; returns the handlers before. Under nohup a hang-up stays ignored."""
    heard = [number for number in ENDING if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, act) for number in heard}


def ignore() -> None:
    """From now on none of them does anything: a second Ctrl-C must not leave half of the work behind."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Within the block these signals wait; the first that came is heard when the block is over: what it does is done whole."""
    came: list[int] = []
    before = on_end(lambda number, _: came.append(number))
    try:
        yield
    finally:
        _restore(before)
        if came:
            signal.raise_signal(came[0])


def _restore(before: dict[signal.Signals, object]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself returned


@contextlib.contextmanager
def once(error: type[BaseException] = KeyboardInterrupt) -> Iterator[None]:
    """Within the block the first of these signals raises `error`, and later ones are ignored while the block unwinds."""

    def unwind(*_: object) -> None:
        ignore()
        raise error

    before = on_end(unwind)
    try:
        yield
    finally:
        _restore(before)
