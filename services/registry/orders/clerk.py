"""Sends orders and takes what devices answer: one thread, one transaction a turn, whatever the number of devices.

All that has to outlive this process is in the database, so that after its death a successor goes on where it was. What is on its
way between two threads (answers heard, the broker's word on what was published) may be lost with it: orders are sent again, and
devices answer again.
"""

from __future__ import annotations

import datetime
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from psycopg import Connection
from psycopg.rows import DictRow

from chelu import topics
from chelu.bus import Publication, Received
from chelu.clock import Clock
from chelu.topics import Kind
from services.registry.database import Register
from services.registry.heard import MOST_AT_ONCE, Heard
from services.registry.orders import answers, frames, reported_rows, rows, upgrades
from services.registry.orders.answers import EPOCH, FILTERS, Said
from services.registry.orders.machine import Attempted, CameOnline, Event, Expired, Moment, NotTaken, Taken
from services.registry.orders.rows import Letter
from services.registry.rounds import Rounds

ACTOR = "registry"
CHECKED = frozenset({"config", "command"})  # topics of orders whose answers may say that it is otherwise
PERIOD_S = 0.25  # between two looks at what is due, when nobody wakes the clerk
SOON_S = 0.01  # between two looks at what the broker has not taken yet
RETRY_S = 1.0
UNHURRIED_S = 0.5  # by then most devices have answered, which says more than the broker's word
ROWS = {
    **{name: topics.row(f"{{kind}}/{{id}}/{name}/down") for name in ("config", "command", "upgrade", "om-config")},
    **{name: topics.row(f"rscu/{{id}}/{name}/down") for name in ("event", "traffic")},
    **frames.ROWS,
}


class Publish(Protocol):
    """Called from the clerk's thread; never waits."""

    def __call__(self, topic: str, payload: bytes) -> Publication:
        """Hand a message of QoS 1 to the session."""


class Helper(Protocol):
    """Called in the clerk's thread, within a turn's transaction: what else there is to do now, such as a campaign's next wave."""

    def __call__(self, connection: Connection[DictRow], now: Moment) -> bool:
        """True when orders were issued, so that they are sent at once."""


