"""Traffic state and incidents of all sites while they run: on a thread of its own, so that no warning waits for it.

The thread that warns hands over a copy of the picture about once a second, and what counters said as it came; it never waits.
Rows of all scopes are published every five seconds, and stored by the minute and longer. What was found (incidents, sensors that
are wrong) is published and stored when it begins and when it is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chelu.clock import Clock
from chelu.topics import STATE
from services.inference.city.announcing import Announcer, Publish, Store
from services.inference.city.beside import Beside
from services.inference.city.findings import Finding
from services.inference.city.forecast.desk import Step
from services.inference.city.forecast.history import STEP_S
from services.inference.city.incidents.finding import IncidentFinder
from services.inference.city.incidents.parameters import IncidentParameters
from services.inference.city.outlet import document, rows_to_store, turns_to_store
from services.inference.city.reading import Heard, counts_of
from services.inference.city.sensors import SensorWatch, with_early
from services.inference.city.state.indices import IndexParameters
from services.inference.city.state.layout import Scope, middles
from services.inference.city.state.monitor import PERIODS_S, Result, StateMonitor
from services.inference.city.viewing import Slots, View, view_of
from services.inference.inbox import Intake
from services.inference.network import NetworkRoads
from services.inference.parameters import with_site_values
from services.inference.register import Device, Register, SiteEntry
from services.inference.reports import Floats
from services.inference.site import Site
from services.inference.storage import STATE as STATE_TABLE
from services.inference.storage import STATE_TURN, Item

NAME, INCIDENTS = "state", "incidents"  # of the tables in the parameters' file
LOOK_S = 1.0
NONE_EARLY: Mapping[int, int] = {}
_WAITING = 64  # views and reports: beyond, the oldest are dropped and counted


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of one site."""

    state: IndexParameters = field(default_factory=IndexParameters)
    incidents: IncidentParameters = field(default_factory=IncidentParameters)


@dataclass(frozen=True, slots=True)
class _Look:
    """What the thread that warns hands over once a second; view: None while nobody is there; early: see `attend`."""

    view: View | None
    now_us: int
    devices: Mapping[int, Device]
    early: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class _Item:
    """What waits to be worked on, of a site as it was then."""

    site_id: str
    entry: SiteEntry
    what: Heard | _Look


@dataclass(slots=True)
class _Watched:
    """A site's watchers, made of these roads, which road user has which of its slots, and when counters' last periods ended.

    segments: their names, and where their middles are (s, 3), in degrees and metres; up: findings that are not over, by id.
    """

    roads: NetworkRoads
    monitor: StateMonitor
    incidents: IncidentFinder
    sensors: SensorWatch
    segments: tuple[str, ...]
    places: Floats
    slots: Slots = field(default_factory=Slots)
    ends: dict[int, int] = field(default_factory=dict)
    up: dict[str, Finding] = field(default_factory=dict)


