"""Where an export stands in its rows, and where it goes on: pages in the order of time and device, each about as many rows. Pure.

Rows lie in a table about as they came, and its index says which blocks hold which times, not their order; so what a page sorts
should be about what it gives. A window of time that held too few rows makes the next one wider, one that held too many is cut
at a row and makes it narrower. All of it follows from the rows, so that an export that goes on cuts its pages as one
that was never interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass

WINDOW_US = 1_000_000
LEAST_US, LONG_US = 1_000, 3_600_000_000  # of a long window it is first asked where its rows begin
FULL = 3, 4  # of the limit: what a window should hold
WIDER = NARROWER = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Behind the row (`after_us`, `after_key`): before the first of an instant the key is -1. width_us: of the next window."""

    after_us: int
    after_key: int = -1
    width_us: int = WINDOW_US

    def stop_us(self, end_us: int) -> int:
        """Where the window ends."""
        return min(end_us, self.after_us + self.width_us)

    @property
    def is_long(self) -> bool:
        """Whether the window is so long that it is asked where its rows begin, before all of them are sorted."""
        return self.width_us > LONG_US

    def begun(self, first_us: int | None, end_us: int) -> Place:
        """After that question: at the first row's time, or behind a window without rows."""
        if first_us is None:
            return Place(self.stop_us(end_us), width_us=self.width_us * WIDER)
        return Place(first_us)

    def behind(self, rows: int, last: tuple[int, int] | None, *, limit: int, end_us: int) -> Place:
        """Behind a page of so many rows that ended with `last`: within the window when the page was full, else behind it."""
        if last is not None and rows >= limit:
            return Place(*last, width_us=max(LEAST_US, last[0] - self.after_us))
        wanted = self.width_us * limit * FULL[0] // (FULL[1] * rows) if rows else self.width_us * WIDER
        width_us = min(max(wanted, self.width_us // NARROWER, LEAST_US), self.width_us * WIDER)
        return Place(self.stop_us(end_us), width_us=width_us)
