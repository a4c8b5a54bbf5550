"""Which phase on the air gives the way free for each connection of the roads: from the roads' own signal groups, and from MAP.

A road network names its signals but not their numbers on the air. Until a MAP says otherwise they are numbered as Chelu's own
simulators number them: intersections from 1 in the order of the signals' names, phases as groups + 1, region 0. Where a MAP
speaks of an intersection, it holds for all of that signal's connections; where it contradicts itself or the roads, the connection
is not judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.inference.reports import Ints
from services.inference.signals import ALWAYS, UNKNOWN, SignalTable, phase_key
from services.inference.stop_lines import StopLines

_PERMANENT_GREEN = 255  # PhaseID of YD/T 3709


@dataclass(frozen=True, slots=True)
class Permission:
    """What a MAP says of one connection of the roads: its phase's key, or `ALWAYS`."""

    connection: int
    key: int


class PhaseMap:
    """Phase keys per connection; contradictions: connections that are not judged because the map contradicts. One thread's."""

    def __init__(self, lines: StopLines, signal_ids: Sequence[str]) -> None:
        self._lines = lines
        self._numbered = _numbered(lines, signal_ids)
        self._said: dict[int, tuple[Sequence[Permission], int]] = {}
        self.keys: Ints = self._numbered
        self.contradictions = 0
        self._rows: Ints = np.full(len(self.keys), UNKNOWN)
        self._known_phases = -1

    def learn(self, intersection: int, permissions: Sequence[Permission], unplaced: int) -> None:
        """What the newest MAP says of an intersection (key of its phase 0). unplaced: of how much the roads know nothing."""
        self._said[intersection] = permissions, unplaced
        keys, found = self._numbered.copy(), sum(number for _, number in self._said.values())
        for said, _ in self._said.values():
            mine = np.array([one.connection for one in said], np.int64)
            keys[np.isin(self._lines.signal, np.unique(self._lines.signal[mine])) & (self._lines.signal >= 0)] = UNKNOWN
        for said, _ in self._said.values():
            first: dict[int, int] = {}
            for one in said:
                agrees = first.setdefault(one.connection, one.key) == one.key
                keys[one.connection] = one.key if agrees else UNKNOWN
                found += not agrees
        self.keys, self.contradictions, self._known_phases = keys, found, -1

    def rows(self, table: SignalTable) -> Ints:
        """Rows of the table (c,), `ALWAYS` and `UNKNOWN` as they are."""
        if self._known_phases != len(table):
            self._rows, self._known_phases = table.rows_of(self.keys), len(table)
        return self._rows


def key_of(region: int, intersection: int, phase: int) -> int:
    """A connection's key; phase 0 is said of ways that no signal holds."""
    return ALWAYS if phase in {0, _PERMANENT_GREEN} else (region << 32) | (intersection << 16) | phase


def _numbered(lines: StopLines, signal_ids: Sequence[str]) -> Ints:
    if not len(signal_ids):
        return np.full(len(lines.signal), ALWAYS)
    _, place = np.unique(np.array(signal_ids), return_inverse=True)
    intersection = place[np.maximum(lines.signal, 0)] + 1
    keys = phase_key(np.zeros(len(lines.signal), np.int64), intersection.astype(np.int64), lines.group + 1)
    return np.where(lines.signal >= 0, keys, ALWAYS)
