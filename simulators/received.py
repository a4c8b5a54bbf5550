"""What comes back to a simulator's vehicles: warnings, each with the time since the message that caused it was published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.ragged import Ints
from chelu.topics import find

REMEMBERED = 200_000  # messages whose time of publishing is kept, at least: some seconds of a large scene


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two a warning is about; either id may be missing."""

    device_id: str | None
    vehicle_id: int | None


@dataclass(frozen=True, slots=True)
class ReceivedWarning:
    """A warning as one of our devices got it. Times in µs UTC; latency: from publishing its cause to receiving it, if known."""

    device_id: str
    warning_id: str
    application: str
    state: str
    host: Party
    other: Party
    event_time_us: int
    received_us: int
    latency_us: int | None
    document: dict[str, Any]


class SentTimes:
    """When each (device, event time) was published: the last `remembered` messages, in a ring. Owned by the publishing thread.

    names: of the devices, by the number that `add` is given.
    """

    def __init__(self, names: Sequence[str], remembered: int = REMEMBERED) -> None:
        self._numbers = {name: number for number, name in enumerate(names) if name}
        self._devices = len(names)
        self._ring = np.full((remembered, 3), -1, np.int64)  # device, event time, wall
        self._next = 0

    def add(self, device: Ints, event_us: Ints, wall_us: int) -> None:
        """Note messages (n,) that go out now; device −1 is the last of the names."""
        places = (self._next + np.arange(len(device))) % len(self._ring)
        self._ring[places, 0], self._ring[places, 1], self._ring[places, 2] = device % self._devices, event_us, wall_us
        self._next = (self._next + len(device)) % len(self._ring)

    def get(self, device_id: str, event_us: int) -> int | None:
        """When it was published; None when that was too long ago, or never."""
        number = self._numbers.get(device_id)
        if number is None:
            return None
        found = self._ring[(self._ring[:, 1] == event_us) & (self._ring[:, 0] == number), 2]
        return int(found.max()) if len(found) else None


def read_warning(topic: str, payload: bytes, received_us: int, sent: SentTimes) -> ReceivedWarning | None:
    """The warning in a message to one of our devices; None for another topic or a document that is not a warning."""
    match = find(topic)
    if match is None or match.topic.stream != "warning":
        return None
    try:
        document = json.loads(payload)
        cause = document.get("cause") or {}
        published = sent.get(str(cause.get("device_id")), int(cause.get("event_time_us") or 0))
        return ReceivedWarning(
            device_id=match.device,
            warning_id=str(document["warning_id"]),
            application=str(document["application"]),
            state=str(document["state"]),
            host=_party(document["host"]),
            other=_party(document.get("other") or {}),
            event_time_us=int(document["event_time_us"]),
            received_us=received_us,
            latency_us=None if published is None else received_us - published,
            document=document,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _party(document: dict[str, Any]) -> Party:
    device, vehicle = document.get("device_id"), document.get("vehicle_id")
    return Party(None if device is None else str(device), None if vehicle is None else int(str(vehicle), 16))
