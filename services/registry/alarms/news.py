"""What becomes of alarms, handed to those who watch live, within half a second of its commit.

Threads: the news' own asks the database for what happened since it asked last; `add` and `remove` may be called by any. Events
are numbered under the lock that all who change alarms take (`rows.LOCK`), so a higher number is never seen before a lower one.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Self

import psycopg

from chelu.errors import CheluError
from chelu.topics import Payload
from services.registry.database import Register
from services.registry.live_reader import Reader
from services.registry.live_rows import Item, Source

LOG = logging.getLogger(__name__)
PERIOD_S = 0.25
NEWEST = "SELECT coalesce(max(event_id), 0) AS event_id FROM register.alarm_event"
SINCE = """SELECT event_id, event, register.microseconds(at) AS at_us, actor, alarm_event.comment, alarm_id, kind, subject, part,
        site_id, severity, value, bound, detail, register.microseconds(since) AS since_us
    FROM register.alarm_event JOIN register.alarm USING (alarm_id) WHERE event_id > %(after)s ORDER BY event_id LIMIT 10000"""


def source(site_id: str) -> Source:
    """What somebody watches who watches a site's alarms."""
    return Source(f"alarms/{site_id}", "alarms", Payload.JSON)


class News:
    """Who watches which site's alarms. Works while it is entered."""

    def __init__(self, register: Register, *, period_s: float = PERIOD_S) -> None:
        self._register, self._period_s = register, period_s
        self._guard = threading.Lock()
        self._watched: dict[str, tuple[Source, dict[Reader, None]]] = {}
        self._after: int | None = None  # None: it was not looked yet
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarm news", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def connect(self) -> None:
        """Nothing has to be opened."""

    def add(self, reader: Reader, sources: Sequence[Source]) -> None:
        """Let a reader have what happens on these sites from now on."""
        with self._guard:
            for each in sources:
                self._watched.setdefault(each.topic, (each, {}))[1][reader] = None

    def remove(self, reader: Reader) -> None:
        """Forget a reader."""
        with self._guard:
            for topic, (_, readers) in list(self._watched.items()):
                readers.pop(reader, None)
                if not readers:
                    del self._watched[topic]

    def _run(self) -> None:
        is_well = True
        while not self._stopping.wait(self._period_s):
            try:
                self._look()
            except (CheluError, psycopg.Error) as error:
                if is_well:
                    LOG.warning("who watches alarms hears nothing: %s", error)
                is_well = False
            else:
                is_well = True

    def _look(self) -> None:
        if self._after is None:
            self._after = int(self._register.rows(NEWEST)[0]["event_id"])
        rows = self._register.rows(SINCE, {"after": self._after})
        if not rows:
            return
        self._after = rows[-1]["event_id"]
        with self._guard:
            watched = {topic: (found, list(readers)) for topic, (found, readers) in self._watched.items()}
        for topic, (found, readers) in watched.items():
            _hand_over([row for row in rows if f"alarms/{row['site_id']}" == topic], found, readers)


def _hand_over(rows: Sequence[Mapping[str, Any]], found: Source, readers: Sequence[Reader]) -> None:
    for row in rows:
        item = Item(found, 1, documents=[json.dumps(row, ensure_ascii=False) + "\n"])
        for reader in readers:
            reader.put(item)
