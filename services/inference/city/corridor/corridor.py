"""One vehicle's corridor: when each signal on its way is to be green for it, asked ahead of it and given back behind it. Pure.

A green is wanted early enough that those who stand before it have left, and only from the lead on: nobody else's road is closed
for a vehicle that is minutes away. What is wanted is asked of the signal itself, which grants it within its own limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.inference.city.corridor.way import Way

US = 1_000_000


@dataclass(frozen=True, slots=True)
class CorridorParameters:
    """docs/city/corridor.md carries them as a table.

    lead_s: from when on a signal is asked; clears_s: for each who stands before the line, and start_s until the first goes;
    slack_s: after the arrival until the green may end; again_s: an arrival that has moved so far is asked for anew.
    """

    lead_s: float = 40.0
    clears_s: float = 2.0
    start_s: float = 3.0
    slack_s: float = 6.0
    again_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Ask:
    """A green wanted of a signal: its phase, from when until when."""

    signal: int
    phase: int
    from_us: int
    until_us: int


@dataclass(slots=True)
class Corridor:
    """Owned by one thread. signals are named by whoever asks them (a device's key)."""

    parameters: CorridorParameters = field(default_factory=CorridorParameters)
    _asked: dict[int, Ask] = field(default_factory=dict)

    @property
    def open(self) -> Sequence[int]:
        """Signals that were asked and not given back."""
        return tuple(self._asked)

    def wishes(
        self, way: Way, of_connection: Mapping[int, tuple[int, int]], standing: Mapping[int, int], now_us: int
    ) -> tuple[list[Ask], list[int]]:
        """What to ask now, and which signals to give back.

        of_connection: the signal and the phase of a connection; standing: how many stand before the line of a connection.
        """
        p, ahead, asks = self.parameters, set[int](), list[Ask]()
        for line in way.lines:
            if line.connection not in of_connection or line.after_s > p.lead_s:
                continue
            signal, phase = of_connection[line.connection]
            if signal in ahead:
                continue  # the next line of one signal comes when this one is passed
            ahead.add(signal)
            waits = standing.get(line.connection, 0)
            early_s = p.start_s + p.clears_s * waits
            ask = Ask(
                signal,
                phase,
                now_us + round(max(0.0, line.after_s - early_s) * US),
                now_us + round((line.after_s + p.slack_s) * US),
            )
            if self._is_news(ask):
                self._asked[signal] = ask
                asks.append(ask)
        over = [signal for signal in self._asked if signal not in ahead]
        for signal in over:
            del self._asked[signal]
        return asks, over

    def refused(self, signal: int) -> None:
        """It is asked again."""
        self._asked.pop(signal, None)

    def end(self) -> list[int]:
        """It has arrived, or is called off: all to be given back."""
        over = list(self._asked)
        self._asked.clear()
        return over

    def _is_news(self, ask: Ask) -> bool:
        before = self._asked.get(ask.signal)
        if before is None or before.phase != ask.phase:
            return True
        return abs(before.until_us - ask.until_us) > self.parameters.again_s * US


def on_the_way(
    links: Sequence[int], link: np.ndarray, offset_m: np.ndarray, at_m: float, length_m: np.ndarray, reach_m: float
) -> np.ndarray:
    """Which vehicles (n,) by link and offset are on a way over these links, within reach ahead of `at_m` along the first."""
    ahead = np.zeros(len(link), np.bool_)
    begins_m = -at_m
    for one in links:
        here = begins_m + offset_m
        ahead |= (link == one) & (here > 0.0) & (here <= reach_m)
        begins_m += float(length_m[one])
        if begins_m > reach_m:
            break
    return ahead
