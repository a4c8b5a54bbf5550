"""The live picture as cooperation asks it: where a device's own vehicle is, who is near, who comes along these lanes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from services.inference.picture import Picture
from services.inference.placing import Placement
from services.inference.register import Register
from services.inference.reports import Ints, Participant, Track

MOST_AGE_S = 1.0  # as in `services.inference.life`: older data decides nothing


@dataclass(frozen=True, slots=True)
class Party:
    """One road user now. own_key: the key of its own unit, 0 when it does not speak for itself; lane: −1 for none.

    Place in the site's local metres, brought forward to now at its own velocity; heights may be NaN.
    """

    slot: int
    generation: int
    own_key: int
    vehicle_id: int
    kind: int
    east_m: float
    north_m: float
    up_m: float
    speed_mps: float
    heading_deg: float
    length_m: float
    width_m: float
    lane: int
    offset_m: float
    time_us: int
    is_responding: bool

    def name(self, register: Register) -> str:
        """The unit that speaks for it, else its id on the air."""
        device = register.by_key.get(self.own_key)
        return device.device_id if device else f"{self.vehicle_id:016x}"


class Live:
    """One site at one instant; make a new one for each turn. twin (slots,): as in `fusion`, −1 for who is nobody's."""

    def __init__(self, picture: Picture, placement: Placement, twin: Ints, now_us: int, most_age_s: float = MOST_AGE_S) -> None:
        self._picture, self._placement, self._twin, self.now_us = picture, placement, twin, now_us
        self._oldest_us, self._newest_us = now_us - round(most_age_s * 1e6), now_us + round(most_age_s * 1e6)

    @cached_property
    def fresh(self) -> Ints:
        """Slots of road users as they are now, each once."""
        picture = self._picture
        live = picture.live()
        live = live[live < len(self._twin)]
        time_us = picture.ints["time_us"][live]
        is_fresh = (time_us >= self._oldest_us) & (time_us <= self._newest_us) & np.isfinite(picture.xyz[live, 0])
        return np.asarray(live[is_fresh & (self._twin[live] < 0)])

    def of_device(self, key: int) -> Party | None:
        """The vehicle that a unit speaks for."""
        mine = self.fresh[(self._picture.own_key[self.fresh] == key) & (self._picture.kind[self.fresh] == Track.SPEAKS)]
        if not len(mine):
            return None
        return self.party(int(mine[np.argmax(self._picture.ints["time_us"][mine])]))

    def within(self, east_m: float, north_m: float, radius_m: float) -> list[Party]:
        """Who is in a circle, the nearest first."""
        slots = self.fresh
        away = np.hypot(self._picture.xyz[slots, 0] - east_m, self._picture.xyz[slots, 1] - north_m)
        near = np.flatnonzero(away <= radius_m)
        return [self.party(int(slot)) for slot in slots[near[np.argsort(away[near])]]]

    def coming(self, ways: Mapping[int, float]) -> list[tuple[Party, float]]:
        """Motor vehicles on these lanes, with their way to a place, the nearest first; ways: lane → metres from its beginning.

        Those who are past the place have a negative way.
        """
        slots = self.fresh
        slots = slots[self._picture.ints["participant_type"][slots] == Participant.MOTOR]
        slots = slots[np.isin(self._placement.lane[slots], np.fromiter(ways, np.int64, len(ways)))]
        found = [self.party(int(slot)) for slot in slots]
        return sorted(((one, ways[one.lane] - one.offset_m) for one in found), key=lambda pair: pair[1])

    def party(self, slot: int) -> Party:
        """One slot's."""
        picture, placement = self._picture, self._placement
        floats, ints = picture.floats, picture.ints
        speed, heading = float(np.nan_to_num(floats["speed_mps"][slot])), float(np.nan_to_num(floats["heading_deg"][slot]))
        moved_m = speed * max(0.0, (self.now_us - int(ints["time_us"][slot])) / 1e6)
        angle = np.radians(heading)
        has_lane = slot < len(placement.lane) and int(placement.lane[slot]) >= 0
        return Party(
            slot=slot,
            generation=int(picture.generation[slot]),
            own_key=int(picture.own_key[slot]),
            vehicle_id=int(picture.own_id[slot]) or int(picture.key[slot]),
            kind=int(ints["participant_type"][slot]),
            east_m=float(picture.xyz[slot, 0]) + moved_m * float(np.sin(angle)),
            north_m=float(picture.xyz[slot, 1]) + moved_m * float(np.cos(angle)),
            up_m=float(picture.xyz[slot, 2]),
            speed_mps=speed,
            heading_deg=heading,
            length_m=float(np.nan_to_num(floats["length_m"][slot], nan=4.6)),
            width_m=float(np.nan_to_num(floats["width_m"][slot], nan=1.8)),
            lane=int(placement.lane[slot]) if has_lane else -1,
            offset_m=float(placement.offset_m[slot]) + moved_m if has_lane else 0.0,
            time_us=int(ints["time_us"][slot]),
            is_responding=bool(ints["is_responding"][slot]),
        )
