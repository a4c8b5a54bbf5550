"""What may become of a case. Pure.

open ──► acting ──► resolved ──► closed
 │  ◄──────┘  ◄───────┘ (a new sign, or somebody says that it is not over)
 └──► dismissed (it was none)         resolved: nothing is to be done; closed: and everything is written down
"""

from __future__ import annotations

import enum
from collections.abc import Mapping


class State(enum.StrEnum):
    """Of a case."""

    OPEN = "open"
    ACTING = "acting"
    RESOLVED = "resolved"
    CLOSED = "closed"
    DISMISSED = "dismissed"


AFTER: Mapping[State, frozenset[State]] = {
    State.OPEN: frozenset({State.ACTING, State.RESOLVED, State.DISMISSED}),
    State.ACTING: frozenset({State.OPEN, State.RESOLVED, State.DISMISSED}),
    State.RESOLVED: frozenset({State.OPEN, State.ACTING, State.CLOSED, State.DISMISSED}),
    State.CLOSED: frozenset(),
    State.DISMISSED: frozenset(),
}
IS_OVER = frozenset({State.RESOLVED, State.CLOSED, State.DISMISSED})


def may_follow(before: State, after: State) -> bool:
    """Whether a case in one state may come into the other."""
    return after in AFTER[before]


def allowed(before: State) -> str:
    """What may follow, for a refusal."""
    return "one of " + ", ".join(it for it in State if it in AFTER[before]) if AFTER[before] else f"nothing: {before} is its end"
