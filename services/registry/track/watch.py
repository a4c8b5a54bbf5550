"""The watch over the track: hears live pictures, compares them with areas and permits, notes and alarms what changes.

Threads: the doorkeeper's only queues (`take`); the watch's own does all the work; any may ask what was `seen`, which is
handed over whole. What could not be written because the database was away is written when it is back.
"""

from __future__ import annotations

import datetime
import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chelu.bus import Received
from chelu.clock import Clock
from chelu.codec import columns
from chelu.errors import MalformedError, RefusedError, UnreachableError
from chelu.messages import Batch
from chelu.pace import Pace
from chelu.topics import PICTURE
from services.registry.database import Register
from services.registry.revisions import Revisions
from services.registry.rounds import InRounds, Rounds
from services.registry.track import presence, watch_rows
from services.registry.track.conditions import LOST, Change, Conditions
from services.registry.track.presence import Scene
from services.registry.track.roster import Roster

LOG = logging.getLogger(__name__)
FILTER = PICTURE.format(site="+")
LOOK_S = 0.5  # between two looks whether the register has changed
RELOAD_S = 30.0  # after which it is read anyhow: permits end
AGAIN_S = 1.0  # between two looks whether what holds still has its alarm
BLIND_US = 3_000_000  # without a picture
Modes = Callable[[], dict[int, str]]
Told = Callable[[str, Sequence[Change], Roster, int], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the watch knows of a site just now."""

    roster: Roster
    scene: Scene
    problems: dict[str, list[str]]


@dataclass(slots=True)
class _Site:
    conditions: Conditions = field(default_factory=lambda: Conditions(presence.STAYING))
    unwritten: list[Change] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)
    seen: Seen | None = None
    pictured_us: int = 0
    blind: str = ""  # why it is said to be
    fault: str = ""  # why its newest picture cannot be compared


class Watch(InRounds):
    """Works while it is entered. `modes`: how vehicles drive now, by key; `told` hears of changes once they are written."""

    filters = ((FILTER, 0),)

    def __init__(self, register: Register, clock: Clock, modes: Modes, told: Told) -> None:
        self._register, self._clock, self._modes, self._told = register, clock, modes, told
        self._guard = threading.Condition()
        self._pictures: dict[str, bytes] = {}
        self._is_stale = True
        self._rounds = Rounds("track", self._round, "the track is not watched", wait=self._wait, wake=self._wake)
        self._rosters: dict[str, Roster] = {}
        self._faults: dict[str, str] = {}  # why sites have no roster
        self._sites: dict[str, _Site] = {}
        self._revisions = Revisions(watch_rows.TABLES)
        self._looked_s, self._loaded_s, self._said_s = float("-inf"), float("-inf"), float("-inf")

    # -- any thread ----------------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """The next picture says all that there is to know."""

    def take(self, received: Sequence[Received]) -> None:
        """Keep the newest picture of each site."""
        pictures = {message.topic.split("/")[1]: message.payload for message in received if message.topic.startswith("site/")}
        if pictures:
            with self._guard:
                self._pictures.update(pictures)
                self._guard.notify()

    def look_again(self) -> None:
        """The register has changed."""
        with self._guard:
            self._is_stale = True
            self._guard.notify()

    def seen(self, site_id: str) -> tuple[Seen | None, bool]:
        """What is known of a site, and whether it is blind there."""
        site = self._sites.get(site_id)
        if site is None or site.seen is None:
            return None, True
        return site.seen, bool(site.blind) or self._clock.wall_us() - site.pictured_us > BLIND_US

    # -- the watch's thread ----------------------------------------------------------------------------------------------------

    def _wait(self, stopping: threading.Event) -> None:
        with self._guard:
            self._guard.wait_for(lambda: self._pictures or self._is_stale or stopping.is_set(), LOOK_S)

    def _wake(self) -> None:
        with self._guard:
            self._guard.notify()

    def _round(self) -> None:
        with self._guard:
            pictures, self._pictures = self._pictures, {}
        self._load()
        self._end_what_is_gone()
        for site_id, payload in pictures.items():
            if site_id in self._rosters:
                with self._alone(site_id):
                    self._look(site_id, payload)
                    self._sites[site_id].fault = ""
        self._look_for_blindness()
        self._say_again()

    def _load(self) -> None:
        """Read the register if it has changed."""
        now_s = self._clock.monotonic_s()
        if not self._is_stale and now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        with self._register.transaction() as connection:
            watch_rows.as_one(connection)
            has_changed = self._revisions.have_changed(connection)
            if not self._is_stale and not has_changed and now_s - self._loaded_s < RELOAD_S:
                return
            self._is_stale = False
            now_us = self._clock.wall_us()
            rosters, faults = watch_rows.rosters(connection, self._sites, now_us)
            present = rosters.keys() | faults.keys()
            for site_id in present if self._revisions.is_replaced else present - self._sites.keys():
                held, blind = watch_rows.before(connection, site_id, now_us)
                site = self._sites.setdefault(site_id, _Site(pictured_us=now_us))
                site.blind = blind
                for key in held.keys() - site.conditions.on.keys():
                    site.conditions.begin(key, held[key], now_us)
        self._revisions.were_read()
        self._sites = {site_id: site for site_id, site in self._sites.items() if site_id in present}
        for site_id in [site_id for site_id, fault in faults.items() if fault != self._faults.get(site_id)]:
            LOG.warning("the track of %s is not watched: %s", site_id, faults[site_id])
        self._rosters, self._faults, self._loaded_s = rosters, faults, now_s

    @contextmanager
    def _alone(self, site_id: str) -> Iterator[None]:
        """Whatever is wrong with one site, the others are watched all the same; that the database is away concerns all."""
        try:
            yield
        except (UnreachableError, RefusedError):
            raise
        except Exception as error:
            site, fault = self._sites[site_id], str(error) or repr(error)
            if fault != site.fault:
                LOG.warning("the track of %s is not watched: %s", site_id, fault, exc_info=True)
            site.fault = fault

    def _end_what_is_gone(self) -> None:
        """What held in an area that was deleted is over; and a site without areas is watched no longer."""
        now_us = self._clock.wall_us()
        for site_id, roster in list(self._rosters.items()):
            site, areas = self._sites[site_id], frozenset(roster.shapes.ids)
            over = site.conditions.end(areas, "there is no such area any more")
            if lost := site.conditions.lost:
                over += site.conditions.forgive(presence.permitted(lost, roster, now_us), "it may be there")
            self._write(site_id, over, now_us)
            if not areas:
                self._tell_blindness(site_id, "", "it has no areas any more")
                del self._sites[site_id], self._rosters[site_id]

    def _look(self, site_id: str, payload: bytes) -> None:
        try:
            picture = _read(payload)
        except MalformedError as error:
            LOG.warning("a picture of %s cannot be read: %s", site_id, error)
            return
        now_us, roster, site = self._clock.wall_us(), self._rosters[site_id], self._sites[site_id]
        site.pictured_us = now_us
        scene = presence.scene_of(picture, roster, now_us, site.pace)
        holds = presence.holding(scene, roster, self._modes(), site.conditions.on)
        changes = site.conditions.look(holds, frozenset(scene.subject) | frozenset(roster.shapes.ids), now_us)
        site.seen = Seen(roster, scene, _problems(site.conditions))
        self._write(site_id, changes, now_us)

    def _write(self, site_id: str, changes: Sequence[Change], now_us: int) -> None:
        site, roster = self._sites[site_id], self._rosters[site_id]
        site.unwritten += changes
        if not site.unwritten:
            return
        with self._register.transaction(watch_rows.ACTOR) as connection:
            watch_rows.write(connection, site_id, site.unwritten, roster.keys(), now_us)
        written, site.unwritten = site.unwritten, []
        self._told(site_id, [change for change in written if change.because != LOST], roster, now_us)

    def _look_for_blindness(self) -> None:
        now_us = self._clock.wall_us()
        for site_id, site in self._sites.items():
            is_silent = now_us - site.pictured_us > BLIND_US
            blind = self._faults.get(site_id) or site.fault or (watch_rows.NO_PICTURE if is_silent else "")
            if blind or site.seen is not None:
                self._tell_blindness(site_id, blind, blind or "a picture comes again")

    def _tell_blindness(self, site_id: str, blind: str, what: str) -> None:
        site = self._sites[site_id]
        if blind == site.blind:
            return
        with self._register.transaction(watch_rows.ACTOR) as connection:
            watch_rows.note_blindness(connection, site_id, self._clock.wall_us(), what, is_blind=bool(blind))
        site.blind = blind

    def _say_again(self) -> None:
        """An alarm that somebody cleared by hand is raised anew while it is still so; of one that was lost it is over."""
        now_s = self._clock.monotonic_s()
        if now_s - self._said_s < AGAIN_S:
            return
        self._said_s = now_s
        for site_id, roster in self._rosters.items():
            site, now_us = self._sites[site_id], self._clock.wall_us()
            if not site.unwritten and site.conditions.lost:
                with self._register.transaction() as connection:
                    unraised = watch_rows.unraised(connection, site_id, site.conditions.lost)
                over = [change for key, because in unraised.items() for change in site.conditions.forgive([key], because)]
                self._write(site_id, over, now_us)
            on = site.conditions.on
            if not site.unwritten and any(key.what in presence.ALARMING for key in on):
                with self._register.transaction(watch_rows.ACTOR) as connection:
                    watch_rows.say_again(connection, site_id, on, roster.keys(), now_us)


def instant(time_us: int) -> datetime.datetime:
    """µs as the API writes times."""
    return datetime.datetime.fromtimestamp(time_us / 1e6, datetime.UTC)


def _read(payload: bytes) -> Batch:
    return columns.unpack(payload)[0]


def _problems(conditions: Conditions) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in conditions.on:
        if key.what in presence.ALARMING:
            found.setdefault(key.subject, []).append(f"{key.what} in {key.area}" if key.area else key.what)
    return found


def described(seen: Seen, modes: dict[int, str]) -> list[dict[str, Any]]:
    """Those who are in an area now, as the API shows them."""
    roster, scene = seen.roster, seen.scene
    rows = [row for row in range(len(scene.subject)) if scene.inside[row].any() or scene.subject[row] in seen.problems]
    found = []
    for row in rows:
        vehicle = roster.vehicles.get(int(scene.vehicle_key[row]))
        mine = scene.permits.vehicle_key == scene.vehicle_key[row]
        speed = float(scene.speed_mps[row])
        found.append(
            {
                "subject": scene.subject[row],
                "vehicle": vehicle.vehicle if vehicle else None,
                "team": vehicle.team if vehicle else None,
                "areas": [roster.shapes.ids[area] for area in scene.inside[row].nonzero()[0].tolist()],
                "permits": scene.permits.permit_id[mine].tolist() if vehicle else [],
                "problems": sorted(seen.problems.get(scene.subject[row], [])),
                "mode": modes.get(int(scene.vehicle_key[row])),
                "latitude_deg": float(scene.latitude_deg[row]),
                "longitude_deg": float(scene.longitude_deg[row]),
                "speed_mps": None if math.isnan(speed) else round(speed, 2),
                "heard": instant(scene.time_us),
            }
        )
    return found
