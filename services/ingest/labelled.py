"""Messages beside the streams under which they are accounted: what is counted when there is no room for them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.bus import Messages

NOBODYS = -1  # the stream of our own downlinks, which are counted nowhere


@dataclass(frozen=True, slots=True)
class Labelled:
    """stream: (n,) index into `names`, or `NOBODYS`."""

    messages: Messages
    stream: npt.NDArray[np.int32]
    names: tuple[str, ...]

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Labelled:
        """The messages at these places, or where this mask is true."""
        return Labelled(self.messages.take(rows), self.stream[rows], self.names)

    def count(self) -> Counter[str]:
        """Messages by stream."""
        numbers = np.bincount(self.stream[self.stream != NOBODYS], minlength=len(self.names)).tolist()
        return Counter({name: number for name, number in zip(self.names, numbers, strict=True) if number})
