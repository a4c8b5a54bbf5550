"""Jams to come, as findings: segments that flow now and will not in half an hour. Pure."""

from __future__ import annotations

import numpy as np

from services.inference.city.findings import Finding
from services.inference.city.forecast.readings import Values
from services.inference.reports import Floats

BEGINS, ENDS = 2.5, 2.0  # travel time over the free one, foreseen; between the two nothing changes
FLOWS = 1.67  # at most so now: what stands already is no news
AHEAD_S = 1800


class AheadWatch:
    """Of one site's segments. Owned by one thread."""

    def __init__(self, site_id: str, segments: tuple[str, ...], places: Floats) -> None:
        """Places (n, 3): latitude, longitude, elevation."""
        self._site_id, self._segments, self._places = site_id, segments, places
        self._up: dict[int, Finding] = {}

    def update(self, now_mps: Floats, free_mps: Floats, foreseen_mps: Values, time_us: int) -> list[Finding]:
        """What began and what is over; now and free speed (n,), NaN unknown; foreseen (n, h), a step each five minutes."""
        steps = max(AHEAD_S // 300, 1)
        slowest = foreseen_mps[:, :steps].min(axis=1)
        index, is_slow = free_mps / np.maximum(slowest, 0.1), free_mps / np.maximum(now_mps, 0.1)
        changes = []
        for row in np.flatnonzero((index >= BEGINS) & (is_slow <= FLOWS)).tolist():
            if row not in self._up:
                self._up[row] = self._finding(row, float(slowest[row]), float(now_mps[row]), time_us)
                changes.append(self._up[row])
        for row in sorted(self._up):
            if is_slow[row] >= BEGINS:
                changes.append(self._up.pop(row).over(came=True))
            elif not index[row] >= ENDS:
                changes.append(self._up.pop(row).over(came=False))
        return changes

    def end(self, why: str) -> list[Finding]:
        """All that was foreseen, as over: nobody will look again."""
        changes = [one.over(ended_by=why) for one in self._up.values()]
        self._up.clear()
        return changes

    def _finding(self, row: int, slowest_mps: float, now_mps: float, time_us: int) -> Finding:
        name, place = self._segments[row], self._places[row].tolist()
        return Finding(
            site_id=self._site_id,
            finding_id=f"{self._site_id}/congestion_ahead/{name}/{time_us}",
            kind="congestion_ahead",
            severity="warning",
            since_us=time_us,
            place=(place[0], place[1], place[2]),
            spot=name,
            text=f"{name} will slow down from {now_mps * 3.6:.0f} to {slowest_mps * 3.6:.0f} km/h within half an hour",
            detail={"now_mps": round(now_mps, 2), "foreseen_mps": round(slowest_mps, 2)},
        )
