"""QoS 1 messages that may still be needed: kept until the platform's receipt, and sent again after every loss of the connection.

The broker's acknowledgement says that the broker has a message, in its memory. The receipt (topic ``…/receipt/down``) says that
ingest has stored everything of a device's stream up to a number. Redelivery is harmless: device, stream and number are unique.

Ingest gives receipts once a device's numbers have stepped back, since only then it knows that it hears a pass from its beginning
(`services.ingest.receipts`). So each pass says every device's first message twice: that costs one duplicate a device, and saves
the second pass that ingest would ask for.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from chelu.topics import find
from simulators.load.portion import Portion

Ints = npt.NDArray[np.int64]
MOST_BYTES = 256 << 20
PASS_S = 2.0  # not more than one new pass in so many seconds: many devices ask for one at once


class Ledger:
    """One session's messages, in order; a cursor stands at the first that is to be sent. Owned by the load's thread.

    has_receipts False: the broker's acknowledgement is enough, where nobody gives receipts.
    """

    def __init__(self, streams: Iterable[str], devices: Mapping[str, int], *, has_receipts: bool = True) -> None:
        self._kept: deque[Portion] = deque()
        self._entry, self._row = 0, 0  # the cursor
        self._stored = {stream: np.zeros(len(devices), np.int64) for stream in streams}
        self._has_begun = {stream: np.zeros(len(devices), np.bool_) for stream in self._stored}  # in this pass
        self._devices, self._has_receipts = devices, has_receipts
        self._acknowledged = 0  # messages at the head, without receipts
        self._bytes = 0
        self._pass_s = -PASS_S
        self._is_again_wanted = False
        self.resent = 0

    def __len__(self) -> int:
        """Messages without a receipt."""
        return sum(len(portion) for portion in self._kept) - self._acknowledged

    @property
    def has_room(self) -> bool:
        """Whether more may be added."""
        return self._bytes < MOST_BYTES

    @property
    def is_at_end(self) -> bool:
        """Whether everything that is kept was sent."""
        return self._entry >= len(self._kept)

    def add(self, portion: Portion) -> None:
        """Messages to send."""
        self._kept.append(portion)
        self._bytes += len(portion.data)

    def next(self, most: int) -> Portion | None:
        """At most so many messages to send now; they count as sent."""
        if self._entry >= len(self._kept) or most < 2:
            return None
        whole = self._kept[self._entry]
        end = min(len(whole), self._row + most // 2)
        found = whole.part(self._row, end)
        self._entry, self._row = (self._entry + 1, 0) if end == len(whole) else (self._entry, end)
        return self._begun(found) if self._has_receipts else found

    def _begun(self, portion: Portion) -> Portion:
        """The same with the first message of each device twice, if it is the first of this pass."""
        has_begun = self._has_begun[portion.stream]
        if has_begun[portion.device].all():
            return portion
        is_first = np.zeros(len(portion), np.bool_)
        is_first[np.unique(portion.device, return_index=True)[1]] = True
        is_first &= ~has_begun[portion.device]
        has_begun[portion.device] = True
        return portion.take(np.repeat(np.arange(len(portion)), 1 + is_first))

    def restart(self, now_s: float) -> None:
        """Send everything again that is kept: the connection was lost, or somebody missed its beginning."""
        self._pass_s, self._is_again_wanted = now_s, False
        for has_begun in self._has_begun.values():
            has_begun[:] = False
        self.resent += sum(len(portion) for portion, _ in zip(self._kept, range(self._entry), strict=False)) + self._row
        self._entry = self._row = 0
        if not self._has_receipts and self._acknowledged and self._kept:
            self._row = self._acknowledged

    def acknowledge(self, count: int) -> None:
        """The broker has so many more, in order; without receipts they are done with."""
        if self._has_receipts:
            return
        self._acknowledged += count
        while self._kept and self._acknowledged >= len(self._kept[0]):
            self._acknowledged -= len(self._kept[0])
            self._forget_first()

    def hear(self, heard: Iterable[tuple[str, bytes]], now_s: float) -> None:
        """Receipts as they came from the broker; what is no receipt is passed over."""
        if not self._has_receipts:
            return
        for topic, payload in heard:
            match = find(topic)
            device = self._devices.get(match.device) if match and match.topic.stream == "receipt" else None
            if device is not None:
                self._receipt(device, payload)
        while self._kept and np.all(self._kept[0].sequence <= self._stored[self._kept[0].stream][self._kept[0].device]):
            self._forget_first()
        if self._is_again_wanted and now_s - self._pass_s >= PASS_S and self._entry:
            self.restart(now_s)

    def _receipt(self, device: int, payload: bytes) -> None:
        try:
            document = json.loads(payload)
            stored = {stream: int(number) for stream, number in document["stored"].items() if stream in self._stored}
        except (ValueError, TypeError, KeyError, AttributeError):
            return
        for stream, number in stored.items():
            self._stored[stream][device] = max(number, self._stored[stream][device])
        self._is_again_wanted |= bool(document.get("again"))

    def _forget_first(self) -> None:
        self._bytes -= len(self._kept.popleft().data)
        if self._entry:
            self._entry -= 1
        else:
            self._row = 0
