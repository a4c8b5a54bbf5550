"""What devices said and nobody has worked off yet: taken in turns, of which no single answer can keep the others."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence

from chelu.errors import CheluError
from services.registry.orders.answers import Said

LOG = logging.getLogger(__name__)
MOST_AT_ONCE = 2000
MOST_HEARD = 200_000
Work = Callable[[Sequence[Said]], bool]


class Heard:
    """Any thread may `add`; one thread takes its `turn`s. overheard: passed over because too many waited; broken: see `turn`."""

    def __init__(self) -> None:
        self._waiting: deque[Said] = deque()
        self._most = MOST_AT_ONCE
        self._told_of: set[str] = set()  # devices, of which there are as many as the register has
        self.overheard = self.broken = 0

    def add(self, said: Sequence[Said]) -> None:
        """Let these wait."""
        room = max(0, MOST_HEARD - len(self._waiting))
        self._waiting.extend(said[:room])
        self.overheard += len(said[room:])

    def turn(self, work: Work) -> bool:
        """Let `work` have the oldest; true when there is more to do at once.

        `work` does all or nothing, and says whether there is more. When it raises, they wait on. A CheluError (the database is
        away) is raised on, and so is an error that comes without any answer, too. Any other is some answer's: fewer and fewer
        are tried, until the one is found that breaks it; that one is passed over, and counted.
        """
        heard = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
        try:
            is_more = work(heard)
        except Exception as error:
            self._waiting.extendleft(reversed(heard))
            if isinstance(error, CheluError) or not heard:
                raise
            if len(heard) == 1:
                work(())
                self._pass_over(self._waiting.popleft(), error)
            self._most = max(1, len(heard) // 2)
            return True
        self._most = min(MOST_AT_ONCE, 2 * self._most)
        return is_more or bool(self._waiting)

    def _pass_over(self, said: Said, error: Exception) -> None:
        self.broken += 1
        if said.device_id not in self._told_of:
            self._told_of.add(said.device_id)
            text = "an answer of %s about %s is passed over, since it breaks the work on orders; more of its are only counted: %s"
            LOG.error(text, said.device_id, said.topic, error, exc_info=error)
