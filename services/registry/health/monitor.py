"""The monitor: hears what devices say of themselves, counts what came of them, and raises and clears their alarms.

Threads: the doorkeeper's calls `take`, which only queues; the monitor's own owns the book and evaluates all devices every second,
and at once when one has come or gone; a second one counts rows in the database, so that a slow count delays no alarm.

Silence counts only while we listen: what was said while the broker was away from us, or this process stood still, nobody heard.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.bus import Received
from chelu.clock import Clock
from chelu.errors import CheluError
from services.registry.alarms import kinds
from services.registry.alarms import rows as alarm_rows
from services.registry.alarms.rows import Finding, Key
from services.registry.alarms.rules import Rules, Scope
from services.registry.database import Register
from services.registry.health import judgement, rows, words
from services.registry.health.columns import Book, Mask
from services.registry.health.counting import Counting
from services.registry.health.judgement import Judged, Limits
from services.registry.heard import Heard
from services.registry.revisions import Revisions
from services.registry.rounds import Rounds

LOG = logging.getLogger(__name__)
ACTOR = "registry"
PERIOD_S = 1.0
STALLED_S = 3.0  # between two rounds: then this process stood still, and heard nothing
SAVE_EVERY = 5  # rounds, for what is no change of status
MOST_WAITING = 100_000  # words; a device says a few a minute
NAMES = tuple(kind.name for kind in kinds.HEALTH)
STATE = "/state"
ENDINGS = (STATE, "/heartbeat/up", "/info/up", "/run-status/up")


@dataclass(frozen=True, slots=True)
class Round:
    """What one evaluation did, for measuring and for tests."""

    devices: int
    raised: int
    ended: int
    saved: int
    seconds: float

    def and_then(self, more: Round) -> Round:
        """What two evaluations did."""
        sums = (getattr(self, name) + getattr(more, name) for name in ("raised", "ended", "saved", "seconds"))
        return Round(more.devices, *sums)


class Monitor:
    """Evaluates while it is entered. is_listening: whether the session at the broker is there now."""

    def __init__(self, register: Register, clock: Clock, *, is_listening: Callable[[], bool], period_s: float = PERIOD_S) -> None:
        self._register, self._clock, self._is_listening, self._period_s = register, clock, is_listening, period_s
        self._counting = Counting(register, clock)
        self._guard = threading.Condition()
        self._heard = Heard[Received](words.passed_over, most=MOST_WAITING, at_once=MOST_WAITING)
        self._is_urgent = False
        self._thread = Rounds("health", self.evaluate, "health is not watched", wait=self._wait, wake=self._wake)
        self._book = Book([])
        self._rules, self._limits = Rules([]), dict[str, Limits]()
        self._revisions = Revisions(rows.TABLES)
        self._listening_us = 0
        self._round_s: float | None = None
        self._rounds = 0
        self._done = Round(0, 0, 0, 0, 0.0)

    def __enter__(self) -> Self:
        self._counting.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._counting.stop()
        self._thread.stop()

    @property
    def filters(self) -> Sequence[tuple[str, int]]:
        """What is to be subscribed to."""
        return words.FILTERS

    # -- the doorkeeper's thread -----------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """The monitor looks itself whether it is heard, before each judgement."""

    def take(self, received: Sequence[Received]) -> None:
        """Queue what may be about a device's health; a state wakes the monitor at once."""
        mine = [message for message in received if message.topic.endswith(ENDINGS)]
        before = self._heard.overheard
        self._heard.add(mine)
        if self._heard.overheard and not before:
            LOG.warning("more than %d words of devices wait: some are dropped from now on", MOST_WAITING)
        if any(message.topic.endswith(STATE) for message in mine):
            with self._guard:
                self._is_urgent = True
                self._guard.notify()

    # -- the monitor's thread --------------------------------------------------------------------------------------------------

    def _wait(self, stopping: threading.Event) -> None:
        with self._guard:
            self._guard.wait_for(lambda: self._is_urgent or stopping.is_set(), self._period_s)
            self._is_urgent = False

    def _wake(self) -> None:
        with self._guard:
            self._guard.notify()

    def evaluate(self) -> Round:
        """One round over all devices; a word that breaks it is found in some more, and passed over."""
        self._done = Round(0, 0, 0, 0, 0.0)
        while self._heard.turn(self._work) and not self._thread.stopping.is_set():
            pass
        return self._done

    def _work(self, heard: Sequence[Received]) -> bool:
        """One round, in one transaction, all of it or nothing: what fails with it is tried again in the next."""
        begun_s, now_us = time.perf_counter(), self._clock.wall_us()
        self._note_listening(now_us)
        try:
            with self._register.transaction(ACTOR) as connection:
                self._follow(connection)
                self._book.take(word for message in heard if (word := words.read(message)) is not None)
                self._counting.apply(self._book)
                found = self._judge(connection, now_us)
                raised, ended = self._tell(connection, found, now_us)
                saved = self._save(connection, found, now_us)
        except Exception as error:
            self._undo(error)
            raise
        self._rounds += 1
        self._done = self._done.and_then(Round(len(self._book), raised, ended, saved, time.perf_counter() - begun_s))
        return False

    def _undo(self, error: Exception) -> None:
        self._book.is_changed[:] = True
        self._rounds = 0  # so that the next round keeps them all
        self._round_s = None  # and nobody is called silent whose words still wait
        if not isinstance(error, CheluError):  # the book has what cannot be kept: what was kept is read again
            self._book, self._revisions = Book([]), Revisions(rows.TABLES)

    def _note_listening(self, now_us: int) -> None:
        """Forget since when we have listened when we do not, or did not even look at the clock."""
        now_s = self._clock.monotonic_s()
        has_stalled = self._round_s is not None and now_s - self._round_s > STALLED_S + self._period_s
        if self._round_s is None or has_stalled or not self._is_listening():
            self._listening_us = now_us
        self._round_s = now_s

    def _follow(self, connection: Connection[DictRow]) -> None:
        """Take up what was changed in the register: devices, profiles, thresholds."""
        if not self._revisions.have_changed(connection):
            return
        self._book = self._book.following(rows.devices(connection))
        if self._revisions.is_first:
            rows.load(connection, self._book)
        self._rules = alarm_rows.load_rules(connection)
        self._limits = judgement.limits_of(self._book, self._rules)
        self._revisions.were_read()

    def _judge(self, connection: Connection[DictRow], now_us: int) -> list[Judged]:
        opened: defaultdict[tuple[str, str], Mask] = defaultdict(lambda: np.zeros(len(self._book), np.bool_))
        left: list[Key] = []
        for key in alarm_rows.standing(connection, NAMES):
            place = self._book.place.get(key.subject)
            if place is not None and self._book.sites[place] != key.site_id:  # it has moved: no alarm stays behind
                left.append(key)
            elif place is not None:
                opened[key.kind, key.part][place] = True
        alarm_rows.clear_alarms(connection, left, now_us=now_us)
        return judgement.judge(self._book, self._limits, opened, now_us=now_us, listening_us=self._listening_us)

    def _tell(self, connection: Connection[DictRow], found: Iterable[Judged], now_us: int) -> tuple[int, int]:
        begun: list[Finding] = []
        ended: list[Key] = []
        for each in found:
            begun += [self._finding(each, place) for place in np.flatnonzero(each.is_so & ~each.was_so).tolist()]
            places = np.flatnonzero(each.was_so & ~each.is_so).tolist()
            ended += [Key(each.kind, self._book.ids[place], each.part, self._book.sites[place]) for place in places]
        alarm_rows.raise_alarms(connection, begun, now_us=now_us)
        alarm_rows.clear_alarms(connection, ended, now_us=now_us)
        return len(begun), len(ended)

    def _finding(self, judged: Judged, place: int) -> Finding:
        book, value = self._book, float(judged.value[place])
        rule = self._rules.of(judged.kind, Scope(book.sites[place], book.kinds[place], book.keys[place]))
        detail = {"reason": (book.reason.get(place) or "connection lost") if book.is_off[place] else "silent"}
        return Finding(
            judged.kind,
            book.ids[place],
            book.sites[place],
            rule,
            part=judged.part,
            device_key=book.keys[place],
            value=value if np.isfinite(value) else None,
            detail=detail if judged.kind == kinds.OFFLINE else {},
        )

    def _save(self, connection: Connection[DictRow], found: Sequence[Judged], now_us: int) -> int:
        """Keep what has changed: at once where a device's status or its problems did, the rest now and then."""
        book = self._book
        seen = judgement.presence(book, now_us=now_us, listening_us=self._listening_us)
        status, problems = judgement.statuses(book, found, seen)
        has_turned = status != book.status
        book.integers["since_us"][has_turned | (book.integers["since_us"] == 0)] = now_us
        is_urgent = has_turned | judgement.differing(book.problems, problems, len(book))
        book.status, book.problems = status, problems
        wanted = is_urgent | book.is_changed if self._rounds % SAVE_EVERY == 0 else is_urgent
        is_known = (book.integers["heard_us"] > 0) | book.is_off
        places = np.flatnonzero(wanted & is_known)
        saved = rows.save(connection, book, places.tolist())
        book.is_changed[places] = False
        return saved
