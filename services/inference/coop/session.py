"""One exchange between a device and the platform: what was asked, what was answered, and how far it has come. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chelu.coop.parts import Message
from services.inference.register import Device


class State(enum.StrEnum):
    """Where a session stands."""

    ASKED = "asked"  # heard, and not decided: others are asked first
    DELAYED = "delayed"  # told to wait; decided anew as long as it lasts
    GRANTED = "granted"
    DONE = "done"
    REFUSED = "refused"
    REVOKED = "revoked"  # it was granted, and is not any more
    CANCELLED = "cancelled"  # by whoever asked
    EXPIRED = "expired"  # its time was over, or the platform has started anew


OPEN = frozenset({State.ASKED, State.DELAYED, State.GRANTED})
MOVES: Mapping[State, frozenset[State]] = {
    State.ASKED: frozenset({State.DELAYED, State.GRANTED, State.REFUSED, State.CANCELLED, State.EXPIRED}),
    State.DELAYED: frozenset({State.DELAYED, State.GRANTED, State.REFUSED, State.CANCELLED, State.EXPIRED}),
    State.GRANTED: frozenset({State.GRANTED, State.DELAYED, State.DONE, State.REVOKED, State.CANCELLED, State.EXPIRED}),
    **{ended: frozenset() for ended in (State.DONE, State.REFUSED, State.REVOKED, State.CANCELLED, State.EXPIRED)},
}


class NoSuchMoveError(Exception):
    """A mistake of ours: a session cannot go from one state to the other. It never depends on what a device says."""


@dataclass(slots=True)
class Session:
    """One exchange. number: the sender's seqNum of what it asked; until_us: when it expires.

    answer: what was told last, told again to whoever asks the same again; memo: the application's own; due_us: when the
    application looks at it next.
    """

    session_id: str
    application: str
    device: Device
    number: int
    request: Message
    opened_us: int
    until_us: int
    state: State = State.ASKED
    reason: str = ""
    ended_us: int = 0
    due_us: int = 0
    answer: dict[str, Any] | None = None
    memo: Any = None
    told: int = field(default=0)  # documents it was told

    @property
    def is_open(self) -> bool:
        """Whether something may still become of it."""
        return self.state in OPEN

    def move(self, state: State, reason: str, now_us: int) -> None:
        """NoSuchMoveError where no such move is."""
        if state not in MOVES[self.state]:
            raise NoSuchMoveError(f"a session of {self.application} cannot go from {self.state} to {state}")
        self.state, self.reason = state, reason
        if state not in OPEN:
            self.ended_us = now_us
