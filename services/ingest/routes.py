"""From a topic to what happens with its messages: looked up once per topic, then by the topic's number, a batch at a time."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu import topics
from chelu.bus import Messages, TopicLookup
from chelu.codec.envelope import Envelope
from chelu.codec.roadside import AS_WRITTEN, Reader, Reading
from chelu.codec.roadside_readers import READERS
from chelu.messages import DropReason
from chelu.topics import Kind, Match, Payload
from services.ingest.register import Device

STANDARD = "YD/T 3709-2020"  # the only wire layout that is decoded; the bits do not tell versions apart
FILTERS = (*(f"{kind.value}/#" for kind in Kind), "join/#", "V2X/#")  # wider than the table, so that strays are seen and counted
# The first four bits of a MessageFrame: extension 0 and the choice's index (YD/T 3709-2020).
KINDS = ("bsm", "map", "rsm", "spat", "rsi")
SHARED = tuple(f"$share/ingest/{filter_}" for filter_ in FILTERS)  # each message goes to one of several workers
MOST_ROUTES = 200_000  # beyond, all are forgotten: a device that invents topics cannot fill the memory


class Handling(enum.IntEnum):
    """What is done with a payload."""

    IGNORE = 0  # our own downlink
    FRAMES = 1
    JSON = 2
    BYTES = 3  # kept as it is
    REFUSE = 4  # whole, unread
    TELEMETRY = 5  # a frame of GB/T 32960 or JT/T 808
    ROADSIDE = 6  # JSON that a reader knows: the same rows as frames'


@dataclass(frozen=True, slots=True)
class Route:
    """Where a topic's messages go. refusal: why its rows are not stored; frames are then still counted one by one.

    reader: of `Handling.ROADSIDE`.
    """

    handling: Handling
    stream: str
    table: str | None = None
    device_id: str = ""
    device: Device | None = None
    refusal: DropReason | None = None
    detail: str = ""
    reader: Reader | None = None

    @property
    def reading(self) -> Reading:
        """How its documents are read; of a stranger nothing is known."""
        return self.device.reading if self.device else AS_WRITTEN

    @property
    def device_key(self) -> int:
        """−1 when the device is not in the register."""
        return self.device.device_key if self.device else -1

    @property
    def envelope(self) -> Envelope:
        """How its frames are wrapped; of a stranger nothing is known."""
        return self.device.envelope if self.device else Envelope.AUTO


@dataclass(frozen=True, slots=True)
class Routes:
    """All routes so far and, as columns (m,), what whole batches need of them.

    stream: index into `streams`; kind: index into `KINDS` of the frames expected, −1 where none are; envelope: `Envelope.code`.
    """

    rows: Sequence[Route]
    handling: npt.NDArray[np.int8]
    device_key: npt.NDArray[np.int32]
    stream: npt.NDArray[np.int32]
    streams: tuple[str, ...]
    kind: npt.NDArray[np.int8]
    envelope: npt.NDArray[np.uint8]
    is_refused: npt.NDArray[np.bool_]
    is_unregistered: npt.NDArray[np.bool_]


def columns_of(rows: Sequence[Route], before: Routes | None = None) -> Routes:
    """Routes as columns, after those `before`: only what is new is looked at, since a sender may invent topics."""
    names = before.streams if before else ()
    streams = {name: code for code, name in enumerate(dict.fromkeys([*names, *(row.stream for row in rows)]))}
    new = Routes(
        tuple(rows),
        np.array([row.handling for row in rows], np.int8),
        np.array([row.device_key for row in rows], np.int32),
        np.array([streams[row.stream] for row in rows], np.int32),
        tuple(streams),
        np.array([KINDS.index(row.stream) if row.handling is Handling.FRAMES else -1 for row in rows], np.int8),
        np.array([row.envelope.code for row in rows], np.uint8),
        np.array([row.refusal is not None for row in rows], np.bool_),
        np.array([row.refusal is DropReason.UNREGISTERED for row in rows], np.bool_),
    )
    if before is None:
        return new
    return Routes(
        (*before.rows, *new.rows),
        np.concatenate([before.handling, new.handling]),
        np.concatenate([before.device_key, new.device_key]),
        np.concatenate([before.stream, new.stream]),
        new.streams,
        np.concatenate([before.kind, new.kind]),
        np.concatenate([before.envelope, new.envelope]),
        np.concatenate([before.is_refused, new.is_refused]),
        np.concatenate([before.is_unregistered, new.is_unregistered]),
    )


UNKNOWN = Route(Handling.REFUSE, "unknown", refusal=DropReason.UNKNOWN_TOPIC, detail="the topic table has no such topic")


class Router:
    """Owned by the loop's thread. Row ``i`` of `routes` is what index ``i`` of `route` means, until the next `use`."""

    def __init__(self, devices: Mapping[str, Device]) -> None:
        self._matches: dict[str, Match | None] = {}
        self._of_topic = TopicLookup(np.int32, self._learn)
        self.use(devices)

    def use(self, devices: Mapping[str, Device]) -> None:
        """The register changed: every index given out before is void."""
        self._devices = devices
        self._by_esn = {device.esn: device for device in devices.values() if device.esn}
        self._index: dict[str, int] = {}
        self._rows: list[Route] = [UNKNOWN]
        self._columns = columns_of(self._rows)
        self._of_topic.forget()

    @property
    def routes(self) -> Routes:
        """All routes given out."""
        if (known := len(self._columns.rows)) != len(self._rows):
            self._columns = columns_of(self._rows[known:], self._columns)
        return self._columns

    def route(self, messages: Messages) -> npt.NDArray[np.int32]:
        """The route's index (n,) for each message; call it again after `use`."""
        if len(self._index) > MOST_ROUTES:
            self._matches.clear()
            self.use(self._devices)
        return self._of_topic.of(messages)

    def strangers(self, indices: npt.NDArray[np.int32]) -> set[str]:
        """Ids of devices that these routes would call unregistered."""
        routes = (self._rows[index] for index in np.unique(indices).tolist())
        return {
            route.device_id
            for route in routes
            if route.refusal is DropReason.UNREGISTERED and not route.device and route.handling is not Handling.REFUSE
        }

    def _learn(self, topic: str) -> int:
        if (index := self._index.get(topic)) is not None:
            return index
        if topic not in self._matches:
            self._matches[topic] = topics.find(topic)
        match = self._matches[topic]
        self._index[topic] = len(self._rows) if match else 0
        if match:
            known = self._by_esn if match.topic.is_by_serial else self._devices
            self._rows.append(route_of(match, known.get(match.device)))
        return self._index[topic]


