"""Many messages of QoS 0 as columns, and the packets they are on the wire: for who publishes thousands at a time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.bus.packets import MQTT_5, Kind
from chelu.ragged import Bytes, Ints, ranges

_SEVEN_BITS = 128  # a remaining length takes one byte for each seven bits (2.2.3)
_LONGER = np.array([_SEVEN_BITS, _SEVEN_BITS**2, _SEVEN_BITS**3])  # from these on it takes one more


@dataclass(frozen=True, slots=True)
class TopicNames:
    """Topics by number, with their bytes in one buffer; start, size: (k,)."""

    names: Sequence[str]
    data: Bytes
    start: Ints
    size: Ints

    @classmethod
    def of(cls, names: Sequence[str]) -> TopicNames:
        """Made once, used for every batch."""
        encoded = [name.encode() for name in names]
        size = np.array([len(one) for one in encoded], np.int64)
        return cls(names, np.frombuffer(b"".join(encoded), np.uint8), np.cumsum(size) - size, size)


@dataclass(frozen=True, slots=True)
class Posts:
    """Message ``i`` of (n,) is ``data[start[i]:stop[i]]`` on topic number ``topic[i]``."""

    topics: TopicNames
    topic: npt.NDArray[np.int64]
    data: Bytes
    start: Ints
    stop: Ints

    def __len__(self) -> int:
        return len(self.topic)

    def payload(self, index: int) -> bytes:
        """The bytes of one message."""
        return self.data[self.start[index] : self.stop[index]].tobytes()

    def topic_of(self, index: int) -> str:
        """The topic of one message."""
        return self.topics.names[int(self.topic[index])]


def laid_out(posts: Posts, *, version: int) -> bytes:
    """The PUBLISH packets (3.3) of all messages, one after the other."""
    name_size, size = posts.topics.size[posts.topic], posts.stop - posts.start
    has_properties = int(version == MQTT_5)  # their length, which is 0
    remaining = 2 + name_size + has_properties + size
    digits = 1 + np.searchsorted(_LONGER, remaining, "right")
    ends = np.cumsum(1 + digits + remaining)
    at = ends - (1 + digits + remaining)
    out = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    out[at] = Kind.PUBLISH << 4
    for digit in range(int(digits.max(initial=0))):
        rows = np.flatnonzero(digits > digit)
        more = np.where(digits[rows] > digit + 1, _SEVEN_BITS, 0)
        out[at[rows] + 1 + digit] = (remaining[rows] >> 7 * digit & (_SEVEN_BITS - 1)) | more
    name_at = at + 1 + digits + 2
    out[name_at - 2], out[name_at - 1] = name_size >> 8, name_size & 255
    out[ranges(name_at, name_size)] = posts.topics.data[ranges(posts.topics.start[posts.topic], name_size)]
    out[ranges(ends - size, size)] = posts.data[ranges(posts.start, size)]
    return out.tobytes()
