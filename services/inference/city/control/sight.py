"""Who comes to the lines of a site's signals, as the controllers see it: taken from the live picture, brought forward to now.

`look` copies out what is needed, on the thread that owns the picture; all else is arithmetic on that copy, on another thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from services.inference.city.control.places import NOWHERE, Places
from services.inference.city.signals.contract import State, Vehicles
from services.inference.reports import Floats, Ints, Participant
from services.inference.stop_lines import StopLines

if TYPE_CHECKING:
    from services.inference.site import Site

REACH_M = 200.0
STANDS_MPS = 0.1
MOST_AGE_S = 3.0  # probes that speak once a second may miss one


@dataclass(frozen=True, slots=True)
class Look:
    """n motor vehicles, each once, at an instant. track: a number that no two road users share; offset_m: of the front.

    own_key: device key of the unit that speaks for it, 0 for none.
    """

    now_us: int
    track: Ints
    lane: Ints
    offset_m: Floats
    speed_mps: Floats
    own_key: Ints


def look(site: Site, now_us: int) -> Look:
    """A copy of the picture's part; costs tens of microseconds."""
    picture, placement = site.picture, site.placement
    slots = picture.live()
    slots = slots[slots < min(len(placement.lane), len(site.twins.twin))]
    age_s = (now_us - picture.ints["time_us"][slots]) / 1e6
    is_wanted = (np.abs(age_s) <= MOST_AGE_S) & (site.twins.twin[slots] < 0)
    is_wanted &= (picture.ints["participant_type"][slots] == Participant.MOTOR) & (placement.lane[slots] >= 0)
    slots, age_s = slots[is_wanted], np.clip(age_s[is_wanted], 0.0, None)
    speed_mps = np.nan_to_num(picture.floats["speed_mps"][slots])
    half_m = np.nan_to_num(picture.floats["length_m"][slots], nan=4.6) / 2.0
    return Look(
        now_us,
        (picture.generation[slots].astype(np.int64) << 32) | slots,
        placement.lane[slots].astype(np.int64),
        placement.offset_m[slots] + speed_mps * age_s + half_m,
        speed_mps,
        picture.own_key[slots].copy(),
    )


class Sight:
    """Remembers who was seen and who has stood. Owned by one thread; told of every second."""

    def __init__(self, places: Places, lines: StopLines) -> None:
        self._places, self._lines = places, lines
        self._seen: dict[int, tuple[int, bool]] = {}  # track → junction, and whether it has stood before its line

    def state(self, seen: Look, stage: Ints, green_s: Floats) -> State:
        """What the controllers decide on; stage and green_s as the signals say."""
        return State(seen.now_us / 1e6, stage, green_s, self._vehicles(seen), self._exit_queue(seen))

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _vehicles(self, seen: Look) -> Vehicles:
        places, line = self._places, self._lines.ahead[seen.lane, 0]
        distance_m = self._lines.way_m[seen.lane, 0] - seen.offset_m
        at = np.maximum(line, 0)
        is_near = (line >= 0) & (distance_m <= REACH_M) & (places.junction[at] != NOWHERE)
        row = np.flatnonzero(is_near)
        line, distance_m = line[row], np.maximum(distance_m[row], 0.0)
        order = np.lexsort((distance_m, places.lane[line], places.junction[line]))
        row, line, distance_m = row[order], line[order], distance_m[order]
        junction, speed_mps = places.junction[line], seen.speed_mps[row]
        is_queued, is_new = self._remember(seen.track[row], junction, speed_mps)
        return Vehicles(junction, places.lane[line], places.movement[line], distance_m, speed_mps, is_queued, is_new)

    def _remember(self, track: Ints, junction: Ints, speed_mps: Floats) -> tuple[np.ndarray, np.ndarray]:
        """Whether each has stood since it came, and whether it is seen for the first time before this junction."""
        found: dict[int, tuple[int, bool]] = {}
        is_queued, is_new = np.zeros(len(track), np.bool_), np.zeros(len(track), np.bool_)
        for place, (one, at, stands) in enumerate(
            zip(track.tolist(), junction.tolist(), (speed_mps < STANDS_MPS).tolist(), strict=True)
        ):
            before, has_stood = self._seen.get(one, (NOWHERE, False))
            is_new[place] = before != at
            is_queued[place] = stands or (has_stood and before == at)
            found[one] = at, bool(is_queued[place])
        self._seen = found
        return is_queued, is_new

    def _exit_queue(self, seen: Look) -> Floats:
        places = self._places
        standing = np.bincount(seen.lane[seen.speed_mps < STANDS_MPS], minlength=len(places.junction))
        queue = np.zeros(places.junctions.exit_places.shape)
        np.add.at(queue, (places.exit_junction, places.exit_place), standing[places.exit_lane])
        return queue