class StateDesk:
    """`attend` is called by the thread that warns, everything else happens on this one's."""

    def __init__(
        self,
        parameters: Callable[[str], Parameters],
        publish: Publish,
        store: Store,
        clock: Clock,
        *,
        unended: Iterable[Finding] = (),
        forecast: Callable[[Step], None] = lambda _: None,
    ) -> None:
        """unended: findings of an earlier process, as over; forecast: takes every five minutes' state of the segments."""
        self._parameters, self._publish, self._store, self._forecast = parameters, publish, store, forecast
        self._announcer = Announcer(publish, store, clock)
        self._due_s = 0.0
        self._watched: dict[str, _Watched] = {}
        self.counts: Counter[str] = self._announcer.counts
        self._announcer.tell(list(unended))
        self._beside = Beside("traffic state", self._work, failed=self._failed, dropped=self._dropped, most=_WAITING)

    def attend(
        self,
        sites: Mapping[str, Site],
        intakes: Mapping[str, Intake],
        register: Register,
        now_s: float,
        now_us: int,
        *,
        early: Mapping[int, int] = NONE_EARLY,
    ) -> None:
        """After every turn: take copies of the pictures that are due, and what counters said; never waits.

        early: how often each device, by key, has told of times to come, since the start; nobody else has seen those rows.
        """
        for site_id, intake in intakes.items():
            entry = register.sites[site_id]
            if entry.roads is not None and (intake.traffic or intake.observations):
                heard = Heard(intake.traffic, intake.observations, entry.frame, register.by_key, now_us)
                self._beside.put(_Item(site_id, entry, heard))
        if now_s < self._due_s:
            return
        self._due_s = now_s + LOOK_S
        for site_id, site in sites.items():
            entry = register.sites[site_id]
            if entry.roads is not None:
                mine = {key: count for key, count in early.items() if _is_at(register, key, site_id)}
                self._beside.put(_Item(site_id, entry, _Look(view_of(site), now_us, register.by_key, mine)))

    def stop(self) -> None:
        """End the thread; what waits is dropped."""
        self._beside.stop()

    def _dropped(self) -> None:
        self.counts["state_views_dropped"] += 1

    def _failed(self, one: _Item) -> str:
        """A fault here is to cost this site's state and not the state of all."""
        self.counts["state_faults"] += 1
        self._forget(one.site_id, "a fault")
        return f"traffic state of site {one.site_id} begins anew"

    def _work(self, one: _Item) -> None:
        self._take(one.site_id, self._of(one.site_id, one.entry), one.what)

    def _of(self, site_id: str, entry: SiteEntry) -> _Watched:
        """The site's watchers; new ones for new roads."""
        roads, found = entry.roads, self._watched.get(site_id)
        if roads is None:
            raise ValueError(f"site {site_id} has no roads")
        if found is None or found.roads is not roads:
            self._forget(site_id, "new roads")
            own = self._parameters(site_id)
            finder = IncidentFinder(site_id, roads.network, entry.frame, own.incidents)
            monitor = StateMonitor(roads.network, own.state)
            names = tuple(monitor.layout.places[Scope.SEGMENT].name.tolist())
            places = np.column_stack(entry.frame.to_geodetic(middles(monitor.layout, roads.network)))
            found = _Watched(roads, monitor, finder, SensorWatch(site_id), names, places)
            self._watched[site_id] = found
        return found

    def _forget(self, site_id: str, why: str) -> None:
        """Begin anew: what was found and is not over will not be seen to end."""
        found = self._watched.pop(site_id, None)
        if found is not None:
            self._announcer.tell([one.over(ended_by=why) for one in found.up.values()])

    def _take(self, site_id: str, watched: _Watched, what: Heard | _Look) -> None:
        if isinstance(what, Heard):
            counts = counts_of(what, watched.roads, watched.monitor.layout.segment, watched.ends)
            watched.monitor.hear(counts, what.now_us)
            return
        if what.view is None:
            self._found(watched, watched.incidents.nobody(what.now_us))
        else:
            seen, at_us = watched.slots.sightings(what.view), what.view.at_us
            for result in watched.monitor.step(seen, at_us):
                self._tell(site_id, watched, result)
            self._found(watched, watched.incidents.step(seen, at_us))
        faults = with_early(watched.monitor.counters.faults, what.early)
        self._found(watched, watched.sensors.update(faults, what.devices, what.now_us))

    def _found(self, watched: _Watched, changes: Sequence[Finding]) -> None:
        """Tell it, and remember what is not over."""
        for one in changes:
            if one.is_over:
                watched.up.pop(one.finding_id, None)
            else:
                watched.up[one.finding_id] = one
        self._announcer.tell(changes)

    def _tell(self, site_id: str, watched: _Watched, result: Result) -> None:
        monitor = watched.monitor
        if result.period_s == PERIODS_S[0]:
            self._publish(STATE.format(site=site_id), document(site_id, monitor, result))
            return
        self._store(Item(STATE_TABLE, rows_to_store(site_id, monitor, result)))
        if result.period_s == STEP_S:
            segments = result.rows[Scope.SEGMENT]
            speed, free = segments["mean_speed_mps"], segments["free_speed_mps"]
            self._forecast(Step(site_id, watched.segments, watched.places, result.end_us, speed, free))
        if result.period_s == PERIODS_S[-1]:
            self._store(Item(STATE_TURN, turns_to_store(site_id, monitor, result)))


def _is_at(register: Register, key: int, site_id: str) -> bool:
    device = register.by_key.get(key)
    return device is not None and device.site_id == site_id


def parameters_of(values: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Callable[[str], Parameters]:
    """A site's ``[site.state]`` and ``[site.incidents]`` of the parameters' file; ConfigurationError for one out of bounds."""
    own = {site: _own(of, f"parameters_file, site {site}") for site, of in values.items()}
    return lambda site_id: own.get(site_id, Parameters())


def _own(of: Mapping[str, Mapping[str, Any]], where: str) -> Parameters:
    return Parameters(
        with_site_values(IndexParameters(), of.get(NAME, {}), where=where),
        with_site_values(IncidentParameters(), of.get(INCIDENTS, {}), where=where),
    )
