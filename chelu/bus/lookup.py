"""What a reader knows of each topic: found once, then taken for whole batches by the topics' numbers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.bus.batch import Messages


class TopicLookup:
    """Rows of `dtype`, one per topic number; `find` gives the row of a topic that was not met before.

    Numbers mean topics only within one list (`Messages`): another list begins another table. Owned by one thread.
    """

    def __init__(self, dtype: npt.DTypeLike, find: Callable[[str], Any]) -> None:
        self._dtype, self._find = np.dtype(dtype), find
        self.forget()

    def forget(self) -> None:
        """What was found no longer holds."""
        self._topics: Sequence[str] = ()
        self._rows, self._is_known = np.empty(0, self._dtype), np.empty(0, np.bool_)

    def of(self, messages: Messages) -> npt.NDArray[Any]:
        """The row (n,) of each message's topic."""
        if messages.topics is not self._topics:
            self.forget()
            self._topics = messages.topics
        self._fit(len(messages.topics))
        is_known = self._is_known[messages.topic]
        if not is_known.all():
            for number in np.unique(messages.topic[~is_known]).tolist():
                self._rows[number] = self._find(messages.topics[number])
                self._is_known[number] = True
        return self._rows[messages.topic]

    def _fit(self, count: int) -> None:
        """Room for topics that are new since the last batch, by doubling."""
        if (more := count - len(self._rows)) > 0:
            more = max(more, len(self._rows))
            self._rows = np.concatenate([self._rows, np.empty(more, self._dtype)])
            self._is_known = np.concatenate([self._is_known, np.zeros(more, np.bool_)])
