"""What waits outside the database: in the spool, or, where that has no room, unacknowledged in memory (QoS 1) or counted (QoS 0).

A batch whose commit was not seen to end puts what was in it in doubt until the database is asked: its messages are marked in
the spool, and what found no room there, or was counted in the batch, is remembered here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from chelu.bus import BulkSession, Messages, joined, no_messages
from services.ingest.labelled import NOBODYS, Labelled
from services.ingest.store_room import StoreRoom


@dataclass(slots=True)
class _Doubt:
    batch_id: int
    lost: Counter[str]
    held: Messages = field(default_factory=no_messages)


class Refuge:
    """Owned by the loop's thread. label: says under which streams messages are accounted.

    Held messages of an earlier connection are let go: the broker sends them again.
    """

    def __init__(self, room: StoreRoom, session: BulkSession, label: Callable[[Messages], Labelled]) -> None:
        self._room, self._session, self._label = room, session, label
        self._held = no_messages()
        self._doubt: _Doubt | None = None
        self.lost: Counter[str] = Counter()  # messages by stream that found no room, to be said in the next batch

    @property
    def held(self) -> int:
        """QoS 1 messages that found no room anywhere."""
        return len(self._held) + (len(self._doubt.held) if self._doubt else 0)

    def claim(self) -> Messages:
        """The held messages, oldest first; they are the caller's now."""
        held, self._held = self._current(self._held), no_messages()
        return held

    def keep(self, messages: Messages) -> None:
        """Into the spool, after what is held. What found room is durable and acknowledged; other QoS 1 is tried again."""
        if self._doubt and len(self._doubt.held):  # these come first, or numbers would overtake each other
            self._doubt.held = self._put(self._current(self._doubt.held), self._doubt.lost, self._doubt.batch_id)
        waiting = joined([self.claim(), messages])
        is_blocked = self._doubt is not None and len(self._doubt.held) > 0
        self._held = self._hold(waiting) if is_blocked else self._put(waiting, self.lost, None)

    def doubt(self, batch_id: int, messages: Messages, lost: Counter[str]) -> None:
        """These were in a transaction whose end was not seen, and `lost` was said in it."""
        self._doubt = _Doubt(batch_id, lost)
        self._doubt.held = self._put(messages, lost, batch_id)

    def resolve(self, has_batch: Callable[[int], bool]) -> None:
        """Ask, now that the database is back, whether the batch in doubt was committed."""
        if self._doubt is None:
            return
        is_stored, doubt = has_batch(self._doubt.batch_id), self._doubt
        self._doubt = None
        if is_stored:
            self._session.acknowledge(doubt.held)
        else:
            self.lost.update(doubt.lost)
            self._held = joined([doubt.held, self._held])

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _put(self, waiting: Messages, lost: Counter[str], batch_id: int | None) -> Messages:
        """Returns the QoS 1 messages without room; the others are acknowledged."""
        if not len(waiting):
            return waiting
        labelled = self._label(waiting)
        ours = np.flatnonzero(labelled.stream != NOBODYS)
        held = ours[self._room.keep(labelled.take(ours), batch_id=batch_id, lost=lost)]
        has_room = np.ones(len(waiting), np.bool_)
        has_room[held] = False
        self._session.acknowledge(waiting.take(has_room))
        return waiting.take(held)

    def _hold(self, waiting: Messages) -> Messages:
        """Returns the QoS 1 messages; what is nobody's is acknowledged, as where there is room, and QoS 0 is counted."""
        labelled = self._label(waiting)
        is_nobodys = labelled.stream == NOBODYS
        self._session.acknowledge(waiting.take(is_nobodys))
        self.lost.update(labelled.take(waiting.qos == 0).count())
        return waiting.take(~is_nobodys & (waiting.qos > 0))

    def _current(self, messages: Messages) -> Messages:
        return messages.take(messages.connection == self._session.connections)
