"""QoS 1: packet ids and sequence numbers written into packets that have room for them (MQTT 5.0, 3.3.2).

The sequence number is the packet's only property: 13 digits, just before the payload; the packet id stands before the properties.
Numbers count up from the load's beginning in milliseconds since 1970, so that a later load of the same devices has higher ones.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.ragged import Bytes, Ints
from simulators.load.portion import DIGITS

PROPERTIES_BYTES = 1 + 1 + 2 + 3 + 2 + DIGITS  # length, identifier, "seq" and the digits, each behind its length


def number_at(data: Bytes, payload: Ints, sequence: Ints) -> None:
    """Write each message's sequence number (m,) in decimal."""
    for digit in range(DIGITS):
        data[payload - 1 - digit] = ord("0") + sequence // 10**digit % 10


def identify(data: Bytes, payload: Ints, packet_id: npt.NDArray[np.int64]) -> None:
    """Write each message's packet id (m,)."""
    at = payload - PROPERTIES_BYTES - 2
    data[at], data[at + 1] = packet_id >> 8, packet_id & 255
