"""A green wave: signals that follow one another share a cycle, and what one lets go comes to the next in its green.

Cycle and greens are Webster's from measured flows; signals that streets join go by the longest cycle among them. Their offsets
come from the delay of what comes along each street (`offsets.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.city.signals import offsets
from services.inference.city.signals.contract import Decision, Floats, Ints, Junctions, State
from services.inference.city.signals.fixed import by_clock
from services.inference.city.signals.flows import FlowMeter
from services.inference.city.signals.webster import Webster


@dataclass(frozen=True, slots=True)
class WaveParameters:
    """Before measured_s the plan as it is; the plan is made anew every anew_s: each change of it costs a wave."""

    measured_s: float = 300.0
    anew_s: float = 900.0
    forgets_s: float = 600.0


class GreenWave:
    """Keeps the flows, and the plan at hand: greens (j, s) and offsets (j,)."""

    def __init__(self, junctions: Junctions, parameters: WaveParameters | None = None) -> None:
        self._junctions, self._p = junctions, parameters or WaveParameters()
        self._webster = Webster(junctions)
        self._flows = FlowMeter(junctions.is_lane.shape, self._p.forgets_s)
        self._green_s, self._offset_s = junctions.green_s.copy(), junctions.offset_s.copy()
        self._made_s = -np.inf

    def decide(self, state: State) -> Decision:
        """As a fixed plan, with the greens and offsets of the plan at hand."""
        self._flows.take(state)
        if self._flows.seconds() >= self._p.measured_s and state.now_s - self._made_s >= self._p.anew_s:
            self._green_s, self._offset_s = self.plan(self._flows.per_s())
            self._made_s = state.now_s
        return by_clock(self._junctions, self._green_s, state.now_s - self._offset_s)

    def plan(self, flow_vps: Floats) -> tuple[Floats, Floats]:
        """Greens (j, s), whole seconds in sum, and offsets (j,) for flows (j, l)."""
        at = self._junctions
        cycle_s = self._shared(self._webster.cycles(flow_vps))
        green_s = filled(at, self._webster.greens_within(flow_vps, cycle_s), cycle_s)
        return green_s, offsets.least_delay(at, green_s, cycle_s, flow_vps)

    def _shared(self, cycle_s: Floats) -> Floats:
        """The longest of those that streets join, in whole seconds, as far as the limits of their greens let it be (j,)."""
        at = self._junctions
        shortest, longest = (
            np.where(at.is_stage, green_s + at.change_s, 0.0).sum(axis=1) for green_s in (at.least_green_s, at.most_green_s)
        )
        joined, found = groups(len(cycle_s), at.streets.begin, at.streets.end), np.ceil(cycle_s)
        for group in np.unique(joined):
            mine = joined == group
            longest_s = np.clip(found[mine].max(), np.ceil(shortest[mine].max()), None)
            found[mine] = np.maximum(np.minimum(longest_s, np.floor(longest[mine].min())), np.ceil(shortest[mine]))
        return found


def groups(count: int, begin: Ints, end: Ints) -> Ints:
    """Which junctions streets join, by the first of each group (j,)."""
    of = np.arange(count)
    while True:
        before = of.copy()
        np.minimum.at(of, end, of[begin])
        np.minimum.at(of, begin, of[end])
        if np.array_equal(of, before):
            return of


def filled(junctions: Junctions, green_s: Floats, cycle_s: Floats) -> Floats:
    """Greens (j, s) within their limits that fill the cycles (j,): what is short or over is shared by who has room for it."""
    at = junctions
    least, most = (np.where(at.is_stage, limit, 0.0) for limit in (at.least_green_s, at.most_green_s))
    found = np.clip(green_s, least, most)
    short_s = cycle_s - np.where(at.is_stage, found + at.change_s, 0.0).sum(axis=1)
    room = np.where(short_s[:, None] > 0, most - found, found - least)
    share = room / np.maximum(room.sum(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.clip(found + share * short_s[:, None], least, most))
