"""What the pipeline makes of a batch of messages, and what the writer puts into the database: values without I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.bus import Messages
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
    table → rows, with a column ``message``; missing: stream → messages missing in the senders' counts; asked: messages
    whose senders want an answer, with what of them it has to repeat.
    """

    messages: Messages
    routes: Routes
    route: npt.NDArray[np.int32]
    frames: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    tables: Mapping[str, Batch]
    refusals: Sequence[Refusal]
    missing: Mapping[str, int]
    asked: Sequence[tuple[int, Mapping[str, Any]]] = ()

    @property
    def is_counted(self) -> npt.NDArray[np.bool_]:
        """(n,) false for what we said ourselves."""
        return np.asarray(self.routes.handling[self.route] != Handling.IGNORE)

    def route_of(self, message: int) -> Route:
        """Where a message went."""
        return self.routes.rows[int(self.route[message])]


@dataclass(frozen=True, slots=True)
class Deliveries:
    """QoS 1 messages that name themselves: (device, stream, sequence) is stored once.

    message: (m,) their places in the batch, ascending; route: (m,) which says device and stream; sequence: (m,).
    """

    message: npt.NDArray[np.intp]
    route: npt.NDArray[np.int32]
    sequence: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.message)


def deliveries(prepared: Prepared) -> Deliveries:
    """The messages that can be recognised when they are sent again, refused ones too: sending them again would not mend them.

    But those of an id that may not speak so (registered as another kind) can be stored once the register is mended.
    """
    messages, routes = prepared.messages, prepared.routes
    named = (messages.sequence >= 0) & (messages.qos > 0) & (messages.sequence <= LAST_SEQUENCE)
    if not named.any():
        none = np.flatnonzero(named)
        return Deliveries(none, prepared.route[none], messages.sequence[none])
    is_known = (routes.device_key >= 0) & (routes.handling != Handling.IGNORE) & ~routes.is_unregistered
    message = np.flatnonzero(named & is_known[prepared.route])
    return Deliveries(message, prepared.route[message], messages.sequence[message])
