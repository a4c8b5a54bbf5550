"""The picture as traffic state sees it: motor vehicles, each road user once under the name that stays with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.inference.city.state.sightings import Sightings
from services.inference.pairs import common_instant_us
from services.inference.reports import Floats, Ints, Participant, Track
from services.inference.site import Site

_KEPT_US = 20_000_000  # longer than traffic state remembers a track


@dataclass(frozen=True, slots=True)
class View:
    """n road users at about `at_us`, by name."""

    at_us: int
    name: Ints
    time_us: Ints
    xyz: Floats
    heading_deg: Floats
    speed_mps: Floats
    acceleration_mps2: Floats
    length_m: Floats
    is_seen: npt.NDArray[np.bool_]


def view_of(site: Site) -> View | None:
    """A copy of what is there now; None when nobody is."""
    picture, twins = site.picture, site.twins
    slots = picture.live()
    slots = slots[(picture.ints["participant_type"][slots] == Participant.MOTOR) & (twins.twin[slots] < 0)]
    slots = slots[np.isfinite(picture.xyz[slots, 0]) & np.isfinite(picture.floats["speed_mps"][slots])]
    if not len(slots):
        return None
    of = picture.floats
    return View(
        common_instant_us(picture.ints["time_us"][slots]),
        twins.names(slots),
        picture.ints["time_us"][slots],
        picture.xyz[slots],
        of["heading_deg"][slots],
        of["speed_mps"][slots],
        of["acceleration_mps2"][slots],
        of["length_m"][slots],
        picture.kind[slots] == Track.SEEN,
    )


class Slots:
    """Small numbers for names: a name keeps its slot while it is seen. Owned by one thread."""

    def __init__(self) -> None:
        self._names: Ints = np.empty(0, np.int64)  # sorted
        self._slot: Ints = np.empty(0, np.int64)
        self._seen_us: Ints = np.empty(0, np.int64)

    def sightings(self, view: View) -> Sightings:
        """The view's road users in their slots; the name tells one in a slot from the one before."""
        newer = view.time_us > view.at_us - _KEPT_US
        slot = self._slots_of(view.name[newer], view.at_us)
        return Sightings(
            slot=slot,
            generation=view.name[newer],
            time_us=view.time_us[newer],
            xyz=view.xyz[newer],
            heading_deg=view.heading_deg[newer],
            speed_mps=view.speed_mps[newer],
            acceleration_mps2=view.acceleration_mps2[newer],
            length_m=view.length_m[newer],
            is_seen=view.is_seen[newer],
        )

    def _slots_of(self, names: Ints, now_us: int) -> Ints:
        kept = self._seen_us > now_us - _KEPT_US
        self._names, self._slot, self._seen_us = self._names[kept], self._slot[kept], self._seen_us[kept]
        fresh = np.setdiff1d(names, self._names)
        if len(fresh):
            free = np.setdiff1d(np.arange(len(self._slot) + len(fresh)), self._slot)[: len(fresh)]
            whole, slot = np.concatenate([self._names, fresh]), np.concatenate([self._slot, free])
            order = np.argsort(whole)
            self._names, self._slot = whole[order], slot[order]
            self._seen_us = np.concatenate([self._seen_us, np.full(len(fresh), now_us)])[order]
        place = np.searchsorted(self._names, names)
        self._seen_us[place] = now_us
        return self._slot[place]
