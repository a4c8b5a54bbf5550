"""A thread beside the one that warns: takes what is handed over one by one, and drops the oldest when it does not keep up."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)
END_S = 5.0
ItemT = TypeVar("ItemT")


class Beside(Generic[ItemT]):
    """Starts at once.

    work: with each item; failed: after one whose work raised, has the words for the log; dropped: for each; most: that wait.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[ItemT], None],
        *,
        failed: Callable[[ItemT], str],
        dropped: Callable[[], None],
        most: int,
    ) -> None:
        self._work, self._failed, self._dropped, self._most = work, failed, dropped, most
        self._waiting: deque[ItemT] = deque()
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: ItemT) -> None:
        """Hand over; never waits."""
        with self._changed:
            if len(self._waiting) >= self._most:
                self._waiting.popleft()
                self._dropped()
            self._waiting.append(item)
            self._changed.notify()

    def stop(self) -> None:
        """End the thread; what waits is dropped."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join(END_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_stopping)
                if self._is_stopping:
                    return
                item = self._waiting.popleft()
            try:
                self._work(item)
            except Exception:  # a fault in one item must not cost those that come
                log.exception("%s", self._failed(item))
