"""One site's stages in order: picture → fusion, places, futures → pairs → applications → warning life. No I/O, no clock.

The shell hands over what arrived and the time; it gets back what must be published and stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from chelu.applications import catalogue
from chelu.applications.common import EventParameters, JamParameters, LifeParameters, ReckoningParameters, WeatherParameters
from chelu.errors import ConfigurationError
from chelu.messages import Batch
from chelu.pace import Pace
from chelu.roads.network import RoadNetwork
from services.inference import map_messages
from services.inference.approach import Approach
from services.inference.broadcast import UNKNOWN_DECK, picture_bytes, warnings_up
from services.inference.city.jams import JamMonitor, placed
from services.inference.city.segments import SegmentMonitor
from services.inference.events.lanes import LaneWays
from services.inference.events.nearing import Movers, nearing
from services.inference.events.table import EventTable
from services.inference.events.told import Told
from services.inference.fusion import Twins
from services.inference.futures import MAX_SHIFT_S, Futures
from services.inference.inbox import Intake
from services.inference.lacks import Lack, Lacks, of_states
from services.inference.life import Life, Notice
from services.inference.motion_model import MotionModel
from services.inference.network import NetworkRoads
from services.inference.onward import Onward
from services.inference.pairs import DeckGate, common_instant_us, find, usable
from services.inference.parameters import with_site_values
from services.inference.phase_map import PhaseMap
from services.inference.picture import Picture, resized
from services.inference.placing import Placement
from services.inference.reckoning import Reckoning
from services.inference.reports import Frame, Ints, Participant, Reports
from services.inference.signals import SignalTable
from services.inference.stop_lines import StopLines, stop_lines
from services.inference.surface import Surface
from services.inference.v2x.assessment import Assessment
from services.inference.v2x.catalogue import APPLICATIONS, assess_all
from services.inference.v2x.coming import coming
from services.inference.v2x.hosts import hosts_of
from services.inference.v2x.obligation import is_dark
from services.inference.v2x.scene import Events, Scene, scene_of
from services.inference.weather import Weather

EXPIRE_S = 2.0  # a track not heard of for so long leaves the picture
LATE_S = 5.0  # chelu.messages.Stream.late_after_s of both streams
_MOVED_M = 1.0  # tracks are matched to lanes anew when they have moved this far


def _nobody(stage: str) -> None:
    """Nobody measures how long stages take."""


def _defaults() -> Mapping[str, Any]:
    return {name: kind() for name, kind in catalogue.APPLICATIONS.items()}


@dataclass(frozen=True, slots=True)
class SiteParameters:
    """Every application's parameters at one site, by its name, and those that all of them have in common."""

    applications: Mapping[str, Any] = field(default_factory=_defaults)
    life: LifeParameters = field(default_factory=LifeParameters)
    events: EventParameters = field(default_factory=EventParameters)
    weather: WeatherParameters = field(default_factory=WeatherParameters)
    jams: JamParameters = field(default_factory=JamParameters)
    reckoning: ReckoningParameters = field(default_factory=ReckoningParameters)


def site_parameters(values: Mapping[str, Mapping[str, Any]], *, where: str) -> SiteParameters:
    """Defaults with a site's values; ConfigurationError names what is wrong."""
    defaults = {name: kind() for name, kind in catalogue.SCHEMA.items()}
    for name, given in values.items():
        if name not in defaults:
            raise ConfigurationError(name, given, f"there is no such application; there are {', '.join(defaults)}", source=where)
    chosen = {name: with_site_values(one, values.get(name, {}), where=where) for name, one in defaults.items()}
    common = {name: chosen.pop(name) for name in catalogue.COMMON}
    return SiteParameters(applications=chosen, **common)


