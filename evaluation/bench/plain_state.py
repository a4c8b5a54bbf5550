"""The plain way to traffic state: one vehicle after the other, the nearest lane by its pieces, sums in dictionaries.

Less than what `services.inference.city.state` does (no history, no queues, no emissions), for the benchmark to be faster than.
"""

from __future__ import annotations

from collections import defaultdict
from math import atan2, degrees, hypot, inf

from chelu.roads.network import RoadNetwork
from services.inference.city.state.sightings import Sightings

_CELL_M, _REACH_M = 50.0, 8.0


class PlainState:
    """Lanes by square of the map; the last lane and place of every vehicle; seconds, metres and entries by lane."""

    def __init__(self, network: RoadNetwork) -> None:
        self._cells: dict[tuple[int, int], list[tuple[int, float, float, float, float]]] = defaultdict(list)
        pieces = network.pieces
        for a, b, lane in zip(pieces.a.tolist(), pieces.b.tolist(), pieces.lane.tolist(), strict=True):
            low_x, high_x = sorted((a[0], b[0]))
            low_y, high_y = sorted((a[1], b[1]))
            for column in range(int((low_x - _REACH_M) // _CELL_M), int((high_x + _REACH_M) // _CELL_M) + 1):
                for row in range(int((low_y - _REACH_M) // _CELL_M), int((high_y + _REACH_M) // _CELL_M) + 1):
                    self._cells[column, row].append((lane, a[0], a[1], b[0], b[1]))
        self._before: dict[int, tuple[int, float, float]] = {}
        self.seconds: dict[int, float] = defaultdict(float)
        self.metres: dict[int, float] = defaultdict(float)
        self.entered: dict[int, int] = defaultdict(int)

    def step(self, seen: Sightings) -> None:
        """A second on."""
        for slot, (x, y, _), heading in zip(seen.slot.tolist(), seen.xyz.tolist(), seen.heading_deg.tolist(), strict=True):
            lane = self._nearest(x, y, heading)
            before = self._before.get(slot)
            if lane >= 0 and before is not None:
                self.seconds[lane] += 1.0
                self.metres[lane] += hypot(x - before[1], y - before[2])
                self.entered[lane] += before[0] != lane
            self._before[slot] = lane, x, y

    def _nearest(self, x: float, y: float, heading: float) -> int:
        best, least = -1, inf
        for lane, ax, ay, bx, by in self._cells.get((int(x // _CELL_M), int(y // _CELL_M)), ()):
            ux, uy = bx - ax, by - ay
            share = min(max(((x - ax) * ux + (y - ay) * uy) / max(ux * ux + uy * uy, 1e-12), 0.0), 1.0)
            away = hypot(x - ax - share * ux, y - ay - share * uy)
            if away > _REACH_M:
                continue
            turn = (heading - degrees(atan2(ux, uy)) + 180.0) % 360.0 - 180.0
            cost = (away / 1.5) ** 2 + (turn / 30.0) ** 2
            if cost < least:
                best, least = lane, cost
        return best
