"""What the handlers are given: the register, the broker's files, a clock, bounds on logging in, and a word to devices."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated, cast

from fastapi import Depends, Request

from chelu.clock import Clock
from services.registry.alarms.news import News
from services.registry.broker_files import Follower
from services.registry.callers import Callers
from services.registry.database import Register
from services.registry.doorkeeper import Doorkeeper
from services.registry.hook import Hook
from services.registry.live_hub import Hub
from services.registry.live_rights import Tickets
from services.registry.orders.clerk import Clerk
from services.registry.packages.files import Files
from services.registry.past.explainer import Explainer
from services.registry.runs.runner import Runner
from services.registry.site_drawing import Drawings
from services.registry.supervision.desk import Supervision
from services.registry.throttle import Throttle
from services.registry.track.watch import Watch

MOST_EXPORTS = 2  # at a time: each keeps a core busy, and some 60 MB


@dataclass(frozen=True, slots=True)
class Parts:
    """The application's parts; they outlive it."""

    register: Register
    broker: Follower
    clock: Clock
    callers: Callers
    tickets: Tickets  # of those who watch live
    live: Hub | None  # None: without an account at the broker
    user_throttle: Throttle
    address_throttle: Throttle
    doorkeeper: Doorkeeper | None = None  # None: without an account at the broker
    hook: Hook | None = None  # None: no broker may ask
    news: News | None = None  # of alarms; None: nobody tells
    clerk: Clerk | None = None  # None: without an account at the broker
    track: Watch | None = None  # likewise
    supervision: Supervision | None = None  # likewise
    packages: Files | None = None  # None: there is no directory for them
    drawings: Drawings = field(default_factory=Drawings)  # of sites' roads
    console: Path | None = None  # where the built page is; None: it was not built
    token_key: bytes = b""  # of the tokens with which devices fetch packages
    explainer: Explainer | None = None  # of warnings; None: nobody explains
    tests: Runner | None = None  # of scenarios; None: none are run
    exports: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_EXPORTS))  # that are being fetched


async def parts(request: Request) -> Parts:
    """The parts of the application that handles this request; async, so that it costs no change of threads."""
    return cast("Parts", request.app.state.parts)


PartsOf = Annotated[Parts, Depends(parts)]
