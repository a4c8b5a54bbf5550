"""What the heads showed, judged by the network alone: conflicting greens, intergreens, yellows and greens too short.

Nothing of the controllers or the guard is used: what SUMO says is shown, against who crosses whom in the network's own table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from evaluation.signals.network import Network

YELLOW_S = 3.0  # the least that GB 14886 and everybody else allow, and with it the least between the greens of foes
GREEN = frozenset("gG")


@dataclass(slots=True)
class Breaches:
    """How often, in a run: two foes protected at once; a foe green too soon; no or short yellow; a green below its least."""

    conflicting_greens: int = 0
    short_intergreens: int = 0
    short_yellows: int = 0
    short_greens: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(asdict(self).values())


@dataclass(slots=True)
class _Head:
    """One link: its sign, since when, and when its green and yellow ended last."""

    sign: str
    since_s: float
    green_ended_s: float = -1e9


@dataclass(slots=True)
class Watch:
    """Owned by one run; told of every light in every second. on_foot: links of people on foot, who have no yellow."""

    network: Network
    on_foot: Mapping[str, frozenset[int]]
    least_green_s: Mapping[str, float]
    breaches: Breaches = field(default_factory=Breaches)
    _shown: dict[str, str] = field(default_factory=dict)
    _heads: dict[tuple[str, int], _Head] = field(default_factory=dict)

    def see(self, light: str, shown: str, now_s: float) -> None:
        """Another second of one light."""
        before = self._shown.get(light)
        if shown == before:
            return
        self._shown[light] = shown
        if before is None:
            for row, sign in enumerate(shown):
                self._heads[light, row] = _Head(sign, -1e9)
            return
        changed = [row for row, sign in enumerate(shown) if sign != before[row]]
        for row in changed:
            self._end(light, row, shown[row], now_s)
        for row in changed:
            self._begin(light, row, shown, before[row])

    def _end(self, light: str, row: int, sign: str, now_s: float) -> None:
        """What a head showed is over; counts what was too short."""
        head = self._heads[light, row]
        lasted_s, is_driven = now_s - head.since_s, row not in self.on_foot[light]
        if head.sign in GREEN and sign in GREEN:  # protected or not, it has been green on
            head.sign = sign
            return
        if head.sign in GREEN:
            head.green_ended_s = now_s
            self.breaches.short_greens += lasted_s < self.least_green_s[light] - 1e-6
            self.breaches.short_yellows += is_driven and sign != "y"
        elif head.sign == "y" and sign not in GREEN:
            self.breaches.short_yellows += lasted_s < YELLOW_S - 1e-6
        head.sign, head.since_s = sign, now_s

    def _begin(self, light: str, row: int, shown: str, before: str) -> None:
        """A head shows something new; counts what it may not yet, or not beside others."""
        if shown[row] not in GREEN:
            return
        now_s = self._heads[light, row].since_s
        for foe_light, foe in self.network.foes.get((light, row), set()):
            if foe_light != light:
                continue
            if shown[foe] in GREEN:
                self.breaches.conflicting_greens += shown[foe] == shown[row] == "G"
            elif before not in GREEN and now_s - self._heads[light, foe].green_ended_s < YELLOW_S - 1e-6:
                self.breaches.short_intergreens += 1
