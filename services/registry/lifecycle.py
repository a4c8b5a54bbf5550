"""The lifecycle of a device: its states, which may follow which, and what a state means for its credential. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping


class Lifecycle(enum.StrEnum):
    """States in the order in which a device usually goes through them."""

    PLANNED = "planned"  # wanted, not there yet
    REGISTERED = "registered"  # it may have a credential
    COMMISSIONED = "commissioned"  # mounted, calibrated, accepted
    ACTIVE = "active"
    MAINTENANCE = "maintenance"
    RETIRED = "retired"  # kept for what it has said


TRANSITIONS: Mapping[Lifecycle, tuple[Lifecycle, ...]] = {
    Lifecycle.PLANNED: (Lifecycle.REGISTERED, Lifecycle.RETIRED),
    Lifecycle.REGISTERED: (Lifecycle.COMMISSIONED, Lifecycle.RETIRED),
    Lifecycle.COMMISSIONED: (Lifecycle.ACTIVE, Lifecycle.MAINTENANCE, Lifecycle.RETIRED),
    Lifecycle.ACTIVE: (Lifecycle.MAINTENANCE, Lifecycle.RETIRED),
    Lifecycle.MAINTENANCE: (Lifecycle.COMMISSIONED, Lifecycle.ACTIVE, Lifecycle.RETIRED),
    Lifecycle.RETIRED: (),
}
SPEAKING = frozenset(Lifecycle) - {Lifecycle.PLANNED, Lifecycle.RETIRED}  # states in which a device may have a credential


def may_follow(state: Lifecycle, following: Lifecycle) -> bool:
    """Whether a device may go from one state straight to the other."""
    return following in TRANSITIONS[state]


def allowed(state: Lifecycle) -> str:
    """What may follow `state`, as a refusal says it."""
    following = ", ".join(TRANSITIONS[state])
    return f"after {state}: {following}" if following else f"nothing, since {state} is the end"