@dataclass(slots=True)
class Counts:
    """Since the start: rows taken in, rows refused for their age, rows that were not newer than known, evaluations.

    refused: rows of tracks for which the picture had no room; crowded: evaluations that paired only the nearest. unjudged: newer
    states that no application can judge: place, speed or heading unknown, too old, of later than now, or so long after the one
    before that between the two nobody could be warned. dark: newer states of vehicles that near a signal of which nobody knows
    what it shows. lacks: both, and what was judged without something, by what was missing (`lacks.py`). reckoned: newer states of
    vehicles that did not say where they are, whose places could be reckoned (`reckoning.py`). contradicting: ways that MAP
    messages tell now and the roads have not, or have otherwise.
    """

    rows: int = 0
    late: int = 0
    stale: int = 0
    refused: int = 0
    evaluations: int = 0
    crowded: int = 0
    unjudged: int = 0
    dark: int = 0
    reckoned: int = 0
    contradicting: int = 0
    lacks: Lacks = field(default_factory=Lacks)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the newest step looked at and found; its signals are to be asked before the next step."""

    scene: Scene
    findings: Sequence[Assessment]


class Site:
    """State of one site. Owned by one thread. lap: is told at the end of each stage its name, for whoever measures.

    evaluated: of the newest step, None where nothing changed in it.
    """

    def __init__(
        self,
        parameters: SiteParameters,
        *,
        roads: NetworkRoads | None,
        model: MotionModel | None,
        new_id: Callable[[], str],
        lap: Callable[[str], None] = _nobody,
    ) -> None:
        self._lap = lap
        self.evaluated: Evaluation | None = None
        self.parameters, self.counts = parameters, Counts()
        self.picture, self.signals, self.twins = Picture(), SignalTable(), Twins()
        self._pace = Pace()
        self.futures, self.placement = Futures(model), Placement(roads, moved_m=_MOVED_M)
        self.reckoning = Reckoning(parameters.reckoning)
        self._onward = Onward(roads) if roads is not None else None
        self.life = Life(parameters.life, new_id)
        self._segments = SegmentMonitor(roads.segments()) if roads is not None else None
        self._gate = DeckGate()
        self._ways = LaneWays(roads.network) if roads is not None else None
        self._jams = JamMonitor(roads.segments(), parameters.jams) if roads is not None else None
        self.events = EventTable(parameters.events, self._ways)
        self.weather = Weather(parameters.weather)
        self._surface = Surface(self.weather, parameters.weather, parameters.events)
        self._roads = roads
        self._lines = stop_lines(roads.network) if roads is not None else None
        self._phases = PhaseMap(self._lines, roads.network.signals.id.tolist()) if roads is not None and self._lines else None

    def use(self, parameters: SiteParameters) -> None:
        """Go by these from the next evaluation on; what is known of the site, and which warnings are up, stays."""
        self.parameters = parameters
        self.life.use(parameters.life)
        self.events.use(parameters.events)
        self.weather.use(parameters.weather)
        self.reckoning.use(parameters.reckoning)
        self._surface.use(parameters.weather, parameters.events)
        if self._jams is not None:
            self._jams.use(parameters.jams)

    def take(self, intake: Intake, frame: Frame, now_us: int) -> list[Notice]:
        """Everything that a micro-batch brought, in the order in which it counts."""
        if len(intake.spat):
            self.signals.update(intake.spat)
        if intake.maps:
            self.learn(intake.maps, frame)
        if intake.events or intake.observations:
            self.hear(intake.events, intake.observations)
        return self.step(intake.reports, now_us)

    def learn(self, maps: Sequence[Mapping[str, Any]], frame: Frame) -> None:
        """Take in MAP messages (JSON): which phases hold which ways."""
        if self._roads is None or self._lines is None or self._phases is None:
            return
        for value in maps:
            for told in map_messages.read(value, frame, self._roads.network, self._lines):
                self._phases.learn(told.intersection, told.permissions, told.unplaced)
        self.counts.contradicting = self._phases.contradictions

    def hear(self, events: Sequence[Told], observations: Sequence[Batch]) -> None:
        """Take in what roadside devices tell of the road, and what sensors measure."""
        self.events.update(events)
        self.weather.update(observations)

    def step(self, reports: Reports, now_us: int) -> list[Notice]:
        """Take in a micro-batch and evaluate what it changed; call it without rows, too, so that warnings end."""
        late = reports.arrival_us - reports.time_us > LATE_S * 1e6
        if late.any():  # who is always as late has a slow clock, and is there
            late[late] = ~self._pace.steady(reports.key[late], reports.time_us[late], reports.arrival_us[late])
        self.counts.rows += len(reports)
        too_late = int(np.count_nonzero(late))
        self.counts.late += too_late
        self.counts.lacks.add(too_late, 0, {Lack.LATE: too_late})
        change = self.picture.update(reports.take(~late))
        self.counts.stale += change.stale_rows
        self.counts.refused += change.refused_rows
        self.twins.forget(self.picture.expire(now_us - round(EXPIRE_S * 1e6)))
        changed = self.picture.living(change.slots)
        self.counts.reckoned += len(
            self.reckoning.update(self.picture, self.placement, self._onward, self.twins, changed) if len(changed) else changed
        )
        self._lap("picture")
        self.evaluated = None
        findings = self.evaluate(changed, now_us) if len(changed) else []
        notices = self.life.step(findings, self.picture, self.twins.seats, now_us)
        self._lap("warning life")
        return notices

    def evaluate(self, changed: Ints, now_us: int) -> list[Assessment]:
        """All stages from fusion to applications for these slots."""
        self.counts.evaluations += 1
        self.twins.update(self.picture, changed)
        self._lap("fusion")
        self.placement.update(self.picture, changed)
        on_ways = self._onward.update(self.picture, self.placement, changed) if self._onward is not None else None
        self._lap("places")
        self.futures.update(
            self.picture, changed, self.placement.turn_deg[changed], on_ways, self.placement.keeping.off_m[changed]
        )
        self._lap("futures")
        self._count_entries(changed)
        candidates = usable(self.picture, now_us, self.parameters.life.most_age_s)
        instant_us = common_instant_us(self.picture.ints["time_us"][candidates])
        holding = self.events.holding(instant_us)
        self._surface.update(self.picture, self.placement, changed, holding, instant_us)
        candidates = candidates[self.twins.twin[candidates] < 0]
        pairs = find(
            self.picture, self.futures, self.placement,
            candidates=candidates, changed=changed, gate=self._gate, now_us=now_us,
            are_perhaps_one=partial(self.twins.are_perhaps_one, self.picture),
        )  # fmt: skip
        self.counts.crowded += pairs.is_crowded
        self._lap("pairs")
        hosts = hosts_of(self.picture, self.futures, self.placement, changed[np.isin(changed, candidates, kind="table")], now_us)
        movers = Movers(hosts.xyz, hosts.heading_deg, hosts.lane, hosts.offset_m)
        events = Events(holding, nearing(holding, movers, instant_us, self.parameters.events))
        come = coming(
            self.picture, self.futures, self.placement,
            candidates=candidates, changed=changed, gate=self._gate, now_us=now_us,
        )  # fmt: skip
        scene = scene_of(pairs, self.placement, hosts, self.approach(now_us), events, come)
        self._count_lacks(changed, scene, now_us)
        self._lap("scene")
        findings = assess_all(scene, self.parameters.applications)
        self._lap("applications")
        self.evaluated = Evaluation(scene, findings)
        return findings

    def approach(self, now_us: int) -> Approach:
        """What signals show to whom at this moment."""
        return Approach(self._lines, self._phases, self.signals, self.picture, self.placement, now_us)

    def roads_of_signals(self) -> tuple[RoadNetwork, StopLines, Ints] | None:
        """The roads, their stop lines and the phases that hold them; None where there are no signals."""
        if self._roads is None or self._lines is None or self._phases is None:
            return None
        return self._roads.network, self._lines, self._phases.keys

    def needs(self) -> dict[str, frozenset[Lack]]:
        """Applications that are switched on here, with what they ask for beyond road users' states."""
        return {one.name: one.needs for one in APPLICATIONS if self.parameters.applications[one.name].is_on}

    def segments(self) -> Batch | None:
        """The city's rows, once an interval is over. Call it often: it samples the picture."""
        if self._segments is None:
            return None
        slots = self._counted(self.picture.live())
        if not len(slots):
            return None
        instant = common_instant_us(self.picture.ints["time_us"][slots])
        speed = self.picture.floats["speed_mps"][slots]
        result = self._segments.sample(self.placement.lane[slots], speed, instant)
        if result is not None and self._jams is not None and self._ways is not None:
            jams = self._jams.update(result, self.placement.lane[slots], self.placement.offset_m[slots], speed)
            self.events.put_own(placed(jams, self._ways, reach_m=self.parameters.events.reach_m))
        return result

    def broadcast(self, header: Mapping[str, Any], now_us: int) -> bytes:
        """The live picture as bytes."""
        levels, phases = self.life.levels(self.twins.seats), self.signals.now(now_us)
        unjudged = {name: getattr(self.counts, name) for name in ("unjudged", "dark", "contradicting")}
        told = {**header, "unjudged": unjudged, **warnings_up(self.life.up(self.twins.seats), self.futures)}
        return picture_bytes(self.picture, self.twins.seats, levels, phases, deck=self._decks(), header=told, now_us=now_us)

    def _decks(self) -> Ints:
        """By slot, the deck of the lane that the track is on."""
        lane = resized(self.placement.lane, self.picture.capacity, -1)
        if self._roads is None:
            return np.full(len(lane), UNKNOWN_DECK)
        return np.where(lane >= 0, self._roads.network.lanes.deck[np.maximum(lane, 0)], UNKNOWN_DECK)

    def _count_lacks(self, changed: Ints, scene: Scene, now_us: int) -> None:
        """What could not be judged now, or only without something."""
        most_age_s, slots = self.parameters.life.most_age_s, scene.hosts.slots
        found = of_states(self.picture, changed, now_us, most_age_s=most_age_s, most_ahead_s=MAX_SHIFT_S)
        self.counts.unjudged += sum(found.values())
        dark = int(np.count_nonzero(is_dark(scene.signals, scene.first_lines)))
        self.counts.dark += dark
        found |= {
            Lack.NO_ROAD: int(np.count_nonzero(scene.hosts.lane < 0)),
            Lack.NO_SIGNAL: dark,
            Lack.NO_LIMIT: int(np.count_nonzero(np.isnan(self.placement.limit_mps(slots)))),
            Lack.NO_HEIGHT: int(np.count_nonzero(self.placement.may_be_on_several(slots))),
            Lack.NO_WEATHER: 0 if self.weather.is_known else len(slots),
        }
        self.counts.lacks.add(len(changed), len(slots), found)

    def _count_entries(self, changed: Ints) -> None:
        if self._segments is not None:
            slots = self._counted(changed)
            generation = self.picture.generation[slots].astype(np.int64)
            self._segments.pass_through(slots, generation, self.placement.lane[slots])

    def _counted(self, slots: Ints) -> Ints:
        """Motor vehicles, each once."""
        motor = self.picture.ints["participant_type"][slots] == Participant.MOTOR
        return np.asarray(slots[motor & (self.twins.twin[slots] < 0)])
