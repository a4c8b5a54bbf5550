"""Waiting for what another process or thread does, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.01
PATIENCE = 3.0  # times what a test thinks long: a guard against hanging, no bar, and others use the machine


def until(condition: Callable[[], T], timeout_s: float, what: str) -> T:
    """The first true value of `condition`; AssertionError naming `what` when there is none long after `timeout_s` seconds."""
    began_s = time.monotonic()
    while True:
        if value := condition():
            return value
        if (waited_s := time.monotonic() - began_s) > PATIENCE * timeout_s:
            raise AssertionError(f"after {waited_s:.0f} s still waiting for {what}")
        time.sleep(POLL_S)
