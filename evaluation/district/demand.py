"""A day's demand of the hillside district: who drives and walks when, from a seed, with the two peaks of a working day."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from simulators.district import demand

DAY_H = 24
# Share of a day's trips that begin in each hour: night, a morning peak at 7 to 9, a longer evening one at 17 to 19.
PROFILE = np.array(
    [0.8, 0.5, 0.4, 0.4, 0.7, 1.8, 4.2, 7.6, 8.0, 5.6, 4.8, 4.9, 5.0, 4.8, 4.9, 5.4, 6.4, 8.0, 7.8, 5.6, 4.2, 3.6, 2.8, 1.8]
)
DAY_TRIPS = 24_000  # vehicles; people on foot besides
FULL_PER_H = 9060.0  # vehicles an hour of `simulators.district.demand` at scale 1
_DEPART = re.compile(r'depart="([0-9.]+)"')
_ID = re.compile(r'id="([a-z]+)([0-9]+)"')


def write(file: Path, seed: int, from_h: int, hours: int, scale: float = 1.0) -> int:
    """Trips of these hours of the day, times in seconds from midnight; how many vehicles. scale: of a usual day's vehicles."""
    lines, kinds, vehicles = list[str](), list[str](), 0
    for hour in range(from_h, from_h + hours):
        share = PROFILE[hour % DAY_H] / PROFILE.sum()
        text = demand.trips(seed * 1000 + hour, 3600.0, scale=scale * DAY_TRIPS * share / FULL_PER_H)
        rows = text.splitlines()[1:-1]
        kinds = [row for row in rows if "<vType" in row]
        walks = share * DAY_H / 2  # of the people at the busiest: half as many as an hour's mean of a full day
        random = np.random.default_rng([seed, hour])
        for row in rows:
            if "<vType" in row or ("<person" in row and random.random() > walks):
                continue
            vehicles += "<trip" in row
            lines.append(_moved(row, hour))
    lines.sort(key=_departs_s)
    file.write_text("\n".join(["<routes>", *kinds, *lines, "</routes>", ""]), encoding="utf-8")
    return vehicles


def _departs_s(row: str) -> float:
    found = _DEPART.search(row)
    return float(found[1]) if found else 0.0


def _moved(row: str, hour: int) -> str:
    """A trip of an hour's demand at its place in the day, under a name of its own."""
    row = _DEPART.sub(lambda found: f'depart="{float(found[1]) + 3600.0 * hour:.2f}"', row)
    return _ID.sub(lambda found: f'id="{found[1]}{hour}_{found[2]}"', row, count=1)
