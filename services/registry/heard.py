"""What devices said and nobody has worked off yet: taken in turns, of which no single word can keep the others."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from chelu.errors import CheluError

LOG = logging.getLogger(__name__)
Word = TypeVar("Word")
MOST_AT_ONCE = 2000
MOST_HEARD = 200_000


class Heard(Generic[Word]):
    """Any thread may `add`; one thread takes its `turn`s. overheard: passed over because too many waited; broken: see `turn`.

    tell: of a word, whose it is and what is said of it when it is passed over; most: words that wait; at_once: words of a turn.
    """

    def __init__(self, tell: Callable[[Word], tuple[str, str]], *, most: int = MOST_HEARD, at_once: int = MOST_AT_ONCE) -> None:
        self._tell, self._most_waiting, self._at_once = tell, most, at_once
        self._waiting: deque[Word] = deque()
        self._most = at_once
        self._told_of: set[str] = set()  # devices, of which there are as many as the register has
        self.overheard = self.broken = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add_first(self, said: Sequence[Word]) -> None:
        """Let these be the next; called in the thread that takes the turns."""
        self._waiting.extendleft(reversed(said))

    def add(self, said: Sequence[Word]) -> None:
        """Let these wait."""
        room = max(0, self._most_waiting - len(self._waiting))
        self._waiting.extend(said[:room])
        self.overheard += len(said[room:])

    def turn(self, work: Callable[[Sequence[Word]], bool]) -> bool:
        """Let `work` have the oldest; true when there is more to do at once: what came meanwhile waits for the next round.

        `work` does all or nothing, and says whether there is more. When it raises, they wait on. A CheluError (the database is
        away) is raised on, and so is an error that comes without any word, too. Any other is some word's: fewer and fewer
        are tried, until the one is found that breaks it; that one is passed over, and counted.
        """
        heard = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
        has_left = bool(self._waiting)
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
        self._most = min(self._at_once, 2 * self._most)
        return is_more or has_left

    def _pass_over(self, said: Word, error: Exception) -> None:
        self.broken += 1
        device_id, text = self._tell(said)
        if device_id not in self._told_of:
            self._told_of.add(device_id)
            LOG.error("%s; more of its are only counted: %s", text, error, exc_info=error)
