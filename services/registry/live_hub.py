"""One MQTT session for all who watch: subscribed to what somebody watches and nothing else, decoded once, handed to each.

Threads: the hub's own drains the session and fills the readers; `add` and `remove` may be called by any.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

from chelu.bus import BulkSession
from chelu.clock import Clock
from chelu.errors import CheluError, UnreachableError
from services.registry.live_reader import Reader
from services.registry.live_rows import Source, items

ACCOUNT = "live"  # at the broker: it may read what devices say, and nothing more
ROUND = 20_000
ROUND_S = 0.1
CONNECT_S = 3.0
GUARD_S = 1.0
LOG = logging.getLogger(__name__)


def session(mqtt_url: str, password: str, clock: Clock) -> BulkSession:
    """The session on the broker of `mqtt_url`, under the account for live readers."""
    parts = urlsplit(mqtt_url)
    place = f"{ACCOUNT}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
    return BulkSession(parts._replace(netloc=place).geturl(), client_id=ACCOUNT, clock=clock)


class Hub:
    """Who watches what. Enter it to start its threads; the session is opened for the first reader."""

    def __init__(self, open_session: Callable[[], BulkSession], check: Callable[[], None] | None = None) -> None:
        self._open, self._check = open_session, check
        self._lock = threading.Lock()
        self._session: BulkSession | None = None
        self._watched: dict[str, tuple[Source, dict[Reader, None]]] = {}
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=work, name=name, daemon=True) for name, work in self._works()]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if self._session is not None:
            self._session.stop(flush_s=0)

    def connect(self) -> None:
        """See that the broker can be reached; UnreachableError or RefusedError when not. May wait a few seconds."""
        with self._lock:
            if self._session is None:
                self._session = self._open()
                self._session.start()
            opened = self._session
        opened.wait_connected(CONNECT_S)

    def add(self, reader: Reader, sources: Sequence[Source]) -> None:
        """Let a reader have what these sources say from now on."""
        with self._lock:
            for source in sources:
                self._watched.setdefault(source.topic, (source, {}))[1][reader] = None
            self._subscribe()

    def remove(self, reader: Reader) -> None:
        """Forget a reader, and unsubscribe what nobody watches any more."""
        with self._lock:
            for topic, (_, readers) in list(self._watched.items()):
                readers.pop(reader, None)
                if not readers:
                    del self._watched[topic]
            self._subscribe()

    def _subscribe(self) -> None:
        if self._session is not None:
            self._session.want([(topic, 0) for topic in self._watched])

    def _works(self) -> list[tuple[str, Callable[[], None]]]:
        guard = [("live guard", self._guard)] if self._check else []
        return [("live", self._run), *guard]

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._session is None:
                self._stopping.wait(ROUND_S)
                continue
            messages = self._session.drain(ROUND, ROUND_S)
            if len(messages):
                with self._lock:
                    watched = {topic: (source, list(readers)) for topic, (source, readers) in self._watched.items()}
                found, refused = items(messages, {topic: source for topic, (source, _) in watched.items()})
                for item in found:
                    for reader in watched[item.source.topic][1]:
                        reader.put(item)
                _tell_refused(watched, refused)

    def _guard(self) -> None:
        while not self._stopping.wait(GUARD_S):
            try:
                if self._check:
                    self._check()
            except UnreachableError as error:
                LOG.warning("whether live readers still may is not known: %s", error)
            except CheluError:
                LOG.exception("live readers cannot be checked")


def _tell_refused(watched: Mapping[str, tuple[Source, list[Reader]]], refused: int) -> None:
    if refused:
        for reader in {reader for _, readers in watched.values() for reader in readers}:
            reader.refuse(refused)