class Clerk:
    """Any thread may `take` and `wake`; the rest belongs to the clerk's thread, which runs while it is `sending`."""

    filters = FILTERS

    def __init__(
        self,
        register: Register,
        clock: Clock,
        helpers: Sequence[Helper] = (),
        documents: Mapping[str, Callable[[Letter], dict[str, Any]]] | None = None,
    ) -> None:
        """documents: by topic, how its orders are written, where there is more in them than what is kept."""
        self._register, self._clock, self._helpers, self._documents = register, clock, helpers, documents or {}
        self._heard = Heard[Said](answers.passed_over)
        self._on_the_way: list[tuple[int, Publication]] = []
        self._handed: deque[tuple[float, list[tuple[int, Publication]]]] = deque()
        self._woken, self._is_anew = threading.Event(), threading.Event()
        self._looked_s = 0.0

    # -- any thread ----------------------------------------------------------------------------------------------------------

    def take(self, received: Sequence[Received]) -> None:
        """What the session heard; most of it is no answer, and no reason to look at the register."""
        said = [answer for message in received if (answer := answers.read(message)) is not None]
        self._heard.add(said)
        if said:
            self.wake()

    def connected(self) -> None:
        """The session stands anew: what devices said meanwhile is lost, so they are asked again."""
        self._is_anew.set()
        self.wake()

    def handed_over(self, sent: list[tuple[int, Publication]]) -> None:
        """Orders that somebody in a hurry has published himself; what the broker said of them is noted when the hurry is over."""
        self._handed.append((self._clock.monotonic_s() + UNHURRIED_S, sent))

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    @contextmanager
    def sending(self, publish: Publish) -> Iterator[None]:
        """Work while this is entered."""
        rounds = Rounds(
            "orders",
            lambda: self._round(publish, rounds.stopping),
            "orders wait",
            wait=self._wait,
            wake=self.wake,
            pause_s=RETRY_S,
        )
        with rounds:
            yield

    # -- the clerk's thread --------------------------------------------------------------------------------------------------

    def _wait(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            is_woken = self._woken.wait(SOON_S if self._on_the_way else PERIOD_S)
            self._woken.clear()
            is_due = self._clock.monotonic_s() - self._looked_s >= PERIOD_S
            if is_woken or is_due or any(publication.is_settled for _, publication in self._on_the_way):
                return

    def _round(self, publish: Publish, stopping: threading.Event) -> None:
        self._looked_s = self._clock.monotonic_s()
        while self._turn(publish) and not stopping.is_set():
            pass

    def _turn(self, publish: Publish) -> bool:
        """Let everything happen that has; true when there is more to do at once."""
        while self._handed and self._handed[0][0] <= self._clock.monotonic_s():
            self._on_the_way += self._handed.popleft()[1]
        letters: list[Letter] = []
        is_more = self._heard.turn(lambda heard: self._work(heard, letters))
        self._on_the_way += [(letter.number, publish(*self._addressed(letter))) for letter in letters]
        return is_more

    def _work(self, heard: Sequence[Said], letters: list[Letter]) -> bool:
        """All of a turn's transaction or nothing; true when there is more. Afterwards `letters` has what is to be sent."""
        now, is_anew = self._now(), self._is_anew.is_set()
        self._is_anew.clear()
        settled = [pair for pair in self._on_the_way if pair[1].is_settled]
        try:
            with self._register.transaction(ACTOR) as connection:
                rows.move(connection, self._happened(connection, heard, settled, now, is_anew=is_anew))
                is_more = sum(helper(connection, now) for helper in self._helpers) > 0
                due = rows.due(connection, now, MOST_AT_ONCE)
                if overtaken := rows.overtaken(connection, due):
                    rows.supersede(connection, overtaken, now)
                    due = [number for number in due if number not in overtaken]
                rows.move(connection, {number: [Attempted(now)] for number in due})
                found = rows.letters(connection, due) if due else []
        except Exception:
            if is_anew:
                self._is_anew.set()
            raise
        letters += found
        done = {id(publication) for _, publication in settled}
        self._on_the_way = [pair for pair in self._on_the_way if id(pair[1]) not in done]
        return is_more or len(due) == MOST_AT_ONCE

    @classmethod
    def _happened(
        cls,
        connection: Connection[DictRow],
        heard: Sequence[Said],
        settled: Sequence[tuple[int, Publication]],
        now: Moment,
        *,
        is_anew: bool,
    ) -> dict[int, list[Event]]:
        events: dict[int, list[Event]] = {}
        for number, publication in settled:
            word: Event = Taken(now) if publication.is_acknowledged else NotTaken(now)
            events.setdefault(number, []).append(word)
        asked = rows.attempted(connection) if is_anew else []
        for number in {*asked, *rows.of_devices(connection, {said.device_id for said in heard if said.is_online})}:
            events.setdefault(number, []).append(CameOnline(now))
        cls._answered(connection, heard, events)
        for number in rows.over(connection, now, MOST_AT_ONCE):
            events.setdefault(number, []).append(Expired(now))
        return events

    @staticmethod
    def _answered(connection: Connection[DictRow], heard: Sequence[Said], events: dict[int, list[Event]]) -> None:
        heard = answers.numbered(heard, rows.of_frames(connection, {(it.device_id, it.digest) for it in heard if it.digest}))
        told = [(said, said.number) for said in heard if said.number is not None]
        orders = rows.whose(connection, {(said.device_id, number) for said, number in told})
        strays, upgraded = [], []
        for said, number in told:
            order = orders.get((said.device_id, number))
            if order is None or order["topic"] != said.topic or not order["attempts"]:
                strays.append((said.device_id, number))
            elif said.topic == "upgrade":
                upgraded.append((said, number, order["body"]))
            else:
                against = answers.contradiction(order["body"], said) if said.topic in CHECKED else ""
                events.setdefault(number, []).append(answers.event(said, against))
        for number, event in upgrades.events(connection, upgraded, heard):
            events.setdefault(number, []).append(event)
        reported_rows.take(connection, heard)
        reported_rows.count_strays(connection, strays)

    def _now(self) -> Moment:
        return EPOCH + datetime.timedelta(microseconds=self._clock.wall_us())

    def _addressed(self, letter: Letter) -> tuple[str, bytes]:
        return addressed(letter, self._documents.get(letter.topic, Letter.document)(letter))


def addressed(letter: Letter, document: Mapping[str, Any]) -> tuple[str, bytes]:
    """The topic and the payload with which an order is sent."""
    is_frame = letter.topic in frames.ROWS
    payload = (
        frames.payload_of(document) if is_frame else json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    )
    return ROWS[letter.topic].topic(Kind(letter.kind), letter.device_id), payload
