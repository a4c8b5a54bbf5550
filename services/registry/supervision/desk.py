"""The supervision of vehicles: hears how they drive, notes what happens, alarms, and lets the streams around an event be kept.

Threads: the doorkeeper's only queues (`take`), the watch's hands over what it found (`note_track`); the desk's own does the work
and owns the states; any may ask `modes`. A word that was missed because the registry was away is read from what ingest stored.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow

from chelu import topics
from chelu.bus import Received
from chelu.clock import Clock
from chelu.errors import MalformedError
from services.registry.alarms import rows as alarm_rows
from services.registry.alarms.kinds import DISENGAGEMENT, ODD_LEFT, VEHICLE_FAULT, VEHICLE_SILENT
from services.registry.database import Register
from services.registry.heard import Heard
from services.registry.revisions import Revisions
from services.registry.rounds import InRounds, Rounds
from services.registry.supervision import rows
from services.registry.supervision.clocks import RIGHT, Speaker, VehicleClock
from services.registry.supervision.rows import Owner, Place
from services.registry.supervision.states import Event, State, What, alarms_of
from services.registry.supervision.steps import Steps, Told
from services.registry.supervision.words import Mode, read_word
from services.registry.track import log_rows, presence
from services.registry.track.alarming import Word, say
from services.registry.track.chain import Happening
from services.registry.track.conditions import Change
from services.registry.track.roster import Roster

LOG = logging.getLogger(__name__)
ROW = topics.row("{kind}/{id}/mode/up")
ACTOR = "registry"
TURN_S = 0.5
SILENT_US = 30_000_000
CATCH_UP_US = 7 * 86_400_000_000  # how far back what was missed is looked for
CATCH_UP_EVERY = 20  # turns
SLOWEST_US = 86_400_000_000  # of clocks of which nothing is known, being slow from the first word on: what they said is read, too
MOST_AT_ONCE = 5000
PAGE_US = 3600_000_000  # of what was stored, at most: no index has it in the order in which it came
MOST_HEARD = 50_000
KINDS = {"disengagement": DISENGAGEMENT, "odd": ODD_LEFT, "fault": VEHICLE_FAULT, "silent": VEHICLE_SILENT}
OF_TRACK = {presence.OUTSIDE: What.AREA_LEFT, presence.TRESPASS: What.TRESPASS}
WATCHED = frozenset({Mode.AUTOMATED, Mode.REMOTE})
Found = tuple[Owner, Event]


class Supervision(InRounds):
    """Works while it is entered."""

    filters = tuple((name, 1) for name in ROW.subscriptions())

    def __init__(self, register: Register, clock: Clock) -> None:
        self._register, self._clock = register, clock
        self._guard = threading.Condition()
        self._heard = Heard[Told | Found](_passed_over, most=MOST_HEARD, at_once=MOST_AT_ONCE)
        self._rounds = Rounds(
            "supervision", self._round, "vehicles are not supervised", wait=self._wait, wake=self._wake, pause_s=TURN_S
        )
        self._turns = 0
        self._revisions = Revisions(("device",))
        self._states: dict[int, tuple[State, int]] = {}
        self._clocks: dict[Speaker, VehicleClock] = {}
        self._owners: dict[int, Owner] = {}
        self._former: dict[int, Owner] = {}  # as their alarms were said last
        self._alarms: dict[int, dict[str, Any]] = {}
        self._let_be: dict[tuple[int, str, str], dict[str, Any]] = {}  # what a person ended, by vehicle, site and kind
        self._modes: dict[int, str] = {}
        self._missed = Heard[Told | Found](_passed_over, most=MOST_AT_ONCE, at_once=MOST_AT_ONCE)
        self._stored_us = -1
        self._page: Place | None = None  # behind which the next page begins of what was missed
        self._is_behind = True
        self._told_of: set[int] = set()  # of whom it was told that nothing can be said
        self.unreadable = 0

    # -- any thread ----------------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """What was said while the session did not stand is read from what ingest stored."""
        self._is_behind = True

    def take(self, received: Sequence[Received]) -> None:
        """Queue words of vehicles; what cannot be read is ingest's to keep, and is counted here."""
        words: list[Told] = []
        for message in received:
            match = topics.find(message.topic) if message.topic.endswith("/mode/up") else None
            if match is None:
                continue
            try:
                words.append(Told(match.device, read_word(message.payload), message.arrival_us))
            except MalformedError:
                self.unreadable += 1
        self._queue(words)

    def note_track(self, site_id: str, changes: Sequence[Change], roster: Roster, now_us: int) -> None:
        """What the watch over the track found of registered vehicles is an event of theirs; the streams around it are kept."""
        keys = roster.keys()
        found: list[Found] = []
        for change in changes:
            key = keys.get(change.key.subject)
            if change.is_on and key is not None and (what := OF_TRACK.get(change.key.what)):
                owner = Owner(key, change.key.subject, roster.vehicles[key].team, site_id)
                detail = {"area": change.key.area, **change.detail} if change.key.area else change.detail
                found.append((owner, Event(what, now_us, None, None, detail=detail)))
        self._queue(found)

    def modes(self) -> dict[int, str]:
        """How vehicles drive now, by key; a mapping that is replaced, never changed."""
        return self._modes

    def _queue(self, happened: Sequence[Told | Found]) -> None:
        self._heard.add(happened)
        with self._guard:
            self._guard.notify()

    # -- the desk's thread ---------------------------------------------------------------------------------------------------

    def _wait(self, stopping: threading.Event) -> None:
        with self._guard:
            self._guard.wait_for(lambda: self._heard or stopping.is_set(), TURN_S)

    def _wake(self) -> None:
        with self._guard:
            self._guard.notify()

    def _round(self) -> None:
        """Work off what was missed, then what was heard and found; while the database is away it is kept."""
        if self._stored_us < 0:
            self._begin()
        if self._turns % CATCH_UP_EVERY == 0 and not self._missed and len(self._heard) < MOST_AT_ONCE:
            self._catch_up()
        while (self._missed or self._is_behind) and not self._rounds.stopping.is_set():
            if not self._missed:
                self._catch_up()
            if self._missed:
                self._missed.turn(self._turn)
        if self._missed or self._is_behind:
            return
        self._turns += 1
        while self._heard.turn(self._turn) and not self._rounds.stopping.is_set():
            pass

    def _begin(self) -> None:
        """Take up where the last one ended."""
        with self._register.transaction() as connection:
            self._states, self._clocks = rows.states(connection), rows.clocks(connection)
            self._former = self._where_alarms_are(connection)
            ended = alarm_rows.cleared_by_hand(connection, KINDS.values(), self._states)
        self._let_be = {(row["device_key"], row["site_id"], row["kind"]): row["detail"] for row in ended}
        newest = max((heard for _, heard in self._states.values()), default=0)
        self._stored_us = max(newest, self._clock.wall_us() - CATCH_UP_US)
        self._modes = {key: str(state.mode) for key, (state, _) in self._states.items()}

    def _where_alarms_are(self, connection: Connection[DictRow]) -> dict[int, Owner]:
        """Vehicles as their open alarms have them: on which site they were, which they may have left a moment before the end."""
        of = {owner.vehicle: owner for owner in rows.owners(connection, self._states).values()}
        standing = [key for key in alarm_rows.standing(connection, KINDS.values()) if key.subject in of]
        moved = [key for key in standing if key.site_id != of[key.subject].site_id]
        return {of[key.subject].device_key: replace(of[key.subject], site_id=key.site_id) for key in moved}

    def _catch_up(self) -> None:
        """Take a page of what ingest stored since, most of which was heard already."""
        slowest_us = max([SLOWEST_US, *(clock.shift_us for clock in self._clocks.values())]) if self._is_behind else 0
        self._is_behind = False
        behind = self._page or Place(self._stored_us - SILENT_US)
        until_us = behind.arrival_us + PAGE_US
        try:
            with self._register.transaction() as connection:
                missed = rows.reports(connection, behind, until_us, MOST_AT_ONCE, slowest_us=slowest_us)
        except Exception:
            self._is_behind = True
            raise
        words: list[Told] = []
        for row in missed:
            try:
                words.append(Told(row["device_id"], read_word(row["body"].encode()), row["arrival_us"], is_stored=True))
            except MalformedError:
                continue
        self._missed.add(words)
        self._turn_page(missed, until_us)

    def _turn_page(self, missed: Sequence[Mapping[str, Any]], until_us: int) -> None:
        """Behind a page that is full, or ends before now, there is another one."""
        self._page = None
        if missed:
            self._stored_us = max(self._stored_us, missed[-1]["arrival_us"])
        if len(missed) == MOST_AT_ONCE:
            self._page = Place(*(missed[-1][name] for name in ("arrival_us", "time_us", "device_key")))
        elif until_us < self._clock.wall_us():
            self._page, self._stored_us = Place(until_us), max(self._stored_us, until_us)
        if self._page is not None:
            self._is_behind = True

    def _turn(self, happened: Sequence[Told | Found]) -> bool:
        """All of it or nothing. Alarms are of now: none is said while what was missed is still being read."""
        now_us, is_of_now = self._clock.wall_us(), not self._is_behind
        words = [each for each in happened if isinstance(each, Told)]
        with self._register.transaction(ACTOR) as connection:
            self._follow(connection)
            steps = Steps(dict(self._states), dict(self._clocks))
            if words:
                owners = rows.whose(connection, {told.device_id for told in words}, min(told.heard_us for told in words))
                for told in words:
                    if owner := owners.of(told.device_id, told.heard_us):
                        steps.take(owner, told)
            events = [*steps.events, *(each for each in happened if not isinstance(each, Told))]
            rows.store(connection, steps.changed)
            rows.store_spans(connection, steps.spans)
            rows.store_clocks(connection, self._turned(steps.clocks))
            rows.add_events(connection, events)
            _log(connection, events, now_us)  # before the alarms: whoever needs both locks takes them in this order
            alarms = self._judge(connection, steps, now_us) if is_of_now else self._alarms
        self._states, self._clocks, self._alarms = steps.states, steps.clocks, alarms
        self._owners.update(steps.owners)
        if is_of_now:
            self._former, self._let_be = dict(self._owners), {}
        self._modes = {key: str(state.mode) for key, (state, _) in self._states.items()}
        return False

    def _follow(self, connection: Connection[DictRow]) -> None:
        """Forget vehicles that were deleted; of the others the team or the site may be another."""
        if not self._revisions.have_changed(connection):
            return
        if self._revisions.is_replaced:  # which carried the states over, but not what was said of them
            self._states, self._clocks = rows.states(connection), rows.clocks(connection)
            self._former, self._alarms, self._let_be = self._where_alarms_are(connection), {}, {}
        self._owners = rows.owners(connection, self._states)
        for kept in (self._states, self._alarms):
            for key in kept.keys() - self._owners.keys():
                del kept[key]
        self._clocks = {speaker: clock for speaker, clock in self._clocks.items() if speaker[0] in self._owners}
        self._revisions.were_read()

    def _turned(self, clocks: Mapping[Speaker, VehicleClock]) -> dict[Speaker, int]:
        """How far those are off now that were found to be off otherwise."""
        return {who: it.shift_us for who, it in clocks.items() if it.shift_us != self._clocks.get(who, RIGHT).shift_us}

    def _judge(self, connection: Connection[DictRow], steps: Steps, now_us: int) -> dict[int, dict[str, Any]]:
        """Say what is wrong now with each vehicle that is not as it was."""
        alarms, said = dict(self._alarms), dict[int, list[tuple[str, Word]]]()
        owners = {**self._owners, **steps.owners}
        for key, (state, heard_us) in steps.states.items():
            if (owner := owners.get(key)) is None:
                continue
            now = {} if owner.is_retired else _wrong(state, heard_us, now_us)
            before = alarms.get(key)
            words: list[tuple[str, Word]] = []
            if (known := self._former.get(key)) is not None and known.site_id != owner.site_id:  # it moved: no alarm stays behind
                words += [(known.site_id, Word(kind, known.vehicle, is_so=False)) for kind in KINDS.values()]
                before = None
            names = self._unsaid(owner, now) if before is None else [name for name in KINDS if now.get(name) != before.get(name)]
            for name in names:
                word = Word(KINDS[name], owner.vehicle, name in now, device_key=key, detail=now.get(name, {}))
                words.append((owner.site_id, word))
            if words:
                said[key] = words
            alarms[key] = now
        for key in self._say(connection, said, now_us):
            alarms.pop(key)  # so that all of it is said again
        return alarms

    def _unsaid(self, owner: Owner, now: Mapping[str, Any]) -> list[str]:
        """What is to be said of whom nothing was said yet: all, but what somebody ended, and has not changed since."""
        ended = {name: self._let_be.get((owner.device_key, owner.site_id, kind)) for name, kind in KINDS.items()}
        return [name for name in KINDS if name not in now or ended[name] != now[name]]

    def _say(self, connection: Connection[DictRow], said: Mapping[int, list[tuple[str, Word]]], now_us: int) -> list[int]:
        """Raise and clear. Answers of whom that cannot be, which must not keep the others."""
        if not said:
            return []
        by_site: dict[str, list[Word]] = {}
        for site_id, word in itertools.chain.from_iterable(said.values()):
            by_site.setdefault(site_id, []).append(word)
        try:
            with connection.transaction():
                for site_id, words in by_site.items():
                    say(connection, site_id, words, now_us)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise  # the database's own
        except Exception:
            if len(said) > 1:
                halves = [dict(list(said.items())[n::2]) for n in range(2)]
                return [key for half in halves for key in self._say(connection, half, now_us)]
            (key,) = said
            if key not in self._told_of:
                self._told_of.add(key)
                LOG.exception("what is wrong with vehicle %d cannot be said", key)
            return [key]
        return []


