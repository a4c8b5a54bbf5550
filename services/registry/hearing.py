"""The registry's session at the broker, and all who hear devices over it, put together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from chelu.clock import Clock
from services.registry.database import Register
from services.registry.doorkeeper import Doorkeeper, Listener
from services.registry.health.monitor import Monitor
from services.registry.orders.clerk import Clerk
from services.registry.supervision.captures import Keeper
from services.registry.supervision.desk import Supervision
from services.registry.track.recall import Recall
from services.registry.track.watch import Watch


@dataclass(frozen=True, slots=True)
class Hearing:
    """What the handlers need of them; all None without an account at the broker."""

    doorkeeper: Doorkeeper | None = None
    clerk: Clerk | None = None
    track: Watch | None = None
    supervision: Supervision | None = None

    def parts(self) -> dict[str, Any]:
        """As `Parts` takes them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def at_broker(
    stack: contextlib.ExitStack,
    url: str,
    register: Register,
    announce: Callable[[], None],
    clerk: Clerk,
    clock: Clock,
    helpers: Sequence[Listener] = (),
) -> Hearing:
    """Enter them all on the stack: who hears before who is heard. helpers: of the clerk, those who hear devices, too."""
    sessions: list[Doorkeeper] = []
    recall, supervision = Recall(register, clock), Supervision(register, clock)
    watch = Watch(register, clock, supervision.modes, supervision.note_track)
    monitor = Monitor(register, clock, is_listening=lambda: any(session.is_listening for session in sessions))
    for each in (supervision, watch, Keeper(register, clock)):
        stack.enter_context(each)
    listeners = (*helpers, clerk, monitor, recall, supervision, watch)
    doorkeeper = stack.enter_context(Doorkeeper(url, register, announce, clock, listeners))
    sessions.append(doorkeeper)
    stack.enter_context(clerk.sending(doorkeeper.publish))
    stack.enter_context(recall.sending(doorkeeper.publish, clerk))
    stack.enter_context(monitor)
    return Hearing(doorkeeper, clerk, watch, supervision)
