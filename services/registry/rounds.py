"""Work that is done round by round on a thread of its own, and goes on when a round fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

from chelu.errors import CheluError

LOG = logging.getLogger(__name__)


class Rounds:
    """Calls `work` again and again from `start` to `stop`. A round that fails is told once, until one has succeeded again.

    wait: called before each round with what is set when all is over, and returns when there may be something to do; wake: ends
    such a waiting at once; pause_s: after a round that failed, where what it left undone ends the next waiting at once. What a
    failed round was to do is left to the next: the database may be away.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], object],
        complaint: str,
        *,
        wait: Callable[[threading.Event], object],
        wake: Callable[[], None] = lambda: None,
        pause_s: float = 0.0,
    ) -> None:
        self._work, self._complaint, self._wait, self._wake, self._pause_s = work, complaint, wait, wake, pause_s
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @classmethod
    def every(cls, period_s: float, name: str, work: Callable[[], object], complaint: str) -> Self:
        """Rounds with a pause of the same length before each."""
        return cls(name, work, complaint, wait=lambda stopping: stopping.wait(period_s))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Return when the round that was going on is over."""
        self.stopping.set()
        self._wake()
        self._thread.join()

    def _run(self) -> None:
        is_well = True
        while not self.stopping.is_set():
            self._wait(self.stopping)
            if self.stopping.is_set():
                return
            try:
                self._work()
            except Exception as error:  # whatever it is, that nobody works any more must not be its consequence
                if is_well:
                    LOG.warning("%s: %s", self._complaint, error, exc_info=not isinstance(error, CheluError))
                is_well = False
                self.stopping.wait(self._pause_s)
            else:
                is_well = True


class InRounds:
    """Works round by round while it is entered; whoever derives from it makes the rounds."""

    _rounds: Rounds

    def __enter__(self) -> Self:
        self._rounds.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rounds.stop()
