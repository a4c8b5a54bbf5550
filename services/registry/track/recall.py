"""Orders to stop for those who were not there when the button was pressed: whoever comes online on a stopped site is told, too.

So is whoever is moved to such a site, or registered there. A device that starts anew may have forgotten that it was stopped, so
it is told again. Threads: the doorkeeper's only queues; one of its own reads the register and hands over what is to be sent.
"""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from chelu import topics
from chelu.bus import Publication, Received
from chelu.clock import Clock
from chelu.codec.documents import printable
from services.registry.database import Register
from services.registry.orders.clerk import Clerk, addressed
from services.registry.orders.rows import Letter
from services.registry.revisions import Revisions
from services.registry.rounds import Rounds
from services.registry.track import log_rows, stop_rows
from services.registry.track.chain import Happening

STATE = topics.row("{kind}/{id}/state")
ACTOR = "registry"
TABLES = ["stop", "device", "credential"]
CAME_ONLINE, CAME = "told to stop, since it came online", "told to stop, since it came to the site"
TURN_S = 0.5
LEAST_S = 2.0  # between two orders to one device that comes again and again
LONGEST_START = 64
Publish = Callable[[str, bytes], Publication]


def send(publish: Publish, clerk: Clerk, letters: Iterable[Letter]) -> None:
    """Hand orders to the broker at once; what it does not take is sent again by the clerk, as any order is."""
    clerk.handed_over([(letter.number, publish(*addressed(letter, letter.document()))) for letter in letters])


class Arrivals:
    """Tells who has come online from who only says once more that it is, as agents do when they are asked for a pass."""

    def __init__(self) -> None:
        self._starts: dict[str, str] = {}  # which start of a device was heard last
        self._gone: set[str] = set()  # since then

    def of(self, device: str, start: str | None, *, is_retained: bool) -> bool | None:
        """Whether a device that has come online has started anew; None when it has not come. `start` as of `start_of`."""
        if start is None:
            self._gone.add(device)
            return None
        is_known, is_other = device in self._starts, not start or self._starts.get(device) != start
        has_come = is_other or is_retained or device in self._gone
        self._starts[device] = start
        self._gone.discard(device)
        return (is_other and (is_known or not is_retained)) if has_come else None


class Recall:
    """Hears devices come online."""

    filters = tuple((name, 1) for name in STATE.subscriptions())

    def __init__(self, register: Register, clock: Clock) -> None:
        self._register, self._clock = register, clock
        self._guard = threading.Condition()
        self._online: dict[str, bool] = {}  # whether it has started anew; else it is there, as it was
        self._later: dict[str, bool] = {}  # likewise, of whom something was ordered a moment ago
        self._told_s: dict[str, float] = {}
        self._revisions = Revisions(TABLES)
        self._arrivals = Arrivals()  # the doorkeeper's thread's own

    # -- any thread ----------------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """Who is online the broker says anew: states are retained."""

    def take(self, received: Sequence[Received]) -> None:
        """Note who says that it is online."""
        online: dict[str, bool] = {}
        for message in received:
            match = topics.find(message.topic) if message.topic.endswith("/state") else None
            if match is None:
                continue
            is_new = self._arrivals.of(match.device, start_of(message.payload), is_retained=message.retained)
            if is_new is not None:
                online[match.device] = is_new or online.get(match.device, False)
        if online:
            with self._guard:
                self._online.update(online)
                self._guard.notify()

    @contextmanager
    def sending(self, publish: Publish, clerk: Clerk) -> Iterator[None]:
        """Work while this is entered."""
        rounds = Rounds(
            "recall",
            lambda: self._recall(publish, clerk),
            "who comes online is not told of a stop",
            wait=self._wait,
            wake=self._wake,
            pause_s=TURN_S,
        )
        with rounds:
            yield

    # -- its own thread --------------------------------------------------------------------------------------------------------

    def _wait(self, stopping: threading.Event) -> None:
        with self._guard:
            self._guard.wait_for(lambda: self._online or stopping.is_set(), TURN_S)

    def _wake(self) -> None:
        with self._guard:
            self._guard.notify()

    def _recall(self, publish: Publish, clerk: Clerk) -> None:
        with self._guard:
            online, self._online = self._online, {}
        now_s = self._clock.monotonic_s()
        self._told_s = {device: told_s for device, told_s in self._told_s.items() if now_s - told_s < LEAST_S}
        for device, is_new in self._later.items():
            online[device] = is_new or online.get(device, False)
        self._later = {device: is_new for device, is_new in online.items() if device in self._told_s}
        due = {device: is_new for device, is_new in online.items() if device not in self._told_s}
        try:
            letters = self._told(due)
            send(publish, clerk, letters)
        except Exception:
            with self._guard:
                self._online = {**due, **self._online}
            raise
        self._told_s |= dict.fromkeys((letter.device_id for letter in letters), now_s)

    def _told(self, online: dict[str, bool]) -> list[Letter]:
        """Orders for those of a stopped site."""
        now_us = self._clock.wall_us()
        now = datetime.datetime.fromtimestamp(now_us / 1e6, datetime.UTC)
        letters: list[Letter] = []
        with self._register.transaction(ACTOR) as connection:
            sites = stop_rows.stopped_sites(connection)
            have_come = bool(sites) and self._revisions.have_changed(connection)  # some may have
            for site_id in sorted(sites) if online or have_come else []:
                stop_rows.lock(connection, site_id)
                stop = stop_rows.in_force(connection, site_id)
                if stop is None:
                    continue
                told: list[Letter] = []
                for is_anew in (True, False):
                    ids = [device for device, is_new in online.items() if is_new is is_anew]
                    told += stop_rows.order_stop(connection, stop, ACTOR, now, device_ids=ids, is_anew=is_anew) if ids else []
                ids = stop_rows.untold(connection, stop) if have_come else []
                came = stop_rows.order_stop(connection, stop, ACTOR, now, device_ids=ids) if ids else []
                for what, some in ((CAME_ONLINE, told), (CAME, came)):
                    if some:
                        detail = {"stop": stop["stop_id"], "told": [letter.device_id for letter in some]}
                        log_rows.append(connection, site_id, [Happening(ACTOR, what, site_id, detail)], now_us)
                letters += [*told, *came]
        if have_come:
            self._revisions.were_read()
        return letters


def start_of(payload: bytes) -> str | None:
    """Which start of itself a device says it is online in, "" when it does not say; None when it is not online."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("state") != "online":
        return None
    start = document.get("start_id")
    return printable(str(start))[:LONGEST_START] if isinstance(start, str | int) else ""
