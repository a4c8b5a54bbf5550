"""What comes back to a simulator's vehicles: warnings, each with the time since the message that caused it was published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

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
    """When each (device, event time) was published, for a while: two generations, the older forgotten when the younger is full.

    Owned by the publishing thread.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._young: dict[tuple[str, int], int] = {}
        self._old: dict[tuple[str, int], int] = {}

    def add(self, device_id: str, event_us: int, wall_us: int) -> None:
        """Note one message."""
        if len(self._young) >= self._remembered:
            self._old, self._young = self._young, {}
        self._young[device_id, event_us] = wall_us

    def get(self, device_id: str, event_us: int) -> int | None:
        """When it was published; None when that was too long ago, or never."""
        key = device_id, event_us
        return self._young.get(key) or self._old.get(key)


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
