"""What waits outside the database: in the spool, or, where that has no room, unacknowledged in memory (QoS 1) or counted (QoS 0).

A batch whose commit was not seen to end puts what was in it in doubt until the database is asked: its messages are marked in
the spool, and what found no room there, or was counted in the batch, is remembered here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chelu.bus import Received, Session
from services.ingest.store_room import StoreRoom


@dataclass(slots=True)
class _Doubt:
    batch_id: int
    lost: Counter[str]
    held: list[Received] = field(default_factory=list)


class Refuge:
    """Owned by the loop's thread. streams: says under which stream a message is accounted, None for our own downlinks.

    Held messages of an earlier connection are let go: the broker sends them again.
    """

    def __init__(self, room: StoreRoom, session: Session, streams: Callable[[Sequence[Received]], Sequence[str | None]]) -> None:
        self._room, self._session, self._streams = room, session, streams
        self._held: list[Received] = []
        self._doubt: _Doubt | None = None
        self.lost: Counter[str] = Counter()  # messages by stream that found no room, to be said in the next batch

    @property
    def held(self) -> int:
        """QoS 1 messages that found no room anywhere."""
        return len(self._held) + (len(self._doubt.held) if self._doubt else 0)

    def claim(self) -> list[Received]:
        """The held messages, oldest first; they are the caller's now."""
        held, self._held = self._current(self._held), []
        return held

    def keep(self, messages: Sequence[Received]) -> None:
        """Into the spool, after what is held. What found room is durable and acknowledged; other QoS 1 is tried again."""
        if self._doubt and self._doubt.held:  # these come first, or numbers would overtake each other
            self._doubt.held = self._put(self._current(self._doubt.held), self._doubt.lost, self._doubt.batch_id)
        waiting = [*self.claim(), *messages]
        is_blocked = self._doubt is not None and bool(self._doubt.held)
        self._held = self._hold(waiting) if is_blocked else self._put(waiting, self.lost, None)

    def doubt(self, batch_id: int, messages: Sequence[Received], lost: Counter[str]) -> None:
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
            self._held = [*doubt.held, *self._held]

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _put(self, waiting: Sequence[Received], lost: Counter[str], batch_id: int | None) -> list[Received]:
        """Returns the QoS 1 messages without room; the others are acknowledged."""
        if not waiting:
            return []
        kept, names = self._ours(waiting)
        held = self._room.keep(kept, names, batch_id=batch_id, lost=lost)
        without = {id(item) for item in held}
        self._session.acknowledge([item for item in waiting if item.qos and id(item) not in without])
        return held

    def _hold(self, waiting: Sequence[Received]) -> list[Received]:
        kept, names = self._ours(waiting)
        self.lost.update(name for item, name in zip(kept, names, strict=True) if not item.qos)
        return [item for item in kept if item.qos]

    def _ours(self, messages: Sequence[Received]) -> tuple[list[Received], list[str]]:
        theirs = [(item, name) for item, name in zip(messages, self._streams(messages), strict=True) if name is not None]
        return [item for item, _ in theirs], [name for _, name in theirs]

    def _current(self, messages: Sequence[Received]) -> list[Received]:
        return [item for item in messages if item.connection == self._session.connections]
