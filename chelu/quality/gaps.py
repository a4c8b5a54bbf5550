"""Gaps in the message count of a sender: a lower bound of what was lost on the way, where the sender keeps no book itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.quality.senders import Previous
from chelu.units import US_PER_S

COUNTS = 128  # MsgCount is 0..127 and wraps (YD/T 3709-2020)


@dataclass(frozen=True, slots=True)
class GapLimits:
    """forget_s: a longer silence is a sender that was away, not messages that were lost (at 10 Hz the count wraps in 12.8 s)."""

    forget_s: float = 10.0


def missing(
    count: npt.NDArray[np.uint8], event_us: npt.NDArray[np.int64], previous: Previous, limits: GapLimits
) -> npt.NDArray[np.int64]:
    """How many messages (n,) are missing before each; 0 for the first, a repeated, an overtaken one and after a long silence.

    `previous` holds ``message_count`` and ``time_us``.
    """
    step = (count.astype(np.int64) - previous.columns["message_count"]) % COUNTS
    silence_us = event_us - previous.columns["time_us"]
    in_order = previous.known & (silence_us >= 0) & (silence_us <= round(limits.forget_s * US_PER_S))
    return np.where(in_order & (step > 1), step - 1, 0)
