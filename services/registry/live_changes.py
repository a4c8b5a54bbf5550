"""What of a site's live picture one page does not have yet, so that a picture costs it what has changed. Pure.

The server sends a page the newest picture each time that the page has taken one, and nothing in between: a page that is slow
gets fewer pictures, and never old ones. What is told is always the difference to what this page was sent last.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec import columns
from chelu.messages import Batch

IDENTITY, AGE = "slot", "age_ms"  # an older age alone is no change: whoever reads knows the time
MOST_ON_THEIR_WAY = 2  # pictures that a page has not said it took: one that it draws, and one that comes meanwhile


class Changes:
    """Of one page. Owned by its socket's coroutine."""

    def __init__(self) -> None:
        self._sent: Batch | None = None
        self._time_us = 0

    def frame(self, payload: bytes) -> bytes:
        """A picture's bytes → the changes', in the same format; raises MalformedError for what is no picture.

        The header is the picture's, and says of which picture these are the changes (`since_us`, null: of none, so the rows are
        all) and which slots are `gone`.
        """
        picture, header = columns.unpack(payload)
        before = self._sent
        comes_after = before is not None and set(before) == set(picture)
        rows, gone = changed(before, picture) if before is not None and comes_after else (np.ones(len(picture), np.bool_), [])
        told = {**header, "since_us": self._time_us if comes_after else None, "gone": gone}
        self._sent, self._time_us = picture, int(header.get("time_us", 0))
        return columns.pack(picture.take(rows), told)


def changed(before: Batch, now: Batch) -> tuple[npt.NDArray[np.bool_], list[int]]:
    """Which rows of `now` (n,) are new or differ, and the slots that are no longer there; both in the order of slots."""
    slots, former = now[IDENTITY], before[IDENTITY]
    place = np.minimum(np.searchsorted(former, slots), max(len(former) - 1, 0))
    same = former[place] == slots if len(former) else np.zeros(len(slots), np.bool_)
    for name in now:
        if name not in {IDENTITY, AGE} and len(former):
            same &= _bits(now[name]) == _bits(before[name])[place]
    return ~same, np.setdiff1d(former, slots, assume_unique=True).tolist()


def _bits(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column so that NaN equals NaN."""
    return column.view(f"u{column.dtype.itemsize}") if column.dtype.kind == "f" else column


class Pace:
    """How much is on its way to a reader that says when it has taken something. Owned by its socket's coroutines."""

    def __init__(self, most: int = MOST_ON_THEIR_WAY) -> None:
        self._most, self._away = most, 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be sent until the reader has taken something."""
        return self._away >= self._most

    def send(self) -> None:
        """One more is on its way."""
        self._away += 1

    def take(self) -> None:
        """The reader says that it has taken one; who says so more often than it was sent something gains nothing."""
        self._away = max(self._away - 1, 0)
