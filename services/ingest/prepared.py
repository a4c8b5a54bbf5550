"""What the pipeline makes of a batch of messages, and what the writer puts into the database: values without I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.bus import Received
from chelu.messages import Batch, DropReason
from services.ingest.routes import Handling, Route, Routes

LAST_SEQUENCE = (1 << 63) - 2  # a bigint, and one value over to say that it was more


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that is not stored: a message, or a frame of it that could not be decoded."""

    message: int
    reason: DropReason
    detail: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch ready to be written.

    route: (n,) the messages' rows of `routes`; frames, rows: (n,) frames found and rows to store, by message; tables: ``stream``
    table → rows, with a column ``message``; missing: stream → messages missing in the senders' counts.
    """

    messages: Sequence[Received]
    routes: Routes
    route: npt.NDArray[np.int32]
    frames: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    tables: Mapping[str, Batch]
    refusals: Sequence[Refusal]
    missing: Mapping[str, int]

    @property
    def is_counted(self) -> npt.NDArray[np.bool_]:
        """(n,) false for what we said ourselves."""
        return np.asarray(self.routes.handling[self.route] != Handling.IGNORE)

    def route_of(self, message: int) -> Route:
        """Where a message went."""
        return self.routes.rows[int(self.route[message])]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A QoS 1 message that names itself: (device, stream, sequence) is stored once."""

    message: int
    device_key: int
    stream: str
    sequence: int


def deliveries(prepared: Prepared) -> list[Delivery]:
    """The messages that can be recognised when they are sent again, refused ones too: sending them again would not mend them.

    But those of an id that may not speak so (registered as another kind) can be stored once the register is mended.
    """
    named = [index for index, message in enumerate(prepared.messages) if _is_named(message)]
    routes = [(index, prepared.route_of(index)) for index in named]
    return [
        Delivery(index, route.device_key, route.stream, prepared.messages[index].sequence or 0)
        for index, route in routes
        if route.device_key >= 0 and route.handling is not Handling.IGNORE and route.refusal is not DropReason.UNREGISTERED
    ]


def _is_named(message: Received) -> bool:
    return message.sequence is not None and message.qos > 0 and message.sequence <= LAST_SEQUENCE
