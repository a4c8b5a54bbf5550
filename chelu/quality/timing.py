"""Lateness and clock skew: what three instants – event, hearing, arrival – can tell about a row.

The *event* time is the sender's clock, the *hearing* time is the envelope's time stamp (arrival, on a bare frame), the *arrival*
is ours. Event against hearing is the sender's clock; arrival against hearing is the way the message took. A message that waited
in a spool is therefore late and not skewed, and nothing can be heard after it has arrived.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.units import US_PER_S

Instants = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TimingLimits:
    """late_after_s: age at arrival beyond which a row is late; skew_s: difference of two clocks that is still believed."""

    late_after_s: float = 5.0
    skew_s: float = 2.0


def late(event_us: Instants, arrival_us: Instants, limits: TimingLimits) -> Mask:
    """Which rows (n,) were older than the limit when they arrived."""
    return arrival_us - event_us > round(limits.late_after_s * US_PER_S)


def skewed(event_us: Instants, heard_us: Instants, arrival_us: Instants, may_have_waited: Mask, limits: TimingLimits) -> Mask:
    """Which rows (n,) carry a clock that disagrees with ours.

    may_have_waited: rows that a spool or a broker's queue may have held back, for which an old hearing time is no fault.
    A BSM says only milliseconds within the minute: an error of more than 30 s cannot be seen in it (design, "Event time").
    """
    limit_us = round(limits.skew_s * US_PER_S)
    sender = np.abs(event_us - heard_us) > limit_us
    ahead = heard_us - arrival_us > limit_us
    behind = ~may_have_waited & (arrival_us - heard_us > limit_us)
    return np.asarray(sender | ahead | behind)
