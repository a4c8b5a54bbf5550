"""What holds for whom, and since when: a thing counts once it was seen twice, and is over once it was gone for a while. Pure.

Noise at a border makes a position jump in and out; twice in a row is a tenth of a second of the live picture. Who is not seen any
more may be where it was: what held for it goes on for a time, and then ends as "not seen"; or it is `staying`, and is then said
to be of one that was lost while inside, until that is seen again or somebody ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

LOOKS = 2  # in a row before a thing counts
GONE_US = 2_000_000  # after which it is over
UNSEEN_US = 30_000_000  # after which it is over for one that is not seen any more
LOST = "lost while inside"


class Key(NamedTuple):
    """What of whom: `what` as the log has it, `area` where it is about one."""

    what: str
    subject: str
    area: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A thing that counts from now on, or is over; `because` says why it is over, or LOST of one that counts and goes on."""

    key: Key
    is_on: bool
    detail: Mapping[str, Any]
    because: str = ""


@dataclass(slots=True)
class _State:
    looks: int
    last_us: int
    detail: Mapping[str, Any]
    is_on: bool = False
    is_lost: bool = False


@dataclass(slots=True)
class Conditions:
    """Owned by one thread. What is on survives in `on`, by key. staying: what does not end because its subject is not seen."""

    staying: frozenset[str] = frozenset()
    _states: dict[Key, _State] = field(default_factory=dict)

    @property
    def on(self) -> dict[Key, Mapping[str, Any]]:
        """What counts now, with what was last seen of it."""
        return {key: state.detail for key, state in self._states.items() if state.is_on}

    @property
    def lost(self) -> dict[Key, int]:
        """What goes on for those that were lost while inside, and when they were last seen (µs)."""
        return {key: state.last_us for key, state in self._states.items() if state.is_lost}

    def begin(self, key: Key, detail: Mapping[str, Any], now_us: int) -> None:
        """Take over something that counted before a restart, with what was last seen of it; lost it stays."""
        is_lost = key.what in self.staying and detail.get("state") == LOST
        last_us = int(detail["last_seen_us"]) if is_lost else now_us
        self._states[key] = _State(LOOKS, last_us, detail, is_on=True, is_lost=is_lost)

    def look(self, holding: Mapping[Key, Mapping[str, Any]], seen: frozenset[str], now_us: int) -> list[Change]:
        """What changed, given all that holds at this instant and the subjects that were seen at it."""
        changes = [change for key, detail in holding.items() if (change := self._holds(key, detail, now_us))]
        lacking = [key for key in self._states if key not in holding]
        stays = {(key.subject, key.area) for key, state in self._states.items() if state.is_on and key.what in self.staying}
        over = [
            change
            for key in lacking
            if key.subject in seen or key.what in self.staying or (key.subject, key.area) not in stays
            if (change := self._lacks(key, now_us, is_seen=key.subject in seen))
        ]
        return [*changes, *over]

    def forgive(self, keys: Iterable[Key], because: str) -> list[Change]:
        """These are over."""
        return [Change(key, is_on=False, detail=self._states.pop(key).detail, because=because) for key in keys]

    def end(self, areas: frozenset[str], because: str) -> list[Change]:
        """What is over since its area is none of these; all is when there are none."""
        gone = {key: state for key, state in self._states.items() if not areas or (key.area and key.area not in areas)}
        for key in gone:
            del self._states[key]
        return [Change(key, is_on=False, detail=state.detail, because=because) for key, state in gone.items() if state.is_on]

    def _holds(self, key: Key, detail: Mapping[str, Any], now_us: int) -> Change | None:
        state = self._states.setdefault(key, _State(0, now_us, detail))
        state.looks, state.last_us, state.detail = state.looks + 1, now_us, detail
        state.is_lost = False
        if state.is_on or state.looks < LOOKS:
            return None
        state.is_on = True
        return Change(key, is_on=True, detail=detail)

    def _lacks(self, key: Key, now_us: int, *, is_seen: bool) -> Change | None:
        state = self._states[key]
        if not state.is_on:
            if is_seen or now_us - state.last_us >= GONE_US:
                del self._states[key]
            return None
        if state.is_lost and is_seen:
            state.is_lost, state.last_us = False, now_us  # a single look may be noise, too
        if state.is_lost or now_us - state.last_us < (GONE_US if is_seen else UNSEEN_US):
            return None
        if not is_seen and key.what in self.staying:
            state.is_lost, state.detail = True, {**state.detail, "state": LOST, "last_seen_us": state.last_us}
            return Change(key, is_on=True, detail=state.detail, because=LOST)
        del self._states[key]
        return Change(key, is_on=False, detail=state.detail, because="" if is_seen else "not seen any more")
