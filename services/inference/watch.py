"""Follows the register: loads it, listens on the database's channel, and hands every new snapshot to whoever asks.

What changes by itself, since it was planned (which map is valid), is looked up when its time has come.
"""

from __future__ import annotations

import logging
import threading

from chelu.clock import Clock
from chelu.errors import CheluError
from chelu.store import Database, failures
from services.inference.register import CHANNEL, Register, load, next_change_s

log = logging.getLogger(__name__)

_POLL_S = 0.5
_RETRY_S = 2.0


class Watch:
    """`first` and `newer` are for the main thread; the rest happens on the watch's thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._register: Register | None = None
        self._is_new = False
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="register", daemon=True)

    def first(self) -> Register:
        """Load once and start to follow; raises UnreachableError or RefusedError."""
        with self._database.connect(autocommit=True) as connection, failures(self._database.url, "loading the register"):
            self._register = load(connection)
        self._thread.start()
        return self._register

    def newer(self) -> Register | None:
        """The newest snapshot if it has not been asked for yet."""
        with self._lock:
            was_new, self._is_new = self._is_new, False
            return self._register if was_new else None

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except CheluError as error:
                log.warning("the register is not followed for now: %s", error)
                self._stopping.wait(_RETRY_S)

    def _follow(self) -> None:
        """Listen first, then load, so that no change falls between."""
        with self._database.connect(autocommit=True) as connection, failures(self._database.url, "following the register"):
            connection.execute(f"LISTEN {CHANNEL}")
            is_due, due_s = True, 0.0
            while not self._stopping.is_set():
                if is_due:
                    due_s = self._clock.monotonic_s() + next_change_s(connection)  # asked first, so that none falls between
                    self._keep(load(connection, self._register))
                wait_s = min(_POLL_S, max(0.0, due_s - self._clock.monotonic_s()))
                is_told = bool(list(connection.notifies(timeout=wait_s, stop_after=1)))
                is_due = is_told or self._clock.monotonic_s() >= due_s

    def _keep(self, register: Register) -> None:
        with self._lock:
            if register != self._register:
                self._register, self._is_new = register, True