def route_of(match: Match, device: Device | None) -> Route:
    """The route of a topic that the table knows, said by this device (None: not in the register)."""
    row = match.topic
    if not row.from_device:
        return Route(Handling.IGNORE, row.stream)
    if row.table is None:
        quarantine = f"{match.device} is not registered; what it says under join/ is kept here and nowhere else"
        return Route(Handling.REFUSE, "join", None, match.device, None, DropReason.UNREGISTERED, quarantine)
    refusal, detail = _refusal(match, device)
    reader = READERS.get(row.pattern)
    handling = Handling.ROADSIDE if reader else _HANDLING[row.payload]
    return Route(handling, row.stream, row.table, match.device, device, refusal, detail, reader)


_HANDLING = {
    Payload.FRAMES: Handling.FRAMES,
    Payload.JSON: Handling.JSON,
    Payload.GB32960: Handling.TELEMETRY,
    Payload.COLUMNS: Handling.BYTES,
    Payload.ANY: Handling.BYTES,
}


def _refusal(match: Match, device: Device | None) -> tuple[DropReason | None, str]:
    if device is None:
        return DropReason.UNREGISTERED, f"{match.kind.value} {match.device} is not in the register"
    if device.kind is not match.kind:
        return DropReason.UNREGISTERED, f"{match.device} is registered as {device.kind.value}, not as {match.kind.value}"
    if match.topic.payload is Payload.FRAMES and device.standard != STANDARD:
        return DropReason.WRONG_VERSION, f"{match.device} speaks {device.standard}; {STANDARD} is decoded"
    return None, ""
