"""Findings published and stored, for the threads that find them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from chelu.clock import Clock
from chelu.topics import FINDINGS
from services.inference.city.findings import Finding, document, rows_to_store
from services.inference.storage import FINDING, Item

Publish = Callable[[str, bytes], object]
Store = Callable[[Item], None]


class Announcer:
    """Owned by one thread; publish and store may be called by any."""

    def __init__(self, publish: Publish, store: Store, clock: Clock) -> None:
        self._publish, self._store, self._clock = publish, store, clock
        self.counts: Counter[str] = Counter()

    def tell(self, changes: Sequence[Finding]) -> None:
        """Let everybody know what began and what is over."""
        if not changes:
            return
        now_us = self._clock.wall_us()
        for one in changes:
            self.counts[f"findings_{'over' if one.is_over else 'began'}"] += 1
            self._publish(FINDINGS.format(site=one.site_id), document(one, now_us))
        self._store(Item(FINDING, rows_to_store(changes, now_us)))
