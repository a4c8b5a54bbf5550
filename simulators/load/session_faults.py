"""Sessions that come and go, and all of them at once: churn and reconnect storms."""

from __future__ import annotations

import numpy as np

from simulators.load.books import Books
from simulators.load.faults import Faults
from simulators.load.loop import Loop

SHORTEST_S, LONGEST_S = 1.0, 5.0  # how long a session that went stays away


class SessionFaults:
    """Owned by the load's thread. Connections are cut without a good-bye, as when a vehicle drives into a tunnel."""

    def __init__(self, faults: Faults, loop: Loop, books: Books, *, own: int, seed: int) -> None:
        self._loop, self._books, self._own = loop, books, own
        self._churn_per_s, self._storm_s = faults.share("churn") * own, faults.share("storm")
        self._random = np.random.default_rng([seed, 40])
        self._churned_s, self._next_storm_s = 0.0, self._storm_s
        for name in ("churn", "storm"):
            if faults.share(name):
                books.faults[name] = 0

    def turn(self, elapsed_s: float) -> None:
        """Cut what is to be cut now."""
        if self._storm_s and elapsed_s >= self._next_storm_s:
            self._next_storm_s += self._storm_s
            for number, connection in enumerate(self._loop.connections):
                if connection.is_ready:
                    self._loop.drop(number)
                    self._books.faults["storm"] += 1
        if self._churn_per_s and elapsed_s > self._churned_s:
            count = int(self._random.poisson(self._churn_per_s * (elapsed_s - self._churned_s)))
            self._churned_s = elapsed_s
            for number in self._random.integers(0, self._own, count).tolist():
                if self._loop.connections[number].is_ready:
                    self._loop.drop(number, back_in_s=float(self._random.uniform(SHORTEST_S, LONGEST_S)))
                    self._books.faults["churn"] += 1
