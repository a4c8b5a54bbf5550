"""Corridors of a site as they are wanted now: which vehicle, where to, its way over the live state, what signals are asked.

A vehicle with the right of an emergency vehicle has a corridor while the label `corridor-to` of its unit names a link. Signals
are asked as for any vehicle's wish, and grant within their own limits. No I/O, no clock; owned by the controllers' thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chelu.signal_control import CORRIDOR
from services.inference.city.control.desk import SignalDesk
from services.inference.city.control.places import Roads
from services.inference.city.control.sight import STANDS_MPS, Look
from services.inference.city.corridor.corridor import Corridor
from services.inference.city.corridor.way import Streets, Way
from services.inference.register import EMERGENCY, Device

FASTER = 1.2  # than the limit, where the road is free
AGAIN_US = 2_000_000  # a signal that does not show that it has heard is asked again
LOST_US = 10_000_000  # a vehicle not seen for so long has none any more


@dataclass(frozen=True, slots=True)
class Wish:
    """A document for a signal (`priority/down`), but for its number."""

    signal: int  # its device key
    document: Mapping[str, Any]


@dataclass(slots=True)
class _Run:
    """One vehicle's. state: driving, arrived or lost; unknown: the link is none of the site's."""

    device: Device
    goal: str
    corridor: Corridor = field(default_factory=Corridor)
    state: str = "driving"
    way: Way | None = None
    seen_us: int = 0
    at: tuple[int, float] = (-1, 0.0)
    asked_us: dict[int, int] = field(default_factory=dict)

    @property
    def session(self) -> str:
        """Under which its signals know it."""
        return f"corridor-{self.device.key}"


@dataclass(slots=True)
class CorridorDesk:
    """signals: of the same site; what they show is only read here."""

    signals: SignalDesk
    _runs: dict[int, _Run] = field(default_factory=dict)
    _gone: list[_Run] = field(default_factory=list)
    _streets: Streets | None = None

    def use(self, devices: Sequence[Device]) -> None:
        """The units of the site, as the register has them now."""
        wanted = {one.key: one for one in devices if EMERGENCY in one.rights and one.labels.get(CORRIDOR)}
        for key, run in list(self._runs.items()):
            if key not in wanted or wanted[key].labels[CORRIDOR] != run.goal:
                self._gone.append(self._runs.pop(key))
        for key, one in wanted.items():
            self._runs.setdefault(key, _Run(one, one.labels[CORRIDOR]))

    @property
    def is_idle(self) -> bool:
        """Whether nobody has or had a corridor."""
        return not self._runs and not self._gone

    def turn(self, seen: Look, roads: Roads) -> list[Wish]:
        """What to tell which signals now; call it once a second."""
        streets = self._streets
        if streets is None or streets.network is not roads.network:
            streets = self._streets = Streets(roads.network)
        wishes = [wish for run in self._gone for wish in self._over(run, run.corridor.end())]
        self._gone = []
        of_connection = self._signals(roads)
        for run in self._runs.values():
            wishes += self._follow(run, seen, roads, streets, of_connection)
        return wishes

    def state(self) -> list[dict[str, Any]]:
        """Every corridor: how far it is, and what it has asked."""
        return [
            {
                "unit": run.device.device_id, "to": run.goal, "state": run.state, "signals": len(run.corridor.open),
                "takes_s": None if run.way is None or run.state != "driving" else round(run.way.takes_s, 1),
                "links": self._links(run),
            }
            for run in self._runs.values()
        ]  # fmt: skip

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _links(self, run: _Run) -> list[str]:
        """Names of those on its way."""
        if run.way is None or self._streets is None:
            return []
        names = self._streets.network.links.id
        return [str(names[link]) for link in run.way.links]

    def _signals(self, roads: Roads) -> dict[int, tuple[int, int]]:
        """By connection, the signal that holds it and the phase."""
        by_number = {(one.programme.region << 16) | one.programme.intersection: key for key, one in self.signals.told.items()}
        held = np.flatnonzero(roads.keys >= 0).tolist()
        keys = {connection: int(roads.keys[connection]) for connection in held}
        return {connection: (by_number[key >> 16], key & 0xFFFF) for connection, key in keys.items() if key >> 16 in by_number}

    def _follow(
        self, run: _Run, seen: Look, roads: Roads, streets: Streets, of_connection: Mapping[int, tuple[int, int]]
    ) -> list[Wish]:
        names = np.flatnonzero(roads.network.links.id == run.goal)
        if not len(names):
            run.state = "unknown"
        if run.state != "driving":
            return []
        mine = np.flatnonzero(seen.own_key == run.device.key)
        if not len(mine):
            return self._lose(run, seen.now_us)
        run.seen_us = seen.now_us
        link = int(roads.network.lanes.link[seen.lane[mine[0]]])
        if link in streets.driven:
            run.at = link, float(seen.offset_m[mine[0]])
        if run.at[0] < 0:
            return []
        if run.at[0] == int(names[0]):
            run.state = "arrived"
            return self._over(run, run.corridor.end())
        others = np.flatnonzero(seen.own_key != run.device.key)
        links = roads.network.lanes.link[seen.lane[others]].astype(np.int64)
        takes_s = streets.now_s(links, seen.speed_mps[others], FASTER)
        run.way = streets.way(*run.at, int(names[0]), takes_s)
        if run.way is None:
            run.state = "no way"
            return self._over(run, run.corridor.end())
        self._ask_the_deaf(run, seen.now_us)
        asks, over = run.corridor.wishes(run.way, of_connection, self._standing(seen, roads, of_connection), seen.now_us)
        run.asked_us |= dict.fromkeys((one.signal for one in asks), seen.now_us)
        greens = [
            Wish(
                one.signal,
                {
                    "priority": "green",
                    "session": run.session,
                    "phase": one.phase,
                    "from_us": one.from_us,
                    "until_us": one.until_us,
                },
            )
            for one in asks
        ]
        return [*self._over(run, over), *greens]

    def _ask_the_deaf(self, run: _Run, now_us: int) -> None:
        """Signals that do not show its session although they were asked a while ago."""
        told = self.signals.told
        for signal in run.corridor.open:
            is_deaf = signal not in told or told[signal].session != run.session
            if is_deaf and now_us - run.asked_us.get(signal, now_us) > AGAIN_US:
                run.corridor.refused(signal)

    def _lose(self, run: _Run, now_us: int) -> list[Wish]:
        if not run.seen_us or now_us - run.seen_us <= LOST_US:
            return []
        run.state = "lost"
        return self._over(run, run.corridor.end())

    def _over(self, run: _Run, signals: Sequence[int]) -> list[Wish]:
        return [Wish(one, {"priority": "over", "session": run.session}) for one in signals]

    def _standing(self, seen: Look, roads: Roads, of_connection: Mapping[int, tuple[int, int]]) -> dict[int, int]:
        """How many stand on the lane of each connection."""
        standing = np.bincount(seen.lane[seen.speed_mps < STANDS_MPS], minlength=len(roads.network.lanes.id))
        return {one: int(standing[roads.network.connections.from_lane[one]]) for one in of_connection}
