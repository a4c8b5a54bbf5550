"""From topic numbers to where their messages belong, a whole batch at once: each topic is looked up in the register one time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu import topics
from chelu.bus import Messages, TopicLookup
from services.inference.register import Register

PATTERNS = ("rsu/{id}/bsm/up", "obu/{id}/bsm/up", "rsu/{id}/rsm/up", "rsu/{id}/spat/up")
_OWN = "obu/{id}/bsm/up"
NOWHERE = -1
ROUTE = np.dtype([("site", "i4"), ("device_key", "i8"), ("envelope", "u1"), ("is_bsm", "?"), ("is_own", "?")])
_LOST = (NOWHERE, 0, 0, False, False)


class Routes:
    """A row of `ROUTE` per topic; `site` indexes `site_ids`, `NOWHERE` for what no registered device may say.

    Owned by one thread.
    """

    def __init__(self, register: Register) -> None:
        self._register = register
        self.site_ids = tuple(register.sites)
        self._of_topic = TopicLookup(ROUTE, self._find)

    def of(self, messages: Messages) -> npt.NDArray[np.void]:
        """Rows (n,) of `ROUTE`."""
        return self._of_topic.of(messages)

    def _find(self, topic: str) -> tuple[int, int, int, bool, bool]:
        found = topics.find(topic)
        if found is None or found.topic.pattern not in PATTERNS:
            return _LOST
        known = self._register.by_esn if found.topic.is_by_serial else self._register.devices
        device = known.get(found.device)
        if device is None or device.kind is not found.kind or device.site_id not in self._register.sites:
            return _LOST
        pattern = found.topic.pattern
        return self.site_ids.index(device.site_id), device.key, device.envelope.code, "bsm" in pattern, pattern == _OWN
