"""Traffic state of all sites while they run: on a thread of its own, so that no warning waits for it.

The thread that warns hands over a copy of the picture about once a second, and what counters said as it came; it never waits.
Rows of all scopes are published every five seconds, and stored by the minute and longer.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chelu.topics import STATE
from services.inference.city.outlet import document, rows_to_store, turns_to_store
from services.inference.city.reading import Heard, counts_of
from services.inference.city.state.indices import IndexParameters
from services.inference.city.state.monitor import PERIODS_S, Result, StateMonitor
from services.inference.city.viewing import Slots, View, view_of
from services.inference.inbox import Intake
from services.inference.network import NetworkRoads
from services.inference.parameters import with_site_values
from services.inference.register import Register
from services.inference.site import Site
from services.inference.storage import STATE as STATE_TABLE
from services.inference.storage import STATE_TURN, Item

log = logging.getLogger(__name__)

NAME = "state"  # of the table in the parameters' file
LOOK_S = 1.0
_WAITING = 64  # views and reports: beyond, the oldest are dropped and counted


@dataclass(slots=True)
class _Watched:
    """A site's monitor, made of these roads, which road user has which of its slots, and when counters' last periods ended."""

    roads: NetworkRoads
    monitor: StateMonitor
    slots: Slots = field(default_factory=Slots)
    ends: dict[int, int] = field(default_factory=dict)


class StateDesk:
    """`attend` is called by the thread that warns, everything else happens on this one's."""

    def __init__(
        self,
        parameters: Callable[[str], IndexParameters],
        publish: Callable[[str, bytes], object],
        store: Callable[[Item], None],
    ) -> None:
        self._parameters, self._publish, self._store = parameters, publish, store
        self._due_s = 0.0
        self._waiting: deque[tuple[str, NetworkRoads, View | Heard]] = deque()
        self._changed = threading.Condition()
        self._is_stopping = False
        self._watched: dict[str, _Watched] = {}
        self.counts: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run, name="traffic state", daemon=True)
        self._thread.start()

    def attend(
        self, sites: Mapping[str, Site], intakes: Mapping[str, Intake], register: Register, now_s: float, now_us: int
    ) -> None:
        """After every turn: take copies of the pictures that are due, and what counters said; never waits."""
        for site_id, intake in intakes.items():
            entry = register.sites[site_id]
            if entry.roads is not None and (intake.traffic or intake.observations):
                self._put(site_id, entry.roads, Heard(intake.traffic, intake.observations, entry.frame, register.by_key, now_us))
        if now_s < self._due_s:
            return
        self._due_s = now_s + LOOK_S
        for site_id, site in sites.items():
            roads = register.sites[site_id].roads
            if roads is not None and (view := view_of(site)) is not None:
                self._put(site_id, roads, view)

    def stop(self) -> None:
        """End the thread; what waits is dropped."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join(5.0)

    def _put(self, site_id: str, roads: NetworkRoads, what: View | Heard) -> None:
        with self._changed:
            if len(self._waiting) >= _WAITING:
                self._waiting.popleft()
                self.counts["state_views_dropped"] += 1
            self._waiting.append((site_id, roads, what))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_stopping)
                if self._is_stopping:
                    return
                site_id, roads, what = self._waiting.popleft()
            try:
                self._take(site_id, self._of(site_id, roads), what)
            except Exception:  # a fault here is to cost this site's state and not the state of all
                log.exception("traffic state of site %s begins anew", site_id)
                self.counts["state_faults"] += 1
                self._watched.pop(site_id, None)

    def _of(self, site_id: str, roads: NetworkRoads) -> _Watched:
        """The site's monitor; a new one for new roads."""
        found = self._watched.get(site_id)
        if found is None or found.roads is not roads:
            found = _Watched(roads, StateMonitor(roads.network, self._parameters(site_id)))
            self._watched[site_id] = found
        return found

    def _take(self, site_id: str, watched: _Watched, what: View | Heard) -> None:
        if isinstance(what, Heard):
            counts = counts_of(what, watched.roads, watched.monitor.layout.segment, watched.ends)
            watched.monitor.hear(counts, what.now_us)
            return
        for result in watched.monitor.step(watched.slots.sightings(what), what.at_us):
            self._tell(site_id, watched.monitor, result)

    def _tell(self, site_id: str, monitor: StateMonitor, result: Result) -> None:
        if result.period_s == PERIODS_S[0]:
            self._publish(STATE.format(site=site_id), document(site_id, monitor, result))
            return
        self._store(Item(STATE_TABLE, rows_to_store(site_id, monitor, result)))
        if result.period_s == PERIODS_S[-1]:
            self._store(Item(STATE_TURN, turns_to_store(site_id, monitor, result)))


def parameters_of(values: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Callable[[str], IndexParameters]:
    """A site's limits of the indices, ``[site.state]`` of the parameters' file; ConfigurationError for one out of bounds."""
    own = {
        site: with_site_values(IndexParameters(), of[NAME], where=f"parameters_file, site {site}")
        for site, of in values.items()
        if NAME in of
    }
    return lambda site_id: own.get(site_id, IndexParameters())
