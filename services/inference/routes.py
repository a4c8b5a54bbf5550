"""From topic numbers to where their messages belong, a whole batch at once: each topic is looked up in the register one time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from chelu import topics
from chelu.bus import Messages, TopicLookup
from chelu.codec.roadside_readers import PICTURED
from chelu.topics import Kind
from services.inference.register import Register

FRAMED = (
    "rsu/{id}/bsm/up",
    "obu/{id}/bsm/up",
    "rsu/{id}/rsm/up",
    "rsu/{id}/spat/up",
    "signal/{id}/spat/up",
    "rsu/{id}/rsi/up",
    "rsu/{id}/map/up",
)
PATTERNS = (*FRAMED, *PICTURED)
READERS = tuple(PICTURED.values())
_READER_OF = {pattern: number for number, pattern in enumerate(PICTURED)}
_OWN = "obu/{id}/bsm/up"
_OF_ROADS = "rsu/{id}/map/up"
_OF_EVENTS = ("rsu/{id}/rsi/up", "V2X/RSU/{id}/RSI/UP")
NOWHERE = -1
FRAMES = -1  # in place of a reader's number
ROUTE = np.dtype(
    [
        ("site", "i4"),
        ("device_key", "i8"),
        ("envelope", "u1"),
        ("is_bsm", "?"),
        ("is_own", "?"),
        ("is_rsi", "?"),
        ("is_map", "?"),
        ("reader", "i1"),
    ]
)
_Row = tuple[int, int, int, bool, bool, bool, bool, int]
_LOST: _Row = (NOWHERE, 0, 0, False, False, False, False, FRAMES)


class Routes:
    """A row of `ROUTE` per topic; `site` indexes `site_ids`, `NOWHERE` for what no registered device may say.

    `reader` indexes `READERS` for JSON, `FRAMES` for what comes in envelopes; `is_rsi`, `is_map`: where events of the road, and
    roads, may be told. Owned by one thread.
    """

    def __init__(self, register: Register) -> None:
        self._register = register
        self.site_ids = tuple(register.sites)
        self._of_topic = TopicLookup(ROUTE, self._find)

    def of(self, messages: Messages) -> npt.NDArray[np.void]:
        """Rows (n,) of `ROUTE`."""
        return self._of_topic.of(messages)

    def of_devices(self, device_key: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.void]:
        """Rows (n,) of `ROUTE` for decoded rows of these devices, by what each kind of device may say."""
        keys, place = np.unique(device_key, return_inverse=True)
        return np.array([self._row_of(key) for key in keys.tolist()], ROUTE)[place]

    def _row_of(self, key: int) -> _Row:
        device = self._register.by_key.get(key)
        if device is None or device.site_id not in self._register.sites:
            return _LOST
        is_roadside = device.kind is Kind.RSU
        site = self.site_ids.index(device.site_id)
        return site, key, device.envelope.code, False, device.kind is Kind.OBU, is_roadside, is_roadside, FRAMES

    def _find(self, topic: str) -> _Row:
        found = topics.find(topic)
        if found is None or found.topic.pattern not in PATTERNS:
            return _LOST
        known = self._register.by_esn if found.topic.is_by_serial else self._register.devices
        device = known.get(found.device)
        if device is None or device.kind is not found.kind or device.site_id not in self._register.sites:
            return _LOST
        pattern = found.topic.pattern
        site, reader = self.site_ids.index(device.site_id), _READER_OF.get(pattern, FRAMES)
        may_tell = pattern in _OF_EVENTS, pattern == _OF_ROADS
        return site, device.key, device.envelope.code, "bsm" in pattern, pattern == _OWN, *may_tell, reader
