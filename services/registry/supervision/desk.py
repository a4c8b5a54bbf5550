"""The supervision of vehicles: hears how they drive, notes what happens, alarms, and lets the streams around an event be kept.

Threads: the doorkeeper's only queues (`take`), the watch's hands over what it found (`note_track`); the desk's own does the work
and owns the states; any may ask `modes`. A word that was missed because the registry was away is read from what ingest stored.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from chelu import topics
from chelu.bus import Received
from chelu.clock import Clock
from chelu.errors import CheluError, MalformedError
from services.registry.alarms.kinds import DISENGAGEMENT, ODD_LEFT, VEHICLE_FAULT, VEHICLE_SILENT
from services.registry.database import Register
from services.registry.rounds import InRounds, Rounds
from services.registry.supervision import rows
from services.registry.supervision.rows import Owner
from services.registry.supervision.states import Event, Span, State, What, alarms_of, step
from services.registry.supervision.words import Mode, ModeWord, read_word
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
MOST_AT_ONCE = 5000
MOST_HEARD = 50_000
KINDS = {"disengagement": DISENGAGEMENT, "odd": ODD_LEFT, "fault": VEHICLE_FAULT, "silent": VEHICLE_SILENT}
OF_TRACK = {presence.OUTSIDE: What.AREA_LEFT, presence.TRESPASS: What.TRESPASS}
WATCHED = frozenset({Mode.AUTOMATED, Mode.REMOTE})
Heard = tuple[str, ModeWord, int]


class Supervision(InRounds):
    """Works while it is entered."""

    filters = tuple((name, 1) for name in ROW.subscriptions())

    def __init__(self, register: Register, clock: Clock) -> None:
        self._register, self._clock = register, clock
        self._guard = threading.Condition()
        self._heard: list[Heard] = []
        self._found: list[tuple[Owner, Event]] = []
        self._rounds = Rounds(
            "supervision", self._round, "vehicles are not supervised", wait=self._wait, wake=self._wake, pause_s=TURN_S
        )
        self._turns = 0
        self._states: dict[int, tuple[State, int]] = {}
        self._owners: dict[int, Owner] = {}
        self._alarms: dict[int, dict[str, Any]] = {}
        self._modes: dict[int, str] = {}
        self._stored_us = -1
        self._is_behind = True
        self.unreadable = self.overheard = 0

    # -- any thread ----------------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """What was said while the session did not stand is read from what ingest stored."""
        self._is_behind = True

    def take(self, received: Sequence[Received]) -> None:
        """Queue words of vehicles; what cannot be read is ingest's to keep, and is counted here."""
        words: list[Heard] = []
        for message in received:
            match = topics.find(message.topic) if message.topic.endswith("/mode/up") else None
            if match is None:
                continue
            try:
                words.append((match.device, read_word(message.payload), message.arrival_us))
            except MalformedError:
                self.unreadable += 1
        self._queue(words)

    def note_track(self, site_id: str, changes: Sequence[Change], roster: Roster, now_us: int) -> None:
        """What the watch over the track found of registered vehicles is an event of theirs; the streams around it are kept."""
        keys = {vehicle.vehicle: key for key, vehicle in roster.vehicles.items()}
        found = []
        for change in changes:
            key = keys.get(change.key.subject)
            if change.is_on and key is not None and (what := OF_TRACK.get(change.key.what)):
                owner = Owner(key, change.key.subject, roster.vehicles[key].team, site_id)
                detail = {"area": change.key.area, **change.detail} if change.key.area else change.detail
                found.append((owner, Event(what, now_us, None, None, detail=detail)))
        with self._guard:
            self._found += found
            self._guard.notify()

    def modes(self) -> dict[int, str]:
        """How vehicles drive now, by key; a mapping that is replaced, never changed."""
        return self._modes

    def _queue(self, words: list[Heard]) -> None:
        with self._guard:
            room = max(0, MOST_HEARD - len(self._heard))
            self.overheard += max(0, len(words) - room)
            self._heard += words[:room]
            self._guard.notify()

    # -- the desk's thread ---------------------------------------------------------------------------------------------------

    def _wait(self, stopping: threading.Event) -> None:
        with self._guard:
            self._guard.wait_for(lambda: self._heard or self._found or stopping.is_set(), TURN_S)

    def _wake(self) -> None:
        with self._guard:
            self._guard.notify()

    def _round(self) -> None:
        """Work off what was heard and found; while the database is away it is kept."""
        with self._guard:
            heard, self._heard = self._heard[:MOST_AT_ONCE], self._heard[MOST_AT_ONCE:]
            found, self._found = self._found, []
        try:
            if self._stored_us < 0:
                self._begin()
            is_behind, self._is_behind = self._is_behind or self._turns % CATCH_UP_EVERY == 0, False
            self._work(heard, found, is_catching_up=is_behind)
        except CheluError:
            with self._guard:
                self._heard, self._found = heard + self._heard, found + self._found
            raise
        self._turns += 1

    def _work(self, heard: Sequence[Heard], found: Sequence[tuple[Owner, Event]], *, is_catching_up: bool) -> None:
        """A turn; when the database does not like something of it, one word at a time, so that the others do not suffer."""
        try:
            self._turn(heard, found, is_catching_up=is_catching_up)
        except CheluError:
            raise
        except Exception:  # whatever it is, supervision that ends must not be its consequence
            LOG.exception("what vehicles said cannot be written")
            if len(heard) + len(found) > 1:
                for word in heard:
                    self._work([word], [], is_catching_up=False)
                for event in found:
                    self._work([], [event], is_catching_up=False)

    def _begin(self) -> None:
        """Take up where the last one ended."""
        with self._register.transaction() as connection:
            self._states = rows.states(connection)
        newest = max((heard for _, heard in self._states.values()), default=0)
        self._stored_us = max(newest, self._clock.wall_us() - CATCH_UP_US)
        self._modes = {key: str(state.mode) for key, (state, _) in self._states.items()}

    def _turn(self, heard: Sequence[Heard], found: Sequence[tuple[Owner, Event]], *, is_catching_up: bool) -> None:
        now_us = self._clock.wall_us()
        with self._register.transaction(ACTOR) as connection:
            missed = self._missed(connection) if is_catching_up else []
            words = [*missed, *heard]
            owners = rows.whose(connection, {device for device, _, _ in words}) if words else {}
            steps = _Steps(dict(self._states))
            for device, word, heard_us in words:
                if owner := owners.get(device):
                    steps.take(owner, word, heard_us)
            events = [*steps.events, *found]
            rows.store(connection, steps.changed)
            rows.store_spans(connection, steps.spans)
            rows.add_events(connection, events)
            _log(connection, events, now_us)  # before the alarms: whoever needs both locks takes them in this order
            alarms = self._judge(connection, steps, now_us)
        self._states, self._alarms = steps.states, alarms
        self._owners.update({owner.device_key: owner for owner in owners.values()})
        self._modes = {key: str(state.mode) for key, (state, _) in self._states.items()}
        if missed:
            self._stored_us = max(self._stored_us, missed[-1][2])

    def _missed(self, connection: Connection[DictRow]) -> list[Heard]:
        """What ingest stored since; most of it was heard already, and changes nothing."""
        words: list[Heard] = []
        for row in rows.reports(connection, self._stored_us - SILENT_US, MOST_AT_ONCE):
            try:
                words.append((row["device_id"], read_word(row["body"].encode()), row["arrival_us"]))
            except MalformedError:
                continue
        return words

    def _judge(self, connection: Connection[DictRow], steps: _Steps, now_us: int) -> dict[int, dict[str, Any]]:
        """Say what is wrong now with each vehicle that is not as it was."""
        alarms, words = dict(self._alarms), dict[str, list[Word]]()
        unknown = [key for key in steps.states if key not in self._owners and key not in steps.owners]
        owners = {**self._owners, **steps.owners, **(rows.owners(connection, unknown) if unknown else {})}
        for key, (state, heard_us) in steps.states.items():
            if (owner := owners.get(key)) is None:
                continue
            now = dict(alarms_of(state))
            if state.mode in WATCHED and now_us - heard_us > SILENT_US:
                now["silent"] = {"mode": state.mode, "last_heard_us": heard_us}
            before = alarms.get(key)
            if (known := self._owners.get(key)) is not None and known.site_id != owner.site_id:  # it moved: no alarm stays behind
                words.setdefault(known.site_id, []).extend(Word(kind, known.vehicle, is_so=False) for kind in KINDS.values())
                before = None
            names = (
                KINDS if before is None else {name: KINDS[name] for name in {*now, *before} if now.get(name) != before.get(name)}
            )
            words.setdefault(owner.site_id, []).extend(
                Word(kind, owner.vehicle, name in now, device_key=key, detail=now.get(name, {})) for name, kind in names.items()
            )
            alarms[key] = now
        for site_id, said in words.items():
            say(connection, site_id, said, now_us)
        self._owners.update(owners)
        return alarms


class _Steps:
    """What a turn's words come to: states by key, those that changed, stretches and events."""

    def __init__(self, states: dict[int, tuple[State, int]]) -> None:
        self.states = states
        self.changed: dict[int, tuple[State, int]] = {}
        self.spans: list[tuple[int, Span]] = []
        self.events: list[tuple[Owner, Event]] = []
        self.owners: dict[int, Owner] = {}

    def take(self, owner: Owner, word: ModeWord, heard_us: int) -> None:
        """One word of a vehicle."""
        key = owner.device_key
        self.owners[key] = owner
        known = self.states.get(key)
        if (came := step(known[0] if known else None, word, heard_us)) is None:
            return
        self.states[key] = self.changed[key] = came.state, heard_us
        self.spans += [(key, span) for span in came.spans]
        self.events += [(owner, event) for event in came.events]


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
