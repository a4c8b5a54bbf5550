"""From judged items to events: when something began to be wrong, for whom, how bad it became, and until when it was so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.quality.monitors.judged import BAD, FIRST_REASON, Judged, Subject
from chelu.units import US_PER_S


@dataclass(frozen=True, slots=True)
class Event:
    """One event. value: the worst of its items, by size; items: how many; until_us: the last of them that was seen."""

    monitor: str
    subject: Subject
    time_us: int
    until_us: int
    items: int
    value: float
    who: int  # the vehicle, 0 none


def events(monitor: str, found: Judged, from_us: int, to_us: int, *, apart_s: float, most: int) -> tuple[list[Event], int]:
    """The first events that begin in [from, to), so many at `most`, and how many more do.

    An event is bad items of one subject no further apart than apart_s, with no good one between.
    """
    is_bad = found.outcome == BAD
    if not is_bad.any():
        return [], 0
    concerned = np.zeros(len(found.subjects), np.bool_)
    concerned[found.subject[is_bad]] = True
    found = found.take((found.outcome < FIRST_REASON) & concerned[found.subject])
    order = np.lexsort((found.time_us, found.subject))
    found = found.take(order)
    is_bad = found.outcome == BAD
    goes_on = np.zeros(len(found), np.bool_)
    goes_on[1:] = (
        (found.subject[1:] == found.subject[:-1])
        & is_bad[:-1]
        & (np.diff(found.time_us) <= round(apart_s * US_PER_S))
        & (apart_s > 0)
    )
    bad = np.flatnonzero(is_bad)
    first = np.flatnonzero(~goes_on[bad])
    behind = np.append(first[1:], len(bad))
    begins_us = found.time_us[bad[first]]
    chosen = np.flatnonzero((begins_us >= from_us) & (begins_us < to_us))
    kept = [_event(monitor, found, bad[first[one] : behind[one]]) for one in chosen[:most].tolist()]
    return kept, len(chosen) - len(kept)


def _event(monitor: str, found: Judged, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Event:
    sizes = np.nan_to_num(np.abs(found.value[rows]), nan=0.0)
    worst = rows[int(np.argmax(sizes))]
    return Event(
        monitor=monitor,
        subject=found.subjects[int(found.subject[rows[0]])],
        time_us=int(found.time_us[rows[0]]),
        until_us=int(found.time_us[rows[-1]]),
        items=len(rows),
        value=float(found.value[worst]),
        who=int(found.who[worst]),
    )
