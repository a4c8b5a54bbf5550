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


_Generation = dict[int, list[tuple[Ints, int]]]  # event time → the devices that said something of it, and when


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two a warning is about; either id may be missing."""

    device_id: str | None
    vehicle_id: int | None


@dataclass(frozen=True, slots=True)
class ReceivedWarning:
    """A warning as one of our devices got it. Times in µs UTC; latency: from publishing its cause to receiving it, if known.

    subject: kind and id of the thing that it is about, empty when it is about another road user.
    """

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
    subject: str = ""


class SentTimes:
    """When each (device, event time) was published, for a while: two generations, the older forgotten when the younger is full.

    names: of the devices, by the number that `add` is given. Owned by the publishing thread.
    """

    def __init__(self, names: Sequence[str], remembered: int = REMEMBERED) -> None:
        self._numbers = {name: number for number, name in enumerate(names) if name}
        self._devices, self._remembered, self._count = len(names), remembered, 0
        self._young: _Generation = {}
        self._old: _Generation = {}

    def add(self, device: Ints, event_us: Ints, wall_us: int) -> None:
        """Note messages (n,) that go out now; device −1 is the last of the names."""
        if self._count >= self._remembered:
            self._old, self._young, self._count = self._young, {}, 0
        self._count += len(device)
        for instant in np.unique(event_us).tolist():  # a tick of a recording: many devices, few instants
            self._young.setdefault(instant, []).append((device[event_us == instant] % self._devices, wall_us))

    def get(self, device_id: str, event_us: int) -> int | None:
        """When it was published; None when that was too long ago, or never."""
        number = self._numbers.get(device_id)
        for generation in (self._young, self._old):
            for devices, wall_us in reversed(generation.get(event_us, ())):
                if number is not None and (devices == number).any():
                    return wall_us
        return None


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
            subject=_subject(document.get("subject") or {}),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _subject(document: dict[str, Any]) -> str:
    return f"{document['kind']} {document['id']}" if document else ""


def _party(document: dict[str, Any]) -> Party:
    device, vehicle = document.get("device_id"), document.get("vehicle_id")
    return Party(None if device is None else str(device), None if vehicle is None else int(str(vehicle), 16))
