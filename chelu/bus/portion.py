"""What the two readers of packets give back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chelu.bus.batch import Messages
from chelu.bus.packets import Control
from chelu.bus.reasons import WireError

PADDING = 128  # bytes that a buffer must have after what is in it: fields are read in words, and judged afterwards


@dataclass(frozen=True, slots=True)
class Portion:
    """What a buffer held.

    consumed: bytes that were read; needed: what the packet that begins there takes in all, as far as is known; error: why nothing
    behind `consumed` can be read.
    """

    messages: Messages
    controls: Sequence[Control]
    consumed: int
    needed: int
    error: WireError | None
