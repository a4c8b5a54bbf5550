"""From topic numbers to where their messages belong, a whole batch at once: each topic is looked up in the register one time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chelu import topics
from chelu.bus import Messages
from services.inference.register import Register

PATTERNS = ("rsu/{id}/bsm/up", "obu/{id}/bsm/up", "rsu/{id}/rsm/up", "rsu/{id}/spat/up")
_OWN = "obu/{id}/bsm/up"
NOWHERE, _UNSEEN = -1, -2
ROUTE = np.dtype([("site", "i4"), ("device_key", "i8"), ("envelope", "u1"), ("is_bsm", "?"), ("is_own", "?")])
_LOST = (NOWHERE, 0, 0, False, False)


class Routes:
    """A row of `ROUTE` per topic number; `site` indexes `site_ids`, `NOWHERE` for what no registered device may say.

    Numbers mean topics only within one list (`chelu.bus.batch.Messages`): another list begins another table. Owned by one thread.
    """

    def __init__(self, register: Register) -> None:
        self._register = register
        self.site_ids = tuple(register.sites)
        self._topics: Sequence[str] = ()
        self._table = np.empty(0, ROUTE)

    def of(self, messages: Messages) -> npt.NDArray[np.void]:
        """Rows (n,) of `ROUTE`."""
        if messages.topics is not self._topics:
            self._topics, self._table = messages.topics, np.empty(0, ROUTE)
        self._fit(len(messages.topics))
        found = self._table[messages.topic]
        unseen = found["site"] == _UNSEEN
        if unseen.any():
            for number in np.unique(messages.topic[unseen]).tolist():
                self._table[number] = self._find(messages.topics[number])
            found = self._table[messages.topic]
        return found

    def _fit(self, count: int) -> None:
        """Make room for topics that are new since the last batch, by doubling."""
        before = self._table
        if count > len(before):
            self._table = np.empty(max(count, 2 * len(before)), ROUTE)
            self._table[: len(before)] = before
            self._table["site"][len(before) :] = _UNSEEN

    def _find(self, topic: str) -> tuple[int, int, int, bool, bool]:
        found = topics.find(topic)
        if found is None or found.topic.pattern not in PATTERNS:
            return _LOST
        device = self._register.devices.get(found.device)
        if device is None or device.kind is not found.kind or device.site_id not in self._register.sites:
            return _LOST
        pattern = found.topic.pattern
        return self.site_ids.index(device.site_id), device.key, device.envelope.code, "bsm" in pattern, pattern == _OWN
