"""The book of one node: which session holds which conflict zone from when to when; never two one zone at one time. Pure.

A vehicle gets all zones of its way at once or none, so nobody holds one while waiting for another: there is no deadlock.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hold:
    """One zone for one session: [from_us, until_us)."""

    zone: int
    session_id: str
    from_us: int
    until_us: int

    def overlaps(self, other: Hold) -> bool:
        """Whether both are of one zone at some one instant."""
        return self.zone == other.zone and self.from_us < other.until_us and other.from_us < self.until_us


class TakenError(Exception):
    """A zone is somebody else's at that time."""


class Bookings:
    """Holds by session. Owned by one thread."""

    def __init__(self) -> None:
        self._holds: dict[str, tuple[Hold, ...]] = {}
        self._by_zone: dict[int, dict[str, Hold]] = {}
        self.changes = 0

    def __len__(self) -> int:
        return len(self._holds)

    def of(self, session_id: str) -> tuple[Hold, ...]:
        """What a session holds."""
        return self._holds.get(session_id, ())

    def holds(self) -> Iterable[Hold]:
        """All of them."""
        return [hold for mine in self._holds.values() for hold in mine]

    def against(self, wanted: Iterable[Hold], *, passing_over: Container[str] = ()) -> list[Hold]:
        """Holds of others that overlap what is wanted, those of some sessions passed over."""
        return [
            hold
            for want in wanted
            for hold in self._by_zone.get(want.zone, {}).values()
            if hold.session_id != want.session_id and hold.session_id not in passing_over and hold.overlaps(want)
        ]

    def take(self, session_id: str, holds: Sequence[Hold]) -> None:
        """All of these instead of what the session held; TakenError, and nothing has changed, when one is taken."""
        if taken := self.against(holds):
            raise TakenError(f"zone {taken[0].zone} is taken by {taken[0].session_id}")
        self.drop(session_id)
        self.changes += 1
        self._holds[session_id] = tuple(holds)
        for hold in holds:
            self._by_zone.setdefault(hold.zone, {})[session_id] = hold

    def drop(self, session_id: str) -> None:
        """The session holds nothing any more."""
        self.changes += session_id in self._holds
        for hold in self._holds.pop(session_id, ()):
            mine = self._by_zone[hold.zone]
            del mine[session_id]
            if not mine:
                del self._by_zone[hold.zone]

    def forget(self, now_us: int, still: Container[str]) -> None:
        """Drop what is over, but for sessions that are still at it."""
        for session_id, holds in list(self._holds.items()):
            if session_id not in still and all(hold.until_us <= now_us for hold in holds):
                self.drop(session_id)

    def earliest(
        self,
        spans: Mapping[int, tuple[int, int]],
        session_id: str,
        from_us: int,
        last_us: int,
        *,
        passing_over: Container[str] = (),
    ) -> int | None:
        """The earliest start from `from_us` to `last_us` at which every zone is free; spans: zone → from, until after the start.

        None when there is none. A start that meets somebody's hold moves to just behind that hold, so each hold moves it once.
        """
        start = from_us
        while start <= last_us:
            taken = self.against(placed(spans, session_id, start), passing_over=passing_over)
            if not taken:
                return start
            start = max(hold.until_us - spans[hold.zone][0] for hold in taken)
        return None


def placed(spans: Mapping[int, tuple[int, int]], session_id: str, start_us: int) -> list[Hold]:
    """The spans as holds of a session that starts then."""
    return [Hold(zone, session_id, start_us + begin, start_us + end) for zone, (begin, end) in spans.items()]