def _wrong(state: State, heard_us: int, now_us: int) -> dict[str, Any]:
    """What is wrong with a vehicle, by the names of `KINDS`."""
    now: dict[str, Any] = dict(alarms_of(state))
    if state.mode in WATCHED and now_us - heard_us > SILENT_US:
        now["silent"] = {"mode": state.mode, "last_heard_us": heard_us}
    return now


def _passed_over(happened: Told | Found) -> tuple[str, str]:
    whose = happened.device_id if isinstance(happened, Told) else happened[0].vehicle
    return whose, f"what {whose} said, or was found of it, is passed over, since it breaks supervision"


def _log(connection: Connection[DictRow], events: Sequence[tuple[Owner, Event]], now_us: int) -> None:
    """What happened to vehicles is part of the track's log; what the watch found is there already."""
    by_site: dict[str, list[Happening]] = {}
    for owner, event in events:
        if event.what not in {What.AREA_LEFT, What.TRESPASS}:
            detail = {
                "time_us": event.time_us,
                "from": event.former,
                "to": event.mode,
                "cause": event.cause,
                "reason": event.reason,
            }
            happening = Happening(ACTOR, str(event.what), owner.vehicle, {**detail, **(event.detail or {})})
            by_site.setdefault(owner.site_id, []).append(happening)
    for site_id, happenings in sorted(by_site.items()):
        log_rows.append(connection, site_id, happenings, now_us)
